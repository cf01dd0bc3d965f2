//! Checks the `packages`, `checks` and `devShells` of a flake.

use rnix::{SyntaxKind as K, SyntaxNode};

use super::Hit;
use super::node::{Range, range, unparen};
use super::set::{Set, Value};

rules! {
    /// Something under `packages`, `checks` or `devShells` that is not a derivation.
    ///
    /// The form is `packages.SYSTEM.NAME = DERIVATION;`, with exactly these levels. `nix flake show`, `nix flake check` and
    /// build farms fail on anything else. Only literal values are checked.
    ///
    ///     packages.default = drv;                          wrong: the system is missing
    ///     packages.x86_64-linux.tools = { a = drv; };      wrong: one level too many
    ///     packages.x86_64-linux.version = "1.0";           wrong: a string
    ///     packages.x86_64-linux.default = drv;             right
    NO_DERIVATION = "L17" "not-a-derivation" Error;
}

/// Outputs of the form `OUTPUT.SYSTEM.NAME`.
const BY_SYSTEM: [&str; 3] = ["packages", "checks", "devShells"];
/// Attributes that mark a set as a derivation, or as an imitation of one.
const OF_DERIVATIONS: [&str; 4] = ["type", "outPath", "drvPath", "drvAttrs"];

/// Checks the result of the function `outputs`, as far as it is literal.
pub(super) fn check(text: &str, outputs: &SyntaxNode, hits: &mut Vec<Hit>) {
    let mut sets = Vec::new();
    results(outputs.children().nth(1), &mut sets);
    for node in sets {
        let set = Set::of(text, &node, &mut Vec::new());
        for name in BY_SYSTEM {
            match set.get(name).map(|attr| &attr.value) {
                Some(Value::Set(systems, _)) => by_system(name, systems, hits),
                Some(Value::Expr(node)) => for_each_system(text, name, node, hits),
                _ => {}
            }
        }
    }
}

/// Collects the literal sets that an expression returns, through `let`, `with`, `assert` and `//`.
fn results(node: Option<SyntaxNode>, sets: &mut Vec<SyntaxNode>) {
    let Some(node) = node.map(unparen) else { return };
    match node.kind() {
        K::NODE_ATTR_SET => sets.push(node),
        K::NODE_LET_IN | K::NODE_WITH | K::NODE_ASSERT => results(node.children().last(), sets),
        K::NODE_BIN_OP if node.children_with_tokens().any(|part| part.kind() == K::TOKEN_UPDATE) => {
            node.children().for_each(|side| results(Some(side), sets));
        }
        _ => {}
    }
}

fn by_system(output: &str, systems: &Set, hits: &mut Vec<Hit>) {
    for attr in &systems.attrs {
        // The level of systems is missing; do not check further below.
        if !attr.name.contains('-') {
            let message = format!("`{output}.{}` has no system: write `{output}.x86_64-linux.{0}`", attr.name);
            hits.push(Hit::new(&NO_DERIVATION, attr.at, message));
            continue;
        }
        match &attr.value {
            Value::Set(names, _) => by_name(output, names, hits),
            Value::Expr(node) => literal(&format!("{output}.{}", attr.name), node, hits),
            Value::Inherited | Value::Selected => {}
        }
    }
}

/// Checks `forAllSystems (system: { .. })`.
fn for_each_system(text: &str, output: &str, node: &SyntaxNode, hits: &mut Vec<Hit>) {
    let node = unparen(node.clone());
    if node.kind() != K::NODE_APPLY {
        return literal(output, &node, hits);
    }
    let function = node.children().last().map(unparen).filter(|last| last.kind() == K::NODE_LAMBDA);
    let mut sets = Vec::new();
    results(function.and_then(|function| function.children().nth(1)), &mut sets);
    for node in sets {
        by_name(output, &Set::of(text, &node, &mut Vec::new()), hits);
    }
}

fn by_name(output: &str, names: &Set, hits: &mut Vec<Hit>) {
    for attr in &names.attrs {
        let name = format!("{output}.SYSTEM.{}", attr.name);
        match &attr.value {
            Value::Set(set, at) if !may_be_derivation(set) => wrong(&name, "a set", *at, hits),
            Value::Expr(node) => literal(&name, node, hits),
            _ => {}
        }
    }
}

fn may_be_derivation(set: &Set) -> bool {
    !set.dynamic.is_empty() || OF_DERIVATIONS.iter().any(|name| set.get(name).is_some())
}

fn literal(name: &str, node: &SyntaxNode, hits: &mut Vec<Hit>) {
    let node = unparen(node.clone());
    let what = match node.kind() {
        K::NODE_STRING => "a string",
        K::NODE_LITERAL => "a number or URL",
        K::NODE_LIST => "a list",
        K::NODE_PATH_ABS | K::NODE_PATH_HOME | K::NODE_PATH_REL | K::NODE_PATH_SEARCH => "a path",
        K::NODE_LAMBDA => "a function",
        _ => return,
    };
    wrong(name, what, range(&node), hits);
}

fn wrong(name: &str, what: &str, at: Range, hits: &mut Vec<Hit>) {
    hits.push(Hit::new(&NO_DERIVATION, at, format!("`{name}` is {what}, not a derivation")));
}
