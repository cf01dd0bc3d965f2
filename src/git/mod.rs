//! Git access: gix reads refs and objects and creates objects, the git executable changes shared state.
//!
//! Only this module uses gix. Other modules use [`Oid`] for object ids.

pub mod ancestry;
mod bases;
mod bounded;
mod branch_config;
pub mod bulk;
pub mod checkout;
pub mod commit;
pub mod config_lock;
pub mod date;
mod deflate;
pub mod diff;
pub mod directory;
mod edited;
mod effort;
pub mod exe;
pub mod follow;
pub mod forge;
pub mod hex;
pub mod identity;
mod index;
pub mod linked;
mod listing;
mod locks;
mod made_here;
pub mod merge;
mod merge_entries;
pub mod names;
mod near;
pub mod notes;
mod objects;
pub mod pack;
mod packed;
mod ref_names;
pub mod refs;
mod remains;
pub mod remote;
mod rename;
pub mod repo;
pub mod shared;
pub mod show_diff;
pub mod signature;
pub mod size;
pub mod source;
mod switch;
pub mod trailer;
pub mod tree;
pub mod tree_diff;
mod version;
pub mod work;
mod worktree_tree;

use std::path::PathBuf;

pub use listing::{Head, Listing};
pub use refs::{Change, Transaction};
pub use repo::Repo;
pub use shared::Shared;
pub use version::GitVersion;

/// The id of a git object: SHA-1 or SHA-256, depending on the repository.
pub type Oid = gix::ObjectId;

/// Errors of git operations.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory is not inside a repository.
    #[error("`{0}` is not inside a git repository")]
    NotARepository(PathBuf),
    /// Another user owns the repository (`safe.directory`).
    #[error("`{0}` belongs to another user, so git refuses to use it")]
    Untrusted(PathBuf),
    /// The repository uses an extension that this version does not support.
    #[error("the repository has `extensions.{0}`, which git-lattice does not support")]
    Extension(String),
    /// The user's name or email address is not configured.
    #[error("git does not know who you are: `{0}` is not set")]
    Identity(&'static str),
    /// An existing object, ref or file could not be read.
    #[error("could not read {what}")]
    Unread {
        /// What.
        what: String,
        /// What gix said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An operation of gix failed.
    #[error("could not {doing}")]
    Objects {
        /// The operation, as in "could not ..".
        doing: String,
        /// What gix said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A text cannot be the name of a branch.
    #[error(transparent)]
    Name(#[from] crate::branch_name::NotABranch),
    /// Malformed input.
    #[error("{0}")]
    Malformed(String),
    /// Two trees cannot be merged.
    #[error("the points below cannot be merged: {}", .paths.join(", "))]
    Conflict {
        /// The conflicting paths.
        paths: Vec<String>,
    },
    /// A ref update was refused.
    #[error("`{name}` {why}")]
    Ref {
        /// The ref, or what git named.
        name: String,
        /// What git said of it.
        why: String,
        /// Whether another process moved it in between.
        raced: bool,
    },
    /// A ref could not be written: the disk is full or read-only.
    #[error("`{name}` could not be written: {why}")]
    Unwritten {
        /// The ref, or what git named.
        name: String,
        /// What git said of it.
        why: String,
    },
    /// A switch of the worktree failed midway, and its changes were reverted.
    #[error("git stopped in the middle of the switch to `{branch}`: what it had written was taken back")]
    SwitchStopped {
        /// The branch that was switched to.
        branch: String,
    },
    /// git cannot list the worktrees: one is damaged.
    #[error("git cannot list the worktrees: `{}` is empty", file.display())]
    EmptyCommondir {
        /// The file, which names the common dir.
        file: PathBuf,
    },
    /// A ref's lock file exists: another git is running or was killed.
    #[error("`{name}` is locked: `{}` has existed for {age}", lock.display())]
    Locked {
        /// The ref, or what git named.
        name: String,
        /// The lock file.
        lock: PathBuf,
        /// The age of the lock file, formatted.
        age: String,
    },
    /// A file exceeds its size limit.
    #[error(transparent)]
    TooLarge(#[from] size::TooLarge),
    /// A view of a repository reached its read limit, which exists because a hook delays git.
    #[error("the read limit of a git hook is exceeded")]
    Effort,
    /// The git executable failed.
    #[error(transparent)]
    Exe(#[from] crate::process::Error),
}

/// `Result` with git's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Parse a full object id.
///
/// # Errors
/// When the text is not an object id.
pub fn parse_oid(text: &str) -> Result<Oid> {
    Oid::from_hex(text.as_bytes()).map_err(|_| Error::Malformed(format!("`{text}` is not an object id")))
}

/// Wrap an error of gix with what was being read.
fn reading<E: Into<Box<dyn std::error::Error + Send + Sync>>>(what: impl Into<String>) -> impl FnOnce(E) -> Error {
    let what = what.into();
    move |source| Error::Unread { what, source: source.into() }
}

/// Like [`reading`] for an object. The text is made only for an error: many objects are read.
fn reading_object<E: Into<Box<dyn std::error::Error + Send + Sync>>>(kind: &str, id: Oid) -> impl FnOnce(E) -> Error {
    move |source| reading(format!("{kind} {id}"))(source)
}

/// Wrap an error of gix with the operation.
fn doing<E: Into<Box<dyn std::error::Error + Send + Sync>>>(what: impl Into<String>) -> impl FnOnce(E) -> Error {
    let what = what.into();
    move |source| Error::Objects { doing: what, source: source.into() }
}
