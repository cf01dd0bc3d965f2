//! Why an input cannot be added.

use std::path::PathBuf;

use crate::config::{BadInput, BadUrl};
use crate::sha256::Sha256;

/// Why an input cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file name gives no valid name.
    #[error("`{from}` gives no name for the source")]
    NoName {
        /// The URL or file.
        from: String,
    },
    /// Nix does not fetch the URL, or it has a password.
    #[error(transparent)]
    Url(#[from] BadUrl),
    /// The file is empty.
    #[error("`{from}` is empty")]
    Empty {
        /// The URL or file.
        from: String,
    },
    /// The source is a directory or a special file.
    #[error("`{from}` is not a file")]
    NotAFile {
        /// The path.
        from: String,
    },
    /// The seed is no directory.
    #[error("`{}` is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// `config.toml` has a text that is no hash.
    #[error(transparent)]
    BadHash(BadInput),
    /// `config.toml` has another hash for it.
    #[error("`{at}` in config.toml of `{point}` has the hash {expected}, but `{from}` has {got}")]
    OtherHash {
        /// The key.
        at: String,
        /// The point.
        point: String,
        /// The hash in `config.toml`.
        expected: Sha256,
        /// The URL, file or directory.
        from: String,
        /// Its hash.
        got: Sha256,
    },
}

impl InputError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoName { .. } => "`--name NAME` names it".to_owned(),
            Self::Url(bad) => bad.hint(),
            Self::Empty { .. } => "check the URL or the file: a source of 0 bytes is refused".to_owned(),
            Self::NotAFile { .. } => "a tree is a seed: `git lattice seed add NAME DIR`".to_owned(),
            Self::NotADirectory(_) => "a single file is a source: `git lattice source add FILE`".to_owned(),
            Self::BadHash(_) => "`source add` or `seed add` of this name with `--replace` writes its hash".to_owned(),
            Self::OtherHash { .. } => "if it is the new content of the step, `--replace` writes its hash".to_owned(),
        }
    }
}
