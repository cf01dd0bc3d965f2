//! Looking at Nix code. An *engine* is what looks:
//!
//! - `rnix` reads the syntax, always;
//! - `git-lattice` is our own [rules], which see what Nix and statix do not see in a flake;
//! - `format` holds the text against what nixfmt would write;
//! - `statix` and `deadnix` are asked where they are installed.
//!
//! A [`Report`] says what was found, and as plainly what was not looked at: a file that could not be checked never counts
//! as one that passed.

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
pub use fix::{NotFixed, fixed};
pub use lines::Lines;
pub use lint_files::{lint_files, lint_text};
pub use report::{Report, Unchecked, Verdict};
pub use rules::Edit;
pub use settings::{BadSettings, Settings};
pub use severity::Severity;
pub use syntax::parsed_shallow;
pub use tools::{Lookup, SetupError, Tools};

/// Reads what statix printed, in any of its shapes: for fuzzing.
///
/// # Errors
/// When it is nothing that statix says.
#[doc(hidden)]
pub fn parse_statix(text: &str, stdout: &[u8]) -> Result<Vec<Finding>, String> {
    statix_output::parse(std::path::Path::new("fuzz.nix"), text, stdout)
}

/// Line and column, from 1 and in characters, of a byte of `text`.
#[must_use]
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    lines::Lines::of(text).position(offset.min(text.len()))
}
