//! Mending a text: the safe fixes of our own rules, then the format. Never what statix would write: its W11 breaks flakes.

use std::path::Path;

use super::read::Reading;
use super::{Edit, Finding, Settings, format};

/// A fix can make room for another; no text needs more rounds than this.
const ROUNDS: usize = 20;

/// Why a text was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFixed {
    /// It has syntax errors.
    #[error("it has syntax errors")]
    NoSyntax,
    /// What came out has errors that were not there.
    #[error("what comes out would have errors that are not there now")]
    Worse,
}

/// The text with everything mended that can be mended safely; the same text where there is nothing to do.
///
/// # Errors
/// When the text does not parse, or would be worse afterwards.
pub fn fixed(path: &Path, bytes: &[u8], settings: &Settings) -> Result<String, NotFixed> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotFixed::NoSyntax)?;
    let read = |text: &str| Reading::of(path, text.as_bytes(), settings);
    let (mut now, mut reading) = (text.to_owned(), read(text));
    if !reading.parses() {
        return Err(NotFixed::NoSyntax);
    }
    let before = reading.rules.len();
    for _ in 0..ROUNDS {
        let edits = edits(&reading.rules);
        if edits.is_empty() {
            break;
        }
        now = apply(&now, &edits);
        reading = read(&now);
        if !reading.parses() {
            return Err(NotFixed::Worse);
        }
    }
    if let Ok(Some(Finding { fix: Some(fix), .. })) = format::check(path, &now, settings) {
        now = fix.text;
        reading = read(&now);
    }
    if !reading.parses() || reading.rules.len() > before {
        return Err(NotFixed::Worse);
    }
    Ok(now)
}

/// The fixes in the order of the text; of two that touch each other the first.
fn edits(findings: &[Finding]) -> Vec<&Edit> {
    let mut all: Vec<&Edit> = findings.iter().filter_map(|finding| finding.fix.as_ref()).collect();
    all.sort_by_key(|edit| edit.range);
    let mut free = 0;
    all.retain(|edit| {
        let fits = edit.range.0 >= free && edit.range.0 <= edit.range.1;
        if fits {
            free = edit.range.1 + 1;
        }
        fits
    });
    all
}

fn apply(text: &str, edits: &[&Edit]) -> String {
    let (mut done, mut at) = (String::with_capacity(text.len()), 0);
    for Edit { range: (from, to), text: new } in edits {
        done.push_str(text.get(at..*from).unwrap_or_default());
        done.push_str(new);
        at = *to;
    }
    done.push_str(text.get(at..).unwrap_or_default());
    done
}
