//! Notes of running git commands. A killed git leaves locks and partial results that do not identify their owner.
//!
//! `lattice/work/lattice-TAG.N` in the common dir exists from before such a git starts until it exits normally. If it remains, that
//! git or this process was killed. A git that moves refs for an operation has no note: the journal records it.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::names::{BranchName, is_full_name};
use super::{Oid, Shared, parse_oid};
use crate::process::{self, Output};
use crate::temporary;

/// The purpose of a git command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Change the repository's configuration.
    Configure,
    /// Fetch from this remote.
    Fetch(String),
    /// Push to this remote, and set it as the upstream of these branches.
    Push(String, Vec<BranchName>),
    /// Move refs outside of a journal operation.
    Move(Moves),
    /// Switch a worktree.
    Switch(Switch),
    /// Update the files of a worktree whose branch an operation moves.
    Follow(Switch),
    /// Change the worktree of a branch that an operation renames.
    Rename(Rename),
    /// Change the configuration of branches that an operation deletes or renames.
    Sections(Vec<Section>),
}

/// Refs moved in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moves {
    /// Their full names.
    pub names: Vec<String>,
    /// Whether one of them is deleted.
    pub deletes: bool,
}

/// A change of a worktree from one commit to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// The root of the worktree.
    pub worktree: PathBuf,
    /// The branch afterwards.
    pub branch: BranchName,
    /// HEAD before.
    pub from: Oid,
    /// HEAD afterwards.
    pub to: Oid,
}

/// A change of a worktree whose branch gets another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// The change, with the new name.
    pub switch: Switch,
    /// The name before.
    pub old: BranchName,
}

/// What becomes of the configuration of a branch, `branch.NAME.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The branch.
    pub branch: BranchName,
    /// Its new name; `None` if it is deleted.
    pub new: Option<BranchName>,
}

/// Work that was not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The work; `None` if the note cannot be read.
    pub work: Option<Work>,
    /// The start time.
    pub since: SystemTime,
    file: PathBuf,
}

/// The directory of the work notes.
#[derive(Debug, Clone)]
pub(super) struct Notes {
    dir: PathBuf,
    shared: Shared,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "lowercase")]
enum Written {
    Configure,
    Fetch {
        remote: String,
    },
    Push {
        remote: String,
        #[serde(default)]
        upstreams: Vec<String>,
    },
    Move {
        names: Vec<String>,
        deletes: bool,
    },
    Switch(Ends),
    Follow(Ends),
    Rename {
        old: String,
        switch: Ends,
    },
    Sections {
        sections: Vec<(String, Option<String>)>,
    },
}

#[derive(Serialize, Deserialize)]
struct Ends {
    worktree: PathBuf,
    branch: String,
    from: String,
    to: String,
}

impl Ends {
    fn of(Switch { worktree, branch, from, to }: Switch) -> Self {
        Self { worktree, branch: branch.to_string(), from: from.to_string(), to: to.to_string() }
    }

    fn read(self) -> Option<Switch> {
        let oid = |text: &str| parse_oid(text).ok();
        let branch = BranchName::parse(&self.branch).ok()?;
        Some(Switch { worktree: self.worktree, branch, from: oid(&self.from)?, to: oid(&self.to)? })
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    since: u64,
    #[serde(flatten)]
    work: Written,
}

impl Written {
    fn of(work: &Work) -> Self {
        match work.clone() {
            Work::Configure => Self::Configure,
            Work::Fetch(remote) => Self::Fetch { remote },
            Work::Push(remote, branches) => Self::Push { remote, upstreams: texts(&branches) },
            Work::Move(Moves { names, deletes }) => Self::Move { names, deletes },
            Work::Switch(switch) => Self::Switch(Ends::of(switch)),
            Work::Follow(follow) => Self::Follow(Ends::of(follow)),
            Work::Rename(Rename { switch, old }) => Self::Rename { old: old.to_string(), switch: Ends::of(switch) },
            Work::Sections(sections) => {
                let text = |it: Section| (it.branch.to_string(), it.new.map(|new| new.to_string()));
                Self::Sections { sections: sections.into_iter().map(text).collect() }
            }
        }
    }

    fn read(self) -> Option<Work> {
        let branch = |text: &str| BranchName::parse(text).ok();
        let branches = |texts: &[String]| texts.iter().map(|text| branch(text)).collect::<Option<Vec<_>>>();
        // Remote names follow the rules of branch names (refs.c); the name becomes part of a path.
        let remote = |text: String| branch(&text).map(|_| text);
        Some(match self {
            Self::Configure => Work::Configure,
            Self::Fetch { remote: name } => Work::Fetch(remote(name)?),
            Self::Push { remote: name, upstreams } => Work::Push(remote(name)?, branches(&upstreams)?),
            Self::Move { names, deletes } => {
                names.iter().all(|name| is_full_name(name)).then_some(Work::Move(Moves { names, deletes }))?
            }
            Self::Switch(ends) => Work::Switch(ends.read()?),
            Self::Follow(ends) => Work::Follow(ends.read()?),
            Self::Rename { old, switch } => Work::Rename(Rename { switch: switch.read()?, old: branch(&old)? }),
            Self::Sections { sections } => {
                let read = |(old, new): (String, Option<String>)| {
                    let new = new.map(|new| branch(&new).ok_or(())).transpose().ok()?;
                    Some(Section { branch: branch(&old)?, new })
                };
                Work::Sections(sections.into_iter().map(read).collect::<Option<_>>()?)
            }
        })
    }
}

fn texts(branches: &[BranchName]) -> Vec<String> {
    branches.iter().map(BranchName::to_string).collect()
}

/// A note of work that is being done.
#[derive(Debug)]
pub struct Noted(PathBuf);

impl Noted {
    /// Remove the note: the work is done, or was not begun.
    pub fn forget(&self) {
        fs::remove_file(&self.0).ok();
    }
}

/// The directory of the notes in the common dir.
const FOLDER: &str = "lattice/work";

/// Whether this file is a work note.
pub fn is_note(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.ends_with(FOLDER))
}

impl Notes {
    pub(super) fn of(common_dir: &Path, shared: Shared) -> Self {
        Self { dir: common_dir.join(FOLDER), shared }
    }

    /// Run a git command with a note of its work. Write failures are ignored: the note only helps after a kill.
    pub(super) fn during<T: Ending>(
        &self,
        work: &Work,
        run: impl FnOnce() -> process::Result<T>,
    ) -> process::Result<T> {
        let file = self.dir.join(temporary::unique_name());
        self.write(&file, work).ok();
        let ended = run();
        let was_killed = match &ended {
            Ok(ended) => ended.was_killed(),
            Err(process::Error::Failed { status, stderr, .. }) => was_killed(*status, stderr),
            Err(process::Error::TimedOut { .. } | process::Error::Stalled { .. }) => true,
            Err(process::Error::NotFound { .. } | process::Error::Io { .. }) => false,
        };
        if !was_killed {
            fs::remove_file(&file).ok();
        }
        ended
    }

    /// Write a note of work that is done in several steps. Write failures are ignored, as above.
    pub(super) fn begin(&self, work: &Work) -> Noted {
        let file = self.dir.join(temporary::unique_name());
        self.write(&file, work).ok();
        Noted(file)
    }

    fn write(&self, file: &Path, work: &Work) -> std::io::Result<()> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let line = serde_json::to_vec(&Line { since, work: Written::of(work) })?;
        self.shared.create_dir_all(&self.dir)?;
        self.shared.write(file, &line)
    }

    /// List the unfinished work whose note names are wanted.
    pub(super) fn unfinished(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Unfinished> {
        let files = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut found: Vec<_> =
            files.filter(|file| file.file_name().to_str().is_some_and(&is_wanted)).map(|it| it.path()).collect();
        found.sort();
        found.into_iter().filter_map(read).collect()
    }
}

fn read(file: PathBuf) -> Option<Unfinished> {
    let written = fs::metadata(&file).and_then(|meta| meta.modified()).ok()?;
    let line = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Line>(&bytes).ok());
    let since = line.as_ref().map_or(written, |line| UNIX_EPOCH + Duration::from_secs(line.since));
    Some(Unfinished { work: line.and_then(|line| line.work.read()), since, file })
}

impl std::fmt::Display for Work {
    /// The action that the killed git performed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Configure => f.write_str("changed the configuration"),
            Self::Fetch(remote) => write!(f, "fetched from `{remote}`"),
            Self::Push(remote, _) => write!(f, "pushed to `{remote}`"),
            Self::Move(Moves { names, .. }) => match &names[..] {
                [name] => write!(f, "moved `{name}`"),
                names => write!(f, "moved {} refs", names.len()),
            },
            Self::Switch(switch) => write!(f, "switched to `{}`", switch.branch),
            Self::Follow(follow) => write!(f, "updated the files of `{}`", follow.worktree.display()),
            Self::Rename(rename) => write!(f, "renamed the branch of `{}`", rename.switch.worktree.display()),
            Self::Sections(_) => f.write_str("changed the configuration of branches"),
        }
    }
}

impl Unfinished {
    /// Remove the note after cleaning up.
    pub fn forget(&self) {
        fs::remove_file(&self.file).ok();
    }
}

/// The exit of a program.
pub(super) trait Ending {
    /// Whether the program, or a git that it started, was killed.
    fn was_killed(&self) -> bool;
}

impl Ending for ExitStatus {
    fn was_killed(&self) -> bool {
        self.signal().is_some()
    }
}

impl Ending for Output {
    fn was_killed(&self) -> bool {
        was_killed(self.status, &self.stderr)
    }
}

/// Whether git or one of its children was killed; git reports the latter (`wait_or_whine` in run-command.c).
fn was_killed(status: ExitStatus, stderr: &[u8]) -> bool {
    const CHILD: &[u8] = b" died of signal ";
    status.was_killed() || stderr.windows(CHILD.len()).any(|window| window == CHILD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_of_a_killed_git_is_read_back() {
        let id = parse_oid(&"1".repeat(40)).unwrap();
        let branch = BranchName::parse("feature/a").unwrap();
        let switch = Switch { worktree: "/a b".into(), branch: branch.clone(), from: id, to: id };
        for work in [
            Work::Configure,
            Work::Fetch("origin".to_owned()),
            Work::Push("origin".to_owned(), Vec::new()),
            Work::Push("origin".to_owned(), vec![branch.clone()]),
            Work::Move(Moves { names: vec!["refs/notes/lattice/0f".to_owned()], deletes: true }),
            Work::Switch(switch.clone()),
            Work::Follow(switch.clone()),
            Work::Rename(Rename { switch, old: branch.clone() }),
            Work::Sections(vec![Section { branch: branch.clone(), new: None }]),
            Work::Sections(vec![Section { branch: branch.clone(), new: Some(branch) }]),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let notes = Notes::of(dir.path(), Shared::default());
            let killed = || Ok(ExitStatus::from_raw(9));
            notes.during(&work, killed).unwrap();
            let found = notes.unfinished(temporary::is_own);
            assert_eq!(found.iter().map(|it| it.work.clone()).collect::<Vec<_>>(), [Some(work.clone())]);
            found[0].forget();
            notes.during(&work, || Ok(ExitStatus::from_raw(256))).unwrap();
            assert!(notes.unfinished(|_| true).is_empty(), "a git that failed by itself cleans up");
        }
    }

    #[test]
    fn refuses_names_outside_the_repository() {
        let out = || "../../x".to_owned();
        assert_eq!(Written::Fetch { remote: out() }.read(), None);
        assert_eq!(Written::Move { names: vec![format!("refs/{}", out())], deletes: false }.read(), None);
    }
}
