//! Git: gix reads refs and objects and builds objects, the git executable changes shared state.
//!
//! Nothing above this shelf names gix. Object ids pass as [`Oid`].

mod bases;
mod bounded;
pub mod commit;
pub mod diff;
pub mod directory;
mod edited;
mod effort;
pub mod exe;
pub mod hex;
pub mod identity;
mod index;
mod listing;
mod locks;
mod made_here;
pub mod merge;
pub mod names;
mod near;
pub mod notes;
mod objects;
mod packed;
pub mod refs;
mod remains;
pub mod remote;
pub mod repo;
pub mod shared;
pub mod signature;
pub mod size;
pub mod source;
mod switch;
pub mod trailer;
pub mod tree;
mod version;
pub mod work;

use std::path::PathBuf;

pub use listing::{Head, Listing};
pub use refs::{Change, Transaction};
pub use repo::Repo;
pub use shared::Shared;
pub use version::GitVersion;

/// The id of a git object, SHA-1 or SHA-256 as the repository has it.
pub type Oid = gix::ObjectId;

/// Why git did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No repository at or above the directory.
    #[error("`{0}` is not inside a git repository")]
    NotARepository(PathBuf),
    /// Somebody else owns the repository (safe.directory).
    #[error("`{0}` belongs to somebody else, and git would not use it either")]
    Untrusted(PathBuf),
    /// The repository uses something that this version cannot read safely.
    #[error("the repository has `extensions.{0}`, which git-lattice does not know")]
    Extension(String),
    /// Who commits is not known.
    #[error("git does not know who you are: `{0}` is not set")]
    Identity(&'static str),
    /// Something that is there cannot be read.
    #[error("could not read {what}")]
    Unread {
        /// What.
        what: String,
        /// What gix said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Finding or making something failed.
    #[error("could not {doing}")]
    Objects {
        /// What was being done.
        doing: String,
        /// What gix said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A text cannot be the name of a branch.
    #[error(transparent)]
    Name(#[from] crate::branch_name::NotABranch),
    /// Something has not the form that it must have.
    #[error("{0}")]
    Malformed(String),
    /// Two trees cannot be merged.
    #[error("the points below cannot be merged: {}", .paths.join(", "))]
    Conflict {
        /// The paths that differ.
        paths: Vec<String>,
    },
    /// A ref is not what it was expected to be.
    #[error("`{name}` {why}")]
    Ref {
        /// The ref, or what git named.
        name: String,
        /// What git said of it.
        why: String,
        /// Whether somebody else moved it in between.
        raced: bool,
    },
    /// A ref could not be written: a full disk, or one that is read-only.
    #[error("`{name}` could not be written: {why}")]
    Unwritten {
        /// The ref, or what git named.
        name: String,
        /// What git said of it.
        why: String,
    },
    /// A switch of the worktree stopped midway, and what it had written was taken back.
    #[error("git stopped in the middle of the switch to `{branch}`: what it had written was taken back")]
    SwitchStopped {
        /// The branch that was switched to.
        branch: String,
    },
    /// A ref's lock file is there: another git is at work, or was killed.
    #[error("`{name}` is locked: `{}` has been there for {age}", lock.display())]
    Locked {
        /// The ref, or what git named.
        name: String,
        /// The lock file.
        lock: PathBuf,
        /// How long it has been there, for people.
        age: String,
    },
    /// A file is larger than what is read.
    #[error(transparent)]
    TooLarge(#[from] size::TooLarge),
    /// A view of a repository reads no more: it has a limit, because git waits for it.
    #[error("there is more to read than git can wait for")]
    Effort,
    /// The git executable failed.
    #[error(transparent)]
    Exe(#[from] crate::process::Error),
}

/// `Result` with this shelf's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// The object id in full from a text that git itself printed.
///
/// # Errors
/// When it is none.
pub fn parse_oid(text: &str) -> Result<Oid> {
    Oid::from_hex(text.as_bytes()).map_err(|_| Error::Malformed(format!("`{text}` is no object id")))
}

/// Wraps what gix says with what was being read.
fn reading<E: Into<Box<dyn std::error::Error + Send + Sync>>>(what: impl Into<String>) -> impl FnOnce(E) -> Error {
    let what = what.into();
    move |source| Error::Unread { what, source: source.into() }
}

/// Wraps what gix says with what was being done.
fn doing<E: Into<Box<dyn std::error::Error + Send + Sync>>>(what: impl Into<String>) -> impl FnOnce(E) -> Error {
    let what = what.into();
    move |source| Error::Objects { doing: what, source: source.into() }
}
