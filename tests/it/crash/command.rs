//! The commands that are killed, each in a repository where it has something to do.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::sandbox::{Prepared, Sandbox};
use crate::story::{at, far};

/// How the clone keeps its refs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    /// A file each, as they come.
    Loose,
    /// Those that are there are in one file.
    Packed,
    Reftable,
}

impl Storage {
    /// Moves the refs there; `false` where this git cannot.
    fn take(self, sandbox: &Sandbox) -> bool {
        let args: &[&str] = match self {
            Self::Loose => return true,
            Self::Packed => &["pack-refs", "--all"],
            Self::Reftable => {
                // git moves logs from 2.48 on only.
                fs::remove_dir_all(sandbox.work().join(".git/logs")).unwrap();
                &["refs", "migrate", "--ref-format=reftable"]
            }
        };
        sandbox.try_git("work", args).status.success()
    }
}

/// A command and where it runs.
pub(super) struct Subject {
    pub(super) name: String,
    args: Vec<String>,
    prepared: Prepared,
    has_storage: bool,
}

impl Subject {
    fn new(name: &str, storage: Storage, prepare: impl FnOnce(&Sandbox) -> Vec<String>) -> Self {
        let (mut args, mut has_storage) = (Vec::new(), true);
        let prepared = Prepared::new(|sandbox| {
            args = prepare(sandbox);
            has_storage = storage.take(sandbox);
            sandbox.write("staged", "staged by the user\n");
            sandbox.git(&["add", "staged"]);
            sandbox.write("untracked", "the user's\n");
        });
        let name = if storage == Storage::Loose { name.to_owned() } else { format!("{name}, {storage:?}") };
        Self { name, args, prepared, has_storage }
    }

    /// Those of these names, or all.
    pub(super) fn some(names: &[&str], storage: Storage) -> Vec<Self> {
        let wanted = |name: &str| names.is_empty() || names.contains(&name);
        let all = PREPARED.into_iter().filter(|(name, _)| wanted(name));
        all.map(|(name, prepare)| Self::new(name, storage, prepare)).filter(|subject| subject.has_storage).collect()
    }

    pub(super) fn args(&self) -> Vec<&str> {
        self.args.iter().map(String::as_str).collect()
    }

    pub(super) fn sandbox(&self) -> Sandbox {
        self.prepared.copy()
    }
}

/// Makes the repository in which a command has something to do, and gives the command.
type Prepare = fn(&Sandbox) -> Vec<String>;

const PREPARED: [(&str, Prepare); 10] = [
    ("init --hooks", |_| words(&["init", "--component", "toolchain", "--arch", "aarch64", "--hooks"])),
    ("hooks install", |sandbox| {
        declare(sandbox);
        words(&["hooks", "install", "--shim"])
    }),
    ("new", |sandbox| {
        declare(sandbox);
        words(&["new", &at("phase0/step1")])
    }),
    ("new, two at once", |sandbox| {
        declare(sandbox);
        words(&["new", "--all-archs", "--no-switch"])
    }),
    ("next-step", |sandbox| {
        grown(sandbox);
        words(&["next-step", &at("phase0/step1")])
    }),
    ("promote", |sandbox| {
        grown(sandbox);
        sandbox.built_elsewhere(&[&at("phase0/step1")]);
        words(&["promote", &at("phase0/step1")])
    }),
    ("promote --to base", |sandbox| {
        grown(sandbox);
        sandbox.built_elsewhere(&[&at("phase0/step1")]);
        words(&["promote", &at("phase0/step1"), "--to", "base"])
    }),
    ("sync", |sandbox| {
        grown(sandbox);
        let colleague = sandbox.colleague();
        sandbox.lattice_in(colleague, &["new", &far("phase0/step1")], |command| command).exits(0);
        sandbox.points(&[&at("phase0/step2")]);
        sandbox.built_elsewhere(&[&at("phase0/step2")]);
        words(&["sync"])
    }),
    ("undo", |sandbox| {
        grown(sandbox);
        sandbox.git(&["switch", "-q", "main"]);
        words(&["undo", &newest_operation(sandbox)])
    }),
    ("undo --remote", |sandbox| {
        grown(sandbox);
        sandbox.git(&["switch", "-q", "main"]);
        words(&["undo", &newest_operation(sandbox), "--remote"])
    }),
];

fn words(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

fn newest_operation(sandbox: &Sandbox) -> String {
    let ops = sandbox.lattice(&["ops", "--json"]).exits(0).json();
    ops["operations"][0]["id"].as_str().unwrap().to_owned()
}

fn declare(sandbox: &Sandbox) {
    sandbox.lattice(&["init", "--component", "toolchain", "--arch", "aarch64,x86_64", "--no-hooks"]).exits(0);
    sandbox.commit_lattice();
}

fn grown(sandbox: &Sandbox) {
    declare(sandbox);
    sandbox.lattice(&["new", &at("phase0/step1")]).exits(0);
}

/// What a command leads to: HEAD, index, worktree and refs of the clone, the refs of the remote, and the configuration.
pub(super) fn state(sandbox: &Sandbox) -> String {
    let config = fs::read_to_string(sandbox.work().join(".git/config")).unwrap();
    let refs = sandbox.git_in("remote.git", &["for-each-ref"]);
    let text = format!("{}\n--\n{refs}\n--\n{config}", sandbox.state());
    // What is kept for `undo` has the name of an operation, and a time.
    let line = |line: &str| if line.contains("refs/lattice/journal/") { "kept".to_owned() } else { line.to_owned() };
    let text = text.lines().map(line).collect::<Vec<_>>().join("\n");
    text.replace(sandbox.path("").to_str().unwrap().trim_end_matches('/'), "")
}

/// What is wrong with what a user had before, if anything is.
pub(super) fn lost(sandbox: &Sandbox) -> Option<String> {
    let status = sandbox.try_git("work", &["status", "--porcelain", "--untracked-files=all"]).text();
    let kept = ["staged", "untracked"].map(|name| fs::read_to_string(sandbox.work().join(name)).unwrap_or_default());
    let is_kept = kept == ["staged by the user\n", "the user's\n"] && status.contains("A  staged");
    let head = sandbox.try_git("work", &["rev-parse", "--verify", "HEAD^{commit}"]);
    (!is_kept || !head.status.success()).then(|| format!("{status}\n{}", head.error_text()))
}

/// What git says against the two repositories.
pub(super) fn unsound(sandbox: &Sandbox) -> Option<String> {
    let fsck = ["work", "remote.git"].map(|dir| sandbox.try_git(dir, &["fsck", "--no-dangling", "--strict"]));
    fsck.iter().find(|output| !output.status.success()).map(git_lattice::process::Output::error_text)
}

/// The names of all files of a repository, but for objects, tables of refs, and what is kept for `undo`.
pub(super) fn files(sandbox: &Sandbox, dir: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(&sandbox.path(dir), dir, &mut names);
    names.retain(|name| !name.contains("refs/lattice/journal/") || ends_in(name, "lock"));
    names
}

fn collect(dir: &Path, name: &str, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = format!("{name}/{}", entry.file_name().display());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &name, names);
        } else if !(is_object(&name) || name.contains("/reftable/") && ends_in(&name, "ref")) {
            names.insert(name);
        }
    }
}

fn ends_in(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == ending)
}

/// `../objects/ab/cdef..` and `../objects/pack/pack-abcdef..pack`.
fn is_object(name: &str) -> bool {
    let mut parts = name.rsplit('/');
    let file = parts.next().unwrap_or_default();
    let file = file.strip_prefix("pack-").and_then(|file| file.split('.').next()).unwrap_or(file);
    name.contains("/objects/") && file.len() >= 38 && file.bytes().all(|byte| byte.is_ascii_hexdigit())
}
