//! The template `rust`: what x.py gets of a config.toml, and where source and compiler come from.

use std::fs;
use std::path::{Path, PathBuf};

use git_lattice::config::StepData;
use git_lattice::template::{FlakeInputs, Template, Tree};

use super::live::{GeneratedFlake, this_system};
use super::{STEPS, same_on_every_nix, with_nixpkgs};
use crate::nix_setup::var;
use crate::nixpkgs;

const HASH: &str = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

/// The files of tests/fixtures/rust that name all that the template needs.
fn complete() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rust");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_complete = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.extension().is_some_and(|ending| ending == "toml")
            && !name.starts_with("no-")
            && !name.starts_with("unnamed-")
    };
    let mut files: Vec<_> = files.filter(is_complete).collect();
    files.sort();
    assert!(files.len() >= 15, "{files:?}");
    files
}

/// The names of the inputs that a flake has.
fn names(inputs: &FlakeInputs) -> Vec<&'static str> {
    let taken = Template::Rust.taken(inputs);
    taken.nixpkgs.iter().map(|_| "nixpkgs").chain(taken.trees.iter().map(|tree| tree.name)).collect()
}

/// A generated flake in `dir` with this config.toml.
fn flake(dir: &str, below: &[&str], config: &str) -> GeneratedFlake {
    let data = StepData::parse(config.as_bytes().to_vec()).unwrap();
    GeneratedFlake::new(Template::Rust, dir, below).config(config).inputs(data.flake_inputs)
}

#[test]
fn x_py_gets_its_own_part_of_config_toml() {
    let files = complete();
    let stem = |path: &Path| format!("c/{}", path.file_stem().unwrap().to_str().unwrap());
    // A path in the store that this store does not have is another test's.
    let read = |path: &Path| fs::read_to_string(path).unwrap().replace("/nix/store/", "/host/store/");
    let flakes: Vec<_> = files.iter().map(|path| flake(&stem(path), &[], &read(path))).collect();
    let texts = same_on_every_nix(&flakes, |nix, repo| {
        let text =
            |it: &GeneratedFlake| nix.attribute(repo, &it.dir, &this_system(), "xpyToml", &names(&it.flake.inputs));
        flakes.iter().map(text).collect::<Vec<_>>()
    });
    for ((file, flake), text) in files.iter().zip(&flakes).zip(texts.into_iter().flatten()) {
        // A real nixpkgs has other names for its compiler.
        if nixpkgs::is_real() && names(&flake.flake.inputs).contains(&"nixpkgs") {
            continue;
        }
        let text = masked(&text);
        StepData::parse(text.clone().into_bytes()).unwrap_or_else(|flaw| panic!("{}: {flaw}:\n{text}", file.display()));
        let expected = file.with_extension("expected");
        if var("GIT_LATTICE_TEST_REWRITE").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(text, expected, "x.py should get this of {}", file.display());
    }
}

/// The text with the same hash in all store paths and placeholders.
fn masked(text: &str) -> String {
    let is_hash = |part: &str| part.len() >= 32 && part.bytes().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase());
    let mask = |part: &str| if is_hash(part) { "HASH".to_owned() } else { part.to_owned() };
    let parts = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    parts
        .map(|part| part.split_at(part.len() - part.chars().last().map_or(0, char::len_utf8)))
        .map(|(part, end)| mask(part) + end)
        .collect()
}

#[test]
fn removed_keys_are_left_out_from_their_version_on() {
    let config = |version: &str| {
        format!(
            "[rust]\n{version}hash = \"{HASH}\"\nparallel-compiler = true\nsplit-debuginfo = \"off\"\n[seeds.rust]\nhash = \"{HASH}\"\n"
        )
    };
    let cases = [
        ("rust-1.82/s", "", [true, true]),
        ("my-rust-1.83.0/s", "", [true, false]),
        ("c/s", "version = \"1.84\"\n", [false, false]),
        ("rust/s", "", [false, false]),
    ];
    let flakes: Vec<_> = cases.iter().map(|(dir, version, _)| flake(dir, &[], &config(version))).collect();
    same_on_every_nix(&flakes, |nix, repo| {
        for (dir, _, kept) in cases {
            let text = nix.attribute(repo, dir, &this_system(), "xpyToml", &[]);
            let found = ["parallel-compiler", "split-debuginfo"].map(|key| text.contains(key));
            assert_eq!(found, kept, "{dir}: {text}");
        }
    });
}

#[test]
fn compiler_comes_from_the_point_below() {
    let config =
        format!("[rust]\nversion = \"1.84.1\"\nurl = \"https://example.org/rustc.tar.xz\"\nhash = \"{HASH}\"\n");
    let flakes = [
        flake(STEPS[0], &[], &config).inputs(with_nixpkgs()),
        flake(STEPS[1], &["../step1"], &config).inputs(with_nixpkgs()),
    ];
    same_on_every_nix(&flakes, |nix, repo| {
        let drvs = [0, 1].map(|n| nix.drv(repo, STEPS[n], &this_system(), true));
        let [first, second] = drvs.each_ref().map(|drv| nix.read(drv));
        let is_rustc = |path: &str| path.rsplit('/').next().is_some_and(|name| name.contains("-rustc"));
        let from_nixpkgs = first.split("/bin/rustc").next().is_some_and(is_rustc);
        assert!(from_nixpkgs, "the first stage should start from nixpkgs' compiler: {first}");
        assert!(second.contains("-c-a+b-step1/bin/rustc"), "the second should start from the first: {second}");
        assert!(first.contains("-rust.drv"), "the source should be an input: {first}");
        drvs
    });
}

#[test]
fn compiler_is_where_config_toml_says() {
    let inputs =
        format!("[sources.rust]\nhash = \"{HASH}\"\n[seeds.rust]\nhash = \"{HASH}\"\n[seeds.gcc]\nhash = \"{HASH}\"\n");
    let with = |rust: &str| format!("{inputs}[rust]\n{rust}");
    let flakes = [
        flake(STEPS[0], &[], &inputs),
        flake(
            STEPS[1],
            &["../step1"],
            &with("rustc = \"/opt/bin/rustc\"\ncargo = \"/opt/bin/cargo\"\ncompiler = \"config\"\n"),
        ),
        flake(STEPS[2], &["../step2"], &with("compiler = \"../step1\"\n")),
        flake("c/a+b/step4", &["../step3"], &with("compiler = \"seed\"\n")),
        flake("c/a+b/step5", &["../step4"], &inputs),
    ];
    let expected =
        ["-rust/bin/rustc", "\"/opt/bin/rustc", "-c-a+b-step1/bin/rustc", "-rust/bin/rustc", "-c-a+b-step4/bin/rustc"];
    same_on_every_nix(&flakes, |nix, repo| {
        for (flake, expected) in flakes.iter().zip(expected) {
            let text = nix.attribute(repo, &flake.dir, &this_system(), "xpyToml", &[]);
            assert!(text.contains(&format!("{expected}\"\n")), "{}: {text}", flake.dir);
        }
    });
}

/// Each step has its own source, also where another step takes it: a newer version does not change what is below.
#[test]
fn source_of_an_input_is_that_of_the_step_itself() {
    let config = format!("[seeds.rust]\nhash = \"{HASH}\"\n");
    let tree = |name: &str| FlakeInputs {
        nixpkgs: None,
        trees: vec![Tree {
            name: "rust-src",
            url: format!("path:{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR")),
        }],
    };
    let step = "{ system, lattice, src, previous, ... }: derivation { inherit (lattice) name; inherit system src previous; builder = \"/bin/sh\"; args = [ \"-c\" \"echo $src >$out\" ]; }";
    let flakes = [
        flake(STEPS[0], &[], &config).inputs(tree("rust")).step(step),
        flake(STEPS[1], &["../step1"], &config).inputs(tree("rust-overlay")).step(step),
    ];
    same_on_every_nix(&flakes, |nix, repo| {
        for dir in &STEPS[..2] {
            nix.lock(repo, dir);
        }
        let built = nix.build(repo, &STEPS[..2], &this_system());
        assert!(nix.read(&built[1].drv).contains(&built[0].drv), "the second should take the first as it is alone");
        assert_ne!(nix.read(&built[0].out), nix.read(&built[1].out), "each should have its source");
    });
}
