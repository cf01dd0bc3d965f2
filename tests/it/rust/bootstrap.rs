//! Rust of `examples/rust` from Debian's source: the phases `seed` and `bootstrap`, which take minutes.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::nix_setup::{every_nix, var};
use crate::sandbox::{Sandbox, copy};
use crate::story::fields;

const STEPS: [&str; 2] = ["rust-1.63/x86_64/seed/step1", "rust-1.63/x86_64/bootstrap/step1"];

/// The folder that `examples/rust/make-seed` filled; only `scripts/test --all` has one.
fn downloads() -> Option<PathBuf> {
    var("GIT_LATTICE_TEST_RUST").map(PathBuf::from).filter(|_| std::env::consts::ARCH == "x86_64")
}

/// The archive of Debian's source whose name ends so.
fn archive(folder: &Path, ending: &str) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .find(|path| path.to_string_lossy().ends_with(ending))
        .unwrap_or_else(|| panic!("no {ending} in {}", folder.display()))
}

/// A clone beside `rust`, the example, with the two steps, not built.
fn chain(nix: &Path, folder: &Path) -> Sandbox {
    let mut sandbox = Sandbox::without_lattice();
    sandbox.use_nix(nix);
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/rust"), &sandbox.path("rust"));
    let init = ["init", "--component", "rust-1.63", "--arch", "x86_64", "--phase", "seed,bootstrap", "--no-hooks"];
    sandbox.lattice(&init).exits(0);
    sandbox.commit_lattice();
    let new = ["new", STEPS[0], "--no-push", "--template", "rust"];
    sandbox
        .lattice(&[&new[..], &["--config", "../rust/config.toml", "--step-nix", "../rust/seed.nix"]].concat())
        .exits(0);
    for (name, ending) in [("rust", ".orig.tar.xz"), ("debian", ".debian.tar.xz")] {
        let file = archive(folder, ending);
        sandbox.lattice(&["source", "add", file.to_str().unwrap(), "--name", name]).exits(0);
    }
    sandbox.lattice(&["seed", "add", "debian", folder.join("seed").to_str().unwrap()]).exits(0);
    sandbox.git(&["commit", "-q", "-a", "-m", "name the sources and the seed"]);
    sandbox.lattice(&["new", STEPS[1], "--no-push", "--step-nix", "../rust/bootstrap.nix"]).exits(0);
    sandbox
}

/// The record of a step.
fn record(sandbox: &Sandbox, point: &str) -> Value {
    sandbox.records().into_iter().rfind(|record| record["point"] == point).expect("a record")
}

#[test]
fn build_tool_of_rust_is_built_from_debians_packages() {
    let Some(folder) = downloads() else { return };
    let mut everywhere = Vec::new();
    for nix in every_nix() {
        let sandbox = chain(&nix, &folder);
        let hashes = STEPS.map(|step| {
            sandbox.lattice(&["build", step]).exits(0);
            let record = record(&sandbox, step);
            assert_eq!(record["impure"], json!([]), "{record:#}");
            record["outputs"]["out"].clone()
        });
        let [seed, tool] =
            hashes.each_ref().map(|out| sandbox.path(&format!("nix/store{}", out["path"].as_str().unwrap())));
        assert!(!seed.join("usr/share").exists(), "the seed has what the chain needs");
        let tool = tool.join("libexec/bootstrap");
        let tool = fs::read(&tool).unwrap_or_else(|error| panic!("{}: {error}", tool.display()));
        assert!(tool.starts_with(b"\x7fELF"), "the tool is a program");
        let base = sandbox.lattice(&["show", "--trusted-base", "--json", STEPS[1]]).exits(0).json();
        assert_eq!(fields(&base["inputs"], "name"), ["debian", "rust", "debian"], "{base:#}");
        everywhere.push(hashes);
    }
    assert!(everywhere.windows(2).all(|pair| pair[0] == pair[1]), "every Nix should make the same: {everywhere:#?}");
}
