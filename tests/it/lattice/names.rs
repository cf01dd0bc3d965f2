//! How points are spelled and named: names parse back, and git can hold all names side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use git_lattice::lattice::Pattern;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::random::{RandomLattice, lattice_with_points, random_lattice};

const PREFIXES: [&str; 7] = ["feature/", "f/x.", "x@/", "a-", "", "f/x.loc", "+/"];
const SEPARATORS: [&str; 10] = ["/", "/", "/", "@", "=", ",", "/x-", "-/v.", "+x/", "-"];
const SUFFIXES: [&str; 9] = ["", "", "/z", "k", "ock", "-x", "+a", "@", "}"];

/// A pattern over the axes in any order; many are invalid.
fn pattern(random: &RandomLattice) -> impl Strategy<Value = String> + use<> {
    let axes: Vec<_> = random.lattice.axes().iter().map(|axis| format!("{{{}}}", axis.name)).collect();
    let betweens = prop::collection::vec(select(&SEPARATORS[..]), axes.len());
    (select(&PREFIXES[..]), Just(axes).prop_shuffle(), betweens, select(&SUFFIXES[..])).prop_map(
        |(head, axes, betweens, tail)| {
            let last = axes.len() - 1;
            let piece = |(i, axis): (usize, &String)| format!("{axis}{}", if i < last { betweens[i] } else { "" });
            let middle: String = axes.iter().enumerate().map(piece).collect();
            format!("{head}{middle}{tail}")
        },
    )
}

/// A lattice and a pattern that it accepts, with all its names.
fn lattice_and_names() -> impl Strategy<Value = (RandomLattice, Pattern, Vec<String>)> {
    let both = random_lattice().prop_flat_map(|random| (pattern(&random), Just(random)));
    both.prop_filter_map("a pattern that is accepted", |(text, random)| {
        let pattern = Pattern::parse(&random.lattice, &text).ok()?;
        let names = random.points.iter().map(|model| pattern.encode(&random.lattice, &model.point)).collect();
        Some((random, pattern, names))
    })
}

/// git-check-ref-format(1), rule by rule, and those of `--branch`; `.lock` in any letter case, as a file system may fold it.
fn is_branch_name(name: &str) -> bool {
    let segment = |s: &str| !s.is_empty() && !s.starts_with('.') && !s.to_ascii_lowercase().ends_with(".lock");
    let banned = |c: char| c.is_ascii_control() || " ~^:?*[\\\x7f".contains(c);
    name.split('/').all(segment)
        && !name.contains("..")
        && !name.contains(banned)
        && !name.ends_with('.')
        && !name.contains("@{")
        && name != "@"
        && !name.starts_with('-')
}

/// Every proper prefix that is a path: `a` and `a/b` for `a/b/c`.
fn path_prefixes(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}

proptest! {
    #[test]
    fn spelled_point_parses_back((random, points) in lattice_with_points(1)) {
        let model = &points[0];
        prop_assert_eq!(random.lattice.spell(&model.point), model.texts.join("/"));
        let read = random.lattice.parse_point(&model.texts.join("/"));
        prop_assert_eq!(read.as_ref(), Ok(&model.point));
        let backwards: Vec<_> = model.texts.iter().map(|text| text.rsplit('+').collect::<Vec<_>>().join("+")).collect();
        let read = random.lattice.point_of(&backwards);
        prop_assert_eq!(read.as_ref(), Ok(&model.point), "the order of a set's values does not matter");
    }

    #[test]
    fn name_decodes_to_its_point((random, pattern, names) in lattice_and_names()) {
        for (model, name) in random.points.iter().zip(&names) {
            let read = pattern.decode(&random.lattice, name);
            prop_assert_eq!(read.as_ref(), Some(&model.point), "`{}` reads as its point", name);
            prop_assert!(name.starts_with(pattern.prefix()));
        }
    }

    #[test]
    fn only_the_encoded_name_decodes((random, pattern, names) in lattice_and_names(), at in any::<Index>(), cut in any::<Index>(), with in "[-+@/.a-z0-9]{0,2}") {
        let name = at.get(&names);
        let (start, end) = name.split_at(cut.index(name.len() + 1));
        for changed in [format!("{start}{with}{end}"), format!("{start}{with}"), format!("{with}{end}")] {
            if let Some(point) = pattern.decode(&random.lattice, &changed) {
                prop_assert_eq!(pattern.encode(&random.lattice, &point), changed, "one branch for each point");
            }
        }
    }

    #[test]
    fn names_are_legal_and_never_conflict((random, _, names) in lattice_and_names()) {
        for name in &names {
            prop_assert!(is_branch_name(name), "`{}` is a branch name", name);
        }
        let folded: BTreeSet<_> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        prop_assert_eq!(folded.len(), random.points.len(), "names differ by more than letter case");
        for folder in folded.iter().flat_map(|name| path_prefixes(name)) {
            prop_assert!(!folded.contains(folder), "`{}` is a branch and a folder", folder);
        }
    }

    #[test]
    fn refused_pattern_has_a_reason((text, random) in random_lattice().prop_flat_map(|random| (pattern(&random), Just(random)))) {
        let Err(error) = Pattern::parse(&random.lattice, &text) else { return Ok(()) };
        let has = |tried: &str| text.contains(tried);
        let reasons = ["-{", "}-", "x.", "}}", "}ock", "}k", "}@", "}+", "/v."];
        prop_assert!(reasons.into_iter().any(has) || !has("/"), "{} without a reason", error);
    }
}

/// The rules above are reimplemented; this asks git itself, with all names of a lattice in one transaction.
#[test]
fn git_accepts_all_names_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder.path()).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
        // Set if the tests run inside a hook, for another repository.
        command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
        command
    };
    assert!(git(&["init", "-q"]).status().expect("git runs").success());
    let made = git(&["hash-object", "-w", "--stdin", "-t", "tree"]).stdin(Stdio::null()).output().expect("git runs");
    let tree = String::from_utf8(made.stdout).expect("an id");
    let person = ["-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", "-m", "x", tree.trim()];
    let commit = String::from_utf8(git(&person).output().expect("git runs").stdout).expect("an id");

    let mut child =
        git(&["update-ref", "--stdin"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("git runs");
    let mut commands = child.stdin.take().expect("a pipe");
    commands.write_all(transactions(commit.trim()).as_bytes()).expect("git reads them all");
    drop(commands);
    assert!(child.wait().expect("git ends").success(), "git should accept all names of each lattice side by side");
}

/// One transaction per lattice, prepared (which checks everything) and aborted.
fn transactions(commit: &str) -> String {
    let mut runner = TestRunner::deterministic();
    let mut lattice = || {
        let (_, _, names) = lattice_and_names().new_tree(&mut runner).expect("a lattice").current();
        let creates = names.iter().take(50).map(|name| format!("create refs/heads/{name} {commit}"));
        let lines = ["start".to_owned()].into_iter().chain(creates).chain(["prepare\nabort\n".to_owned()]);
        lines.collect::<Vec<_>>().join("\n")
    };
    (0..20).map(|_| lattice()).collect()
}

#[test]
fn generator_covers_every_kind_of_pattern() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeMap::from(SEPARATORS.map(|between| (between, 0)));
    for _ in 0..300 {
        let (random, pattern, _) = lattice_and_names().new_tree(&mut runner).expect("a lattice").current();
        let several = random.lattice.axes().len() > 1;
        seen.iter_mut()
            .filter(|(between, _)| several && pattern.as_str().contains(&format!("}}{between}{{")))
            .for_each(|(_, n)| *n += 1);
    }
    assert_eq!(seen.remove("-"), Some(0), "no value lacks a `-`");
    assert!(seen.values().all(|&n| n > 3), "{seen:?}");
}
