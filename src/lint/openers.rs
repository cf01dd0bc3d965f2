//! Finds the opening bracket, quote or comment that is not closed, when a text does not parse.
//!
//! A parser notices it only at the end of the file, which does not help the user. The layout does: a closing bracket at the
//! start of a line is usually indented like the line with the opening one.

use rnix::SyntaxKind as K;

/// An opening bracket, quote or comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opener<'a> {
    /// The byte offset.
    pub(super) at: usize,
    /// The text of the opener.
    pub(super) text: &'a str,
    /// The text that closes it.
    pub(super) closer: &'static str,
}

/// Maximum number of open brackets to search for the one that a closing bracket matches.
const MAX_OPENERS: usize = 64;

/// Byte offsets of the start of a line and of its first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    start: usize,
    word: usize,
}

impl Line {
    fn of(text: &str, start: usize) -> Self {
        let blanks = text[start..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        Self { start, word: start + blanks }
    }

    fn indent(self) -> usize {
        self.word - self.start
    }
}

struct Scan<'a> {
    line: Line,
    open: Vec<(Opener<'a>, Line)>,
    /// The first opener whose closer is indented less than the line of the opener.
    doubtful: Option<Opener<'a>>,
    /// The first string over several lines that a word follows directly.
    doubtful_string: Option<Opener<'a>>,
    ended_string: Option<Opener<'a>>,
}

/// Returns the opener that is not closed, if that is the error.
pub(super) fn unclosed(text: &str) -> Option<Opener<'_>> {
    let line = Line::of(text, 0);
    let mut scan = Scan { line, open: Vec::new(), doubtful: None, doubtful_string: None, ended_string: None };
    let mut at = 0;
    for (kind, token) in rnix::tokenize(text) {
        if let Some(opener) = scan.token(kind, token, at) {
            return Some(opener);
        }
        if let Some(last) = token.rfind('\n') {
            scan.line = Line::of(text, at + last + 1);
        }
        at += token.len();
    }
    let last = scan.innermost()?;
    let of_string = scan.doubtful_string.filter(|_| last.closer == "\"");
    let by_layout = scan.doubtful.filter(|doubtful| doubtful.closer == last.closer);
    Some(of_string.or(by_layout).unwrap_or(last))
}

impl<'a> Scan<'a> {
    fn token(&mut self, kind: K, token: &'a str, at: usize) -> Option<Opener<'a>> {
        let word = matches!(kind, K::TOKEN_IDENT | K::TOKEN_INTEGER);
        if let Some(string) = self.ended_string.take().filter(|_| word) {
            self.doubtful_string.get_or_insert(string);
        }
        match kind {
            K::TOKEN_L_BRACE | K::TOKEN_INTERPOL_START => self.open(token, "}", at),
            K::TOKEN_L_BRACK => self.open(token, "]", at),
            K::TOKEN_L_PAREN => self.open(token, ")", at),
            K::TOKEN_STRING_START => self.open(token, if token == "\"" { "\"" } else { "''" }, at),
            K::TOKEN_STRING_END => self.end_string(),
            K::TOKEN_R_BRACE | K::TOKEN_R_BRACK | K::TOKEN_R_PAREN | K::TOKEN_INTERPOL_END => {
                return self.close(token, at);
            }
            K::TOKEN_ERROR if token.starts_with("/*") => return Some(Opener { at, text: "/*", closer: "*/" }),
            _ => {}
        }
        None
    }

    fn open(&mut self, text: &'a str, closer: &'static str, at: usize) {
        self.open.push((Opener { at, text, closer }, self.line));
    }

    fn close(&mut self, token: &str, at: usize) -> Option<Opener<'a>> {
        let (top, line) = *self.open.last()?;
        if top.closer == token {
            self.open.pop();
            if line != self.line && at == self.line.word && self.line.indent() < line.indent() {
                self.doubtful.get_or_insert(top);
            }
            return None;
        }
        // It closes an outer bracket, so the innermost is not closed; otherwise it is a closer too many.
        self.open.iter().rev().take(MAX_OPENERS).any(|(opener, _)| opener.closer == token).then_some(top)
    }

    /// The innermost open one; for the second quote of `"${a"` it is the interpolation.
    fn innermost(&self) -> Option<Opener<'a>> {
        match self.open.as_slice() {
            [.., (outer, _), (interpolation, line), (quote, same)]
                if interpolation.text == "${" && outer.text == quote.text && quote.text == "\"" && line == same =>
            {
                Some(*interpolation)
            }
            open => open.last().map(|(last, _)| *last),
        }
    }

    fn end_string(&mut self) {
        let ended = self.open.pop();
        self.ended_string =
            ended.filter(|(string, line)| string.closer == "\"" && *line != self.line).map(|(string, _)| string);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn at_fault(marked: &str) {
        let text = marked.replace('@', "");
        let found = unclosed(&text).map(|opener| opener.at);
        assert_eq!(found, marked.find('@'), "{marked}");
    }

    #[test]
    fn finds_innermost_before_a_wrong_closer() {
        at_fault("{ a = @[ 1 2; }");
        at_fault("{ a = @(1 + 2; b = [ 3 ]; }");
        at_fault("[ (1) @{ a = 1; ]");
        at_fault("@{ a = 1;");
    }

    #[test]
    fn finds_opener_by_layout() {
        at_fault("{\n  a = @{\n    b = 1;\n  c = 2;\n}\n");
        at_fault("{\n  a = @{\n    b = [\n      1\n    ];\n  c = {\n  };\n}\n");
        at_fault("@{\n  a = {\n    b = 1;\n  };\n");
    }

    #[test]
    fn finds_unclosed_strings_and_comments() {
        at_fault("{ a = @\"x; }");
        at_fault("{\n  a = @\"x;\n  b = \"y\";\n}");
        at_fault("{\n  a = @''x;\n  b = \"y\";\n}");
        at_fault("{ a = \"@${b\"; }");
        at_fault("{ a = 1; @/* b }");
    }

    #[test]
    fn ignores_extra_closers() {
        at_fault("{ a = 1; } }");
        at_fault("{ a = 1 ]; }");
    }
}
