//! Which gits and hook managers the tests use.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::nix_setup::var;
use crate::sandbox::Sandbox;
use crate::story::at;

/// The gits that a test runs with: the machine's own (`None`), and one that runs hooks from its configuration.
pub(crate) fn every_git() -> Vec<Option<PathBuf>> {
    std::iter::once(None).chain(modern_git().map(Some)).collect()
}

/// A git of version 2.54 or later: the machine's own, if it is new enough.
pub(crate) fn modern_git() -> Option<PathBuf> {
    var("GIT_LATTICE_TEST_GIT_MODERN").map(|program| require_program(&program))
}

/// The folder with the programs of the hook managers; `None` only if the tests are told to skip them.
pub(crate) fn managers() -> Option<PathBuf> {
    if var("GIT_LATTICE_TEST_WITHOUT_MANAGERS").is_some() {
        return None;
    }
    let folder = var("GIT_LATTICE_TEST_MANAGERS").map(PathBuf::from);
    let missing = "pre-commit, prek, lefthook and husky are needed: `scripts/test` installs them, GIT_LATTICE_TEST_MANAGERS names \
                   the folder with their programs, GIT_LATTICE_TEST_WITHOUT_MANAGERS=1 goes without";
    Some(folder.filter(|folder| folder.join("husky").exists()).unwrap_or_else(|| panic!("{missing}")))
}

fn require_program(program: &OsString) -> PathBuf {
    which::which(program).unwrap_or_else(|error| panic!("git is needed as `{}`: {error}", program.display()))
}

impl Sandbox {
    /// A sandbox with this git, where starting Nix leaves a trace and fails.
    pub(crate) fn on_git(git: Option<&Path>) -> Self {
        let mut sandbox = Self::new();
        sandbox.use_git(git);
        sandbox.forbid_nix();
        sandbox
    }

    /// `tree` of a path that may be missing.
    pub(crate) fn try_tree(&self, name: &str) -> Option<String> {
        self.path(name).exists().then(|| self.tree(name))
    }

    /// Everything in a folder as text: names, modes, link targets, contents.
    pub(crate) fn tree(&self, name: &str) -> String {
        let mut lines = Vec::new();
        describe(&self.path(name), &mut lines);
        lines.join("\n")
    }
}

fn describe(path: &Path, lines: &mut Vec<String>) {
    let meta = fs::symlink_metadata(path).unwrap();
    let head = format!("{} {:o}", path.display(), meta.permissions().mode());
    if meta.is_symlink() {
        lines.push(format!("{head} -> {}", fs::read_link(path).unwrap().display()));
    } else if meta.is_dir() {
        lines.push(head);
        let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names.iter().for_each(|path| describe(path, lines));
    } else {
        lines.push(format!("{head}\n{:?}", String::from_utf8_lossy(&fs::read(path).unwrap())));
    }
}

#[test]
fn git_namespace_hides_no_branch() {
    let sandbox = Sandbox::new();
    let within = |args: &[&str]| sandbox.lattice_in("work", args, |command| command.env("GIT_NAMESPACE", "other"));
    within(&["new", &at("phase0/step1"), "--no-push", "--no-switch"]).exits(0).says_out("created");
    assert!(sandbox.has(&at("phase0/step1")), "git stores branches outside of the namespace, and git-lattice must too");
    within(&["status"]).exits(0).says_out("phase0/step1");
    within(&["check"]).exits(0).says_out("checked 1 point");
}
