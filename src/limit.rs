//! Limits of builds and remotes, by their keys in git's configuration.

use serde::{Deserialize, Serialize};

/// A limit that the user can set. In files it is written as its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Limit {
    /// Time for each builder.
    Time,
    /// Time without output from a builder.
    Silence,
    /// Size of a builder's log in bytes.
    Log,
    /// Memory for evaluation in bytes.
    Memory,
    /// Time for evaluation.
    Evaluation,
    /// Time without any transfer to or from a remote.
    Network,
}

impl Limit {
    const ALL: [Self; 6] = [Self::Time, Self::Silence, Self::Log, Self::Memory, Self::Evaluation, Self::Network];

    /// Returns the key in git's configuration.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Time => "lattice.limit.time",
            Self::Silence => "lattice.limit.silence",
            Self::Log => "lattice.limit.log",
            Self::Memory => "lattice.limit.memory",
            Self::Evaluation => "lattice.limit.evaluation",
            Self::Network => "lattice.limit.network",
        }
    }

    /// Returns the hint to set another limit.
    #[must_use]
    pub fn hint(self) -> String {
        format!("`git config {} VALUE` sets another limit", self.key())
    }
}

impl From<Limit> for &'static str {
    fn from(limit: Limit) -> Self {
        limit.key()
    }
}

/// The key of a limit that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no limit")]
pub struct Unknown(String);

impl TryFrom<String> for Limit {
    type Error = Unknown;

    fn try_from(key: String) -> Result<Self, Unknown> {
        Self::ALL.into_iter().find(|limit| limit.key() == key).ok_or(Unknown(key))
    }
}
