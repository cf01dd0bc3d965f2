//! `git lattice check`: inconsistencies are found, named by a code, and shown with the command that fixes them.

use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir, elsewhere, far, fields, here};

const ONE: &str = "phase0/step1";
const TWO: &str = "phase0/step2";

fn with_points(points: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.points(points);
    sandbox
}

/// The findings as `name place: message`.
#[track_caller]
fn findings(sandbox: &Sandbox) -> Vec<String> {
    let run = sandbox.lattice(&["check", "--json"]);
    let json = run.json();
    let findings = json["findings"].as_array().unwrap();
    let is_bad = findings.iter().any(|finding| finding["severity"] != "hint");
    assert_eq!(run.code, i32::from(is_bad), "findings other than hints should exit with 1: {findings:#?}");
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let line = |it: &Value| format!("{} {}: {}", text(it, "name"), text(it, "place"), text(it, "message"));
    findings.iter().map(line).collect()
}

/// The only finding.
#[track_caller]
fn only_finding(sandbox: &Sandbox) -> String {
    let found = findings(sandbox);
    assert_eq!(found.len(), 1, "there should be one finding: {found:#?}");
    found.into_iter().next().unwrap()
}

/// Commits changed files to a point's branch.
fn commit_change(sandbox: &Sandbox, point: &str, files: &[(&str, &str)]) {
    sandbox.git(&["switch", "-q", &branch(point)]);
    for (name, text) in files {
        sandbox.write(name, text);
    }
    sandbox.git(&["add", "-A"]);
    sandbox.git(&["commit", "-q", "-m", "change"]);
    sandbox.git(&["switch", "-q", "main"]);
}

fn flake(sandbox: &Sandbox, point: &str) -> String {
    sandbox.git(&["show", &format!("{}:{}/flake.nix", branch(point), dir(point))]) + "\n"
}

#[test]
fn points_made_by_new_pass() {
    let sandbox = with_points(&[&at(ONE), &far(ONE), &at(TWO), &at("phase1/step1")]);
    let both = format!("toolchain/aarch64+x86_64/{TWO}");
    sandbox.points(&[&both]);
    assert_eq!(findings(&sandbox), [""; 0]);
    sandbox.lattice(&["check"]).exits(0).says_out("checked 5 points and 7 branches: nothing found");
    sandbox.lattice(&["check", &at(ONE)]).exits(0).says_out("checked 1 point: nothing found");
}

#[test]
fn check_writes_nothing() {
    let sandbox = with_points(&[&at(ONE)]);
    sandbox.refused(&["check"]).exits(0);
}

#[test]
fn works_in_a_bare_repository() {
    let sandbox = with_points(&[]);
    sandbox.lattice(&["new", &at(ONE), "--no-switch"]).exits(0);
    sandbox.lattice_in("remote.git", &["check"], |command| command).exits(0).says_out("checked 1 point and 2 branches");
}

#[test]
fn edited_flake_is_reported_with_a_diff() {
    let sandbox = with_points(&[&at(ONE)]);
    let path = format!("{}/flake.nix", dir(&at(ONE)));
    let text = flake(&sandbox, &at(ONE)).replace("checks = packages;", "checks = { };");
    commit_change(&sandbox, &at(ONE), &[(&path, &text)]);
    assert_eq!(only_finding(&sandbox), format!("drifted {path}: is not what template `config` makes from config.toml"));
    sandbox.lattice(&["check"]).exits(1).says_out("-      checks = packages;").says_out("+      checks = { };");
}

#[test]
fn flake_declared_hand_written_passes() {
    let sandbox = with_points(&[&at(ONE)]);
    let path = format!("{}/flake.nix", dir(&at(ONE)));
    let own = "# git-lattice: hand-written\n{ outputs = _: { }; }\n";
    commit_change(&sandbox, &at(ONE), &[(&path, own)]);
    assert_eq!(findings(&sandbox), [""; 0]);
}

#[test]
fn flake_of_an_older_template_is_not_called_drifted() {
    let sandbox = with_points(&[&at(ONE)]);
    let path = format!("{}/flake.nix", dir(&at(ONE)));
    let text = flake(&sandbox, &at(ONE)).replace("# The builder is part of Nix", "# An older builder is part of Nix");
    commit_change(&sandbox, &at(ONE), &[(&path, &text)]);
    let message = sandbox.git(&["log", "-1", "--format=%B", &format!("{}~", branch(&at(ONE)))]);
    let older = message.split("config@").nth(1).map(|rest| message.replace(&rest[..12], "000000000000")).unwrap();
    let tree = format!("{}^{{tree}}", branch(&at(ONE)));
    let commit = sandbox.git(&["commit-tree", "-p", "main", "-m", older.trim(), &tree]);
    sandbox.git(&["update-ref", &format!("refs/heads/{}", branch(&at(ONE))), &commit]);
    assert!(only_finding(&sandbox).starts_with(&format!("other-template {path}: ")));
}

#[test]
fn flake_copied_from_another_architecture_is_named() {
    let sandbox = with_points(&[&at(ONE), &far(ONE)]);
    let path = format!("{}/flake.nix", dir(&far(ONE)));
    commit_change(&sandbox, &far(ONE), &[(&path, &flake(&sandbox, &at(ONE)))]);
    let found = findings(&sandbox);
    let says = |what: &str, said: &str, is: &str| {
        format!("coordinates {path}: says that {what} is `{said}`, but it is `{is}`")
    };
    assert!(found.contains(&says("its arch", here(), elsewhere())), "{found:#?}");
    let systems = [here(), elsewhere()].map(|arch| format!("{arch}-linux"));
    assert!(found.contains(&says("its system", &systems[0], &systems[1])), "{found:#?}");
    assert!(found.iter().any(|line| line.starts_with("drifted")), "{found:#?}");
}

#[test]
fn directory_of_another_point_is_named() {
    let sandbox = with_points(&[&at(ONE)]);
    sandbox.git(&["branch", &branch(&far(ONE)), &branch(&at(ONE))]);
    let found = findings(&sandbox);
    let missing =
        format!("no-directory {}: does not hold the point's directory `{}`", branch(&far(ONE)), dir(&far(ONE)));
    assert!(found.contains(&missing), "{found:#?}");
}

#[test]
fn missing_files_and_invalid_toml_are_named() {
    let sandbox = with_points(&[&at(ONE), &far(ONE)]);
    let data = |point: &str| format!("{}/config.toml", dir(point));
    commit_change(&sandbox, &at(ONE), &[(&data(&at(ONE)), "a = \n")]);
    sandbox.git(&["switch", "-q", &branch(&far(ONE))]);
    sandbox.git(&["rm", "-q", &data(&far(ONE))]);
    sandbox.git(&["commit", "-q", "-m", "without"]);
    let found = findings(&sandbox);
    let toml = format!("config-toml {}: is not TOML: line 1, column 5", data(&at(ONE)));
    assert!(found.iter().any(|line| line.starts_with(&toml)), "{found:#?}");
    assert!(found.contains(&format!("no-file {}: is missing or is not a file", data(&far(ONE)))), "{found:#?}");
}

#[test]
fn wrong_trailers_are_named() {
    let sandbox = with_points(&[&at(ONE)]);
    let message = sandbox.git(&["log", "-1", "--format=%B", &branch(&at(ONE))]);
    let hash = message.lines().find_map(|line| line.strip_prefix("Lattice-Config: ")).unwrap();
    let lie = message.replace(hash, "000000000000");
    let tree = format!("{}^{{tree}}", branch(&at(ONE)));
    let commit = sandbox.git(&["commit-tree", "-p", "main", "-m", lie.trim(), &tree]);
    sandbox.git(&["update-ref", &format!("refs/heads/{}", branch(&at(ONE))), &commit]);
    assert!(only_finding(&sandbox).contains("says `Lattice-Config: 000000000000`"), "{:?}", only_finding(&sandbox));
}

#[test]
fn lattice_point_trailer_of_another_point_is_named() {
    let sandbox = with_points(&[&at(ONE)]);
    let message = sandbox.git(&["log", "-1", "--format=%B", &branch(&at(ONE))]);
    let lie = message.replace(&format!("Lattice-Point: {}", at(ONE)), &format!("Lattice-Point: {}", far(ONE)));
    assert_ne!(lie, message);
    let tree = format!("{}^{{tree}}", branch(&at(ONE)));
    let commit = sandbox.git(&["commit-tree", "-p", "main", "-m", lie.trim(), &tree]);
    sandbox.git(&["update-ref", &format!("refs/heads/{}", branch(&at(ONE))), &commit]);
    let said = format!("but says `Lattice-Point: {}`", far(ONE));
    assert!(
        only_finding(&sandbox).starts_with("trailers ") && only_finding(&sandbox).ends_with(&said),
        "{:?}",
        only_finding(&sandbox)
    );
}

#[test]
fn hints_quote_branches_and_rename_no_remote_branch() {
    let sandbox = with_points(&[&at(ONE)]);
    let hostile = format!("feature/$(touch${{IFS}}pwned)/{}", here());
    sandbox.git(&["branch", &hostile, "main"]);
    sandbox.git(&["push", "-q", "origin", "main:refs/heads/feature/toolchain/sparc/phase0/step1"]);
    sandbox.git(&["fetch", "-q", "origin"]);
    let json = sandbox.lattice(&["check", "--json"]).json();
    let commands: Vec<_> = json["findings"].as_array().unwrap().iter().map(|it| it["command"].as_str()).collect();
    assert_eq!(commands, [Some(format!("git branch -m '{hostile}' NEW-NAME").as_str()), None]);
}

#[test]
fn branch_with_a_missing_commit_is_named() {
    let sandbox = with_points(&[&at(ONE)]);
    let nowhere = "1".repeat(40);
    sandbox.write(".git/refs/heads/login", format!("{nowhere}\n"));
    assert_eq!(only_finding(&sandbox), format!("broken-ref refs/heads/login: is at {nowhere}, which is missing"));
    sandbox.git(&["update-ref", "-d", "refs/heads/login", &nowhere]);
    assert_eq!(findings(&sandbox), [""; 0]);
}

#[test]
fn point_made_by_hand_is_a_hint() {
    let sandbox = with_points(&[&at(ONE)]);
    let tree = format!("{}^{{tree}}", branch(&at(ONE)));
    let commit = sandbox.git(&["commit-tree", "-p", "main", "-m", "by hand", &tree]);
    sandbox.git(&["update-ref", &format!("refs/heads/{}", branch(&at(ONE))), &commit]);
    assert!(only_finding(&sandbox).starts_with("no-origin "));
}

#[test]
fn point_not_based_on_points_below_is_named() {
    let sandbox = with_points(&[&at(TWO)]);
    // A lower point that is older, by its date.
    let args = ["new", &at(ONE), "--no-push", "--no-switch"];
    sandbox.lattice_in("work", &args, |command| command.env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")).exits(0);
    let line = only_finding(&sandbox);
    assert_eq!(
        line,
        format!("parents {}: lacks the commits of `{}`, which is directly below it", branch(&at(TWO)), at(ONE))
    );
    sandbox.git(&["switch", "-q", &branch(&at(TWO))]);
    sandbox.git(&["merge", "-q", "--no-edit", &branch(&at(ONE))]);
    let left = findings(&sandbox);
    assert!(!left.iter().any(|line| line.starts_with("parents ")), "the command in the hint should fix it: {left:#?}");
}

#[test]
fn point_below_made_later_is_a_hint() {
    let three = at("phase0/step3");
    let sandbox = with_points(&[&at(ONE), &three]);
    let run = sandbox.lattice(&["new", &at(TWO), "--no-push", "--no-switch"]).exits(0);
    run.says_err(&format!("warning: `{three}` existed before `{}` and is behind it: `git lattice restack`", at(TWO)));
    let line = only_finding(&sandbox);
    let said = format!("lacks `{}`, which is directly below it and was made later", at(TWO));
    assert_eq!(line, format!("behind {}: {said}", branch(&three)));
    sandbox.lattice(&["restack", &three, "--no-push"]).exits(0);
    let left = findings(&sandbox);
    assert!(!left.iter().any(|line| line.starts_with("behind ")), "the command in the hint should fix it: {left:#?}");
}

#[test]
fn points_made_together_leave_only_the_older_behind() {
    let above = at("phase0/step9");
    let sandbox = with_points(&[&above]);
    let step = |n: usize| at(&format!("phase0/step{n}"));
    let args = ["new", &step(3), &step(4), "--no-push", "--no-switch", "--json"];
    let warnings = sandbox.lattice(&args).exits(0).json()["warnings"].clone();
    let warnings = warnings.as_array().unwrap();
    let skipped = format!("`{}` skips a step", step(3));
    let said = format!("`{above}` existed before `{}`", step(4));
    let starts = |at: usize, with: &str| warnings[at].as_str().unwrap().starts_with(with);
    assert!(warnings.len() == 2 && starts(0, &skipped) && starts(1, &said), "step4 knows step3: {warnings:?}");
}

#[test]
fn moved_point_below_is_a_hint() {
    let sandbox = with_points(&[&at(ONE), &at(TWO)]);
    commit_change(&sandbox, &at(ONE), &[(&format!("{}/config.toml", dir(&at(ONE))), "more = 1\n")]);
    let line = only_finding(&sandbox);
    assert_eq!(
        line,
        format!("behind {}: lacks new commits of `{}`, which is directly below it", branch(&at(TWO)), at(ONE))
    );
}

#[test]
fn point_based_on_a_foreign_commit_is_named() {
    let sandbox = with_points(&[]);
    sandbox.git(&["switch", "-q", "-c", "topic"]);
    sandbox.write("topic", "work\n");
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-q", "-m", "topic"]);
    let topic = sandbox.commit("topic");
    sandbox.git(&["branch", "-f", "main", "topic"]);
    sandbox.points(&[&at(ONE)]);
    sandbox.git(&["branch", "-f", "main", "topic~"]);
    let line = only_finding(&sandbox);
    assert!(line.starts_with(&format!("stranger {}: grows from {}", branch(&at(ONE)), &topic[..7])), "{line}");
}

#[test]
fn other_or_missing_branches_in_files_are_named() {
    let sandbox = with_points(&[&at(ONE), &far(ONE)]);
    let step = format!("{}/step.nix", dir(&at(ONE)));
    let text = format!(
        "{{ ... }}:\n[\n  \"git+https://example.org/r?ref={}&dir=x\"\n  \"{}\"\n  \"{}\"\n]\n",
        branch(&far(ONE)),
        branch(&far(TWO)),
        branch(&at(ONE))
    );
    commit_change(&sandbox, &at(ONE), &[(&step, &text)]);
    let found = findings(&sandbox);
    assert_eq!(found.len(), 2, "the point's own branch may be named: {found:#?}");
    assert!(
        found[0].starts_with(&format!("other-branch {step}:3: names the branch `{}` of another", branch(&far(ONE))))
    );
    assert_eq!(
        found[1],
        format!("other-branch {step}:4: names the branch `{}`, which does not exist", branch(&far(TWO)))
    );
}

#[test]
fn path_to_a_missing_file_is_named() {
    let sandbox = with_points(&[&at(ONE)]);
    let step = format!("{}/step.nix", dir(&at(ONE)));
    commit_change(&sandbox, &at(ONE), &[(&step, "{ ... }: [ ../step7/flake.nix ./config.toml ]\n")]);
    let missing = dir(&at("phase0/step7"));
    assert_eq!(
        only_finding(&sandbox),
        format!("no-such-directory {step}:1: takes `{missing}/flake.nix`, which the branch does not have")
    );
}

#[test]
fn dependency_cycle_is_named_once() {
    let sandbox = with_points(&[&at(ONE), &at(TWO)]);
    let (one, two) = (dir(&at(ONE)), dir(&at(TWO)));
    let text = "{ ... }: import ../step2/flake.nix\n";
    commit_change(&sandbox, &at(ONE), &[(&format!("{one}/step.nix"), text), (&format!("{two}/flake.nix"), "{ }\n")]);
    let found = findings(&sandbox);
    let cycles: Vec<_> = found.iter().filter(|line| line.starts_with("cycle ")).collect();
    let circle = format!("depends on itself: {} -> {} -> {}", at(ONE), at(TWO), at(ONE));
    assert_eq!(cycles, [&format!("cycle {}: {circle}", branch(&at(ONE)))], "{found:#?}");
}

#[test]
fn lattice_toml_unknown_to_the_base_is_named() {
    let sandbox = with_points(&[&at(ONE)]);
    sandbox.lattice(&["axis", "add", "arch", "riscv64"]).exits(0);
    sandbox.commit_lattice();
    assert_eq!(findings(&sandbox), [""; 0], "an older lattice.toml of the base branch should pass");
    let own = sandbox.git(&["show", "main:lattice.toml"]) + "\n# mine\n";
    commit_change(&sandbox, &at(ONE), &[("lattice.toml", &own)]);
    let line = only_finding(&sandbox);
    assert!(
        line.starts_with(&format!("lattice-toml {}: has a `lattice.toml` that was never on `main`", branch(&at(ONE)))),
        "{line}"
    );
}

#[test]
fn branches_close_to_the_pattern_are_explained() {
    let sandbox = with_points(&[&at(ONE)]);
    let unknown = "feature/toolchain/sparc/phase0/step1";
    let short = format!("feature/toolchain/{}/phase1", here());
    for name in [unknown, &short, "feature/login", "other/toolchain"] {
        sandbox.git(&["branch", name, "main"]);
    }
    let found = findings(&sandbox);
    assert_eq!(found.len(), 2, "{found:#?}");
    let lookalike = |name: &str, why: &str| format!("lookalike {name}: looks like a point but is not one: {why}");
    let parts = "it has 4 parts between `/`, and `feature/{component}/{arch}/{phase}/{step}` has 5";
    assert!(found.contains(&lookalike(&short, parts)), "{found:#?}");
    assert!(found.contains(&lookalike(unknown, "unknown value `sparc` for axis `arch`")), "{found:#?}");
}

#[test]
fn branches_differing_only_in_case_are_named() {
    let sandbox = with_points(&[]);
    sandbox.git(&["branch", "Topic", "main"]);
    sandbox.git(&["branch", "topic", "main"]);
    assert!(only_finding(&sandbox).starts_with("case Topic: differs from `topic` only in letter case"));
}

#[test]
fn directory_without_a_branch_is_a_hint() {
    let sandbox = with_points(&[&at(ONE), &at(TWO)]);
    sandbox.git(&["branch", "-D", &branch(&at(ONE))]);
    let line = only_finding(&sandbox);
    let gone = branch(&at(ONE));
    assert_eq!(line, format!("no-branch {}: is the directory of a point that has no branch `{gone}`", dir(&at(ONE))));
}

#[test]
fn unreadable_ref_and_object_hide_no_other_finding() {
    let sandbox = with_points(&[&at(ONE), &far(ONE)]);
    sandbox.write(".git/refs/heads/feature/broken", "nonsense\n");
    sandbox.write(&format!(".git/refs/heads/{}", branch(&far(ONE))), format!("{}\n", "1".repeat(40)));
    let found = findings(&sandbox);
    let names: Vec<_> = found.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["broken-ref", "unreadable"], "{found:#?}");
    let json = sandbox.lattice(&["check", "--json"]).json();
    assert_eq!((json["version"].as_i64(), json["points"].as_i64()), (Some(1), Some(2)));
    assert_eq!(fields(&json["findings"], "code"), ["C17", "C01"]);
}

#[test]
fn branch_changing_another_points_files_is_named() {
    let (one, two) = (at(ONE), at(TWO));
    let sandbox = with_points(&[&one, &two]);
    let text = flake(&sandbox, &one) + "# changed\n";
    commit_change(&sandbox, &two, &[(&format!("{}/flake.nix", dir(&one)), &text)]);
    let found = findings(&sandbox);
    let expected = format!("foreign-change {}: changes `{}`, the directory of `{one}`", branch(&two), dir(&one));
    assert!(found.iter().any(|line| line.starts_with(&expected)), "{found:#?}");
    assert_eq!(found.len(), 1, "nothing else is wrong: {found:#?}");
    // A point above has the same content and inherited it.
    sandbox.points(&[&at("phase0/step3")]);
    assert_eq!(self::findings(&sandbox), found, "the finding should stay with the branch that made the change");
    sandbox.lattice(&["check"]).exits(1).says_out("error[C22 foreign-change]").says_out(&format!("-- {}", dir(&one)));
}

#[test]
fn changes_merged_from_below_are_not_foreign() {
    let (one, two) = (at(ONE), at(TWO));
    let sandbox = with_points(&[&one, &far(ONE)]);
    sandbox.points(&[&two, "toolchain/aarch64+x86_64/phase0/step1"]);
    commit_change(&sandbox, &one, &[(&format!("{}/config.toml", dir(&one)), "more = 1\n")]);
    let foreign = || findings(&sandbox).into_iter().filter(|line| line.starts_with("foreign")).collect::<Vec<_>>();
    assert_eq!(foreign(), [""; 0], "points above should only be behind");
    for point in [&two, "toolchain/aarch64+x86_64/phase0/step1"] {
        sandbox.git(&["switch", "-q", &branch(point)]);
        sandbox.git(&["merge", "-q", "--no-edit", &branch(&one)]);
    }
    sandbox.git(&["switch", "-q", "main"]);
    assert_eq!(foreign(), [""; 0], "merged changes belong to the point below");
    sandbox.git(&["merge", "-q", "--no-edit", &branch(&two)]);
    assert_eq!(foreign(), [""; 0], "the same holds after a merge into the base");
}

#[test]
fn executable_generated_file_is_named() {
    let one = at(ONE);
    let sandbox = with_points(&[&one]);
    sandbox.git(&["switch", "-q", &branch(&one)]);
    sandbox.git(&["update-index", "--chmod=+x", &format!("{}/flake.nix", dir(&one))]);
    sandbox.git(&["commit", "-q", "-m", "executable"]);
    sandbox.git(&["switch", "-q", "-f", "main"]);
    assert_eq!(
        only_finding(&sandbox),
        format!("mode {}/flake.nix: is executable, but generated files are not", dir(&one))
    );
    let run = sandbox.lattice(&["check"]).exits(1).says_out("warning[C23 mode]");
    run.says_out(&format!("git update-index --chmod=-x {}/flake.nix", dir(&one)));
}

#[test]
fn unread_file_is_a_hint() {
    let one = at(ONE);
    let sandbox = with_points(&[&one]);
    let file = |name: &str| format!("{}/{name}", dir(&one));
    commit_change(&sandbox, &one, &[(&file("more.nix"), "{ }\n")]);
    let expected = format!("unread {}: is not read by anything here, but changes the build key", file("more.nix"));
    assert_eq!(only_finding(&sandbox), expected);
    let read = [(file("step.nix"), "{ ... }: import ./more.nix\n"), (file("flake.lock"), "{}\n")];
    let read: Vec<_> = read.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    commit_change(&sandbox, &one, &read);
    assert_eq!(findings(&sandbox), [""; 0], "step.nix, flake.lock and files that step.nix reads should pass");
}
