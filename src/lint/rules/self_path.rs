//! `self` where a path is wanted.

use rnix::{SyntaxKind as K, SyntaxNode};

use super::Hit;
use super::scope::{Meaning, Walk};
use super::set::{Range, range};

rules! {
    /// The flake's `self` used as the path of its files.
    ///
    /// What it is depends on the version of Nix: up to 2.8 the root of the repository, later the flake's directory in it.
    /// It also takes in everything in that tree, so that any change of any file builds anew.
    ///
    ///     outputs = { self }: { x = "${self}/config.toml"; }      wrong
    ///     outputs = { self }: { x = ./config.toml; }              right
    SELF_PATH = "L23" "self-as-path" Warning;
}

pub(super) fn hit(at: Range) -> Hit {
    Hit::new(&SELF_PATH, at, "`self` is not the same path in every version of Nix: write `./file` instead")
}

/// `self + "/file"`
pub(super) fn added(walk: &mut Walk, node: &SyntaxNode) {
    let plus = node.children_with_tokens().any(|part| part.kind() == K::TOKEN_ADD);
    let left = node.first_child().filter(|left| plus && walk.meaning(left) == Some(Meaning::Itself));
    if let Some(left) = left {
        walk.hits.push(hit(range(&left)));
    }
}

/// `"${self}/file"`
pub(super) fn interpolated(walk: &mut Walk, string: &SyntaxNode) {
    for part in string.children().filter(|part| part.kind() == K::NODE_INTERPOL) {
        let next = part.next_sibling_or_token().and_then(rnix::NodeOrToken::into_token);
        let goes_on = next.is_some_and(|token| token.text().starts_with('/'));
        if goes_on && part.first_child().is_some_and(|inner| walk.meaning(&inner) == Some(Meaning::Itself)) {
            walk.hits.push(hit(range(&part)));
        }
    }
}
