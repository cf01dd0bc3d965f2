//! Worktrees that `git worktree add` did not finish, that are locked, or that are damaged.

use std::path::PathBuf;
use std::{fs, process};

use super::crossed;
use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch};

impl Sandbox {
    /// Leaves `linked` as a `git worktree add` that was killed before it wrote the files does.
    fn unfinished(&self, branch: &str) -> PathBuf {
        let lock = ["--no-checkout", "--lock", "--reason", "initializing"];
        self.git(&[&["worktree", "add", "-q"], &lock[..], &["../linked", branch]].concat());
        self.path("linked").canonicalize().unwrap()
    }

    /// Runs the command that a hint has in backticks and that begins like this.
    #[track_caller]
    fn follows(&self, run: &Run, begin: &str) {
        let mut quoted = run.stderr.split('`');
        let text =
            quoted.find(|text| text.starts_with(begin)).unwrap_or_else(|| panic!("no `{begin}`: {}", run.stderr));
        let mut command = process::Command::new("sh");
        command.args(["-c", text]).current_dir(self.work());
        self.environment(&mut command);
        assert!(command.status().unwrap().success(), "{text}");
    }
}

const NOT_FINISHED: &str = "`git worktree add` has not finished in";

#[test]
fn unfinished_worktree_is_refused_until_it_is_removed() {
    let sandbox = crossed();
    let (one, two, other) = (at("phase0/step1"), at("phase0/step2"), at("phase1/step1"));
    let linked = sandbox.unfinished(&branch(&two));
    for args in [&[&*two, "--worktree", "../linked"][..], &[&other, "--worktree", "../linked"], &["next"]] {
        let remove = format!("`git worktree remove -f -f '{}'`", linked.display());
        sandbox.stays(args, 1).says_err(NOT_FINISHED).says_err(&remove);
    }
    for to in [&two, &other] {
        let here = sandbox.lattice_in("linked", &["switch", to], |command| command);
        here.exits(1).says_err(NOT_FINISHED);
    }
    let run = sandbox.stays(&["next"], 1);
    sandbox.follows(&run, "git worktree remove");
    sandbox.goes(&["next", "--worktree", "../linked"], &branch(&one));
    assert!(linked.join("lattice.toml").exists(), "the new worktree should have its files");
}

#[test]
fn folder_of_an_unfinished_worktree_may_be_gone_or_empty() {
    let sandbox = crossed();
    let two = branch(&at("phase0/step2"));
    let linked = sandbox.unfinished(&two);
    fs::remove_dir_all(&linked).unwrap();
    let run = sandbox.stays(&["next", "--worktree", "../linked"], 1).says_err(NOT_FINISHED);
    sandbox.follows(&run, "git worktree remove");
    let linked = sandbox.unfinished(&two);
    fs::remove_file(linked.join(".git")).unwrap();
    let run = sandbox.stays(&["next", "--worktree", "../linked"], 1).says_err(NOT_FINISHED);
    sandbox.follows(&run, "git worktree unlock");
    sandbox.goes(&["next", "--worktree", "../linked"], &branch(&at("phase0/step1")));
}

#[test]
fn unfinished_worktree_is_recognised_in_other_languages() {
    let sandbox = crossed();
    sandbox.unfinished(&branch(&at("phase0/step2")));
    let git_dir = sandbox.work().join(".git/worktrees/linked");
    fs::write(git_dir.join("locked"), "initialisiere\n").unwrap();
    fs::write(git_dir.join("index.lock"), "").unwrap();
    sandbox.stays(&["next", "--worktree", "../linked"], 1).says_err(NOT_FINISHED);
}

#[test]
fn worktree_that_the_user_locked_is_used() {
    let sandbox = crossed();
    let (one, two) = (branch(&at("phase0/step1")), branch(&at("phase0/step2")));
    sandbox.git(&["worktree", "add", "-q", "--lock", "--reason", "on a stick", "../linked", &two]);
    sandbox.goes(&["next", "--worktree", "../linked"], &one).says_err("already on");
    sandbox.stays(&["next"], 1).says_err("is checked out in").says_err("`cd '");
    fs::remove_dir_all(sandbox.path("linked")).unwrap();
    let run = sandbox.stays(&["next"], 1).says_err("is not mounted");
    sandbox.follows(&run, "git worktree remove");
    sandbox.goes(&["next"], &two);
}

#[test]
fn folder_in_place_of_a_worktree_does_not_switch_the_worktree_around_it() {
    let sandbox = crossed();
    sandbox.goes(&["next", "--worktree", "inside"], &branch(&at("phase0/step1")));
    fs::remove_file(sandbox.work().join("inside/.git")).unwrap();
    sandbox.stays(&[&at("phase1/step1"), "--worktree", "inside"], 1).says_err("inside");
}

#[test]
fn empty_commondir_is_named_with_the_command_that_writes_it() {
    let sandbox = crossed();
    sandbox.unfinished(&branch(&at("phase0/step2")));
    fs::write(sandbox.work().join(".git/worktrees/linked/commondir"), "").unwrap();
    let run = sandbox.stays(&["next"], 2).says_err("worktrees/linked/commondir` is empty");
    sandbox.follows(&run, "echo ");
    sandbox.stays(&["next"], 1).says_err(NOT_FINISHED);
}

#[test]
fn empty_folder_is_refused() {
    let sandbox = crossed();
    sandbox.stays(&["next", "--worktree", ""], 2).says_err("--worktree <DIR>");
}
