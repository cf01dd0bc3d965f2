//! `git lattice bisect`: the first step of a chain that fails.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::nix_setup::every_nix;
use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, dir, elsewhere, far, fields, here, texts};

/// The first steps of a phase on this machine's architecture.
fn steps(count: usize) -> Vec<String> {
    (1..=count).map(|step| at(&format!("phase0/step{step}"))).collect()
}

/// A chain of steps with template `step`, HEAD on `main`, and a Nix that must not run.
fn chain(count: usize) -> (Sandbox, Vec<String>) {
    let mut sandbox = Sandbox::new();
    sandbox.forbid_nix();
    let steps = steps(count);
    let points: Vec<&str> = steps.iter().map(String::as_str).collect();
    sandbox.lattice(&[&["new", "--template", "step", "--no-switch", "--no-push"], &points[..]].concat()).exits(0);
    (sandbox, steps)
}

fn system() -> String {
    format!("{}-linux", here())
}

/// The text of a step.nix that takes the step below and then runs this shell script.
fn step(script: &str) -> String {
    format!(
        "{{ system, previous, ... }}:\nderivation {{\n  name = \"scripted\";\n  inherit system previous;\n  builder = \"/bin/sh\";\n  \
         args = [\n    \"-c\"\n    {script:?}\n  ];\n}}\n"
    )
}

/// Commits the fault to the step with this number and merges it into those above.
fn break_step(sandbox: &Sandbox, steps: &[String], number: usize) {
    for (i, point) in steps.iter().enumerate() {
        let script = if i + 1 == number { "echo the fault >&2; exit 1" } else { "echo fine >$out" };
        sandbox.commit_to(point, &[("step.nix", &step(script))]);
    }
    sandbox.lattice(&["restack", "--no-push"]).exits(0);
}

/// Uses this Nix from now on.
fn with_nix(sandbox: &mut Sandbox, nix: &Path) {
    sandbox.use_nix(nix);
}

fn first(run: &Run) -> Value {
    run.json()["chains"][0].clone()
}

#[test]
fn records_alone_name_the_first_red_step() {
    let (sandbox, steps) = chain(4);
    sandbox.commit_to(&steps[2], &[("step.nix", "{ ... }: throw \"third\"\n")]);
    sandbox.record(&steps[1], &system(), "built");
    sandbox.record(&steps[2], &system(), "failed");
    sandbox.record(&steps[3], &system(), "failed");
    let run = sandbox.lattice(&["bisect", &steps[3]]).exits(0);
    let run = run.says_out(&format!("green      {}", steps[1])).says_out(&format!("first red  {}", steps[2]));
    run.says_out(&format!("from `{}` to `{}`:", steps[1], steps[2])).says_out("+{ ... }: throw \"third\"");
    let json = first(&sandbox.lattice(&["bisect", &steps[3], "--json"]).exits(0));
    assert_eq!(
        (&json["verdict"], &json["at"], &json["last_green"]),
        (&json!("red"), &json!(steps[2]), &json!(steps[1]))
    );
    assert_eq!(fields(&json["steps"], "state"), ["green", "green", "red", "red"]);
    assert_eq!(json["compared"], json!({ "from": steps[1], "files": [{ "path": "step.nix", "status": "modified" }] }));
    let whole = sandbox.lattice(&["bisect", &format!("toolchain/{}/*/step{{2,3}}", here()), "--json"]).exits(0);
    assert_eq!(first(&whole)["steps"].as_array().unwrap().len(), 2, "only the named steps");
    assert!(!sandbox.nix_was_called());
}

#[test]
fn built_step_answers_for_all_below_it() {
    let (sandbox, steps) = chain(3);
    sandbox.record(&steps[2], &system(), "built");
    let run = sandbox.lattice(&["bisect", &steps[2]]).exits(0);
    run.says_out(&format!("green  {}  with all steps below it", steps[2]));
    assert!(!sandbox.nix_was_called());
    // A new commit below is not part of what was built.
    sandbox.commit_to(&steps[0], &[("note", "new\n")]);
    let json = first(&sandbox.refused(&["bisect", &steps[2], "--dry-run", "--json"]).exits(0));
    assert_eq!((&json["verdict"], &json["at"]), (&json!("open"), &json!(steps[0])));
}

#[test]
fn dry_run_shows_what_would_be_built() {
    let (sandbox, steps) = chain(8);
    sandbox.record(&steps[0], &system(), "built");
    sandbox.lattice(&["status"]).exits(0);
    let run = sandbox.refused(&["bisect", &steps[7], "--dry-run"]).exits(0);
    run.says_out(&format!("would build  {}  at most 4 builds", steps[7]));
    sandbox.record(&steps[7], &system(), "failed");
    let run = sandbox.refused(&["bisect", &steps[7], "--dry-run"]).exits(0);
    run.says_out(&format!("would build  {}  at most 3 builds", steps[3]));
    assert!(!sandbox.nix_was_called());
}

#[test]
fn builds_by_halves_only_what_is_needed() {
    for nix in every_nix() {
        let (mut sandbox, steps) = chain(6);
        break_step(&sandbox, &steps, 4);
        with_nix(&mut sandbox, &nix);
        sandbox.git(&["switch", "-q", &branch(&steps[5])]);
        let run = sandbox.lattice(&["bisect", "--json"]).exits(0);
        let json = first(&run);
        assert_eq!((&json["at"], &json["last_green"]), (&json!(steps[3]), &json!(steps[2])), "{}", run.stdout);
        assert!(json["error"].as_str().unwrap().contains("exit code 1"), "{json}");
        assert!(std::fs::read_to_string(texts(&json["logs"])[0]).unwrap().contains("the fault"));
        let built = fields(&run.json()["results"], "point").len();
        assert!((2..=4).contains(&built), "{built} builds of 6 steps");
        // The results are recorded, so nothing is built the second time.
        let again = sandbox.lattice(&["bisect"]).exits(0);
        let again = again.says_out(&format!("first red  {}", steps[3])).says_err("full log: ");
        again.says_out("-    \"echo fine >$out\"").never_says("built  ");
    }
}

#[test]
fn all_green_chain_is_an_answer() {
    for nix in every_nix() {
        let (mut sandbox, steps) = chain(3);
        with_nix(&mut sandbox, &nix);
        let run = sandbox.lattice(&["bisect", &steps[2]]).exits(0);
        run.says_out(&format!("green  {}  with all steps below it", steps[2]));
        assert_eq!(sandbox.records().len(), 1, "the last step contains all others");
    }
}

#[test]
fn red_here_and_green_there_are_compared() {
    let (sandbox, steps) = chain(2);
    let [one, two] = ["phase0/step1", "phase0/step2"].map(far);
    sandbox.lattice(&["new", "--template", "step", "--no-switch", "--no-push", &one, &two]).exits(0);
    sandbox.commit_to(&one, &[("step.nix", "{ ... }: throw \"only there\"\n")]);
    sandbox.lattice(&["restack", "--no-push"]).exits(0);
    let far_system = format!("{}-linux", elsewhere());
    sandbox.record(&steps[1], &system(), "built");
    sandbox.record(&one, &far_system, "failed");
    let run = sandbox.lattice(&["bisect", "toolchain/*/phase0/step2"]).exits(0);
    let run = run.says_out(&format!("green      {}", steps[1])).says_out(&format!("first red  {one}"));
    run.says_out(&format!("from `{}` to `{one}`:", steps[0])).says_out("+{ ... }: throw \"only there\"");
    let json = sandbox.lattice(&["bisect", "--arch", "*", "--component", "toolchain", "--step", "step2", "--json"]);
    let verdicts = fields(&json.json()["chains"], "verdict").into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(verdicts.iter().filter(|verdict| *verdict == "red").count(), 1, "{verdicts:?}");
}

#[test]
fn chain_without_a_builder_is_undecided() {
    for nix in every_nix() {
        let mut sandbox = Sandbox::new();
        let [one, two] = ["phase0/step1", "phase0/step2"].map(far);
        sandbox.points(&[&one, &two]);
        with_nix(&mut sandbox, &nix);
        let run = sandbox.lattice(&["bisect", &two]).exits(1);
        run.says_out(&format!("unknown  {two}  no machine builds it"));
        let json = first(&sandbox.lattice(&["bisect", &two, "--json"]).exits(1));
        assert_eq!((&json["verdict"], &json["error"]), (&json!("undecided"), &json!("no machine builds it")));
    }
}

#[test]
fn interrupted_bisection_goes_on() {
    const SIGINT: i32 = 2;
    for nix in every_nix() {
        let (mut sandbox, steps) = chain(2);
        sandbox.commit_to(&steps[1], &[("step.nix", &step("while [ ! -e /never ]; do :; done"))]);
        with_nix(&mut sandbox, &nix);
        let before = sandbox.state();
        let mut running = sandbox.command("work", &["bisect", &steps[1]]).spawn().unwrap();
        let log = sandbox.work().join(".git/lattice/log");
        let since = Instant::now();
        let has_begun = || std::fs::read_dir(&log).is_ok_and(|mut files| files.next().is_some());
        while !has_begun() && since.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(Duration::from_secs(1));
        Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
        assert_eq!(running.wait().unwrap().signal(), Some(SIGINT), "it should end by the signal it got");
        let refs = |state: &str| {
            state.lines().filter(|line| !line.contains("refs/notes/")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(refs(&sandbox.state()), refs(&before));
        assert_eq!(fields(&json!(sandbox.records()), "verdict"), ["cancelled"]);
        sandbox.commit_to(&steps[1], &[("step.nix", &step("exit 1"))]);
        sandbox.lattice(&["bisect", &steps[1]]).exits(0).says_out(&format!("first red  {}", steps[1]));
    }
}

#[test]
fn bad_input_is_refused() {
    let (sandbox, steps) = chain(1);
    sandbox.refused(&["bisect"]).exits(2).says_err("HEAD is not on the branch of a point");
    sandbox.refused(&["bisect", &at("phase7/step1")]).exits(2).says_err("has no branch");
    sandbox.git(&["switch", "-q", &branch(&steps[0])]);
    sandbox.git(&["rm", "-q", "-r", &dir(&steps[0])]);
    sandbox.git(&["commit", "-q", "-m", "gone"]);
    sandbox.refused(&["bisect", &steps[0]]).exits(2).says_err("has no `flakes/");
}
