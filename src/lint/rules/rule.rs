//! The types of rules and their hits.

use crate::lint::severity::Severity;

/// A rule that all files should follow.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The code, such as `L01`. It never changes and is never reused.
    pub code: &'static str,
    /// The readable name, such as `duplicate-attribute`.
    pub name: &'static str,
    /// The severity of its hits.
    pub severity: Severity,
    /// The lines of its doc comment.
    pub(in crate::lint) doc: &'static str,
}

impl Rule {
    /// What is wrong, why, and the correct form: paragraphs, with code indented by four spaces.
    pub fn explanation(&self) -> String {
        self.doc
            .lines()
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n")
    }
}

/// A place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The rule.
    pub rule: &'static Rule,
    /// The range in bytes.
    pub range: (usize, usize),
    /// The message.
    pub message: String,
    /// A second place and its description, such as the first definition.
    pub note: Option<(usize, usize, String)>,
    /// An edit that fixes it, only if it has no side effects.
    pub fix: Option<Edit>,
}

/// A replacement of a part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The range in bytes.
    pub range: (usize, usize),
    /// The new text.
    pub text: String,
}

impl Hit {
    pub(super) fn new(rule: &'static Rule, range: (usize, usize), message: impl Into<String>) -> Self {
        Self { rule, range, message: message.into(), note: None, fix: None }
    }

    pub(super) fn note(mut self, range: (usize, usize), text: impl Into<String>) -> Self {
        self.note = Some((range.0, range.1, text.into()));
        self
    }
}

/// Declares rules. The doc comment of each becomes its explanation and is hidden from rustdoc, which would compile the examples
/// as Rust.
macro_rules! rules {
    ($($(#[doc = $line:literal])+ $ident:ident = $code:literal $name:literal $severity:ident;)+) => {
        $(pub(in crate::lint) static $ident: $crate::lint::rules::Rule = $crate::lint::rules::Rule {
            code: $code,
            name: $name,
            severity: $crate::lint::severity::Severity::$severity,
            doc: concat!($($line, "\n"),+),
        };)+
    };
}
