//! Our own rules: errors that Nix reports but rnix does not, and problems in flakes that Nix evaluates without complaint.
//!
//! A [`Rule`] is declared once, next to the code that checks it; `lint --explain` prints its doc comment. A [`Hit`] is a
//! place that breaks a rule. Together the rules scan the tokens once and the tree once, and some sets of flakes once more.

#[macro_use]
mod rule;
mod duplicates;
mod flake;
mod globals;
mod inputs;
mod node;
mod off;
mod packages;
mod paths;
mod refused;
mod scope;
mod self_path;
mod set;
mod sources;

use rnix::{Root, SyntaxNode};

use crate::lint::syntax;
use flake::Flake;
use off::Off;
use paths::Hashes;
use scope::Walk;

pub use rule::{Edit, Hit, Rule};

static ALL: [&Rule; 22] = [
    &duplicates::DUPLICATE_ATTRIBUTE,
    &duplicates::DEEP_MERGE,
    &duplicates::DUPLICATE_ARGUMENT,
    &scope::UNDEFINED,
    &refused::REFUSED,
    &refused::PIPE,
    &refused::BARE_URL,
    &refused::OLD_LET,
    &syntax::UNCLOSED,
    &flake::NO_SET,
    &flake::TOP_LEVEL,
    &flake::NO_FUNCTION,
    &flake::COMPUTED,
    &inputs::NO_INPUT,
    &inputs::NOT_TAKEN,
    &inputs::UNUSED,
    &packages::NO_DERIVATION,
    &flake::PATH_INPUT,
    &paths::STORE_PATH,
    &paths::HOME,
    &paths::TWO_NAMES,
    &self_path::SELF_PATH,
];

/// All rules, in the order of their codes.
pub fn all() -> &'static [&'static Rule] {
    &ALL
}

/// The rule with a code (`L01`) or name (`duplicate-attribute`).
pub fn find(name: &str) -> Option<&'static Rule> {
    all().iter().copied().find(|rule| rule.code == name || rule.name == name)
}

/// Checks a text without syntax errors; `off` returns whether a code or name is disabled.
///
/// Deeply nested text needs a large stack: use [`check_text`].
pub fn check(text: &str, root: &Root, is_flake: bool, off: &dyn Fn(&str) -> bool) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut hashes = Hashes::new(is_flake);
    let comments = tokens(text, &mut hashes, &mut hits);
    if let Some(expr) = node(root).first_child() {
        let flake = if is_flake { Flake::read(text, &expr, &mut hits) } else { None };
        let mut walk = Walk::new(text, flake.as_ref(), hashes);
        walk.expr(&expr);
        hits.append(&mut walk.hits);
        if let Some(flake) = &flake {
            inputs::check(text, flake, &walk.uses, &mut hits);
            flake.outputs.iter().for_each(|outputs| packages::check(text, outputs, &mut hits));
        }
    }
    let silent = comments.holds(text);
    hits.retain(|hit| !off(hit.rule.code) && !off(hit.rule.name) && !silent(hit.rule.code, hit.rule.name, hit.range.0));
    hits.sort_by_key(|hit| (hit.range, hit.rule.code));
    hits
}

/// Parses and checks a text on a stack that is large enough; returns nothing if it does not parse.
pub fn check_text(text: &str, is_flake: bool, off: &(dyn Fn(&str) -> bool + Sync)) -> Vec<Hit> {
    let hits = syntax::parsed(text, |parse| {
        if parse.errors().is_empty() { check(text, &parse.tree(), is_flake, off) } else { Vec::new() }
    });
    hits.unwrap_or_default()
}

fn tokens<'a>(text: &'a str, hashes: &mut Hashes, hits: &mut Vec<Hit>) -> Off<'a> {
    let mut off = Off::default();
    let mut start = 0;
    for (kind, token) in rnix::tokenize(text) {
        let end = start + token.len();
        if kind == rnix::SyntaxKind::TOKEN_COMMENT {
            off.comment(text, token, start);
        } else if !kind.is_trivia() {
            off.code(start, end);
        }
        refused::token(kind, token, start, hits);
        hashes.token(kind, token, start, hits);
        start = end;
    }
    off
}

/// The untyped node of a typed one.
fn node<T: rnix::ast::AstNode>(typed: &T) -> SyntaxNode {
    typed.syntax().clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_unique_and_in_order() {
        assert!(all().windows(2).all(|pair| pair[0].code < pair[1].code), "one code each, in order");
        let names: std::collections::BTreeSet<_> = all().iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), all().len(), "one name each");
    }

    #[test]
    fn explanations_have_reason_and_example() {
        for rule in all() {
            let text = rule.explanation();
            assert!(text.contains("\n\n") && text.contains("\n    "), "{}: {text}", rule.code);
            assert!(!text.starts_with(' ') && text.ends_with('\n'), "{}: {text}", rule.code);
        }
    }
}
