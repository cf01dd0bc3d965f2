//! Compares the inputs of a flake with the arguments of its `outputs`.

use std::collections::HashSet;

use rnix::{SyntaxKind as K, SyntaxNode};

use super::Hit;
use super::flake::{Flake, Uses};
use super::node::{Range, range};

rules! {
    /// An argument of `outputs` that is not an input.
    ///
    /// Nix then looks for a flake of that name in the user's registry: a different flake on each machine, and none if
    /// registries are disabled.
    ///
    ///     { outputs = { self, nixpkgs }: { }; }                                                wrong
    ///     { inputs.nixpkgs.url = "github:NixOS/nixpkgs"; outputs = { self, nixpkgs }: { }; }   right
    NO_INPUT = "L14" "argument-no-input" Warning;

    /// An input that `outputs` does not take.
    ///
    /// Nix calls it with all inputs and `self`; without `...` it must take each of them.
    ///
    ///     outputs = { nixpkgs }: { };         wrong: self is missing
    ///     outputs = { nixpkgs, ... }: { };    right
    NOT_TAKEN = "L15" "input-not-taken" Error;

    /// An unused input.
    ///
    /// It is fetched and locked all the same, and every update of it changes the flake. Nothing is reported if `inputs` or
    /// `self` is passed on as a whole, since any input may be used then.
    ///
    ///     { inputs.a.url = "github:o/a"; outputs = _: { }; }             wrong
    ///     { inputs.a.url = "github:o/a"; outputs = { a, ... }: a; }      right
    UNUSED = "L16" "unused-input" Warning;
}

/// Checks the inputs and arguments; `uses` must come from the walk over the whole file.
pub(super) fn check(text: &str, flake: &Flake, uses: &Uses, hits: &mut Vec<Hit>) {
    let (Some(outputs), Some(inputs)) = (&flake.outputs, &flake.inputs) else { return };
    let Some(param) = outputs.first_child() else { return };
    if param.kind() == K::NODE_PATTERN {
        arguments(text, &param, inputs, hits);
    }
    for (name, at) in inputs.iter().filter(|_| !uses.every) {
        if !uses.names.contains(name.as_ref()) && !flake.followed.contains(name.as_ref()) {
            hits.push(Hit::new(&UNUSED, *at, format!("the input `{name}` is not used")));
        }
    }
}

fn arguments(text: &str, param: &SyntaxNode, inputs: &[(std::borrow::Cow<str>, Range)], hits: &mut Vec<Hit>) {
    let entries = param.children().filter(|entry| entry.kind() == K::NODE_PAT_ENTRY);
    let names: Vec<Range> = entries.filter_map(|entry| entry.first_child()).map(|name| range(&name)).collect();
    let taken: HashSet<&str> = names.iter().map(|&(start, end)| &text[start..end]).collect();
    let given: HashSet<&str> = inputs.iter().map(|(name, _)| name.as_ref()).collect();
    for &(start, end) in &names {
        let name = &text[start..end];
        if name != "self" && !given.contains(name) {
            let message = format!("`{name}` is not an input of this flake: Nix looks for it in the user's registry");
            hits.push(Hit::new(&NO_INPUT, (start, end), message));
        }
    }
    if param.children_with_tokens().any(|part| part.kind() == K::TOKEN_ELLIPSIS) {
        return;
    }
    let missing = given.into_iter().chain(["self"]).filter(|name| !taken.contains(name));
    let mut missing: Vec<&str> = missing.collect();
    missing.sort_unstable();
    for name in missing {
        let message = format!("`outputs` is also called with `{name}`: add it, or `...`");
        hits.push(Hit::new(&NOT_TAKEN, range(param), message));
    }
}
