//! Values: the words that coordinates are spelled with.

use std::fmt;

use super::{Error, Result};

/// The most bytes a value may have: a branch name of several of them still fits a file name's 255.
const MOST_BYTES: usize = 100;

/// A value of an axis: `[A-Za-z0-9][A-Za-z0-9._-]*`, without `..`, not ending in `.` or `.lock`, at most 100 bytes.
///
/// git-check-ref-format(1) forbids the two endings and `..`; the rest is what is safe in a path, a URL and a shell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(Box<str>);

impl Value {
    /// Reads a value.
    ///
    /// # Errors
    /// [`Error::BadValue`], naming the character or the rule.
    pub fn parse(text: &str) -> Result<Self> {
        match fault(text) {
            None => Ok(Self(text.into())),
            Some(why) => Err(Error::BadValue { text: text.to_owned(), why }),
        }
    }

    /// A text that is known to be a value.
    pub(super) fn trusted(text: String) -> Self {
        debug_assert!(fault(&text).is_none(), "`{text}` is a value");
        Self(text.into())
    }

    /// The value as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn fault(text: &str) -> Option<String> {
    let strange = |c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c));
    if text.is_empty() {
        Some("it is empty".into())
    } else if let Some(c) = text.chars().find(|c| strange(*c)) {
        Some(format!("the character {c:?} is not one of A-Z a-z 0-9 . _ -"))
    } else if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        Some("it must begin with a letter or a digit".into())
    } else if text.contains("..") {
        Some("`..` may not be in a branch name".into())
    } else if text.ends_with('.') {
        Some("it must not end with `.`".into())
    } else if text.to_ascii_lowercase().ends_with(".lock") {
        Some("it must not end with `.lock`, which git uses itself".into())
    } else if text.len() > MOST_BYTES {
        Some(format!("it has {} bytes, and {MOST_BYTES} is the most", text.len()))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_people_call_their_stages() {
        for text in ["aarch64", "solana-rust-1.83", "v5.15", "phase0", "7", "a_b", &"x".repeat(100)] {
            assert!(Value::parse(text).is_ok(), "`{text}` is a value");
        }
    }

    #[test]
    fn refuses_what_git_a_shell_or_nix_would_trip_over() {
        for text in [
            "",
            ".a",
            "-a",
            "a..b",
            "a.",
            "a.lock",
            "a.LOCK",
            "a/b",
            "a b",
            "a+b",
            "ä",
            "a\n",
            "$(x)",
            &"x".repeat(101),
        ] {
            assert!(Value::parse(text).is_err(), "`{text}` is no value");
        }
    }
}
