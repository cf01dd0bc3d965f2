//! `lattice.toml`: what a project shares. [`document`] keeps the text and its comments, this turns it into checked values.

pub mod document;
mod keys;
mod named;
mod policy;
mod read;
mod step_data;
mod systems;

use crate::branch_name::BranchName;
use crate::lattice::{Lattice, Pattern};

pub use document::Document;
pub use named::Named;
pub use policy::{Build, Hooks, Lint, Promote, Proposal, Require};
pub use step_data::StepData;
pub use systems::Systems;

/// The file's name, at the root of the worktree and of the base branch.
pub const FILE: &str = "lattice.toml";

/// Where a point's branch is when `branch` is not given.
pub const DEFAULT_BRANCH: &str = "feature";
/// Where a point's directory is when `flake` is not given.
pub const DEFAULT_FLAKE: &str = "flakes";

/// What `lattice.toml` says, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The axes.
    pub lattice: Lattice,
    /// A point's branch.
    pub branch: Pattern,
    /// A point's directory.
    pub flake: Pattern,
    /// The base branch: the bottom of the lattice.
    pub base: BranchName,
    /// The remote that points are pushed to; `None` when the file says `remote = ""`.
    pub remote: Option<String>,
    /// The template for new points.
    pub template: Option<String>,
    /// Which machines build a point.
    pub systems: Systems,
    /// What a promotion asks for.
    pub promote: Promote,
    /// How points are built.
    pub build: Build,
    /// Other machines that the project proposes; none is used before the user allowed it.
    pub proposal: Proposal,
    /// What linting asks for.
    pub lint: Lint,
    /// What the hooks do where the project may choose.
    pub hooks: Hooks,
    /// Keys that mean nothing here, each with its path: `build.inclde`.
    pub unknown: Vec<String>,
    /// Keys of an edited file that do not count before they are committed on the base branch.
    pub unheard: Vec<String>,
    /// A number that changes when the file does: what was derived with another one does not count.
    pub fingerprint: u64,
}

/// Why a `lattice.toml` is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not TOML, or no text at all.
    #[error("`{origin}` {flaw}")]
    Text {
        /// Which file, for the reader.
        origin: String,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// A key is missing or has something else than expected.
    #[error("`{origin}`: `{key}` {why}")]
    Key {
        /// Which file, for the reader.
        origin: String,
        /// The key with its path.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// The axes or patterns are no lattice.
    #[error("`{origin}`: {source}")]
    Lattice {
        /// Which file, for the reader.
        origin: String,
        /// What is wrong with them.
        source: crate::lattice::Error,
    },
}

/// Why bytes are not TOML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct Flaw {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What the parser says.
    pub message: String,
}

/// `Result` with this shelf's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Config {
    /// Reads the bytes of a `lattice.toml`; `origin` names them in messages.
    ///
    /// # Errors
    /// When it is not TOML, or what it says is no lattice.
    pub fn parse(origin: &str, bytes: &[u8]) -> Result<Self> {
        Document::parse(origin, bytes)?.config()
    }

    /// What a file that is not the base branch's may say: it describes the lattice, and `policy`, the base branch's, says what
    /// promotions ask for, what hooks do, and which machines the project proposes. Without a policy there is no proposal.
    #[must_use]
    pub fn ruled_by(mut self, policy: Option<&Self>) -> Self {
        let proposal = policy.map(|policy| policy.proposal.clone()).unwrap_or_default();
        self.unheard = self.proposal.unlike(&proposal);
        self.proposal = proposal;
        if let Some(policy) = policy {
            let rules = [
                ("[promote]", self.promote != policy.promote),
                ("[hooks]", self.hooks != policy.hooks),
                ("[build] supersede", self.build.supersede != policy.build.supersede),
            ];
            self.unheard.extend(rules.into_iter().filter(|(_, is_other)| *is_other).map(|(key, _)| key.to_owned()));
            self.promote.clone_from(&policy.promote);
            self.hooks.clone_from(&policy.hooks);
            self.build.supersede = policy.build.supersede;
            self.fingerprint = self.fingerprint.rotate_left(1) ^ policy.fingerprint;
        }
        self
    }
}
