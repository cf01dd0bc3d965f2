//! Engines: the linters that check files.

use std::fmt;

/// Syntax, checked by the crate `rnix`.
pub(super) const RNIX: &str = "rnix";
/// Our own rules.
pub(super) const RULES: &str = "git-lattice";
/// Format, checked by the crate `nixfmt_rs`.
pub(super) const FORMAT: &str = "format";
/// statix, if it is installed.
pub(super) const STATIX: &str = "statix";
/// deadnix, if it is installed.
pub(super) const DEADNIX: &str = "deadnix";

/// The names of all engines, as in `[lint] require`.
pub const ENGINES: [&str; 5] = [RNIX, RULES, FORMAT, STATIX, DEADNIX];

/// An engine that checked files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Its name.
    pub name: &'static str,
    /// Its version, if known.
    pub version: Option<String>,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        self.version.iter().try_for_each(|version| write!(f, " {version}"))
    }
}
