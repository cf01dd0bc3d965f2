//! Files of the machine that the sandbox lets builds read: recorded, shown, marked, and refused if the project asks for it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::nix_setup::{CONFIGURATION, every_nix};
use crate::sandbox::Sandbox;
use crate::story::{at, chains, toml};

const ONE: &str = "phase0/step1";
const TWO: &str = "phase0/step2";

/// A step.nix whose builder runs this script; `more` are further attributes.
fn step(script: &str, more: &str) -> String {
    format!(
        "{{ system, output, ... }}:\nderivation {{\n  name = \"scripted\";\n  inherit system;\n  builder = \"/bin/sh\";\n  \
         args = [\n    \"-c\"\n    {script:?}\n  ];\n{more}}}\n"
    )
}

/// A sandbox with points whose step.nix has this text.
fn with_points(nix: &Path, policy: &str, steps: &[(&str, &str)]) -> Sandbox {
    let mut sandbox = Sandbox::with_toml(&toml(&chains("[\"phase0\", \"phase1\"]", "\"step{n}\""), policy));
    sandbox.use_nix(nix);
    for (place, text) in steps {
        sandbox.lattice(&["new", &at(place), "--template", "step", "--no-push", "--no-switch"]).exits(0);
        sandbox.commit_to(&at(place), &[("step.nix", text)]);
    }
    sandbox
}

/// Adds lines to nix.conf, instead of the last ones.
fn configure(sandbox: &Sandbox, lines: &str) {
    fs::write(sandbox.path("nix/conf/nix.conf"), format!("{CONFIGURATION}{lines}\n")).unwrap();
}

/// The `impure` of a point's newest record.
fn recorded(sandbox: &Sandbox, place: &str) -> Value {
    let shown = sandbox.lattice(&["show", "--json", &at(place)]).exits(0).json();
    shown["records"].as_array().unwrap().last().unwrap()["impure"].clone()
}

/// A folder of the machine with a file `text`; its path has no space.
fn host() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("text"), "from the machine\n").unwrap();
    let path = folder.path().display().to_string();
    (folder, path)
}

/// Lets builds read this folder as `/host`.
fn let_in(sandbox: &Sandbox, host: &str) {
    configure(sandbox, &format!("extra-sandbox-paths = /host={host} /not-there?"));
}

const READS: &str = "read -r line </host/text; echo $line >$out";

#[test]
fn paths_of_the_sandbox_are_recorded_and_shown() {
    for nix in every_nix() {
        let sandbox = with_points(&nix, "", &[(ONE, &step(READS, ""))]);
        let (_folder, host) = host();
        let_in(&sandbox, &host);
        sandbox.lattice(&["build", &at(ONE)]).exits(0);
        assert_eq!(recorded(&sandbox, ONE), json!([host]));
        sandbox.lattice(&["show", &at(ONE)]).exits(0).says_out(&format!("with {host} of the machine"));
        sandbox.lattice(&["status"]).exits(0).says_out("built ~");
        assert_eq!(sandbox.point(&at(ONE))["impure"], json!([format!("{}-linux", std::env::consts::ARCH)]));
        sandbox.lattice(&["status"]).exits(0).says_out("built ~");
        let base = sandbox.lattice(&["show", "--trusted-base", &at(ONE)]).exits(0);
        let base = base.says_out(&format!("machine  {host}  no hash"));
        base.says_out("no file or tree from outside, by its derivations; 1 path of machines, by the records");
        let doctor = sandbox.lattice(&["doctor", "--offline"]).exits(0);
        doctor.says_out("lets builds read").says_out(&format!("`{host}`"));
    }
}

#[test]
fn pure_build_is_recorded_as_such() {
    for nix in every_nix() {
        let sandbox = with_points(&nix, "", &[(ONE, &step("echo pure >$out", ""))]);
        sandbox.lattice(&["build", &at(ONE)]).exits(0);
        assert_eq!(recorded(&sandbox, ONE), json!([]));
        assert_eq!(sandbox.point(&at(ONE))["impure"], json!([]));
        let doctor = sandbox.lattice(&["doctor", "--offline"]).exits(0).stdout;
        assert!(!doctor.contains("lets builds read"), "{doctor}");
        // An output that was there says nothing about how it was built.
        let (_folder, host) = host();
        let_in(&sandbox, &host);
        sandbox.lattice(&["build", "--again", &at(ONE)]).exits(0);
        assert_eq!(recorded(&sandbox, ONE), Value::Null);
        assert_eq!(sandbox.point(&at(ONE))["impure"], json!([]), "the first build was pure");
    }
}

#[test]
fn derivation_outside_the_sandbox_reads_everything() {
    let own = step("echo out >$out", "  __noChroot = true;\n");
    for nix in every_nix() {
        let sandbox = with_points(&nix, "", &[(ONE, &own), (TWO, &step("echo in >$out", ""))]);
        configure(&sandbox, "sandbox = relaxed");
        sandbox.lattice(&["build", &at(ONE), &at(TWO)]).exits(0);
        assert_eq!((recorded(&sandbox, ONE), recorded(&sandbox, TWO)), (json!(["/"]), json!([])));
        // Without a sandbox, each build does.
        configure(&sandbox, "sandbox = false");
        sandbox.commit_to(&at(TWO), &[("step.nix", &step("echo again >$out", ""))]);
        sandbox.lattice(&["build", &at(TWO)]).exits(0);
        assert_eq!(recorded(&sandbox, TWO), json!(["/"]));
    }
}

#[test]
fn paths_that_a_derivation_asks_for_are_recorded() {
    for nix in every_nix() {
        let (_folder, host) = host();
        let sandbox = with_points(&nix, "", &[(ONE, "_: null\n")]);
        configure(&sandbox, &format!("allowed-impure-host-deps = {host}"));
        let text = step(
            &format!("read -r line <{host}/text; echo $line >$out"),
            &format!("  __impureHostDeps = [ \"{host}\" ];\n"),
        );
        sandbox.commit_to(&at(ONE), &[("step.nix", &text)]);
        sandbox.lattice(&["build", &at(ONE)]).exits(0);
        assert_eq!(recorded(&sandbox, ONE), json!([host]));
    }
}

#[test]
fn pure_promotion_refuses_files_of_the_machine() {
    for nix in every_nix() {
        let policy = "[promote]\nrequire = { pure = true }\n";
        let above = step("read -r line <$below; echo $line >$out", &format!("  below = output \"{ONE}\";\n"));
        let steps = [(ONE, &*step("echo pure >$out", "")), (TWO, &*above)];
        let sandbox = with_points(&nix, policy, &steps);
        let (_folder, host) = host();
        let_in(&sandbox, &host);
        sandbox.lattice(&["build", &at(ONE)]).exits(0);
        configure(&sandbox, "");
        sandbox.lattice(&["build", &at(TWO)]).exits(0);
        // The step itself is pure, the one below is not.
        let run = sandbox.lattice(&["promote", &at(TWO), "--no-push", "--no-switch"]).exits(1);
        let run = run.says_out(&at(ONE)).says_out(&format!("built with `{host}` of the machine"));
        run.says_out(&format!("git lattice build {} --check", at(ONE)));
        sandbox.lattice(&["build", "--check", &at(ONE)]).exits(0);
        assert_eq!(recorded(&sandbox, ONE), json!([]), "the second build is pure");
        sandbox.lattice(&["promote", &at(TWO), "--no-push", "--no-switch"]).exits(0);
    }
}

#[test]
fn pure_promotion_refuses_what_is_not_known() {
    let policy = "[promote]\nrequire = { pure = true }\n";
    let sandbox = Sandbox::with_toml(&toml(&chains("[\"phase0\", \"phase1\"]", "\"step{n}\""), policy));
    sandbox.points(&[&at(ONE)]);
    sandbox.built_elsewhere(&[&at(ONE)]);
    sandbox.lattice(&["promote", &at(ONE), "--no-push"]).exits(1).says_out("not known to be pure on");
    let bad = policy.replace("true", "1");
    sandbox.write("lattice.toml", toml(&chains("[\"phase0\", \"phase1\"]", "\"step{n}\""), &bad));
    sandbox.commit_lattice();
    sandbox.lattice(&["promote", &at(ONE)]).exits(2).says_err("pure = true");
}
