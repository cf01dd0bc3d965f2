//! Comments that disable rules by code or name: `# git-lattice: off L20`. Commas or spaces separate several rules.
//!
//! Before the first expression, a comment applies to the whole file; after code, to its line; alone on a line, to the next
//! line with code.

use std::collections::HashSet;

const MARK: &str = "git-lattice: off ";

/// The disabled rules by place.
#[derive(Debug, Default)]
pub(super) struct Off<'a> {
    everywhere: HashSet<&'a str>,
    /// A byte offset on a line, and a rule that is disabled on that line.
    lines: Vec<(usize, &'a str)>,
    waiting: Vec<&'a str>,
    /// The end of the last token of code.
    code: Option<usize>,
}

impl<'a> Off<'a> {
    pub(super) fn comment(&mut self, text: &str, comment: &'a str, start: usize) {
        let content = comment.trim_start_matches(['#', '/', '*', ' ']).trim_end_matches(['/', '*', ' ', '\r']);
        let Some(rules) = content.strip_prefix(MARK) else { return };
        let rules = rules.split([',', ' ']).filter(|rule| !rule.is_empty());
        match self.code {
            None => self.everywhere.extend(rules),
            Some(end) if !text[end..start].contains('\n') => self.lines.extend(rules.map(|rule| (start, rule))),
            Some(_) => self.waiting.extend(rules),
        }
    }

    pub(super) fn code(&mut self, start: usize, end: usize) {
        self.code = Some(end);
        self.lines.extend(self.waiting.drain(..).map(|rule| (start, rule)));
    }

    /// Returns a function that tells whether a rule, by code or name, is disabled at an offset.
    pub(super) fn holds(self, text: &str) -> impl Fn(&str, &str, usize) -> bool {
        let breaks: Vec<usize> = if self.lines.is_empty() { Vec::new() } else { line_ends(text) };
        let line = move |at: usize| breaks.partition_point(|&end| end < at);
        let lines: HashSet<(usize, &str)> = self.lines.iter().map(|&(at, rule)| (line(at), rule)).collect();
        move |code, name, at| {
            [code, name].iter().any(|rule| self.everywhere.contains(rule) || lines.contains(&(line(at), rule)))
        }
    }
}

fn line_ends(text: &str) -> Vec<usize> {
    text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at).collect()
}
