//! How deep a parse would go, before it goes there.
//!
//! rnix limits the depth of expressions, but not of lists, prefix operators and chains of operators or arguments: twenty
//! thousand `[` overflow the stack, which no program survives, and long chains take a time that grows with their square.

use rnix::SyntaxKind;

/// Text up to this depth is parsed on any stack; files written by people stay far below.
pub(super) const SHALLOW: usize = 400;
/// Text beyond this depth is not parsed. Nix itself gives up at 10,000 (`YYMAXDEPTH`) or earlier.
pub(super) const LIMIT: usize = 4_000;

/// An upper bound for the depth of the syntax tree: open brackets, and tokens of the statement around each of them.
/// It stops counting beyond [`LIMIT`].
pub(super) fn measure(text: &str) -> usize {
    let mut open = vec![Frame::default()];
    let mut deepest = 0;
    for (kind, _) in rnix::tokenize(text).filter(|(kind, _)| !kind.is_trivia()) {
        step(&mut open, kind);
        if let Some(top) = open.last() {
            deepest = deepest.max(top.outside + top.tokens + 1);
        }
        if deepest > LIMIT {
            break;
        }
    }
    deepest
}

/// What is inside one pair of brackets.
#[derive(Default)]
struct Frame {
    /// Items of lists and parts of strings stand side by side.
    flat: bool,
    /// Tokens since the last separator.
    tokens: usize,
    /// The depth of what is around it.
    outside: usize,
}

impl Frame {
    fn inside(outer: Option<&Self>, flat: bool) -> Self {
        Self { flat, tokens: 0, outside: outer.map_or(0, |outer| outer.outside + outer.tokens + 1) }
    }
}

fn step(open: &mut Vec<Frame>, kind: SyntaxKind) {
    use SyntaxKind as K;
    match kind {
        K::TOKEN_L_BRACK | K::TOKEN_STRING_START => open.push(Frame::inside(open.last(), true)),
        K::TOKEN_L_BRACE | K::TOKEN_L_PAREN | K::TOKEN_INTERPOL_START => {
            open.push(Frame::inside(open.last(), false));
        }
        K::TOKEN_R_BRACK | K::TOKEN_R_BRACE | K::TOKEN_R_PAREN | K::TOKEN_INTERPOL_END | K::TOKEN_STRING_END => {
            if open.len() > 1 {
                open.pop();
            }
            count(open);
        }
        K::TOKEN_SEMICOLON | K::TOKEN_COMMA => {
            if let Some(top) = open.last_mut() {
                top.tokens = 0;
            }
        }
        _ => count(open),
    }
}

fn count(open: &mut [Frame]) {
    if let Some(top) = open.last_mut().filter(|top| !top.flat) {
        top.tokens += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_is_no_depth() {
        for wide in ["[ a.b 1 \"x\" ]", "{ a = 1; b = f 2; }", "{ a, b ? 1 }: a", "\"${a} ${b}\""] {
            let many = format!("[ {} ]", format!("{wide} ").repeat(5_000));
            assert!(measure(&many) < 20, "{wide}: {}", measure(&many));
        }
    }

    #[test]
    fn every_way_down_is_noticed() {
        for deep in ["[", "(", "{ a = ", "!", "-", "1 + ", "f ", ".b", "x: ", "\"${", "a -> ", "if a then b else "] {
            let text = deep.repeat(5_000);
            assert!(measure(&text) > LIMIT, "{deep}: {}", measure(&text));
        }
    }
}
