//! Size limits of files that are read whole: a branch can contain files of any size, and a checkout waits for the read.
//!
//! The size is taken from the object's header or the file's metadata before the content is read.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};

/// A kind of file with a size limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `lattice.toml`.
    LatticeToml,
    /// `config.toml` of a point.
    ConfigToml,
    /// Any other file: `.nix`, `flake.lock`, `statix.toml`.
    File,
    /// The note on one build key.
    Note,
    /// The user's trust file.
    Trust,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

impl Kind {
    /// The kind of a file, from its path.
    pub fn of(path: &str) -> Self {
        match path.rsplit('/').next() {
            Some("lattice.toml") => Self::LatticeToml,
            Some("config.toml") => Self::ConfigToml,
            _ => Self::File,
        }
    }

    /// The key of the limit in git's configuration.
    pub const fn key(self) -> &'static str {
        match self {
            Self::LatticeToml => "lattice.limit.lattice-toml",
            Self::ConfigToml => "lattice.limit.config-toml",
            Self::File => "lattice.limit.file",
            Self::Note => "lattice.limit.note",
            Self::Trust => "lattice.limit.trust",
        }
    }

    /// The default limit in bytes.
    pub const fn default_limit(self) -> u64 {
        match self {
            Self::LatticeToml | Self::ConfigToml => MIB,
            Self::File | Self::Note | Self::Trust => 4 * MIB,
        }
    }
}

/// A file exceeds its size limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{what}` has {}, and at most {} are read (limit `{}`)", Bytes(*size), Bytes(*limit), kind.key())]
pub struct TooLarge {
    /// The file.
    pub what: String,
    /// Its size in bytes.
    pub size: u64,
    /// The limit in bytes.
    pub limit: u64,
    /// The kind of the file.
    pub kind: Kind,
}

impl TooLarge {
    /// The command that raises the limit.
    pub fn hint(&self) -> String {
        format!("`git config {} {}M` allows it", self.kind.key(), self.size.div_ceil(MIB))
    }
}

/// Formats a size exactly: different sizes never look equal.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            size if size >= MIB && size.is_multiple_of(MIB) => write!(f, "{} MiB", size / MIB),
            size if size >= KIB && size.is_multiple_of(KIB) => write!(f, "{} KiB", size / KIB),
            size => write!(f, "{size} bytes"),
        }
    }
}

/// Read a file of at most `limit` bytes; a larger file gives `Err` with its minimum size. A file may grow while it is read.
///
/// # Errors
/// When it cannot be read.
pub fn read_at_most(mut file: &File, limit: u64) -> io::Result<std::result::Result<Vec<u8>, u64>> {
    let size = file.metadata()?.len();
    if size > limit {
        return Ok(Err(size));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    let read = file.by_ref().take(limit.saturating_add(1)).read_to_end(&mut bytes)? as u64;
    Ok(if read > limit { Err(read) } else { Ok(bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_file_size_limit_and_key() {
        let too_large =
            TooLarge { what: "lattice.toml".to_owned(), size: 10 * MIB + 1, limit: MIB, kind: Kind::LatticeToml };
        assert_eq!(
            too_large.to_string(),
            "`lattice.toml` has 10485761 bytes, and at most 1 MiB are read (limit `lattice.limit.lattice-toml`)"
        );
        assert_eq!(too_large.hint(), "`git config lattice.limit.lattice-toml 11M` allows it");
    }

    #[test]
    fn kind_depends_on_the_file_name() {
        let kinds = ["lattice.toml", "a/b/config.toml", "a/flake.nix", "lattice.toml/x"].map(Kind::of);
        assert_eq!(kinds, [Kind::LatticeToml, Kind::ConfigToml, Kind::File, Kind::File]);
    }

    #[test]
    fn endless_file_is_not_read_whole() {
        let endless = File::open("/dev/zero").unwrap();
        assert_eq!(read_at_most(&endless, 1000).unwrap(), Err(1001));
    }
}
