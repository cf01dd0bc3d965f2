//! Fixes a text: applies the safe fixes of our own rules, then formats. Fixes of statix are never applied: W11 breaks flakes.

use std::path::Path;

use super::read::Reading;
use super::{Edit, Finding, Settings, format};

/// Maximum rounds of fixes: overlapping fixes need another round.
const ROUNDS: usize = 20;

/// Why a text was not fixed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFixed {
    /// It has syntax errors.
    #[error("it has syntax errors")]
    SyntaxErrors,
    /// The fixed text would have new errors.
    #[error("the fixed text would have new errors")]
    NewErrors,
}

/// The result of fixing one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedText {
    /// The text with all safe fixes, formatted; `None` if there is nothing to fix.
    pub text: Result<Option<String>, NotFixed>,
    /// The reading of the new text; of the old one if there is no new one.
    pub reading: Reading,
}

/// Applies all safe fixes and formats the text, unless it does not parse or would have new errors afterwards.
pub fn fixed(path: &Path, bytes: &[u8], settings: &Settings) -> FixedText {
    let first = Reading::of(path, bytes, settings);
    match std::str::from_utf8(bytes) {
        Ok(text) if first.parses() => match applied(path, text, &first, settings) {
            Ok((new, reading)) if new != text => FixedText { text: Ok(Some(new)), reading },
            Ok(_) => FixedText { text: Ok(None), reading: first },
            Err(why) => FixedText { text: Err(why), reading: first },
        },
        _ => FixedText { text: Err(NotFixed::SyntaxErrors), reading: first },
    }
}

fn applied(path: &Path, text: &str, first: &Reading, settings: &Settings) -> Result<(String, Reading), NotFixed> {
    let read = |text: &str| Reading::of(path, text.as_bytes(), settings);
    let (mut now, mut reading) = (text.to_owned(), first.clone());
    let before = reading.rules.len();
    for _ in 0..ROUNDS {
        let edits = edits(&reading.rules);
        if edits.is_empty() {
            break;
        }
        now = apply(&now, &edits);
        reading = read(&now);
        if !reading.parses() {
            return Err(NotFixed::NewErrors);
        }
    }
    if let Ok(Some(Finding { fix: Some(fix), .. })) = format::check(path, &now, settings) {
        now = fix.text;
        reading = read(&now);
    }
    if !reading.parses() || reading.rules.len() > before {
        return Err(NotFixed::NewErrors);
    }
    Ok((now, reading))
}

/// The fixes, sorted by position; of two that overlap or touch, only the first.
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
