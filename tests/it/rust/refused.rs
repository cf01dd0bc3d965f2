//! Files that lack what the template needs, or contradict the point.

use super::{NEW, fixture, with_file};
use crate::sandbox::Run;

fn refused(text: &str, args: &[&str]) -> Run {
    with_file(text).refused(&[&NEW[..], &["--arch", "aarch64"], args].concat()).exits(2)
}

#[test]
fn missing_source_is_named_with_ways_to_add_it() {
    let run = refused(&fixture("no-source"), &[]);
    let run = run.says_err("template `rust` needs the source of Rust, which config.toml does not name");
    run.says_err("`git lattice source add FILE|URL --name rust --print`").says_err("`rust_src_flake_ref` in `[nix]`");
    refused(&fixture("no-hash"), &[]).says_err("`rust.version` in config.toml has no `rust.hash`");
}

#[test]
fn missing_compiler_is_named_with_ways_to_add_it() {
    let run = refused(&fixture("no-compiler"), &[]);
    let run = run.says_err("needs a compiler to start from: there is no step below, and config.toml names no rustc");
    run.says_err("`git lattice seed add rust DIR --print`")
        .says_err("nixpkgs_path = \"github:NixOS/nixpkgs/nixos-unstable\"");
    refused(&fixture("no-cargo"), &[]).says_err("names no cargo");
    refused(&fixture("unnamed-seeds"), &[])
        .says_err("name the seed with bin/rustc and bin/cargo `rust`; there are `gcc`, `stage0`");
}

/// The ways that the errors name lead to a point.
#[test]
fn named_ways_work() {
    let sandbox = with_file(&fixture("no-compiler"));
    let [nixpkgs, paths, seed] = [
        "[nix]\nnixpkgs_path = \"github:NixOS/nixpkgs/nixos-unstable\"\n",
        "[rust]\nrustc = \"/opt/bin/rustc\"\ncargo = \"/opt/bin/cargo\"\n",
        "[seeds.rust]\nhash = \"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"\n",
    ]
    .map(|more| fixture("no-compiler") + more);
    for (n, text) in [nixpkgs, paths, seed].iter().enumerate() {
        sandbox.write("../c.toml", text);
        let arch = if n == 0 { "x86_64" } else { "aarch64" };
        let step = format!("step{}", 3 - n);
        sandbox.lattice(&[&NEW[..], &["--arch", arch, "--step", &step, "--no-switch"]].concat()).exits(0);
    }
    // A step above has the compiler of the one below, and needs its nixpkgs.
    sandbox.write("../c.toml", fixture("no-compiler"));
    let above = |arch| [&NEW[..], &["--arch", arch, "--step", "step4", "--no-switch"]].concat();
    sandbox.lattice(&above("aarch64")).exits(0);
    let run = sandbox.lattice(&above("x86_64")).exits(2);
    run.says_err("template `rust` has no nixpkgs, which the point below, `toolchain/x86_64/phase0/step3`, made with")
        .says_err("set `nixpkgs_path` in `[nix]`");
}

#[test]
fn version_of_another_rust_is_refused() {
    let named = |text: &str| {
        let sandbox = with_file(text);
        let toml = std::fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
        sandbox.write("lattice.toml", toml.replace("\"toolchain\"", "\"solana-rust-1.83\""));
        sandbox.git(&["commit", "-q", "-a", "-m", "name the component"]);
        sandbox.lattice(&[&NEW[..], &["--arch", "aarch64"]].concat())
    };
    named(&fixture("version-and-hash")).exits(0);
    let run = named(&fixture("change-id-table")).exits(2);
    let run = run.says_err("`rust.version` in config.toml is Rust 1.84.1, but point `solana-rust-1.83/aarch64/phase0/step1` is of Rust 1.83");
    run.says_err("hint: name the point of that version, or change the file");
    let run = named(&fixture("source-and-seed")).exits(2);
    run.says_err("`sources.rust.url` in config.toml is Rust 1.84.1");
}

#[test]
fn stage_of_another_phase_is_refused() {
    let text = |stage: &str| format!("{}[build]\n{stage}\n", fixture("source-and-seed"));
    for stage in ["stage = \"stage1\"", "stage = \"1\"", "stage = 1"] {
        let run = refused(&text(stage), &["--phase", "phase0"]);
        let run = run
            .says_err("`build.stage` in config.toml is")
            .says_err("point `toolchain/aarch64/phase0/step1` is of phase `phase0`");
        run.says_err("hint: name the point of that stage, or remove `build.stage`: the stage is `phase0`");
    }
    for stage in ["stage = \"stage0\"", "stage = \"\"", "stage = \"late\"", "build-stage = 1"] {
        with_file(&text(stage)).lattice(&[&NEW[..], &["--arch", "aarch64", "--phase", "phase0"]].concat()).exits(0);
    }
}

#[test]
fn compiler_that_is_no_place_is_refused() {
    let text = |compiler: &str| format!("{}compiler = {compiler}\n", fixture("source-and-seed"));
    for (compiler, why) in [
        ("1", "is not a text"),
        ("[\"seed\"]", "is not a text"),
        ("\"sed\"", "is `sed`"),
        ("\"below\"", "is `below`, but there is no step below"),
        ("\"config\"", "is `config`, but config.toml names no rustc"),
        ("\"nixpkgs\"", "is `nixpkgs`, which is no input"),
        ("\"phase7/step1\"", "is `phase7/step1`"),
    ] {
        let run = refused(&text(compiler), &[]).says_err(&format!("`rust.compiler` in config.toml {why}"));
        run.says_err("`below`, `config`, `seed`, `nixpkgs`, or the name of a point below");
    }
    let sandbox = with_file(&text("\"seed\""));
    let new = |step: &str| sandbox.lattice(&[&NEW[..], &["--arch", "aarch64", "--step", step, "--no-switch"]].concat());
    new("step1").exits(0);
    for (step, compiler) in
        [("step2", "below"), ("step3", "phase0/step1"), ("step4", "step3"), ("step5", "toolchain/aarch64/phase0/step4")]
    {
        sandbox.write("../c.toml", text(&format!("\"{compiler}\"")));
        new(step).exits(0);
    }
    sandbox.write("../c.toml", text("\"step6\""));
    new("step5").exits(1);
    new("step6").exits(2).says_err("is `step6`");
    let set = ["regenerate", "toolchain/aarch64/phase0/step2", "--set", "rust.compiler=sed"];
    let run = sandbox.lattice(&set).exits(1);
    assert!((run.stdout.clone() + &run.stderr).contains("`rust.compiler` in config.toml is `sed`"), "{}", run.stdout);
}

#[test]
fn regenerate_names_what_is_missing() {
    let sandbox = with_file(&fixture("source-and-seed"));
    sandbox.lattice(&[&NEW[..], &["--arch", "aarch64"]].concat()).exits(0);
    sandbox.write("../c.toml", fixture("no-source"));
    let run = sandbox.lattice(&["regenerate", "toolchain/aarch64/phase0/step1", "--config", "../c.toml"]).exits(1);
    assert!((run.stdout.clone() + &run.stderr).contains("needs the source of Rust"), "{} {}", run.stdout, run.stderr);
}
