//! Values: the words that make up coordinates.

use std::fmt;

use super::{Error, Result};

/// Maximum length of a value in bytes: a branch name of several values still fits in a file name of 255 bytes.
const MAX_BYTES: usize = 100;

/// A value of an axis: `[A-Za-z0-9][A-Za-z0-9._-]*`, without `..`, not ending in `.` or `.lock`, at most 100 bytes, and not a device
/// of Windows such as `nul`.
///
/// git-check-ref-format(1) forbids the two endings and `..`; the other characters are safe in paths, URLs and shells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(Box<str>);

impl Value {
    /// Parses a value.
    ///
    /// # Errors
    /// [`Error::BadValue`] with the character or the rule.
    pub fn parse(text: &str) -> Result<Self> {
        match fault(text) {
            None => Ok(Self(text.into())),
            Some(why) => Err(Error::BadValue { text: text.to_owned(), why }),
        }
    }

    /// Returns whether [`Self::parse`] accepts a text.
    pub fn is_valid(text: &str) -> bool {
        fault(text).is_none()
    }

    /// Wraps a text that is known to be a valid value.
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
    if is_plain(text) {
        return None;
    }
    let is_invalid = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if text.is_empty() {
        Some("it is empty".into())
    } else if let Some(c) = text.chars().find(|c| is_invalid(*c)) {
        Some(format!("the character {c:?} is not one of A-Z a-z 0-9 . _ -"))
    } else if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        Some("it must start with a letter or a digit".into())
    } else if text.contains("..") {
        Some("it contains `..`, which git does not allow in a branch name".into())
    } else if text.ends_with('.') {
        Some("it must not end with `.`".into())
    } else if ends_with_lock(text) {
        Some("it must not end with `.lock`, which git reserves".into())
    } else if is_device(text) {
        Some("Windows reserves it for a device, so no branch or folder can have this name".into())
    } else if text.len() > MAX_BYTES {
        Some(format!("it has {} bytes, and the maximum is {MAX_BYTES}", text.len()))
    } else {
        None
    }
}

/// Whether a text has no character for which there is a rule, and is longer than the name of a device: most values.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (5..=MAX_BYTES).contains(&bytes.len()) && bytes[0].is_ascii_alphanumeric() && bytes.iter().all(is_plain)
}

fn ends_with_lock(text: &str) -> bool {
    let end = text.len().checked_sub(".lock".len()).and_then(|at| text.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(".lock"))
}

/// Whether a part of a path names a device of Windows, also with an extension: `nul`, `COM1.txt`. gix refuses refs and paths with
/// such a part on all systems.
pub(super) fn is_device(part: &str) -> bool {
    let name = part.split('.').next().unwrap_or_default();
    let is = |device: &str| name.eq_ignore_ascii_case(device);
    match name.as_bytes() {
        [_, _, _] => ["con", "prn", "aux", "nul"].into_iter().any(is),
        [kind @ .., b'1'..=b'9'] if kind.eq_ignore_ascii_case(b"com") => true,
        [kind @ .., b'0'..=b'9'] => kind.eq_ignore_ascii_case(b"lpt"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_usual_stage_names() {
        for text in ["aarch64", "rust-1.83", "v5.15", "phase0", "7", "a_b", "null", "com0", "com10", &"x".repeat(100)] {
            assert!(Value::parse(text).is_ok(), "`{text}` is a value");
        }
    }

    #[test]
    fn refuses_names_unsafe_in_git_shell_or_nix() {
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
            "nul",
            "Con.1",
            "COM1",
            "lpt0",
            &"x".repeat(101),
        ] {
            assert!(Value::parse(text).is_err(), "`{text}` is not a value");
        }
    }
}
