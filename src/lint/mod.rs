//! Linting of Nix code. Several *engines* check the files:
//!
//! - `rnix` checks the syntax;
//! - `git-lattice` is our own [rules], for problems in flakes that Nix and statix do not report;
//! - `format` compares the text with the output of nixfmt;
//! - `statix` and `deadnix` run if they are installed.
//!
//! A [`Report`] lists the findings and what was not checked. A file that could not be checked never counts as passed.

mod codes;
mod deadnix;
mod depth;
mod engine;
mod finding;
mod fix;
mod format;
mod lines;
mod lint_files;
mod openers;
mod program;
mod read;
mod report;
#[macro_use]
pub mod rules;
mod settings;
mod severity;
mod statix;
mod statix_output;
mod syntax;
mod tools;

pub use codes::explain;
pub use engine::{ENGINES, Engine};
pub use finding::{Finding, Note};
pub use fix::{FixedText, NotFixed, fixed};
pub use lines::Lines;
pub use lint_files::{File, lint_files, lint_read, lint_text};
pub use read::Reading;
pub use report::{Report, Unchecked, Verdict};
pub use rules::Edit;
pub use settings::{BadSettings, Settings};
pub use severity::Severity;
pub use syntax::{parsed_shallow, syntax_error};
pub use tools::{Lookup, SetupError, Tools};

/// Parses the output of statix in any of its formats; public for fuzzing.
///
/// # Errors
/// When it is not output of statix.
#[doc(hidden)]
pub fn parse_statix(text: &str, stdout: &[u8]) -> Result<Vec<Finding>, String> {
    statix_output::parse(std::path::Path::new("fuzz.nix"), text, stdout)
}

/// Line and column of a byte offset in `text`; both are 1-based, and the column is in characters.
#[must_use]
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    lines::Lines::of(text).position(offset.min(text.len()))
}
