//! Estimates the depth of the syntax tree of a text before it is parsed.
//!
//! rnix limits the depth of expressions, but not of lists, prefix operators and chains of operators or arguments: 20,000 `[`
//! overflow the stack and abort the program, and long chains take quadratic time.

use rnix::SyntaxKind;

/// Text up to this depth can be parsed on any stack; hand-written files stay far below.
pub(super) const SAFE_DEPTH: usize = 400;
/// Text beyond this depth is not parsed. Nix itself gives up at 10,000 (`YYMAXDEPTH`) or earlier.
pub(super) const LIMIT: usize = 4_000;

/// Maximum look-ahead of the tokenizer, in characters per character of the text; hand-written files need two. At each token
/// it reads to the end of what could be a path, so a word of a million dots takes quadratic time.
const LOOK_AHEAD: usize = 16;
/// Look-ahead that is always allowed, in characters.
const MIN_LOOK_AHEAD: usize = 4_000_000;

/// Returns an upper bound for the depth of the syntax tree: open brackets, and the tokens of the statement around each.
/// Counting stops beyond [`LIMIT`]. Text that cannot be tokenized in reasonable time counts as deeper than that.
pub(super) fn measure(text: &str) -> usize {
    let mut open = vec![Frame::default()];
    let mut deepest = 0;
    let mut ahead = LookAhead::default();
    for (kind, token) in rnix::tokenize(text) {
        if ahead.exceeds(text, kind, token) {
            return LIMIT + 1;
        }
        if kind.is_trivia() {
            continue;
        }
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

/// An estimate of the look-ahead of the tokenizer.
#[derive(Default)]
struct LookAhead {
    at: usize,
    /// The end of the current word.
    word: usize,
    spent: usize,
}

impl LookAhead {
    fn exceeds(&mut self, text: &str, kind: SyntaxKind, token: &str) -> bool {
        let start = self.at;
        self.at += token.len();
        if kind.is_trivia() || kind == SyntaxKind::TOKEN_STRING_CONTENT {
            return false;
        }
        if start >= self.word {
            self.word = start + text[start..].bytes().take_while(|&byte| in_word(byte)).count();
        }
        self.spent += self.word - start;
        self.spent > MIN_LOOK_AHEAD + LOOK_AHEAD * text.len()
    }
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+' | b'-')
}

/// The state inside one pair of brackets.
#[derive(Default)]
struct Frame {
    /// Whether this is a list or a string, whose items are siblings and add no depth.
    flat: bool,
    /// Tokens since the last separator.
    tokens: usize,
    /// The depth around the brackets.
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
    fn ignores_width() {
        for wide in ["[ a.b 1 \"x\" ]", "{ a = 1; b = f 2; }", "{ a, b ? 1 }: a", "\"${a} ${b}\""] {
            let many = format!("[ {} ]", format!("{wide} ").repeat(5_000));
            assert!(measure(&many) < 20, "{wide}: {}", measure(&many));
        }
    }

    #[test]
    fn measures_all_kinds_of_nesting() {
        for deep in ["[", "(", "{ a = ", "!", "-", "1 + ", "f ", ".b", "x: ", "\"${", "a -> ", "if a then b else "] {
            let text = deep.repeat(5_000);
            assert!(measure(&text) > LIMIT, "{deep}: {}", measure(&text));
        }
    }
}
