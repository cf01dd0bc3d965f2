//! Our own flake.nix, against a stub of nixpkgs: needs no network, and both ends of the supported Nix range evaluate it.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use crate::nixpkgs;

const FLAKE: &str = include_str!("../../flake.nix");
const STUB: &str = include_str!("../fixtures/nixpkgs/flake.nix");

#[test]
fn flake_is_formatted_as_nixfmt_does() {
    for text in [FLAKE, STUB] {
        assert_eq!(nixfmt_rs::format(text).expect("it should parse"), text);
    }
}

#[test]
fn flake_evaluates_with_the_oldest_supported_nix() {
    flake_evaluates_with("GIT_LATTICE_TEST_NIX", Some("nix"));
}

#[test]
fn flake_evaluates_with_a_modern_nix() {
    flake_evaluates_with("GIT_LATTICE_TEST_NIX_MODERN", None);
}

fn flake_evaluates_with(variable: &str, default: Option<&str>) {
    let Some(nix) = nix(variable, default) else { return };
    let scratch = tempfile::tempdir().expect("a scratch folder");
    lay_out(scratch.path());
    let systems = r#"["aarch64-darwin","aarch64-linux","x86_64-darwin","x86_64-linux"]"#;
    assert_eq!(eval(&nix, scratch.path(), "packages", "builtins.attrNames"), systems);
    let derivations =
        "outputs: map (of: map (name: of.${name}.drvPath) (builtins.attrNames of)) (builtins.attrValues outputs)";
    for (output, per_system) in [("packages", 2), ("checks", 3), ("devShells", 1)] {
        let paths = eval(&nix, scratch.path(), output, derivations);
        assert_eq!(
            paths.matches(".drv\"").count(),
            4 * per_system,
            "`{output}` should hold that many derivations: {paths}"
        );
    }
    let installed = eval(&nix, scratch.path(), "packages.x86_64-linux.default", "p: p.version + p.postInstall");
    assert!(installed.contains(env!("CARGO_PKG_VERSION")), "the version should be Cargo.toml's: {installed}");
    assert!(installed.contains("installManPage"), "`git lattice --help` needs the man page: {installed}");
    let overlaid = "f: (f { callPackage = p: _: builtins.isFunction p; } { }).git-lattice";
    assert_eq!(eval(&nix, scratch.path(), "overlays.default", overlaid), "true");
}

/// Lays out the flake and a configuration that needs neither daemon nor network.
fn lay_out(scratch: &Path) {
    for dir in ["flake", "conf", "home"] {
        fs::create_dir(scratch.join(dir)).expect("a folder in the scratch folder");
    }
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    fs::copy(manifest, scratch.join("flake/Cargo.toml")).expect("a copy of Cargo.toml");
    fs::write(scratch.join("flake/flake.nix"), FLAKE).expect("a copy of flake.nix");
    let conf = "experimental-features = nix-command flakes\nsubstituters =\nbuild-users-group =\nflake-registry =\n";
    fs::write(scratch.join("conf/nix.conf"), conf).expect("nix.conf");
}

fn eval(nix: &str, scratch: &Path, output: &str, apply: &str) -> String {
    let mut command = Command::new(nix);
    command.args(["eval", "--json", "--no-write-lock-file", "--override-input", "nixpkgs", &nixpkgs::reference()]);
    command.args([&format!("path:{}#{output}", scratch.join("flake").display()), "--apply", apply]);
    command.env("NIX_CONF_DIR", scratch.join("conf")).env("NIX_USER_CONF_FILES", "/dev/null");
    command.env("NIX_REMOTE", format!("local?root={}", scratch.join("store").display()));
    for variable in ["HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
        command.env(variable, scratch.join("home"));
    }
    let done = command.output().unwrap_or_else(|error| panic!("`{nix}` should start: {error}"));
    assert!(done.status.success(), "`{output}` should evaluate: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// The Nix that `variable` names; `None` if tests without Nix were requested.
#[expect(clippy::disallowed_methods, reason = "tests read their own switches")]
fn nix(variable: &str, default: Option<&str>) -> Option<String> {
    if env::var_os("GIT_LATTICE_TEST_WITHOUT_NIX").is_some() {
        return None;
    }
    let named = env::var(variable).ok().or_else(|| default.map(str::to_owned));
    Some(named.unwrap_or_else(|| panic!("{variable} is not set: run `scripts/test`, which installs that Nix")))
}
