//! `git lattice regenerate`: the flakes of existing points anew.

use crate::nix_setup::every_nix;
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

/// A repository of this machine with a flake; its path has no spaces, which Nix 2.8 does not decode.
fn own_nixpkgs(sandbox: &Sandbox) -> String {
    let dir = sandbox.path("").parent().unwrap().join("nixpkgs");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("flake.nix"), "{ outputs = _: { }; }\n").unwrap();
    let path = dir.to_str().unwrap();
    for args in [&["init", "-q"][..], &["add", "flake.nix"], &["commit", "-q", "-m", "one"]] {
        sandbox.git(&[&["-C", path], args].concat());
    }
    path.to_owned()
}

fn make_with_nixpkgs(sandbox: &Sandbox, nixpkgs: &str, points: &[&str]) {
    let config = format!("[nix]\nnixpkgs_path = \"git+file://{nixpkgs}\"\n");
    let args = [&["new", "--template", "nixpkgs", "--config", "-", "--no-switch"], points].concat();
    sandbox.lattice_in("work", &args, |command| command.write_stdin(config)).exits(0);
}

#[test]
fn update_lock_takes_a_newer_commit_of_an_input() {
    let [one, two, _] = points();
    for nix in every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        let nixpkgs = own_nixpkgs(&sandbox);
        make_with_nixpkgs(&sandbox, &nixpkgs, &[&one, &two]);
        let head = || sandbox.git(&["-C", &nixpkgs, "rev-parse", "HEAD"]).trim().to_owned();
        let locks = |commit: &str| [&one, &two].map(|point| show(&sandbox, point, "flake.lock").contains(commit));
        let first = head();
        assert_eq!(locks(&first), [true; 2]);
        sandbox.lattice(&["regenerate", &one, "--update-lock"]).exits(0).says_out(&format!("unchanged  {one}"));
        sandbox.git(&["-C", &nixpkgs, "commit", "-q", "--allow-empty", "-m", "two"]);
        let changed = format!("regenerate  {one}  changed flake.lock");
        sandbox.lattice(&["regenerate", &one, "--update-lock", "--dry-run"]).exits(0).says_out(&changed);
        sandbox.lattice(&["regenerate", &one, "--update-lock=nixpkgs"]).exits(0).says_out("changed flake.lock");
        assert_eq!(locks(&head()), [true, false], "only the named point changes");
        assert_eq!(locks(&first), [false, true]);
    }
}

#[test]
fn input_of_this_machine_is_locked_only_for_its_author() {
    let [one, ..] = points();
    for nix in every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        let nixpkgs = own_nixpkgs(&sandbox);
        make_with_nixpkgs(&sandbox, &nixpkgs, &[&one]);
        sandbox.git_in("", &["clone", "-q", "remote.git", "theirs"]);
        for args in [&["regenerate", &one, "--update-lock", "--dry-run"][..], &["regenerate", &one, "--update-lock"]] {
            let run = sandbox.lattice_in("theirs", args, |command| command).exits(1);
            run.says_out("which is read from this machine, and its config.toml was not written in this clone");
        }
    }
}

#[test]
fn points_made_here_need_no_trust_afterwards() {
    let sandbox = grown("step");
    let [one, two, _] = points();
    sandbox.lattice(&["regenerate", &one, "--set", "a=1"]).exits(0);
    for point in [&one, &two] {
        sandbox.lattice(&["trust", point]).exits(0).says_err("is built automatically already");
    }
    // In another clone these points were never made.
    sandbox.git_in("", &["clone", "-q", "remote.git", "theirs"]);
    sandbox.lattice_in("theirs", &["regenerate", &one, "--set", "a=2", "--no-push"], |command| command).exits(0);
    let run = sandbox.lattice_in("theirs", &["trust", &one], |command| command);
    assert!(!run.stderr.contains("is built automatically already"), "{}", run.stderr);
}
