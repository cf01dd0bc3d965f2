//! `self` used as a path.

use rnix::{SyntaxKind as K, SyntaxNode};

use super::Hit;
use super::node::{Range, range};

rules! {
    /// The flake's `self` used as the path of its files.
    ///
    /// The path depends on the version of Nix: up to 2.8 it is the root of the repository, later the directory of the flake.
    /// The build also depends on that whole tree, so that a change of any file causes a rebuild.
    ///
    ///     outputs = { self }: { x = "${self}/config.toml"; }      wrong
    ///     outputs = { self }: { x = ./config.toml; }              right
    SELF_PATH = "L23" "self-as-path" Warning;
}

pub(super) fn hit(at: Range) -> Hit {
    Hit::new(&SELF_PATH, at, "`self` is a different path in different versions of Nix: write `./file` instead")
}

/// Finds `self` in `self + "/file"`; `is_self` tells whether a node refers to `self`.
pub(super) fn added(sum: &SyntaxNode, is_self: impl Fn(&SyntaxNode) -> bool) -> Option<Hit> {
    let plus = sum.children_with_tokens().any(|part| part.kind() == K::TOKEN_ADD);
    let left = sum.first_child().filter(|left| plus && is_self(left))?;
    Some(hit(range(&left)))
}

/// Finds `self` in `"${self}/file"`; `is_self` tells whether a node refers to `self`.
pub(super) fn interpolated(string: &SyntaxNode, is_self: impl Fn(&SyntaxNode) -> bool) -> Vec<Hit> {
    let parts = string.children().filter(|part| part.kind() == K::NODE_INTERPOL);
    let of_self = parts.filter(|part| {
        let next = part.next_sibling_or_token().and_then(rnix::NodeOrToken::into_token);
        let goes_on = next.is_some_and(|token| token.text().starts_with('/'));
        goes_on && part.first_child().is_some_and(|inner| is_self(&inner))
    });
    of_self.map(|part| hit(range(&part))).collect()
}
