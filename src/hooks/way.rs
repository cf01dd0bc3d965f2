//! The two ways in which git finds hooks.

/// How git finds our hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A shim in the hooks folder, which every git runs.
    Shim,
    /// Sections in the repository's configuration, which git before 2.54 passes over without a word.
    Config,
}

impl Way {
    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shim => "shim",
            Self::Config => "config",
        }
    }
}
