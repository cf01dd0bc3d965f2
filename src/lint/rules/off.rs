//! Comments that switch rules off: `# git-lattice: off L20`, or by name, several with commas or spaces.
//!
//! Before the first expression of a file it holds for the file, after code for its line, and alone on a line for the next
//! line with code.

use std::collections::HashSet;

const MARK: &str = "git-lattice: off ";

/// Where which rules are switched off.
#[derive(Debug, Default)]
pub(super) struct Off<'a> {
    everywhere: HashSet<&'a str>,
    /// A place on the line, and a rule that is off there.
    lines: Vec<(usize, &'a str)>,
    waiting: Vec<&'a str>,
    /// The end of the last token that is code.
    code: Option<usize>,
}

impl<'a> Off<'a> {
    pub(super) fn comment(&mut self, text: &str, comment: &'a str, start: usize) {
        let said = comment.trim_start_matches(['#', '/', '*', ' ']).trim_end_matches(['/', '*', ' ', '\r']);
        let Some(rules) = said.strip_prefix(MARK) else { return };
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

    /// The answer for a code, a name and a place.
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
