//! The commands that are killed, each in a repository where it has something to do.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::sandbox::{Prepared, Sandbox};
use crate::story::{at, far};

/// A command and where it runs.
pub(super) struct Subject {
    pub(super) name: &'static str,
    pub(super) args: Vec<String>,
    prepared: Prepared,
}

impl Subject {
    fn new(name: &'static str, args: &[&str], prepare: impl FnOnce(&Sandbox)) -> Self {
        let prepared = Prepared::new(|sandbox| {
            prepare(sandbox);
            sandbox.write("staged", "staged by the user\n");
            sandbox.git(&["add", "staged"]);
            sandbox.write("untracked", "the user's\n");
        });
        Self { name, args: args.iter().map(|arg| (*arg).to_owned()).collect(), prepared }
    }

    /// All of them.
    pub(super) fn every() -> Vec<Self> {
        let [one, two] = ["phase0/step1", "phase0/step2"].map(at);
        vec![
            Self::new("new", &["new", &one], declare),
            Self::new("new, two at once", &["new", "--all-archs", "--no-switch"], declare),
            Self::new("next-step", &["next-step", &one], |sandbox| grown(sandbox, &one)),
            Self::new("promote", &["promote", &one], |sandbox| {
                grown(sandbox, &one);
                sandbox.built_elsewhere(&[&one]);
            }),
            Self::new("sync", &["sync"], |sandbox| {
                grown(sandbox, &one);
                let colleague = sandbox.colleague();
                let more = ["new", &far("phase0/step1")];
                sandbox.lattice_in(colleague, &more, |command| command).exits(0);
                sandbox.points(&[&two]);
                sandbox.built_elsewhere(&[&two]);
            }),
            Self::new("init --hooks", &["init", "--component", "toolchain", "--arch", "aarch64", "--hooks"], |_| {}),
        ]
    }

    pub(super) fn args(&self) -> Vec<&str> {
        self.args.iter().map(String::as_str).collect()
    }

    pub(super) fn sandbox(&self) -> Sandbox {
        self.prepared.copy()
    }
}

fn declare(sandbox: &Sandbox) {
    sandbox.lattice(&["init", "--component", "toolchain", "--arch", "aarch64,x86_64", "--no-hooks"]).exits(0);
    sandbox.commit_lattice();
}

fn grown(sandbox: &Sandbox, point: &str) {
    declare(sandbox);
    sandbox.lattice(&["new", point]).exits(0);
}

/// What a command leads to: HEAD, index, worktree and refs of the clone, the refs of the remote, and the configuration.
pub(super) fn state(sandbox: &Sandbox) -> String {
    let config = fs::read_to_string(sandbox.work().join(".git/config")).unwrap();
    let refs = sandbox.git_in("remote.git", &["for-each-ref"]);
    let text = format!("{}\n--\n{refs}\n--\n{config}", sandbox.state());
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

/// The names of all files of the two repositories, but for objects.
pub(super) fn files(sandbox: &Sandbox) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for dir in ["work/.git", "remote.git"] {
        collect(&sandbox.path(dir), dir, &mut names);
    }
    names
}

fn collect(dir: &Path, name: &str, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = format!("{name}/{}", entry.file_name().display());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &name, names);
        } else if !is_object(&name) {
            names.insert(name);
        }
    }
}

/// `../objects/ab/cdef..` and `../objects/pack/pack-abcdef..pack`.
fn is_object(name: &str) -> bool {
    let mut parts = name.rsplit('/');
    let file = parts.next().unwrap_or_default();
    let file = file.strip_prefix("pack-").and_then(|file| file.split('.').next()).unwrap_or(file);
    name.contains("/objects/") && file.len() >= 38 && file.bytes().all(|byte| byte.is_ascii_hexdigit())
}
