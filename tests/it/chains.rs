//! Chains of points, made and built through the binary by every Nix: outputs have the bytes that went in.

use std::path::Path;

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, fields, here};

fn with_nix(nix: &Path) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.use_nix(nix);
    sandbox
}

fn make(sandbox: &Sandbox, point: &str, config: &str, more: &[&str]) {
    let args = [&["new", point, "--config", "-", "--no-push", "--no-switch"], more].concat();
    sandbox.lattice_in("work", &args, |command| command.write_stdin(config)).exits(0);
}

/// Builds a point and returns its derivation and the content of its output.
fn build(sandbox: &Sandbox, point: &str) -> (String, Vec<u8>) {
    let built = sandbox.lattice(&["build", point, "--json"]).exits(0).json();
    let record = &built["results"][0];
    (record["drv"].as_str().unwrap().to_owned(), sandbox.built(record["outputs"]["out"]["path"].as_str().unwrap()))
}

#[test]
fn config_chain_builds_alike_on_every_nix() {
    let points = ["phase0/step1", "phase0/step2", "phase1/step1"].map(at);
    let mut all = Vec::new();
    for nix in every_nix() {
        let sandbox = with_nix(&nix);
        for (i, point) in points.iter().enumerate() {
            make(&sandbox, point, &format!("number = {i}\n"), &[]);
        }
        let built = points.each_ref().map(|point| build(&sandbox, point));
        let expected = ["number = 0\n", "number = 1\n", "number = 2\n"];
        assert_eq!(built.each_ref().map(|(_, out)| String::from_utf8_lossy(out).into_owned()), expected);
        all.push(built.map(|(drv, _)| drv));
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "the derivations should be the same: {all:?}");
}

#[test]
fn step_chain_passes_its_results_on() {
    let points = ["phase0/step1", "phase0/step2", "phase1/step1"].map(at);
    let mut all = Vec::new();
    for nix in every_nix() {
        let sandbox = with_nix(&nix);
        for (i, point) in points.iter().enumerate() {
            make(&sandbox, point, &format!("number = {i}\n"), &["--template", "step"]);
        }
        let (drv, out) = build(&sandbox, &points[2]);
        let out = String::from_utf8(out).unwrap();
        let lines: Vec<_> = out.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            ["number = 0", "number = 1", "number = 2"],
            "each output should be placed below the others:\n{out}"
        );
        assert!(out.starts_with(&format!("# {}, on top of nothing\n", points[0])), "{out}");
        all.push(drv);
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "the derivations should be the same: {all:?}");
}

#[test]
fn step_point_can_build_on_a_config_point() {
    for nix in every_nix() {
        let sandbox = with_nix(&nix);
        make(&sandbox, &at("phase0/step1"), "a = 1\n", &[]);
        make(&sandbox, &at("phase0/step2"), "b = 2\n", &["--template", "step"]);
        let out = String::from_utf8(build(&sandbox, &at("phase0/step2")).1).unwrap();
        assert!(out.starts_with(&format!("# {}, on top of /nix/store/", at("phase0/step2"))), "{out}");
    }
}

#[test]
fn join_of_two_components_takes_both() {
    for nix in every_nix() {
        let sandbox = with_nix(&nix);
        sandbox.lattice(&["axis", "add", "component", "musl"]).exits(0);
        sandbox.commit_lattice();
        let [musl, both] = ["musl", "musl+toolchain"].map(|component| format!("{component}/{}/phase0/step1", here()));
        make(&sandbox, &at("phase0/step1"), "a = 1\n", &[]);
        make(&sandbox, &musl, "b = 2\n", &[]);
        let made = sandbox.lattice(&["new", "--component", "toolchain+musl", "--arch", here(), "--no-push", "--json"]);
        let made = made.exits(0).json();
        let both = if fields(&made["created"], "point") == [&both] {
            both
        } else {
            format!("toolchain+musl/{}/phase0/step1", here())
        };
        assert_eq!(sandbox.parents(&both).len(), 2);
        build(&sandbox, &both);
        let one = sandbox.point(&both)["key"].clone();
        sandbox.commit_to(&musl, &[("config.toml", "b = 3\n")]);
        assert_eq!(sandbox.state_of(&both), "behind", "{one}");
    }
}

#[test]
fn config_toml_keeps_its_bytes() {
    let hostile = [
        "",
        "a = 1",
        "a = 1\r\n\r\n# tab\t and no end of line",
        "s = '${x} $${y} $'\nm = '''\n'' ''' # '' ${builtins.abort \"no\"}\n",
        "d = \"\\\"${a}\\\\ \\n \\u0000\"\n# \\ \"quoted\" {#not a comment of a template#} {{ x }} <% y %>\n",
        "\"schlüssel ☃\" = \"𝄞 \u{202e} \u{feff}\"\n\n\n",
    ];
    let long = format!("# {}\nend = true\n", "0123456789abcdef".repeat(5000));
    for nix in every_nix() {
        let sandbox = with_nix(&nix);
        for (i, text) in hostile.iter().copied().chain([long.as_str()]).enumerate() {
            let point = format!("toolchain/{}/phase{i}/step1", here());
            make(&sandbox, &point, text, &[]);
            assert_eq!(String::from_utf8(build(&sandbox, &point).1).unwrap(), text, "config {i}");
        }
    }
}
