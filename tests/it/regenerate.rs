//! `git lattice regenerate`: the flakes of existing points anew.

use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir};

fn points() -> [String; 3] {
    ["phase0/step1", "phase0/step2", "phase1/step1"].map(at)
}

/// A clone with a chain of three points, all pushed, HEAD on `main`.
fn grown(template: &str) -> Sandbox {
    Sandbox::grown(template, &points())
}

fn show(sandbox: &Sandbox, point: &str, file: &str) -> String {
    sandbox.git(&["show", &format!("{}:{}/{file}", branch(point), dir(point))])
}

#[test]
fn generated_points_are_left_as_they_are() {
    let sandbox = grown("step");
    let before = sandbox.git(&["for-each-ref"]);
    let run = sandbox.lattice(&["regenerate"]).exits(0).says_out("each generated flake.nix");
    assert_eq!(sandbox.git(&["for-each-ref"]), before, "{}", run.stdout);
}

#[test]
fn set_changes_config_toml_and_restacks() {
    let sandbox = grown("step");
    let [one, two, three] = points();
    let config = "# of step 1\nname = \"a\" # kept\n\n[hello]\nversion = \"1\"\n";
    sandbox.commit_to(&one, &[("config.toml", config)]);
    sandbox.lattice(&["restack", "--no-push"]).exits(0);
    let args = ["regenerate", &one, "--set", "hello.version=2.12", "--set", "hello.count=3", "--set", "name=\"b\""];
    let run = sandbox.lattice(&args).exits(0);
    run.says_out(&format!("regenerated  {one}")).says_out("config.toml").says_out(&format!("restacked    {two}"));
    let expected = "# of step 1\nname = \"b\" # kept\n\n[hello]\nversion = 2.12\ncount = 3";
    assert_eq!(show(&sandbox, &one, "config.toml"), expected);
    for point in [&two, &three] {
        let copy = sandbox.git(&["show", &format!("{}:{}/config.toml", branch(point), dir(&one))]);
        assert_eq!(copy, expected, "{point} is restacked");
        assert_eq!(sandbox.state_of(point), "new");
    }
    let message = sandbox.git(&["log", "-1", "--format=%B", &branch(&one)]);
    assert!(message.contains(&format!("Lattice-Regenerate: {one}\nLattice-Template: step@")), "{message}");
    sandbox.lattice(&["check"]).exits(0);
    sandbox.lattice(&["undo"]).exits(0);
    assert!(show(&sandbox, &one, "config.toml").contains("\"1\""));
}

#[test]
fn drifted_flake_is_named_and_regenerated() {
    let sandbox = grown("config");
    let [one, two, _] = points();
    let good = show(&sandbox, &one, "flake.nix");
    sandbox.commit_to(&one, &[("flake.nix", &format!("{good}\n# edited\n"))]);
    let run = sandbox.lattice(&["check"]);
    assert!(run.stdout.contains(&format!("git lattice regenerate {one}")), "{}", run.stdout);
    let doctor = ["doctor", "--offline"];
    sandbox
        .lattice(&doctor)
        .says_out(&format!("`flake.nix` of `{one}` does not fit"))
        .says_out("git lattice regenerate");
    let run = sandbox.lattice(&["regenerate", "--dry-run"]).exits(0).says_out(&format!("would regenerate  {one}"));
    assert!(run.stdout.contains("flake.nix"), "{}", run.stdout);
    sandbox.lattice(&["regenerate", "--no-restack", "--no-push"]).exits(0);
    assert!(!sandbox.lattice(&doctor).stdout.contains("does not fit"), "it was mended");
    assert_eq!(show(&sandbox, &one, "flake.nix"), good);
    assert_eq!(sandbox.state_of(&two), "behind", "`--no-restack` leaves it");
}

#[test]
fn hand_written_flake_is_left_out() {
    let sandbox = grown("config");
    let [one, two, _] = points();
    sandbox.commit_to(&one, &[("flake.nix", "# git-lattice: hand-written\n{ outputs = _: { }; }\n")]);
    let run = sandbox.lattice(&["regenerate", &one, &two]).exits(1);
    run.says_out("hand-written").says_out(&format!("unchanged  {two}"));
}

#[test]
fn template_changes_with_a_first_step() {
    let sandbox = grown("config");
    let [one, ..] = points();
    sandbox.lattice(&["regenerate", &one, "--template", "step"]).exits(0).says_out("step.nix");
    assert!(!show(&sandbox, &one, "step.nix").is_empty());
    sandbox.lattice(&["check"]).exits(0);
}

#[test]
fn bad_settings_are_refused_with_nothing_written() {
    let sandbox = grown("config");
    let [one, ..] = points();
    sandbox.refused(&["regenerate", &one, "--set", "novalue"]).exits(2).says_err("expected KEY=VALUE");
    sandbox.refused(&["regenerate", "--set", "a=1"]).exits(2).says_err("name the points to change");
    sandbox.refused(&["regenerate", &one, "--update-lock=flake-utils"]).exits(2).says_err("expected `nixpkgs`");
    sandbox.lattice(&["regenerate", &one, "--set", "a..b=1"]).exits(1).says_out("`a..b` cannot be set");
}

#[test]
fn build_warns_of_a_flake_that_does_not_fit() {
    let mut sandbox = grown("config");
    sandbox.forbid_nix();
    let [one, ..] = points();
    let flake = show(&sandbox, &one, "flake.nix");
    sandbox.commit_to(&one, &[("flake.nix", &format!("{flake}\n# edited\n"))]);
    let run = sandbox.lattice(&["build", &one]);
    assert!(run.stderr.contains(&format!("git lattice regenerate {one}")), "{}", run.stderr);
}
