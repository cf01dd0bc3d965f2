//! The nixpkgs that tests evaluate with: a stand-in with what our texts take, or a real one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use git_lattice::template::Template;

use crate::nix_setup::var;

const VARIABLE: &str = "GIT_LATTICE_TEST_NIXPKGS";
const STUB: &str = "tests/fixtures/nixpkgs";

/// The flake reference of nixpkgs: what `GIT_LATTICE_TEST_NIXPKGS` names, else the stand-in.
pub(crate) fn reference() -> String {
    match var(VARIABLE) {
        Some(named) => named.into_string().unwrap(),
        None => format!("path:{}/{STUB}", env!("CARGO_MANIFEST_DIR")),
    }
}

/// Whether it is a real one, which has more packages, and other names for them.
pub(crate) fn is_real() -> bool {
    var(VARIABLE).is_some()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The words after `before` in a text, each as long as it is a name.
fn names_after<'t>(text: &'t str, before: &str) -> BTreeSet<&'t str> {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let end = |rest: &str| rest.find(|c: char| !is_inside(c)).unwrap_or(rest.len());
    let is_word = |at: &usize| !text[..*at].ends_with(|c: char| c.is_ascii_alphanumeric());
    let starts = text.match_indices(before).map(|(at, _)| at).filter(is_word).map(|at| &text[at + before.len()..]);
    starts.map(|rest| &rest[..end(rest)]).filter(|name| !name.is_empty()).collect()
}

/// The packages of the stand-in: those with a definition, and those that are only names.
fn packages(stub: &str) -> BTreeSet<&str> {
    let (_, set) = stub.split_once("packages = {\n").unwrap();
    let (defined, rest) = set.split_once("\n          }\n          // builtins.listToAttrs").unwrap();
    let names = rest.split_once("              ]\n").unwrap().0;
    let top = defined
        .lines()
        .filter_map(|line| line.strip_prefix("            "))
        .filter(|line| !line.starts_with([' ', '}']));
    let defined = top.filter_map(|line| line.split([' ', '.']).next());
    defined.chain(names_after(names, "\"")).filter(|name| !name.is_empty()).collect()
}

#[test]
fn stand_in_has_what_our_texts_take_and_nothing_else() {
    let (stub, flake) = (read(&format!("{STUB}/flake.nix")), read("flake.nix"));
    let nixpkgs: String = Template::starters().chain([Template::Rust.source(), USUAL_STEP]).collect();
    let mut taken = names_after(&nixpkgs, "pkgs.");
    taken.extend(names_after(&flake, "pkgs."));
    // Our own package names its inputs as arguments.
    let arguments = flake.split_once("package =\n        {\n").unwrap().1.split_once('}').unwrap().0;
    taken.extend(names_after(arguments, "          "));
    // `legacyPackages.SYSTEM.${name}`, where the name is that of a tool.
    taken.extend(["rustc", "cargo", "callPackage"]);
    assert_eq!(packages(&stub), taken, "the stand-in should have what is taken, in tests/fixtures/nixpkgs/flake.nix");
}

/// A step.nix that takes from nixpkgs what steps usually take.
pub(crate) const USUAL_STEP: &str = r#"{ pkgs, lattice, ... }:
pkgs.stdenv.mkDerivation {
  inherit (lattice) name;
  src = pkgs.fetchurl {
    url = "https://example.org/hello-1.0.tar.gz";
    hash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
  };
  tool = pkgs.rustPlatform.buildRustPackage {
    pname = "tool";
    version = "1.0";
    src = ./.;
    cargoHash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
  };
}
"#;
