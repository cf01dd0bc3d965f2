//! The text of the shim, our script in the hooks folder, and the mark that identifies it.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::event::Kind;

/// The version of the shim that this program writes. Raise it when the behaviour of `hooks/shim.sh` changes.
pub const VERSION: u32 = 2;

/// The suffix of a hook that was moved aside.
pub const CHAINED_SUFFIX: &str = ".lattice-chained";

const SCRIPT: &str = include_str!("../../hooks/shim.sh");
const MARK: &str = "# git-lattice-shim ";

/// Whether the hooks folder existed before the installation. The shim stores it, for the removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// It existed, and the removal keeps it.
    Existing,
    /// git-lattice created it, and the removal deletes it if it is empty.
    Made,
}

impl Folder {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Existing => "found-folder",
            Self::Made => "made-folder",
        }
    }
}

/// The data in the marked line of a shim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The version of its text.
    pub version: u32,
    /// Whether the hooks folder existed before.
    pub folder: Folder,
    /// Whether the text was edited by hand.
    pub edited: bool,
}

impl Mark {
    /// Parses the mark in the text of a hook; `None` if it is not one of our shims.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        let line = text.split(|&b| b == b'\n').take(3).find_map(|line| line.strip_prefix(MARK.as_bytes()))?;
        let words: Vec<&str> = std::str::from_utf8(line).ok()?.split_whitespace().collect();
        let &[version, folder, sum, ..] = words.as_slice() else { return None };
        let folder = if folder == Folder::Made.as_str() { Folder::Made } else { Folder::Existing };
        Some(Self { version: version.parse().ok()?, folder, edited: sum != checksum(text) })
    }
}

/// The text of the shim for one event; it tries `binary` before the `git-lattice` on PATH.
#[must_use]
pub fn render(kind: Kind, binary: Option<&Path>, folder: Folder) -> Vec<u8> {
    let script = SCRIPT
        .replace("@VERSION@", &VERSION.to_string())
        .replace("@FOLDER@", folder.as_str())
        .replace("@EVENT@", kind.as_str());
    let (before, after) = script.split_once("@BINARY@").unwrap_or((&script, ""));
    let binary = binary.map(inside_quotes).unwrap_or_default();
    let sum = checksum(&[before.as_bytes(), &binary, after.as_bytes()].concat());
    [before.replace("@SUM@", &sum).as_bytes(), &binary, after.as_bytes()].concat()
}

/// FNV-1a over all lines except the marked one. It only detects edits, so it need not be cryptographic.
pub(super) fn checksum(text: &[u8]) -> String {
    let lines = text.split_inclusive(|&b| b == b'\n').filter(|line| !line.starts_with(MARK.as_bytes()));
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", lines.flatten().fold(0xcbf2_9ce4_8422_2325, step))
}

/// Escapes a path for use between single quotes in sh; keeps bytes that are not UTF-8.
pub(super) fn inside_quotes(path: &Path) -> Vec<u8> {
    let quoted = path.as_os_str().as_bytes().iter().map(|&byte| match byte {
        b'\'' => br"'\''".to_vec(),
        _ => vec![byte],
    });
    quoted.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_shims_and_edits() {
        for folder in [Folder::Existing, Folder::Made] {
            let text = render(Kind::PreCommit, None, folder);
            assert_eq!(Mark::read(&text), Some(Mark { version: VERSION, folder, edited: false }));
            let edited = [text.as_slice(), b"make lint\n"].concat();
            assert_eq!(
                Mark::read(&edited),
                Some(Mark { version: VERSION, folder, edited: true }),
                "an edit is noticed"
            );
        }
        assert_eq!(Mark::read(b"#!/bin/sh\nexec make lint\n"), None, "a foreign hook has no mark");
        assert_eq!(Mark::read(b"#!/bin/sh\n\n\n\n# git-lattice-shim 1\n"), None, "a mark further down does not count");
    }

    #[test]
    fn fills_placeholders_and_quotes_the_path() {
        let text = render(Kind::PostCheckout, Some(Path::new("/opt/it's here/git-lattice")), Folder::Existing);
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("event='post-checkout'\nlattice='/opt/it'\\''s here/git-lattice'\n"), "{text}");
        assert_eq!(text.matches('@').count(), text.matches("\"$@\"").count(), "no placeholder is left: {text}");
    }
}
