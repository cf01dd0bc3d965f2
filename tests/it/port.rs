//! `git lattice port`: the changes of a point, carried to its siblings.

mod laws;

use std::os::unix::ffi::OsStrExt as _;

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, dir, elsewhere, far, fields, here, toml};

/// The same two steps on two architectures, all pushed, HEAD on `main`.
fn siblings(template: &str) -> Sandbox {
    Sandbox::grown(template, &[at("phase0/step1"), at("phase0/step2"), far("phase0/step1"), far("phase0/step2")])
}

/// `--to-arch` with the other architecture.
fn there() -> [&'static str; 2] {
    ["--to-arch", elsewhere()]
}

#[track_caller]
fn port(sandbox: &Sandbox, point: &str, to: [&str; 2]) -> Run {
    sandbox.lattice(&[&["port", point], &to[..]].concat())
}

fn show(sandbox: &Sandbox, point: &str, file: &str) -> String {
    String::from_utf8(sandbox.bytes(&branch(point), &format!("{}/{file}", dir(point)))).unwrap()
}

fn tip(sandbox: &Sandbox, point: &str) -> String {
    sandbox.commit(&branch(point))
}

/// The text of a step.nix with these lines; the lines are far enough apart to be merged.
fn step(lines: [&str; 3]) -> String {
    let gap = "#\n".repeat(5);
    format!("{{ ... }}:\n# {}\n{gap}# {}\n{gap}# {}\nnull\n", lines[0], lines[1], lines[2])
}

/// The items of `--json`, each as point, outcome and what it brings.
fn items(run: &Run) -> Vec<(String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let points = run.json()["points"].as_array().unwrap().clone();
    points.iter().map(|point| (text(&point["point"]), text(&point["outcome"]), point["brings"].clone())).collect()
}

#[test]
fn changes_reach_the_sibling_and_what_is_above() {
    let sandbox = siblings("step");
    let (one, sibling, above) = (at("phase0/step1"), far("phase0/step1"), far("phase0/step2"));
    sandbox.commit_to(&one, &[("step.nix", &step(["a", "b", "c"])), ("sub/note", "kept\n")]);
    let source = tip(&sandbox, &one);
    let flake = show(&sandbox, &sibling, "flake.nix");
    let run = sandbox.lattice(&["port", &one, "--to", &format!("arch={}", elsewhere()), "--json"]).exits(0);
    let expected = [
        (sibling.clone(), "ported".to_owned(), json!(["step.nix", "sub/note"])),
        (above.clone(), "restacked".to_owned(), json!([sibling])),
    ];
    assert_eq!(items(&run), expected);
    assert_eq!(show(&sandbox, &sibling, "step.nix"), step(["a", "b", "c"]));
    assert_eq!(show(&sandbox, &sibling, "flake.nix"), flake);
    let message = sandbox.git(&["log", "-1", "--format=%B", &branch(&sibling)]);
    assert!(message.contains(&format!("\n\nLattice-Port: {one}@{source}")), "{message}");
    assert_ne!(sandbox.state_of(&above), "behind");
    for point in [&one, &sibling, &above] {
        assert_eq!(sandbox.git_in("remote.git", &["rev-parse", &branch(point)]), tip(&sandbox, point), "{point}");
    }
    sandbox.lattice(&["check", &sibling, &above]).exits(0);

    let all = sandbox.git(&["for-each-ref"]);
    port(&sandbox, &one, there()).exits(0).says_out(&format!("unchanged  {sibling}"));
    assert_eq!(sandbox.git(&["for-each-ref"]), all, "porting again changes nothing");
}

#[test]
fn later_port_carries_only_what_is_new() {
    let sandbox = siblings("step");
    let (one, sibling) = (at("phase0/step1"), far("phase0/step1"));
    sandbox.commit_to(&one, &[("step.nix", &step(["first", "b", "c"]))]);
    port(&sandbox, &one, there()).exits(0);
    // The sibling changes what was carried; that is no conflict with a later change elsewhere.
    sandbox.commit_to(&sibling, &[("step.nix", &step(["its own", "b", "c"]))]);
    sandbox.commit_to(&one, &[("step.nix", &step(["first", "b", "second"]))]);
    port(&sandbox, &one, there()).exits(0).says_out(&format!("ported     {sibling}"));
    assert_eq!(show(&sandbox, &sibling, "step.nix"), step(["its own", "b", "second"]));
}

#[test]
fn later_port_goes_on_after_both_were_moved() {
    let sandbox = siblings("step");
    let (one, sibling) = (at("phase0/step2"), far("phase0/step2"));
    let (moved, beside) = (at("phase0/step3"), far("phase0/step3"));
    sandbox.commit_to(&one, &[("step.nix", &step(["first", "b", "c"]))]);
    port(&sandbox, &one, there()).exits(0);
    sandbox.commit_to(&sibling, &[("step.nix", &step(["its own", "b", "c"]))]);
    sandbox.commit_to(&one, &[("step.nix", &step(["first", "b", "second"]))]);
    sandbox.lattice(&["move", &one, &moved]).exits(0);
    sandbox.lattice(&["move", &sibling, &beside]).exits(0);
    sandbox.lattice(&["port", &moved, "--to-arch", elsewhere(), "--no-push"]).exits(0).says_out("step.nix");
    assert_eq!(show(&sandbox, &beside, "step.nix"), step(["its own", "b", "second"]));
    // What came from the other does not go back, under whatever name.
    sandbox.lattice(&["undo"]).exits(0);
    port(&sandbox, &beside, ["--to-arch", here()]).exits(0).says_out("step.nix");
    assert_eq!(show(&sandbox, &moved, "step.nix"), step(["its own", "b", "second"]));
}

#[test]
fn own_differences_of_the_sibling_stay_on_the_way_back() {
    let sandbox = Sandbox::new();
    let (one, sibling) = (at("phase0/step1"), far("phase0/step1"));
    for (point, url) in [(&one, "here"), (&sibling, "there")] {
        sandbox.write("config", format!("url = \"{url}\"\n\n# \n# \n# \n\nversion = 1\n"));
        let args = ["new", point, "--template", "step", "--config", "config", "--no-switch", "--no-push"];
        sandbox.lattice(&args).exits(0);
    }
    let config = |point: &str| show(&sandbox, point, "config.toml");
    sandbox.commit_to(&one, &[("config.toml", &config(&one).replace("= 1", "= 2"))]);
    port(&sandbox, &one, there()).exits(0);
    assert_eq!(config(&sibling), "url = \"there\"\n\n# \n# \n# \n\nversion = 2\n");
    let before = tip(&sandbox, &one);
    port(&sandbox, &sibling, ["--to-arch", here()]).exits(0).says_out("unchanged");
    assert_eq!(tip(&sandbox, &one), before);
    sandbox.commit_to(&sibling, &[("config.toml", &config(&sibling).replace("= 2", "= 3"))]);
    port(&sandbox, &sibling, ["--to-arch", here()]).exits(0).says_out("config.toml");
    assert_eq!(config(&one), "url = \"here\"\n\n# \n# \n# \n\nversion = 3\n");
}

#[test]
fn changes_that_arrive_on_two_ways_count_once() {
    let axes = "component = { set = [\"c\"] }\narch = { set = [\"aarch64\", \"x86_64\", \"riscv64\"] }\n\
                phase = { chain = \"phase{n}\" }\nstep = { chain = \"step{n}\" }";
    let sandbox = Sandbox::with_toml(&toml(axes, ""));
    let [one, two, three] = ["aarch64", "x86_64", "riscv64"].map(|arch| format!("c/{arch}/phase1/step1"));
    sandbox.lattice(&["new", &one, &two, &three, "--template", "step", "--no-switch"]).exits(0);
    sandbox.commit_to(&one, &[("step.nix", &step(["first", "b", "c"]))]);
    sandbox.lattice(&["port", &one, "--to-arch", "x86_64,riscv64"]).exits(0);
    // The second changes the line that both have from the first.
    sandbox.commit_to(&two, &[("step.nix", &step(["second", "b", "c"]))]);
    sandbox.lattice(&["port", &two, "--to-arch", "*"]).exits(0);
    for point in [&one, &two, &three] {
        assert_eq!(show(&sandbox, point, "step.nix"), step(["second", "b", "c"]), "{point}");
    }
    let before = sandbox.git(&["for-each-ref", "refs/heads"]);
    let run = sandbox.lattice(&["port", &one, &two, &three, "--to-arch", "*"]).exits(0);
    assert_eq!(sandbox.git(&["for-each-ref", "refs/heads"]), before, "{}", run.stdout);
    assert_eq!(run.stdout.lines().count(), 3, "a line per sibling: {}", run.stdout);
}

#[test]
fn missing_siblings_are_made_as_the_point_was() {
    let sandbox = Sandbox::new();
    let points = ["phase0/step1", "phase0/step2"].map(at);
    sandbox.write("config", "version = 1\n");
    let args = ["new", &points[0], &points[1], "--template", "step", "--config", "config", "--no-switch"];
    sandbox.lattice(&args).exits(0);
    sandbox.commit_to(&points[0], &[("config.toml", "version = 2\n"), ("step.nix", &step(["a", "b", here()]))]);
    let all = format!("toolchain/{}/*/*", here());
    let run = port(&sandbox, &all, there()).exits(0);
    let [one, two] = ["phase0/step1", "phase0/step2"].map(far);
    let run = run.says_out(&format!("created  {one}")).says_out(&format!("created  {two}"));
    run.says_err(&format!("new lines in `step.nix` of `{one}` name the coordinates of `{}`", points[0]));
    assert_eq!(show(&sandbox, &one, "config.toml"), "version = 2\n");
    assert_eq!(show(&sandbox, &two, "config.toml"), "version = 1\n");
    assert!(show(&sandbox, &two, "flake.nix").contains(&format!("\"{}-linux\"", elsewhere())));
    let made = sandbox.git(&["show", &format!("{}~1:{}/config.toml", branch(&one), dir(&one))]);
    assert_eq!(made, "version = 1", "first as generated, then the changes");
    assert_eq!(sandbox.parents(&two), [tip(&sandbox, &one)]);
    assert!(sandbox.remote_has(&one) && sandbox.remote_has(&two));
    sandbox.lattice(&["check", &one, &two]).exits(0);

    sandbox.lattice(&["undo"]).exits(0);
    assert!(!sandbox.has(&one) && !sandbox.has(&two));
}

#[test]
fn new_sibling_is_merged_into_what_is_above_it() {
    let sandbox = Sandbox::new();
    let (one, missing, above) = (at("phase0/step1"), far("phase0/step1"), far("phase0/step2"));
    sandbox.points(&[&one, &above]);
    let run = port(&sandbox, &one, there()).exits(0).says_out(&format!("created    {missing}"));
    assert_ne!(sandbox.state_of(&above), "behind", "{}", run.stdout);
    assert_eq!(sandbox.parents(&above).last(), Some(&tip(&sandbox, &missing)));
}

#[test]
fn conflicts_leave_out_the_sibling_alone() {
    let sandbox = siblings("step");
    let [one, two] = ["phase0/step1", "phase0/step2"].map(at);
    let [first, second] = ["phase0/step1", "phase0/step2"].map(far);
    sandbox.commit_to(&one, &[("step.nix", &step(["ours", "b", "c"])), ("note", "new\n")]);
    sandbox.commit_to(&first, &[("step.nix", &step(["theirs", "b", "c"]))]);
    sandbox.commit_to(&two, &[("step.nix", &step(["a", "b", "c"]))]);
    let all = format!("toolchain/{}/*/*", here());
    let run = sandbox.lattice(&["port", &all, "--to-arch", elsewhere(), "--json"]).exits(1);
    assert_eq!(fields(&run.json()["points"], "outcome"), ["left-out", "ported"]);
    let left_out = run.json()["points"][0].clone();
    assert_eq!(left_out["conflicts"], json!([format!("{}/step.nix", dir(&first))]));
    assert_eq!(show(&sandbox, &second, "step.nix"), step(["a", "b", "c"]));

    // The commands work, and then the changes count as ported.
    let run = port(&sandbox, &one, there()).exits(1).says_out("conflict in");
    let record = run.stderr.split('`').find(|part| part.starts_with("git commit")).unwrap().to_owned();
    let script =
        format!("{}\nset -e\nprintf '%s' \"$1\" >\"$2\"\n{record} -m solved\n", left_out["command"].as_str().unwrap());
    let script = sandbox.program("solve", &format!("#!/bin/sh\n{script}"));
    let mut shell = std::process::Command::new(script);
    shell.args([step(["both", "b", "c"]), format!("{}/step.nix", dir(&first))]).current_dir(sandbox.work());
    sandbox.environment(&mut shell);
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(show(&sandbox, &first, "note"), "new\n");
    sandbox.git(&["switch", "-q", "main"]);
    port(&sandbox, &one, there()).exits(0).says_out(&format!("unchanged  {first}"));
}

#[test]
fn lines_that_name_coordinates_do_not_conflict() {
    let sandbox = siblings("step");
    let (one, sibling) = (at("phase0/step1"), far("phase0/step1"));
    let config = |point: &str, version: u8| {
        let arch = point.split('/').nth(1).unwrap();
        format!("system = \"{arch}-linux\"\nversion = {version}\nbranch = \"feature/{point}\"\n")
    };
    for point in [&one, &sibling] {
        sandbox.commit_to(point, &[("config.toml", &config(point, 1))]);
    }
    port(&sandbox, &one, there()).exits(0);
    sandbox.commit_to(&one, &[("config.toml", &config(&one, 2))]);
    port(&sandbox, &one, there()).exits(0).says_out("config.toml");
    assert_eq!(show(&sandbox, &sibling, "config.toml"), config(&sibling, 2));
}

#[test]
fn changes_made_on_both_by_hand_are_no_conflict() {
    let sandbox = siblings("step");
    let (one, sibling) = (at("phase0/step1"), far("phase0/step1"));
    for point in [&one, &sibling] {
        sandbox.commit_to(point, &[("step.nix", &step(["a", "b", "c"]))]);
    }
    sandbox.commit_to(&one, &[("step.nix", &step(["a", "b", "new"]))]);
    port(&sandbox, &one, there()).exits(0).says_out("step.nix");
    assert_eq!(show(&sandbox, &sibling, "step.nix"), step(["a", "b", "new"]));
    // What the sibling takes back after a port is its own change.
    sandbox.commit_to(&sibling, &[("step.nix", &step(["a", "b", "c"]))]);
    sandbox.commit_to(&one, &[("step.nix", &step(["a", "b", "newer"]))]);
    port(&sandbox, &one, there()).exits(1).says_out("conflict in");
}

#[test]
fn template_is_carried_and_the_flake_rendered() {
    let sandbox = siblings("config");
    let (one, sibling) = (at("phase0/step1"), far("phase0/step1"));
    sandbox.lattice(&["regenerate", &one, "--template", "step", "--no-push"]).exits(0);
    port(&sandbox, &one, there()).exits(0).says_out("flake.nix, step.nix");
    let flake = show(&sandbox, &sibling, "flake.nix");
    assert!(flake.contains("template `step`") && flake.contains(&format!("point = \"{sibling}\"")), "{flake}");
    sandbox.lattice(&["check", &sibling]).exits(0);
    sandbox.lattice(&["regenerate", &sibling]).exits(0).says_out("unchanged");
}

#[test]
fn hand_written_flake_is_merged_at_the_coordinates() {
    let sandbox = siblings("config");
    let (one, sibling) = (at("phase0/step1"), far("phase0/step1"));
    let by_hand = |flake: &str| {
        format!("# git-lattice: hand-written\n{flake}")
            .replace("inherit lattice packages;", "inherit lattice packages; more = 1;")
    };
    let expected = by_hand(&show(&sandbox, &sibling, "flake.nix"));
    sandbox.commit_to(&one, &[("flake.nix", &by_hand(&show(&sandbox, &one, "flake.nix")))]);
    port(&sandbox, &one, there()).exits(0).says_out("flake.nix");
    assert_eq!(show(&sandbox, &sibling, "flake.nix"), expected);
    // A generated flake with another template says nothing about one that is written by hand.
    sandbox.lattice(&["regenerate", &at("phase0/step2"), "--template", "step", "--no-push"]).exits(0);
    sandbox.commit_to(&far("phase0/step2"), &[("flake.nix", "# git-lattice: hand-written\n{ outputs = _: { }; }\n")]);
    let run = port(&sandbox, &at("phase0/step2"), there()).exits(1);
    run.says_out(&format!("conflict in {}/flake.nix", dir(&far("phase0/step2"))));
}

#[test]
fn lock_files_are_taken_as_a_whole() {
    let sandbox = siblings("step");
    let (one, sibling) = (at("phase0/step1"), far("phase0/step1"));
    let lock = |first: u8, last: u8| format!("{{\n  \"a\": {first},\n\n\n\n\n\n  \"b\": {last}\n}}\n");
    sandbox.commit_to(&one, &[("flake.lock", &lock(1, 1))]);
    port(&sandbox, &one, there()).exits(0).says_out("flake.lock");
    sandbox.commit_to(&one, &[("flake.lock", &lock(2, 1))]);
    sandbox.commit_to(&sibling, &[("flake.lock", &lock(1, 2))]);
    port(&sandbox, &one, there()).exits(1).says_out("flake.lock");
}

#[test]
fn modes_links_and_deletions_are_carried() {
    let sandbox = siblings("step");
    let (one, sibling) = (at("phase0/step1"), far("phase0/step1"));
    sandbox.commit_to(&one, &[("run", "#!/bin/sh\n"), ("old", "old\n")]);
    port(&sandbox, &one, there()).exits(0);
    sandbox.git(&["switch", "-q", &branch(&one)]);
    sandbox.git(&["update-index", "--chmod=+x", &format!("{}/run", dir(&one))]);
    sandbox.git(&["rm", "-q", &format!("{}/old", dir(&one))]);
    std::os::unix::fs::symlink("run", sandbox.work().join(dir(&one)).join("link")).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff");
    std::fs::write(sandbox.work().join(dir(&one)).join(odd), format!("{}\n", here())).unwrap();
    sandbox.git(&["add", &dir(&one)]);
    sandbox.git(&["update-index", "--chmod=+x", &format!("{}/run", dir(&one))]);
    sandbox.git(&["commit", "-q", "-m", "modes"]);
    sandbox.git(&["reset", "-q", "--hard"]);
    sandbox.git(&["switch", "-q", "main"]);
    port(&sandbox, &one, there()).exits(0).says_out("link, odd\u{fffd}, old, run");
    let list = |point: &str| sandbox.git(&["ls-tree", &format!("{}:{}", branch(point), dir(point))]);
    let without_flake =
        |point: &str| list(point).lines().filter(|line| !line.ends_with("flake.nix")).collect::<Vec<_>>().join("\n");
    assert_eq!(without_flake(&sibling), without_flake(&one));
    assert!(list(&sibling).contains("100755") && list(&sibling).contains("120000"));
}

#[test]
fn dry_run_writes_nothing_and_shows_the_plan() {
    let sandbox = siblings("step");
    let (one, missing) = (at("phase0/step1"), at("phase3/step1"));
    sandbox.commit_to(&one, &[("note", "new\n")]);
    sandbox.lattice(&["status"]).exits(0);
    let run = sandbox.refused(&["port", &one, "--to-arch", elsewhere(), "--dry-run"]).exits(0);
    run.says_out(&format!("would port     {}", far("phase0/step1")));
    let run = sandbox.refused(&["port", &one, "--to-phase", "phase3", "--dry-run"]).exits(0);
    run.says_out(&format!("would create  {missing}"));
}

#[test]
fn no_restack_leaves_points_above_behind() {
    let sandbox = siblings("step");
    let one = at("phase0/step1");
    sandbox.commit_to(&one, &[("note", "new\n")]);
    sandbox.lattice(&["port", &one, "--to-arch", elsewhere(), "--no-restack", "--no-push"]).exits(0);
    assert_eq!(sandbox.state_of(&far("phase0/step2")), "behind");
    sandbox.lattice(&["undo"]).exits(0);
    assert_ne!(sandbox.state_of(&far("phase0/step2")), "behind");
}

#[test]
fn checked_out_siblings_follow_or_are_left_out() {
    let sandbox = siblings("step");
    let (one, sibling) = (at("phase0/step1"), far("phase0/step1"));
    sandbox.commit_to(&one, &[("step.nix", &step(["a", "b", "c"])), ("note", "new\n")]);
    sandbox.git(&["switch", "-q", &branch(&sibling)]);
    sandbox.write(&format!("{}/note", dir(&sibling)), "mine\n");
    let before = sandbox.state();
    port(&sandbox, &one, there()).exits(1).says_out("note");
    assert_eq!(sandbox.state(), before, "an untracked file is in the way");
    std::fs::remove_file(sandbox.work().join(dir(&sibling)).join("note")).unwrap();
    sandbox.write(&format!("{}/step.nix", dir(&sibling)), "# not committed\n");
    port(&sandbox, &one, there()).exits(1).says_out("uncommitted changes");
    sandbox.git(&["checkout", "-q", "."]);
    port(&sandbox, &one, there()).exits(0);
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "");
    assert!(sandbox.work().join(dir(&sibling)).join("note").exists());
}

#[test]
fn other_clone_goes_on_from_the_last_port() {
    let sandbox = siblings("step");
    let (one, sibling) = (at("phase0/step1"), far("phase0/step1"));
    sandbox.commit_to(&one, &[("step.nix", &step(["first", "b", "c"]))]);
    port(&sandbox, &one, there()).exits(0);
    let colleague = sandbox.colleague();
    let run = |args: &[&str]| sandbox.lattice_in(colleague, args, |command| command);
    for (point, lines) in [(&sibling, ["its own", "b", "c"]), (&one, ["first", "b", "second"])] {
        sandbox.git_in(colleague, &["switch", "-q", &branch(point)]);
        std::fs::write(sandbox.path(colleague).join(dir(point)).join("step.nix"), step(lines)).unwrap();
        sandbox.git_in(colleague, &["commit", "-q", "-a", "-m", "change"]);
    }
    run(&["port", &one, "--to-arch", elsewhere()]).exits(0).says_out(&format!("ported     {sibling}"));
    let text = sandbox.git_in("remote.git", &["show", &format!("{}:{}/step.nix", branch(&sibling), dir(&sibling))]);
    assert_eq!(text + "\n", step(["its own", "b", "second"]));
}

#[test]
fn failed_push_is_made_up_for_by_the_same_command() {
    let sandbox = siblings("step");
    let (one, sibling, above) = (at("phase0/step1"), far("phase0/step1"), far("phase0/step2"));
    sandbox.points(&[&at("phase5/step1")]);
    sandbox.commit_to(&one, &[("note", "new\n")]);
    sandbox.git(&["remote", "set-url", "--push", "origin", "/nonexistent"]);
    port(&sandbox, &one, there()).exits(1).says_err("the same command pushes them later");
    sandbox.git(&["remote", "set-url", "--delete", "--push", "origin", "/nonexistent"]);
    port(&sandbox, &one, there()).exits(0).says_out("unchanged").says_err("pushed now");
    for point in [&sibling, &above] {
        assert_eq!(sandbox.git_in("remote.git", &["rev-parse", &branch(point)]), tip(&sandbox, point), "{point}");
    }
    assert!(!sandbox.remote_has(&at("phase5/step1")), "other points stay where they are");
    port(&sandbox, &one, there()).exits(0).never_says("pushed now");
}

#[test]
fn bad_input_is_refused_with_nothing_written() {
    let sandbox = siblings("step");
    let one = at("phase0/step1");
    sandbox.refused(&["port", "--to-arch", elsewhere()]).exits(2).says_err("HEAD is not on the branch of a point");
    sandbox.refused(&["port", &one]).exits(2).says_err("git lattice port POINT --to arch=VALUE");
    sandbox.refused(&["port", &one, "--to", "arch"]).exits(2).says_err("expected AXIS=VALUE");
    sandbox.refused(&["port", &one, "--to", "moon=1"]).exits(2).says_err("unknown axis `moon`");
    sandbox.refused(&["port", &one, "--to-arch", "mips"]).exits(2).says_err("unknown value `mips`");
    sandbox.refused(&["port", &one, "--to-arch", here()]).exits(2).says_err("names only the points themselves");
    sandbox.refused(&["port", &at("phase9/step1"), "--to-arch", elsewhere()]).exits(2).says_err("has no branch");
}

#[test]
fn siblings_that_cannot_be_made_are_left_out() {
    let sandbox = siblings("step");
    let one = at("phase0/step1");
    sandbox.git(&["branch", &format!("{}/mine", branch(&at("phase3/step1"))), "main"]);
    sandbox.commit_to(&one, &[("note", "new\n")]);
    let run = sandbox.lattice(&["port", &one, "--to-phase", "phase3", "--to-arch", "*", "--json"]).exits(1);
    assert_eq!(fields(&run.json()["points"], "outcome"), ["created", "left-out"]);
    assert!(
        run.json()["points"][1]["reason"].as_str().unwrap().contains("conflicts with the branch"),
        "{}",
        run.stdout
    );
    sandbox.commit_to(&far("phase0/step1"), &[("config.toml", "a = 1\n")]);
    sandbox.commit_to(&one, &[("config.toml", "b = \n")]);
    port(&sandbox, &one, there()).exits(1);
}
