//! Linting what is about to be written or committed, and saying what was not looked at.

use anyhow::Result;

use super::Cannot;
use crate::lint::{self, Severity, Tools};

/// Which checkers looked, and which did not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Those that did: `rnix 0.15.1`.
    pub checked: Vec<String>,
    /// Those that did not, each with the reason.
    pub unchecked: Vec<String>,
}

impl Checked {
    /// A line for each kind, if there are any.
    pub fn lines(&self) -> Vec<String> {
        let line = |word: &str, list: &[String], between: &str| (!list.is_empty()).then(|| format!("{word}: {}", list.join(between)));
        [line("checked", &self.checked, ", "), line("not checked", &self.unchecked, "; ")].into_iter().flatten().collect()
    }
}

impl From<&lint::Report> for Checked {
    fn from(report: &lint::Report) -> Self {
        Self {
            checked: report.checked.iter().map(ToString::to_string).collect(),
            unchecked: report.unchecked.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Checks generated texts. A finding in one of them is a fault of ours.
///
/// # Errors
/// [`Cannot::BadOutput`] with the first finding.
pub fn generated(texts: &[(String, String)]) -> Result<Checked> {
    let files = texts.iter().map(|(path, text)| (path.as_str(), text.as_bytes()));
    let report = lint::texts(files, &Tools::embedded());
    match report.findings.iter().find(|finding| finding.severity != Severity::Hint) {
        Some(finding) => Err(Cannot::BadOutput { path: finding.path.clone(), finding: finding.message.clone() }.into()),
        None => Ok(Checked::from(&report)),
    }
}
