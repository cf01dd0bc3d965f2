//! What a rule is, and what it finds.

use crate::lint::severity::Severity;

/// Something that should hold in every file.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// `L01`: it never changes and is never used again.
    pub code: &'static str,
    /// The same for people: `duplicate-attribute`.
    pub name: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The lines of its doc comment, as they are written.
    pub(in crate::lint) doc: &'static str,
}

impl Rule {
    /// What is wrong, why, and how it is written right: paragraphs, with code indented by four spaces.
    pub fn explanation(&self) -> String {
        self.doc
            .lines()
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n")
    }
}

/// A place where a rule does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The rule.
    pub rule: &'static Rule,
    /// Where, in bytes.
    pub range: (usize, usize),
    /// What is wrong there.
    pub message: String,
    /// A second place that belongs to it, and what it is: the first definition.
    pub note: Option<(usize, usize, String)>,
    /// How to mend it, only where nothing else changes by it.
    pub fix: Option<Edit>,
}

/// A part of the text, and what should stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where, in bytes.
    pub range: (usize, usize),
    /// What should stand there.
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

/// Declares rules; the doc comment of each becomes its explanation. It is not handed on to rustdoc, which would take the examples
/// for Rust.
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
