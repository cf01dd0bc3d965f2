//! The result of an undisturbed run, and the flaws after a disturbed one.

use std::collections::{BTreeMap, BTreeSet};

use super::command::CommandCase;
use super::state::{files, fsck_errors, lost_user_files, state};
use crate::sandbox::{Run, Sandbox};
use crate::scratch::locks;

/// The flaws of a disturbed run, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Flaw {
    /// `git fsck` finds errors in the clone or the remote.
    Unsound,
    /// Data of the user is lost.
    Lost,
    /// A run did not end.
    Hang,
    /// The same command fails even without the locks of killed processes.
    Again,
    /// The same command fails until these locks are removed.
    Lock,
    /// The same command succeeds with another result than an undisturbed run.
    Differs,
    /// Files are left that an undisturbed run does not leave.
    Litter,
    /// The same command fails because of a lock in the remote's repository, and names the command that removes it.
    RemoteLock,
    /// Files are left in the remote's repository.
    RemoteLitter,
}

pub(super) const FLAWS: [(Flaw, &str); 9] = [
    (Flaw::Unsound, "fsck"),
    (Flaw::Lost, "lost"),
    (Flaw::Hang, "hang"),
    (Flaw::Again, "again fails"),
    (Flaw::Lock, "until unlocked"),
    (Flaw::Differs, "differs"),
    (Flaw::Litter, "litter"),
    (Flaw::RemoteLock, "remote: lock"),
    (Flaw::RemoteLitter, "remote: litter"),
];

impl Flaw {
    /// The repository of another machine cannot be repaired from here: its locks are named, and git's own maintenance removes the rest.
    pub(super) fn is_harm(self) -> bool {
        self < Self::RemoteLock
    }
}

/// Flaws with their evidence.
pub(super) type Flaws = BTreeMap<Flaw, String>;

/// The result of running a command twice.
pub(super) struct Expected {
    /// How the second run ends.
    twice: Ending,
    pub(super) state: String,
    files: [BTreeSet<String>; 2],
}

/// How a run ended: its exit code, and the first line of its errors, which may name files and commits.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ending {
    code: i32,
    error: String,
}

impl Ending {
    fn of(run: &Run) -> Self {
        let first = run.stderr.lines().find(|line| line.starts_with("error:")).unwrap_or_default();
        Self { code: run.code, error: first.to_owned() }
    }
}

impl Expected {
    /// Takes a sandbox where the command has run once.
    pub(super) fn after(subject: &CommandCase, sandbox: &Sandbox) -> Self {
        // A second `init` is refused.
        let twice = Ending::of(&subject.run(sandbox));
        Self { twice, state: state(sandbox), files: files(sandbox) }
    }

    /// Runs the command again after a disturbed run and returns the flaws.
    pub(super) fn rerun(&self, subject: &CommandCase, sandbox: &Sandbox) -> Flaws {
        let [unsound, lost] = [fsck_errors(sandbox), lost_user_files(sandbox)];
        let again = self.rerun_must_work(subject, sandbox).err();
        let [own, remote] = files(sandbox);
        let names = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(" ");
        let missing = names(&self.files[0] - &own);
        let leads = format!("{}{}", difference(&self.state, &state(sandbox)), missing);
        let is_over = !matches!(again, Some((Flaw::Again, _)));
        let found = [
            (Flaw::Unsound, unsound),
            (Flaw::Lost, lost),
            (Flaw::Differs, is_over.then_some(leads)),
            (Flaw::Litter, Some(names(&own - &self.files[0]))),
            (Flaw::RemoteLitter, Some(names(&remote - &self.files[1]))),
        ];
        let shown = found.into_iter().filter_map(|(flaw, shown)| Some((flaw, shown.filter(|it| !it.is_empty())?)));
        shown.chain(again).collect()
    }

    /// Runs the command once more; if it fails, again without the locks, those of the remote first.
    fn rerun_must_work(&self, subject: &CommandCase, sandbox: &Sandbox) -> Result<(), (Flaw, String)> {
        let run = || subject.run(sandbox);
        let works = |run: &Run| run.code == 0 || Ending::of(run) == self.twice;
        let first = run();
        if works(&first) {
            return Ok(());
        }
        let is_named = first.stderr.contains("a killed one left this lock: `rm ");
        for (dir, flaw) in [("remote.git", Flaw::RemoteLock), ("work/.git", Flaw::Lock)] {
            let locks = locks(&sandbox.path(dir));
            locks.iter().for_each(|lock| std::fs::remove_file(lock).unwrap());
            if !locks.is_empty() && works(&run()) {
                let flaw = if flaw == Flaw::RemoteLock && !is_named { Flaw::Lock } else { flaw };
                return Err((flaw, first.stderr));
            }
        }
        Err((Flaw::Again, first.stderr))
    }
}

/// The lines by which two texts differ.
pub(super) fn difference(expected: &str, found: &str) -> String {
    let [expected, found] = [expected, found].map(|text| text.lines().collect::<BTreeSet<_>>());
    let missing = expected.difference(&found).map(|line| format!("-{line}"));
    missing.chain(found.difference(&expected).map(|line| format!("+{line}"))).collect::<Vec<_>>().join("\n")
}
