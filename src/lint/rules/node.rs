//! Helpers for syntax nodes: their range, the content of parentheses, the value of strings.

use std::borrow::Cow;

use rnix::{SyntaxKind as K, SyntaxNode};

/// A range in the text, in bytes.
pub(super) type Range = (usize, usize);

pub(super) fn range(node: &SyntaxNode) -> Range {
    let range = node.text_range();
    (range.start().into(), range.end().into())
}

/// Strips the parentheses around an expression.
pub(super) fn unparen(mut node: SyntaxNode) -> SyntaxNode {
    while node.kind() == K::NODE_PAREN {
        match node.first_child() {
            Some(inner) => node = inner,
            None => break,
        }
    }
    node
}

/// The value of a string without interpolation; `None` if it has one.
pub(super) fn fixed<'a>(text: &'a str, string: &SyntaxNode) -> Option<Cow<'a, str>> {
    if string.first_child().is_some() {
        return None;
    }
    let (start, end) = range(string);
    let whole = &text[start..end];
    let multiline = whole.starts_with("''");
    let quotes = if multiline { 2 } else { 1 };
    let inner = whole.get(quotes..whole.len() - quotes)?;
    if inner.contains(['\\', '\r']) || multiline && inner.contains(['\'', '\n']) {
        return Some(Cow::Owned(if multiline { inner.replace("'''", "''") } else { unescape(inner) }));
    }
    Some(Cow::Borrowed(inner))
}

fn unescape(inner: &str) -> String {
    let mut value = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        let char = if char == '\\' { chars.next().map(escaped) } else { Some(char) };
        value.extend(char);
    }
    value
}

fn escaped(char: char) -> char {
    match char {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        other => other,
    }
}
