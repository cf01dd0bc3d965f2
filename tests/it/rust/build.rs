//! A Rust step without nixpkgs, built by real Nix: source and compiler are a source and a seed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::inputs::{hash, nix};
use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::at;

/// A program that does what x.py does as far as a step sees: it reads the configuration and installs a compiler.
const X_PY: &str = r#"#!/bin/sh
while read -r key equals value; do
  case $key in
    prefix) prefix=${value#'"'} prefix=${prefix%'"'} ;;
    rustc) rustc=${value#'"'} rustc=${rustc%'"'} ;;
  esac
done <bootstrap.toml
if [ "$2" = install ]; then
  mkdir -p "$prefix/bin"
  { echo '#!/bin/sh'; echo "echo '$(cat VERSION) by $(RUSTFLAGS="-C a=\"b\"" "$rustc" --emit "a\\b
c")'"; } >"$prefix/bin/rustc"
  cp "$prefix/bin/rustc" "$prefix/bin/cargo"
  cp bootstrap.toml "$prefix/bootstrap.toml"
  chmod +x "$prefix/bin/rustc" "$prefix/bin/cargo"
fi
"#;

fn program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A seed with busybox' programs, a compiler and a `python3`.
fn seed(sandbox: &Sandbox) -> std::path::PathBuf {
    let seed = sandbox.path("seed");
    program(&seed.join("bin/rustc"), "#!/bin/sh\necho seed\n");
    program(&seed.join("bin/cargo"), "#!/bin/sh\n");
    program(&seed.join("bin/python3"), X_PY);
    fs::copy("/bin/busybox", seed.join("bin/busybox")).unwrap();
    for applet in ["mkdir", "cp", "cat", "chmod", "tar"] {
        std::os::unix::fs::symlink("busybox", seed.join("bin").join(applet)).unwrap();
    }
    seed
}

fn source(sandbox: &Sandbox) -> std::path::PathBuf {
    sandbox.write("../rustc-1.63.0-src/VERSION", "1.63.0\n");
    sandbox.write("../rustc-1.63.0-src/x.py", "");
    let archive = sandbox.path("rustc-1.63.0-src.tar");
    let mut tar = std::process::Command::new("tar");
    tar.arg("-cf").arg(&archive).arg("-C").arg(sandbox.path(".")).arg("rustc-1.63.0-src");
    assert!(tar.status().unwrap().success());
    archive
}

/// Two steps, the first compiled by a seed, with more lines in their config.toml.
fn chain(program: &Path, more: &str) -> (Sandbox, [String; 2]) {
    let mut sandbox = Sandbox::new();
    sandbox.use_nix(program);
    let (source, seed) = (source(&sandbox), seed(&sandbox));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let printed = |args: &[&str]| sandbox.lattice(args).exits(0).stdout;
    let mut config = printed(&["source", "add", &text(&source), "--name", "rust", "--print"]);
    config += &printed(&["seed", "add", "rust", &text(&seed), "--print", "--origin", "a test"]);
    sandbox.write("../c.toml", config + more);
    let points = ["phase0/step1", "phase0/step2"].map(at);
    sandbox.lattice(&["new", &points[0], "--template", "rust", "--config", "../c.toml", "--no-push"]).exits(0);
    sandbox.lattice(&["next-step", "--no-push"]).exits(0);
    (sandbox, points)
}

#[test]
fn chain_builds_from_a_seed_without_nixpkgs() {
    for program in every_nix() {
        let more = "[install]\nprefix = \"/usr/local\"\n[env]\nMOOD = \"good\"\n";
        let (sandbox, [first, second]) = chain(&program, more);
        sandbox.lattice(&["build", &first, &second]).exits(0);
        let out = |point: &str| {
            let records = sandbox.records();
            let record = records.iter().rfind(|record| record["point"] == point).unwrap();
            assert_eq!(record["verdict"], "built");
            let path = record["outputs"]["out"]["path"].as_str().unwrap();
            sandbox.path(&format!("nix/store{path}"))
        };
        let run = sandbox.lattice(&["diff", "--calls", &first, &second]).exits(2);
        run.says_err("has an output `calls`");
        let rustc = fs::read_to_string(out(&second).join("bin/rustc")).unwrap();
        assert!(rustc.contains("1.63.0 by 1.63.0 by seed"), "the second stage is compiled by the first: {rustc}");
        let toml = fs::read_to_string(out(&first).join("bootstrap.toml")).unwrap();
        let path = out(&first);
        let path = path.file_name().unwrap().to_str().unwrap();
        assert!(toml.contains(&format!("prefix = \"/nix/store/{path}\"")), "{toml}");
        assert!(
            !hash(&sandbox, "path", &sandbox.path("seed")).is_empty()
                && !nix(&sandbox, "nix", &["--version"]).is_empty()
        );
    }
}

#[test]
fn calls_of_compilers_are_listed() {
    for program in every_nix() {
        let (sandbox, [first, _]) = chain(&program, "[rust]\ncalls = true\n");
        sandbox.lattice(&["build", &first]).exits(0);
        let record = sandbox.records().pop().unwrap();
        let list = sandbox.built(record["outputs"]["calls"]["path"].as_str().unwrap());
        let call: serde_json::Value = serde_json::from_slice(&list).unwrap();
        assert!(call["program"].as_str().unwrap().ends_with("-rust/bin/rustc"), "{call}");
        assert_eq!(call["arguments"], serde_json::json!(["--emit", "a\\b\nc"]));
        assert_eq!(call["environment"]["RUSTFLAGS"], "-C a=\"b\"");
        assert!(call["seconds"].is_number(), "{call}");
    }
}

/// A compiler in the store that this machine does not have says nothing about the step.
#[test]
fn compiler_that_is_gone_is_no_failure() {
    for program in every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&program);
        let config = "[sources.rust]\nhash = \"sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"\n[rust]\n\
            rustc = \"/nix/store/yxh9cs2lshqgk6h0kp256yms3w8qwmsz-rustc-1.84.1/bin/rustc\"\n\
            cargo = \"/nix/store/ahyjafkgyn6zji9qlvv92z8gxmcmaky4-cargo-1.84.1/bin/cargo\"\n";
        sandbox.write("../c.toml", config);
        let point = at("phase0/step1");
        sandbox.lattice(&["new", &point, "--template", "rust", "--config", "../c.toml", "--no-push"]).exits(0);
        let run = sandbox.lattice(&["build", &point]).exits(2);
        run.says_err("/nix/store/");
        assert!(sandbox.records().is_empty(), "there should be no record: {:?}", sandbox.records());
    }
}
