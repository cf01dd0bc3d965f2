//! The text form of points.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// The text form of a point, such as `solana-rust-1.83/aarch64/phase0/step1`.
///
/// It comes from [`Lattice::spell`](super::Lattice::spell) or from a file that was written with another `lattice.toml`, so it
/// may not be a point of the current lattice: parse it by [`Spelled::read`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Spelled(String);

impl Spelled {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Spelled {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Spelled {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<Spelled> for String {
    fn from(spelled: Spelled) -> Self {
        spelled.0
    }
}

impl Borrow<str> for Spelled {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Deref for Spelled {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Spelled {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Spelled {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl PartialEq<String> for Spelled {
    fn eq(&self, other: &String) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for Spelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
