//! Code that rnix accepts but Nix refuses, or accepts only with a warning.

use rnix::{SyntaxKind as K, SyntaxNode};

use super::Hit;
use super::node::range;

rules! {
    /// A syntax error that only Nix itself reports.
    ///
    /// A function without parentheses in a list or after an operator, a computed name in `let` or `inherit`, a number that
    /// is too large, whitespace other than blank, tab and line end, a NUL in a string.
    ///
    ///     [ x: x ]              wrong
    ///     [ (x: x) ]            right
    ///     let ${n} = 1; in 2    wrong
    REFUSED = "L05" "not-nix" Error;

    /// A pipe operator.
    ///
    /// Nix 2.8 does not know it, and later versions refuse it unless the user has enabled the experimental feature
    /// `pipe-operators`: the flake works only for some users.
    ///
    ///     x |> f       wrong
    ///     f x          right
    PIPE = "L06" "pipe-operator" Error;

    /// A URL without quotes.
    ///
    /// Nix can be configured to refuse it, and `x:x` without a space is a URL, not a function.
    ///
    ///     url = https://example.org/x;        wrong
    ///     url = "https://example.org/x";      right
    BARE_URL = "L07" "bare-url" Warning;

    /// The old form of `let`.
    ///
    /// `let { body = ..; }` is deprecated and exists only for very old files.
    ///
    ///     let { x = 1; body = x; }     wrong
    ///     let x = 1; in x              right
    OLD_LET = "L08" "old-let" Warning;
}

pub(super) fn old_let(node: &SyntaxNode, hits: &mut Vec<Hit>) {
    let (start, _) = range(node);
    hits.push(Hit::new(&OLD_LET, (start, start + 3), "`let { .. }` is deprecated: write `let .. in`"));
}

/// Refuses a function without parentheses as an operand or list item.
pub(super) fn lambda(node: &SyntaxNode, hits: &mut Vec<Hit>) {
    let operand = |kind| {
        matches!(
            kind,
            K::NODE_APPLY | K::NODE_LIST | K::NODE_BIN_OP | K::NODE_UNARY_OP | K::NODE_SELECT | K::NODE_HAS_ATTR
        )
    };
    if node.parent().is_some_and(|parent| operand(parent.kind())) {
        hits.push(Hit::new(&REFUSED, range(node), "a function must be in parentheses here"));
    }
}

pub(super) fn operator(node: &SyntaxNode, hits: &mut Vec<Hit>) {
    let tokens = node.children_with_tokens().filter_map(rnix::NodeOrToken::into_token);
    for token in tokens.filter(|token| matches!(token.kind(), K::TOKEN_PIPE_LEFT | K::TOKEN_PIPE_RIGHT)) {
        let at = (token.text_range().start().into(), token.text_range().end().into());
        hits.push(Hit::new(&PIPE, at, format!("Nix accepts `{}` only as an experimental feature", token.text())));
    }
}

/// Checks one token.
pub(super) fn token(kind: K, token: &str, start: usize, hits: &mut Vec<Hit>) {
    let at = (start, start + token.len());
    let mut refuse = |at, message: &str| hits.push(Hit::new(&REFUSED, at, message));
    match kind {
        K::TOKEN_WHITESPACE => {
            if let Some((before, char)) =
                token.char_indices().find(|(_, char)| !matches!(char, ' ' | '\t' | '\r' | '\n'))
            {
                let at = (start + before, start + before + char.len_utf8());
                refuse(at, &format!("U+{:04X} is not whitespace in Nix", u32::from(char)));
            }
        }
        K::TOKEN_STRING_CONTENT => {
            if let Some(before) = token.find('\0') {
                refuse((start + before, start + before + 1), "newer versions of Nix refuse a string with a NUL");
            }
        }
        K::TOKEN_INTEGER if token.parse::<i64>().is_err() => {
            refuse(at, "the number is larger than 9223372036854775807");
        }
        K::TOKEN_FLOAT if token == "0." => refuse(at, "a number with a point needs digits after it: `0.0`"),
        K::TOKEN_FLOAT if bad_float(token) => refuse(at, "the number is too large or too small"),
        K::TOKEN_PATH_SEARCH if bad_search(token) => refuse(at, "a search path must not have empty parts"),
        K::TOKEN_URI => {
            let fix = super::Edit { range: at, text: format!("\"{token}\"") };
            let message = "a URL must be in quotes, and a function needs a space after its `:`";
            hits.push(Hit { fix: Some(fix), ..Hit::new(&BARE_URL, at, message) });
        }
        _ => {}
    }
}

/// Whether strtod(3) would report the number as out of range: too large, or too small for full precision.
fn bad_float(token: &str) -> bool {
    let zero = || !token.split(['e', 'E']).next().unwrap_or_default().contains(|char| matches!(char, '1'..='9'));
    token.parse::<f64>().is_ok_and(|value| value.is_infinite() || value.is_subnormal() || value == 0.0 && !zero())
}

fn bad_search(token: &str) -> bool {
    token.trim_matches(['<', '>']).split('/').any(str::is_empty)
}
