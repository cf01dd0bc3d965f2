//! What a flake gives under `packages`.

use rnix::{SyntaxKind as K, SyntaxNode};

use super::Hit;
use super::node::{Range, range, unparen};
use super::set::{Set, Value};

rules! {
    /// Something under `packages`, `checks` or `devShells` that is no derivation.
    ///
    /// They are `packages.SYSTEM.NAME = DERIVATION;`, neither a level more nor less. `nix flake show`, `nix flake check`
    /// and build farms fail on anything else. Only what is written out is looked at.
    ///
    ///     packages.default = drv;                          wrong: the system is missing
    ///     packages.x86_64-linux.tools = { a = drv; };      wrong: one level too many
    ///     packages.x86_64-linux.version = "1.0";           wrong: a string
    ///     packages.x86_64-linux.default = drv;             right
    NO_DERIVATION = "L17" "not-a-derivation" Error;
}

/// Outputs with a system, and then a name.
const BY_SYSTEM: [&str; 3] = ["packages", "checks", "devShells"];
/// A set with one of these is a derivation, or was made to look like one.
const OF_DERIVATIONS: [&str; 4] = ["type", "outPath", "drvPath", "drvAttrs"];

/// Looks at what the function of the flake gives, where that is written out.
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

/// The sets that an expression gives, behind `let`, `with` and `//`.
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
        // A level of names instead of systems: what is below it cannot be right either.
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

/// `forAllSystems (system: { .. })`
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
    hits.push(Hit::new(&NO_DERIVATION, at, format!("`{name}` is {what} and no derivation")));
}
