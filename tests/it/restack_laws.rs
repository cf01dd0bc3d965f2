//! `git lattice restack` in random lattices with random edits: afterwards no point is behind, all points agree, no point's own files
//! have changed, and restacking again changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::lattice::random::{ModelPoint, lattice_and_population};
use crate::sandbox::{Run, Sandbox};
use crate::story::{branch, dir};

/// The most points of a lattice.
const MOST_POINTS: usize = 8;
/// How many lattices a normal run tries: each takes seconds. `PROPTEST_CASES` sets another number.
const CASES: u32 = 6;

/// What users do between two restacks.
#[derive(Debug, Clone)]
enum Action {
    /// A commit to the point's own directory.
    Edit { point: Index },
    /// A commit to the copy of a lower point's directory: it may conflict with an edit of that point.
    EditCopy { point: Index, below: Index },
    /// A merge of a lower point by hand.
    Merge { point: Index, below: Index },
    /// A restack of one point and those below it.
    RestackOne { point: Index },
}

fn action() -> impl Strategy<Value = Action> {
    let index = any::<Index>;
    prop_oneof![
        6 => index().prop_map(|point| Action::Edit { point }),
        1 => (index(), index()).prop_map(|(point, below)| Action::EditCopy { point, below }),
        2 => (index(), index()).prop_map(|(point, below)| Action::Merge { point, below }),
        1 => index().prop_map(|point| Action::RestackOne { point }),
    ]
}

#[derive(Debug, Clone)]
struct Scenario {
    toml: String,
    points: Vec<ModelPoint>,
    /// How many points are made before the others.
    first: usize,
    actions: Vec<Action>,
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let lattice = lattice_and_population().prop_filter_map("lattice.toml cannot have it", |(random, mut points)| {
        points.truncate(MOST_POINTS);
        Some((random.toml()?, points)).filter(|(_, points)| points.len() > 1)
    });
    (lattice.prop_shuffled_points(), any::<Index>(), prop::collection::vec(action(), 1..12)).prop_map(
        |((toml, points), first, actions)| Scenario { toml, first: first.index(points.len()), points, actions },
    )
}

/// Shuffles the points, so that lower ones are not always made first.
trait Shuffled {
    fn prop_shuffled_points(self) -> BoxedStrategy<(String, Vec<ModelPoint>)>;
}

impl<S: Strategy<Value = (String, Vec<ModelPoint>)> + 'static> Shuffled for S {
    fn prop_shuffled_points(self) -> BoxedStrategy<(String, Vec<ModelPoint>)> {
        self.prop_flat_map(|(toml, points)| (Just(toml), Just(points).prop_shuffle())).boxed()
    }
}

struct Repository {
    sandbox: Sandbox,
    points: Vec<ModelPoint>,
    commits: usize,
    /// Whether a copy of another point's directory was edited: `check` reports that.
    has_edited_copies: bool,
}

impl Repository {
    fn new(scenario: &Scenario) -> Self {
        let sandbox = Sandbox::with_toml(&scenario.toml);
        // All new objects become packs, as otherwise only many do.
        sandbox.git(&["config", "transfer.unpackLimit", "1"]);
        let (first, rest) = scenario.points.split_at(scenario.first);
        for points in [first, rest].into_iter().filter(|points| !points.is_empty()) {
            let names: Vec<_> = points.iter().map(name).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            sandbox.lattice(&[&["new", "--no-switch", "--no-push"], &names[..]].concat()).exits(0);
        }
        Self { sandbox, points: scenario.points.clone(), commits: 0, has_edited_copies: false }
    }

    fn tip(&self, point: &ModelPoint) -> String {
        self.sandbox.git(&["rev-parse", &format!("refs/heads/{}", branch(&name(point)))])
    }

    /// Commits a changed config.toml of `of` to the branch of `on`.
    fn edit(&mut self, on: &ModelPoint, of: &ModelPoint) {
        self.commits += 1;
        let (tip, text) = (self.tip(on), format!("edit = {}\n", self.commits));
        self.sandbox.write(".git/text", &text);
        let git = |args: &[&str]| {
            let index = self.sandbox.work().join(".git/index-of-the-edit");
            let output = self.sandbox.try_git_with("work", args, &[("GIT_INDEX_FILE", index.to_str().unwrap())]);
            assert!(output.status.success(), "{args:?}: {}", output.error_text());
            output.text()
        };
        let blob = git(&["hash-object", "-w", ".git/text"]);
        git(&["read-tree", &tip]);
        git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{}/config.toml", dir(&name(of)))]);
        let tree = git(&["write-tree"]);
        self.move_to(on, &["commit-tree", "-p", &tip, "-m", text.trim(), &tree]);
    }

    /// Merges a lower point by hand, unless it conflicts.
    fn merge(&self, point: &ModelPoint, below: &ModelPoint) {
        let (ours, theirs) = (self.tip(point), self.tip(below));
        let merged = self.sandbox.try_git("work", &["merge-tree", "--write-tree", &ours, &theirs]);
        if merged.status.success() && !self.contains(point, below) {
            let tree = merged.text();
            self.move_to(point, &["commit-tree", "-p", &ours, "-p", &theirs, "-m", "merge by hand", &tree]);
        }
    }

    fn move_to(&self, point: &ModelPoint, commit: &[&str]) {
        let commit = self.sandbox.git(commit);
        self.sandbox.git(&["update-ref", &format!("refs/heads/{}", branch(&name(point))), &commit]);
    }

    /// The point, and one below it; `None` if there is none below.
    fn pair(&self, point: &Index, below: &Index) -> Option<(ModelPoint, ModelPoint)> {
        let point = point.get(&self.points);
        let all: Vec<_> = self.points.iter().filter(|below| below.is_below(point)).collect();
        let below = (!all.is_empty()).then(|| *below.get(&all))?;
        Some((point.clone(), below.clone()))
    }

    fn apply(&mut self, action: &Action) -> Result<(), TestCaseError> {
        match action {
            Action::Edit { point } => {
                let point = point.get(&self.points).clone();
                self.edit(&point, &point);
            }
            Action::EditCopy { point, below } => {
                if let Some((point, below)) = self.pair(point, below) {
                    self.edit(&point, &below);
                    self.has_edited_copies = true;
                }
            }
            Action::Merge { point, below } => {
                if let Some((point, below)) = self.pair(point, below) {
                    self.merge(&point, &below);
                }
            }
            Action::RestackOne { point } => {
                let run = self.sandbox.lattice(&["restack", &name(point.get(&self.points)), "--no-push"]);
                prop_assert!(matches!(run.code, 0 | 1), "{}{}", run.stdout, run.stderr);
            }
        }
        Ok(())
    }

    fn contains(&self, point: &ModelPoint, below: &ModelPoint) -> bool {
        let args = ["merge-base", "--is-ancestor", &self.tip(below), &self.tip(point)];
        self.sandbox.try_git("work", &args).status.success()
    }

    /// The points that lack commits of any point below them, by git alone.
    fn behind(&self) -> BTreeSet<String> {
        let lacks = |point: &&ModelPoint| {
            let below = self.points.iter().filter(|below| below.is_below(point));
            below.into_iter().any(|below| !self.contains(point, below))
        };
        self.points.iter().filter(lacks).map(name).collect()
    }

    /// These points and all above them.
    fn with_all_above(&self, points: &BTreeSet<String>) -> BTreeSet<String> {
        let reaches = |point: &&ModelPoint| {
            points.contains(&name(point))
                || self.points.iter().any(|below| points.contains(&name(below)) && below.is_below(point))
        };
        self.points.iter().filter(reaches).map(name).collect()
    }

    fn states(&self, state: &str) -> BTreeSet<String> {
        let status = self.sandbox.lattice(&["status", "--json"]).exits(0).json();
        named(&status["points"], "state", state)
    }

    fn own_directories(&self) -> BTreeMap<String, String> {
        let own = |name: String| (self.sandbox.git(&["rev-parse", &format!("{}:{}", branch(&name), dir(&name))]), name);
        self.points.iter().map(name).map(own).map(|(tree, name)| (name, tree)).collect()
    }

    /// HEAD, index and worktree.
    fn worktree(&self) -> String {
        let head = self.sandbox.git(&["symbolic-ref", "HEAD"]);
        format!("{head}\n{}", self.sandbox.git(&["status", "--porcelain", "--untracked-files=all"]))
    }

    /// Each new commit with two parents has the tree that git's own merge makes.
    fn assert_merged_like_git(&self, moved: &BTreeSet<String>) -> Result<(), TestCaseError> {
        for name in moved {
            let shown = self.sandbox.git(&["log", "-1", "--format=%T %P", &format!("refs/heads/{}", branch(name))]);
            let words: Vec<&str> = shown.split(' ').collect();
            if let [tree, ours, theirs] = words[..] {
                let merged = self.sandbox.git(&["merge-tree", "--write-tree", ours, theirs]);
                prop_assert_eq!(merged.lines().next(), Some(tree), "{}", name);
            }
        }
        Ok(())
    }
}

fn name(point: &ModelPoint) -> String {
    point.texts.join("/")
}

/// The points in a list whose `field` is `value`.
fn named(points: &serde_json::Value, field: &str, value: &str) -> BTreeSet<String> {
    let points = points.as_array().unwrap().iter().filter(|point| point[field] == value);
    points.map(|point| point["point"].as_str().unwrap().to_owned()).collect()
}

fn outcome(run: &Run, outcome: &str) -> BTreeSet<String> {
    named(&run.json()["points"], "outcome", outcome)
}

/// Undoes the operation of a run.
fn undo(repository: &Repository, run: &Run) {
    repository.sandbox.lattice(&["undo", run.json()["operation"].as_str().unwrap()]).exits(0);
}

fn check_restack_laws(scenario: &Scenario) -> Result<(), TestCaseError> {
    let mut repository = Repository::new(scenario);
    for action in &scenario.actions {
        repository.apply(action)?;
    }
    let (behind, directories, worktree) = (repository.behind(), repository.own_directories(), repository.worktree());
    prop_assert_eq!(repository.states("behind"), behind.clone(), "`status` says which points are behind");
    let refs = repository.sandbox.git(&["for-each-ref", "refs/heads"]);

    let run = repository.sandbox.lattice(&["restack", "--json", "--no-push"]);
    let (moved, left_out) = (outcome(&run, "restacked"), outcome(&run, "left-out"));
    prop_assert_eq!(run.code, i32::from(!left_out.is_empty()), "{}", run.stderr);
    prop_assert!(left_out.is_empty() || repository.has_edited_copies, "only edited copies conflict: {:?}", left_out);
    let expected = repository.with_all_above(&behind);
    prop_assert_eq!(&moved | &left_out, expected, "points that are behind, and all above these");
    prop_assert_eq!(repository.with_all_above(&left_out), left_out.clone(), "above a conflict all are left out");
    prop_assert_eq!(&repository.behind() - &left_out, BTreeSet::new());
    prop_assert_eq!(repository.own_directories(), directories);
    prop_assert_eq!(repository.worktree(), worktree);
    repository.assert_merged_like_git(&moved)?;
    repository.sandbox.git(&["fsck", "--strict", "--no-dangling"]);

    let all = repository.sandbox.git(&["for-each-ref"]);
    let again = repository.sandbox.lattice(&["restack", "--json", "--no-push"]);
    prop_assert_eq!(outcome(&again, "restacked"), BTreeSet::new());
    prop_assert_eq!(repository.sandbox.git(&["for-each-ref"]), all, "restacking again changes nothing");
    if !repository.has_edited_copies {
        check_is_clean(&repository, scenario.first > 0)?;
    }
    if !moved.is_empty() {
        undo(&repository, &run);
        prop_assert_eq!(repository.sandbox.git(&["for-each-ref", "refs/heads"]), refs, "undo takes it back");
    }
    Ok(())
}

/// A point that was made before one below it does not take that one as an input: `check` says so, and `regenerate` adds it.
fn check_is_clean(repository: &Repository, has_late_points: bool) -> Result<(), TestCaseError> {
    let check = repository.sandbox.lattice(&["check"]);
    if check.code == 0 {
        return Ok(());
    }
    let errors: Vec<_> = check.stdout.lines().filter(|line| line.starts_with("error[")).collect();
    prop_assert!(has_late_points && errors.iter().all(|line| line.starts_with("error[C04 ")), "{}", check.stdout);
    let run = repository.sandbox.lattice(&["regenerate", "--no-push", "--json"]).exits(0);
    let check = repository.sandbox.lattice(&["check"]);
    prop_assert_eq!(check.code, 0, "{}", check.stdout);
    prop_assert_eq!(repository.behind(), BTreeSet::new(), "`regenerate` restacks what is above");
    undo(repository, &run);
    Ok(())
}

#[test]
fn restack_laws_hold_for_random_lattices() {
    let defaults = Config::default();
    let cases = if defaults.cases == 256 { CASES } else { defaults.cases.min(500) };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 60, ..defaults };
    TestRunner::new(config).run(&scenario(), |scenario| check_restack_laws(&scenario)).unwrap();
}
