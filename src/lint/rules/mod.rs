//! Our own rules: what Nix refuses and rnix lets pass, and what is wrong in a flake though Nix evaluates it.
//!
//! A [`Rule`] is declared once, beside the code that looks for it; its doc comment is what `lint --explain` prints. A
//! [`Hit`] is a place where a rule does not hold. All rules together go through a text a fixed number of times.

#[macro_use]
mod rule;
mod duplicates;
mod set;

use rnix::{Root, SyntaxNode};

use crate::lint::syntax;

pub use rule::{Edit, Hit, Rule};

use set::Set;

static ALL: [&Rule; 3] = [&duplicates::DUPLICATE_ATTRIBUTE, &duplicates::DEEP_MERGE, &duplicates::DUPLICATE_ARGUMENT];

/// Every rule, in the order of their codes.
pub fn all() -> &'static [&'static Rule] {
    &ALL
}

/// The rule of a code (`L01`) or name (`duplicate-attribute`).
pub fn find(name: &str) -> Option<&'static Rule> {
    all().iter().copied().find(|rule| rule.code == name || rule.name == name)
}

/// What the rules say about a text that rnix finds no fault with; `off` says which codes are switched off for it.
pub fn check(text: &str, root: &Root, _is_flake: bool, off: &dyn Fn(&str) -> bool) -> Vec<Hit> {
    let mut hits = Vec::new();
    for node in node(root).descendants() {
        if matches!(node.kind(), rnix::SyntaxKind::NODE_ATTR_SET) {
            let _ = Set::of(text, &node, &mut hits);
        }
    }
    hits.retain(|hit| !off(hit.rule.code));
    hits.sort_by_key(|hit| hit.range);
    hits
}

/// The same for a text alone, on a stack that is deep enough; empty where it does not parse.
pub fn look(text: &str, is_flake: bool, off: &(dyn Fn(&str) -> bool + Sync)) -> Vec<Hit> {
    let hits = syntax::parsed(text, |parse| {
        if parse.errors().is_empty() { check(text, &parse.tree(), is_flake, off) } else { Vec::new() }
    });
    hits.unwrap_or_default()
}

/// The untyped node, without naming the crate that has the trait.
fn node<T: rnix::ast::AstNode>(typed: &T) -> SyntaxNode {
    typed.syntax().clone()
}
