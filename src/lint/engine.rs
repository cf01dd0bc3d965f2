//! Engines: what checks files.

use std::fmt;

/// The syntax, by the crate `rnix`.
pub(super) const RNIX: &str = "rnix";
/// Our own rules.
pub(super) const RULES: &str = "git-lattice";
/// The format, by the crate `nixfmt_rs`.
pub(super) const FORMAT: &str = "format";
/// statix, where it is installed.
pub(super) const STATIX: &str = "statix";
/// deadnix, where it is installed.
pub(super) const DEADNIX: &str = "deadnix";

/// The names of all engines, as `[lint] require` knows them.
pub const ENGINES: [&str; 5] = [RNIX, RULES, FORMAT, STATIX, DEADNIX];

/// Something that checks files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Its name.
    pub name: &'static str,
    /// Its version, where it tells.
    pub version: Option<String>,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        self.version.iter().try_for_each(|version| write!(f, " {version}"))
    }
}
