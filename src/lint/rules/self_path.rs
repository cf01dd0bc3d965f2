//! `self` where a path is wanted.

use rnix::{SyntaxKind as K, SyntaxNode};

use super::Hit;
use super::node::{Range, range};

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

/// The place of `self` in `self + "/file"`; `is_self` tells whether a node stands for `self`.
pub(super) fn added(sum: &SyntaxNode, is_self: impl Fn(&SyntaxNode) -> bool) -> Option<Hit> {
    let plus = sum.children_with_tokens().any(|part| part.kind() == K::TOKEN_ADD);
    let left = sum.first_child().filter(|left| plus && is_self(left))?;
    Some(hit(range(&left)))
}

/// The places of `self` in `"${self}/file"`; `is_self` tells whether a node stands for `self`.
pub(super) fn interpolated(string: &SyntaxNode, is_self: impl Fn(&SyntaxNode) -> bool) -> Vec<Hit> {
    let parts = string.children().filter(|part| part.kind() == K::NODE_INTERPOL);
    let of_self = parts.filter(|part| {
        let next = part.next_sibling_or_token().and_then(rnix::NodeOrToken::into_token);
        let goes_on = next.is_some_and(|token| token.text().starts_with('/'));
        goes_on && part.first_child().is_some_and(|inner| is_self(&inner))
    });
    of_self.map(|part| hit(range(&part))).collect()
}
