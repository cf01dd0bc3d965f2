//! Any sequence of git-lattice and git commands, then undo of all git-lattice ones: the branches are where git's commands alone put them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::sandbox::Sandbox;

/// The most commands in a sequence.
const MOST: usize = 30;
/// How many sequences a normal run tries: each takes seconds. `PROPTEST_CASES` sets another number.
const CASES: u32 = 3;

#[derive(Debug, Clone)]
enum Action {
    New {
        arch: usize,
        phase: u8,
        step: u8,
    },
    NextStep {
        arch: usize,
    },
    Promote {
        arch: usize,
    },
    Undo,
    /// A commit of the user on a branch of git-lattice or of the user.
    Commit {
        branch: usize,
    },
    Delete {
        branch: usize,
    },
    Gc,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0..3usize, 0..2u8, 1..3u8).prop_map(|(arch, phase, step)| Action::New { arch, phase, step }),
        3 => (0..3usize).prop_map(|arch| Action::NextStep { arch }),
        1 => (0..3usize).prop_map(|arch| Action::Promote { arch }),
        3 => Just(Action::Undo),
        2 => any::<usize>().prop_map(|branch| Action::Commit { branch }),
        1 => any::<usize>().prop_map(|branch| Action::Delete { branch }),
        1 => Just(Action::Gc),
    ]
}

const ARCHS: [&str; 3] = ["aarch64", "x86_64", "aarch64+x86_64"];

/// A repository, and what the user's own commands did to its branches.
struct TestRepository {
    sandbox: Sandbox,
    /// Where git's commands alone put the branches: those of the start, and what the user committed or deleted.
    expected: BTreeMap<String, String>,
    /// The branches that the user moved or deleted.
    touched: BTreeSet<String>,
    commits: usize,
    /// Other state that must not change.
    rest: String,
}

impl TestRepository {
    fn new() -> Self {
        let (expected, touched) = (BTreeMap::new(), BTreeSet::new());
        let mut repository = Self { sandbox: Sandbox::new(), expected, touched, commits: 0, rest: String::new() };
        repository.expected = repository.branches().into_iter().collect();
        repository.rest = repository.other_state();
        repository
    }

    fn branches(&self) -> Vec<(String, String)> {
        let text = self.sandbox.git(&["for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads"]);
        text.lines().filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
    }

    /// HEAD, worktree, index, and the refs other than branches, without those kept for `undo`.
    fn other_state(&self) -> String {
        let refs = self.sandbox.git(&["for-each-ref", "--exclude=refs/heads", "--exclude=refs/lattice/journal"]);
        let head = self.sandbox.git(&["symbolic-ref", "HEAD"]);
        format!("{head}\n{}\n{refs}", self.sandbox.git(&["status", "--porcelain", "--untracked-files=all"]))
    }

    fn apply(&mut self, action: &Action) -> Result<(), TestCaseError> {
        let point = |arch: usize, rest: &str| format!("toolchain/{}/{rest}", ARCHS[arch]);
        match action {
            Action::New { arch, phase, step } => {
                self.run_lattice(&["new", &point(*arch, &format!("phase{phase}/step{step}"))])
            }
            Action::NextStep { arch } => self.run_lattice(&["next-step", &point(*arch, "phase0/step1")]),
            Action::Promote { arch } => {
                self.run_lattice(&["promote", &point(*arch, "phase0/step1"), "--force", "--reason", "x"])
            }
            Action::Undo => {
                let run = self.sandbox.lattice(&["undo"]);
                prop_assert!(matches!(run.code, 0 | 1), "{}{}", run.stdout, run.stderr);
                Ok(())
            }
            Action::Commit { branch } => {
                let branches = self.branches();
                let (name, tip) = &branches[branch % branches.len()];
                self.commits += 1;
                let message = format!("the user's {}", self.commits);
                if name == "main" {
                    self.sandbox.git(&["commit", "-q", "--allow-empty", "-m", &message]);
                } else {
                    let tree = format!("{tip}^{{tree}}");
                    let new = self.sandbox.git(&["commit-tree", "-p", tip, "-m", &message, &tree]);
                    self.sandbox.git(&["update-ref", &format!("refs/heads/{name}"), &new, tip]);
                }
                self.touched.insert(name.clone());
                self.expected.insert(name.clone(), self.sandbox.git(&["rev-parse", &format!("refs/heads/{name}")]));
                Ok(())
            }
            Action::Delete { branch } => {
                let branches: Vec<_> = self.branches().into_iter().filter(|(name, _)| name != "main").collect();
                let Some((name, _)) = branches.get(branch % branches.len().max(1)) else { return Ok(()) };
                self.sandbox.git(&["branch", "-q", "-D", name]);
                self.touched.insert(name.clone());
                self.expected.remove(name);
                Ok(())
            }
            Action::Gc => {
                self.sandbox.git(&["-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now"]);
                Ok(())
            }
        }
    }

    fn run_lattice(&self, args: &[&str]) -> Result<(), TestCaseError> {
        let run = self.sandbox.lattice(&[args, &["--no-switch", "--no-push"]].concat());
        prop_assert!(matches!(run.code, 0..=2), "{args:?}: {}{}", run.stdout, run.stderr);
        prop_assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        Ok(())
    }

    /// Undoes what can be undone, the newest first.
    fn undo_all(&self) -> Result<(), TestCaseError> {
        let listed = self.sandbox.lattice(&["ops", "--json"]).json();
        for operation in listed["operations"].as_array().unwrap() {
            let id = operation["id"].as_str().unwrap();
            let state = self.state(id);
            let run = self.sandbox.lattice(&["undo", id]);
            prop_assert_eq!(self.state(id), if run.code == 0 { "undone".to_owned() } else { state });
            prop_assert!(matches!(run.code, 0 | 1), "{}{}", run.stdout, run.stderr);
            let refs = operation["refs"].as_array().unwrap();
            let names = refs.iter().map(|one| one["name"].as_str().unwrap().trim_start_matches("refs/heads/"));
            let is_touched = names.into_iter().any(|name| self.touched.contains(name));
            prop_assert!(
                run.code == 0 || is_touched || run.stderr.contains("is undone"),
                "undo may refuse only branches that the user changed: {}",
                run.stderr
            );
        }
        Ok(())
    }

    fn state(&self, id: &str) -> String {
        let listed = self.sandbox.lattice(&["ops", "--json"]).json();
        let operations = listed["operations"].as_array().unwrap();
        let found = operations.iter().find(|one| one["id"] == id).unwrap();
        found["state"].as_str().unwrap().to_owned()
    }
}

fn check_undo_law(actions: &[Action]) -> Result<(), TestCaseError> {
    let mut repository = TestRepository::new();
    for action in actions {
        repository.apply(action)?;
    }
    repository.undo_all()?;
    prop_assert_eq!(repository.other_state(), &repository.rest[..]);
    prop_assert_eq!(repository.branches().into_iter().collect::<BTreeMap<_, _>>(), repository.expected);
    repository.sandbox.git(&["fsck", "--strict", "--no-dangling"]);
    Ok(())
}

#[test]
fn undoing_everything_leaves_only_gits_changes() {
    let defaults = Config::default();
    let cases = if defaults.cases == 256 { CASES } else { defaults.cases.min(200) };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 40, ..defaults };
    let sequences = prop::collection::vec(action(), 1..=MOST);
    TestRunner::new(config).run(&sequences, |actions| check_undo_law(&actions)).unwrap();
}
