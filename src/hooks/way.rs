//! The two ways in which git finds hooks.

/// How git finds our hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A shim in the hooks folder, which all versions of git run.
    Shim,
    /// Sections in the repository's configuration, which git before 2.54 silently ignores.
    Config,
}

impl Way {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shim => "shim",
            Self::Config => "config",
        }
    }
}
