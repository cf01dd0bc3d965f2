//! Looking at Nix code. An *engine* is what looks:
//!
//! - `rnix` reads the syntax, always;
//! - `git-lattice` is our own [rules], which see what Nix and statix do not see in a flake;
//! - `format` holds the text against what nixfmt would write;
//! - `statix` and `deadnix` are asked where they are installed.
//!
//! A [`Report`] says what was found, and as plainly what was not looked at: a file that could not be checked never counts
//! as one that passed.

mod check;
mod deadnix;
mod depth;
mod finding;
mod fix;
mod format;
pub mod inputs;
mod openers;
mod program;
mod read;
mod report;
#[macro_use]
pub mod rules;
mod settings;
mod statix;
mod statix_output;
mod syntax;
mod tools;
pub mod words;

pub use check::{lint_files, lint_text};
pub use finding::{Finding, Note, Severity};
pub use fix::{NotFixed, fixed};
pub use report::{Engine, Report, Unchecked, Verdict};
pub use rules::Edit;
pub use settings::{BadSettings, Settings, explain};
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
    syntax::Lines::of(text).position(offset.min(text.len()))
}

/// The names of all engines, as `[lint] require` knows them.
pub const ENGINES: [&str; 5] = [syntax::NAME, read::NAME, format::NAME, statix::NAME, deadnix::NAME];
