//! `--template rust` with Rust's own config.toml, and `[git]` as coordinates.

mod book;
mod bootstrap;
mod build;
mod coordinates;
mod refused;

use std::fs;
use std::path::Path;

use crate::sandbox::Sandbox;

/// A file of tests/fixtures/rust.
fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rust");
    fs::read_to_string(folder.join(name).with_extension("toml")).unwrap()
}

/// The names of these files.
fn fixtures() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rust");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let tomls = paths.filter(|path| path.extension().is_some_and(|ending| ending == "toml"));
    let mut names: Vec<_> = tomls.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// A sandbox with this file as `../c.toml`.
fn with_file(text: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("../c.toml", text);
    sandbox
}

const NEW: [&str; 6] = ["new", "--template", "rust", "--config", "../c.toml", "--no-push"];

/// Every file that names a source and a compiler makes a point, and stays as it is, byte for byte.
#[test]
fn complete_files_make_points() {
    let (mut made, mut refused) = (0, Vec::new());
    for name in fixtures() {
        let text = fixture(&name);
        let sandbox = with_file(&text);
        let run = sandbox.lattice(&[&NEW[..], &["--arch", "aarch64", "--phase", "phase0"]].concat());
        if name.starts_with("no-") || name.starts_with("unnamed-") {
            run.exits(2).says_err("needs");
            refused.push(name);
            continue;
        }
        run.exits(0);
        let kept = sandbox.git(&["show", "HEAD:flakes/toolchain/aarch64/phase0/step1/config.toml"]);
        assert_eq!(kept, text.trim_end(), "{name}");
        made += 1;
    }
    assert!(made >= 15, "only {made} files made a point, refused were {refused:?}");
}

/// The inputs are those that the file names, and no others.
#[test]
fn inputs_are_those_that_the_file_names() {
    for (name, expected) in [
        ("source-and-seed", &[][..]),
        ("environment", &[]),
        ("version-and-hash", &["inputs.nixpkgs.url = \"github:NixOS/nixpkgs/nixos-24.11\";"]),
        ("generated-path", &["    rust-src = {", "      url = \"/data/home/rust-src\";", "      flake = false;"]),
        (
            "generated-not-found",
            &[
                "    nixpkgs.url = \"github:example/nixpkgs\";",
                "    rust-src = {",
                "      url = \"github:example/rust\";",
                "    rust-overlay = {",
            ],
        ),
        ("generated-refs", &["    configuration-nix = {", "    rust-bootstrap-nix = {"]),
    ] {
        let sandbox = with_file(&fixture(name));
        sandbox.lattice(&[&NEW[..], &["--arch", "aarch64"]].concat()).exits(0);
        let flake = sandbox.git(&["show", "HEAD:flakes/toolchain/aarch64/phase0/step1/flake.nix"]);
        let head = flake.split_once("  outputs =").unwrap().0;
        for line in expected {
            assert!(head.contains(line), "{name}: `{line}` should be in\n{head}");
        }
        assert_eq!(expected.is_empty(), !head.contains("inputs"), "{name}: {head}");
        assert!(!flake.contains("not-found"), "{name}");
    }
}

#[test]
fn keys_without_effect_are_named() {
    let warned = |text: &str, args: &[&str]| {
        let sandbox = with_file(text);
        sandbox.lattice(&[&NEW[..], &["--arch", "aarch64"], args].concat()).exits(0)
    };
    let run = warned(&fixture("generated-path"), &[]);
    let run =
        run.says_err("warning: `rust.parallel-compiler` in config.toml has no effect: Rust does without it since 1.84");
    run.says_err("warning: `nix.rust_src_flake_ref` or `nix.rust_src_flake_path` in config.toml: an input by path works on this machine only");
    let run = warned(&fixture("old-rust"), &[])
        .says_err("`build.rustc`")
        .says_err("is `/usr/bin/rustc`, which is not in the Nix store");
    assert!(!run.stderr.contains("has no effect"), "Rust 1.63 has all of these keys: {}", run.stderr);
    let run = warned(&fixture("change-id-table"), &[]);
    run.says_err("`rust.split-debuginfo` in config.toml has no effect: Rust does without it since 1.83; `target.TRIPLE.split-debuginfo` replaces it");
    let dated = fixture("source-and-seed") + "[mine]\nday = 2025-01-30\n";
    let unreadable = "warning: `mine.day` in config.toml is a date, which Nix cannot read: quote it";
    warned(&dated, &[]).says_err(unreadable);
    // The template `config` does not read the file.
    for (template, warns) in [("step", true), ("config", false)] {
        let new = ["new", "--template", template, "--config", "../c.toml", "--no-push", "--arch", "aarch64,x86_64"];
        let run = with_file(&dated).lattice(&[&new[..], &["--phase", "phase0"]].concat()).exits(0);
        assert_eq!(run.stderr.matches(unreadable).count(), usize::from(warns), "{}", run.stderr);
    }
}

/// A stage is inherited with the file, and the phase is what counts.
#[test]
fn inherited_stage_of_another_phase_is_a_warning() {
    let text = fixture("source-and-seed") + "[build]\nstage = \"stage0\"\n";
    let sandbox = with_file(&text);
    sandbox.lattice(&[&NEW[..], &["--arch", "aarch64"]].concat()).exits(0);
    let run = sandbox.lattice(&["new", "--template", "rust", "--phase", "phase1", "--no-push"]).exits(0);
    run.says_err("warning: `build.stage` in config.toml is `stage0`, but point `toolchain/aarch64/phase1/step1` is of phase `phase1`");
}

#[test]
fn starter_fits_the_inputs() {
    let step = |name: &str| {
        let sandbox = with_file(&fixture(name));
        sandbox.lattice(&[&NEW[..], &["--arch", "aarch64"]].concat()).exits(0);
        sandbox.git(&["show", "HEAD:flakes/toolchain/aarch64/phase0/step1/step.nix"])
    };
    assert!(step("version-and-hash").contains("pkgs.stdenv.mkDerivation"));
    assert!(!step("source-and-seed").contains("pkgs."));
}
