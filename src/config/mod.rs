//! `lattice.toml`, the settings of a project. [`document`] holds the text with its comments; [`Config`] the checked values.

pub mod document;
mod edit;
mod inputs;
mod keys;
mod named;
mod place;
mod policy;
mod read;
mod source_url;
mod step_data;
mod step_keys;
mod systems;

use std::sync::Arc;

use crate::branch_name::BranchName;
use crate::lattice::{Kind, Lattice, Pattern, Point, Spelled};

pub use document::Document;
pub use inputs::{BadInput, Input, InputKind, input_name};
use named::Naming;
pub use named::{Named, Names};
pub use place::Place;
pub use policy::{Build, Hooks, Lint, Promote, Proposal, Require};
pub use source_url::{BadUrl, ensure_source_url};
pub use step_data::StepData;
pub use step_keys::StepKeys;
pub use systems::Systems;

/// The name of the file, at the root of the worktree and of the base branch.
pub const FILE: &str = "lattice.toml";

/// The prefix of branches if `branch` is not set.
pub const DEFAULT_BRANCH: &str = "feature";
/// The parent of the points' directories if `flake` is not set.
pub const DEFAULT_FLAKE: &str = "flakes";

/// The axis of architectures unless `system-axis` names another.
pub const ARCH: &str = "arch";

/// The checked content of a `lattice.toml`.
#[derive(Debug, Clone)]
pub struct Config {
    /// The axes.
    pub lattice: Arc<Lattice>,
    /// The pattern of branches.
    pub branch: Arc<Pattern>,
    /// The pattern of directories.
    pub flake: Arc<Pattern>,
    naming: Arc<Naming>,
    /// The base branch: the bottom of the lattice.
    pub base: BranchName,
    /// The remote to push points to; `None` for `remote = ""`.
    pub remote: Option<String>,
    /// The template of new points.
    pub template: Option<String>,
    /// The Nix systems of points.
    pub systems: Systems,
    /// The policy for promotions.
    pub promote: Promote,
    /// How points are built.
    pub build: Build,
    /// Other machines that the project proposes. Builds use them only after the user has allowed them.
    pub proposal: Proposal,
    /// Settings of the linters.
    pub lint: Lint,
    /// Settings of the hooks.
    pub hooks: Hooks,
    /// Unknown keys with their paths, such as `build.inclde`.
    pub unknown: Vec<String>,
    /// Keys of an edited file that are ignored until they are committed on the base branch.
    pub ignored: Vec<String>,
    /// A hash of the file; cached results with another fingerprint are stale.
    pub fingerprint: u64,
}

/// Why a `lattice.toml` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is not TOML or not UTF-8.
    #[error("`{origin}` {flaw}")]
    Text {
        /// The file, for the message.
        origin: String,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// A key is missing or has an unexpected value.
    #[error("`{origin}`: `{key}` {why}")]
    Key {
        /// The file, for the message.
        origin: String,
        /// The key with its path.
        key: String,
        /// What is wrong with it.
        why: String,
        /// The key that was probably meant, if this one is unknown.
        near: Option<&'static str>,
        /// Where it is.
        place: Option<Box<Place>>,
    },
    /// The axes or patterns do not form a lattice.
    #[error("`{origin}`: {source}")]
    Lattice {
        /// The file, for the message.
        origin: String,
        /// What is wrong with them.
        source: Box<crate::lattice::Error>,
        /// Where they are.
        place: Option<Box<Place>>,
    },
}

/// Why bytes are not TOML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {message}", place.line, place.column)]
pub struct Flaw {
    /// Where it is.
    pub place: Box<Place>,
    /// The message of the parser.
    pub message: String,
}

impl Error {
    /// The line of the file with the error marked, if it is known.
    pub fn excerpt(&self) -> Vec<String> {
        match self {
            Self::Text { origin, flaw } => flaw.place.excerpt(origin),
            Self::Key { origin, place, .. } | Self::Lattice { origin, place, .. } => {
                place.iter().flat_map(|place| place.excerpt(origin)).collect()
            }
        }
    }

    /// Adds the place in the text of the file.
    #[must_use]
    fn in_text(mut self, text: &str) -> Self {
        use crate::lattice::Error as Algebra;
        match &mut self {
            Self::Text { .. } => {}
            Self::Key { key, near, place, .. } => *place = Place::of_key(text, key, near.is_some()).map(Box::new),
            Self::Lattice { source, place, .. } => {
                let found = match source.as_ref() {
                    Algebra::BadAxis { axis, .. } => Place::of_key(text, &format!("axes.{axis}"), true),
                    Algebra::BadPattern { pattern: wanted, .. }
                    | Algebra::BadValue { text: wanted, .. }
                    | Algebra::UnknownAxis { axis: wanted, .. } => Place::of_text(text, wanted),
                    _ => None,
                };
                *place = found.map(Box::new);
            }
        }
        self
    }
}

/// `Result` with this module's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Config {
    /// Parses the bytes of a `lattice.toml`; messages call it `origin`.
    ///
    /// # Errors
    /// When it is not TOML, or its axes and patterns do not form a lattice.
    pub fn parse(origin: &str, bytes: &[u8]) -> Result<Self> {
        Document::parse(origin, bytes)?.config()
    }

    /// Applies the policy of the base branch to a file from elsewhere, such as the worktree: a branch must not set its own
    /// policy.
    ///
    /// The file still describes the lattice. `[promote]`, `[hooks]`, `[build] supersede` and the proposed machines come from
    /// `policy`; without a policy, no machines are proposed. Keys that lose their effect are listed in `ignored`.
    #[must_use]
    pub fn with_policy(mut self, policy: Option<&Self>) -> Self {
        let proposal = policy.map(|policy| policy.proposal.clone()).unwrap_or_default();
        self.ignored = self.proposal.differing_keys(&proposal);
        self.proposal = proposal;
        if let Some(policy) = policy {
            let rules = [
                ("[promote]", self.promote != policy.promote),
                ("[hooks]", self.hooks != policy.hooks),
                ("[build] supersede", self.build.supersede != policy.build.supersede),
            ];
            self.ignored.extend(rules.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key.to_owned()));
            self.promote.clone_from(&policy.promote);
            self.hooks.clone_from(&policy.hooks);
            self.build.supersede = policy.build.supersede;
            self.fingerprint = self.fingerprint.rotate_left(1) ^ policy.fingerprint;
        }
        self
    }

    /// A sentence about each unknown key, with the key that was probably meant.
    pub fn unknown_keys(&self) -> impl Iterator<Item = String> {
        self.unknown.iter().map(|key| {
            let near = keys::similar(key).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("`{key}` in {FILE} is unknown to this version{near}")
        })
    }

    /// The axis whose values are the columns of tables: that of the systems, else the last set axis.
    pub fn column_axis(&self) -> Option<usize> {
        let axes = self.lattice.axes();
        let is_set = |axis: &usize| matches!(axes[*axis].kind, Kind::Set(_));
        self.systems.axis().filter(is_set).or_else(|| (0..axes.len()).rfind(is_set))
    }

    /// The axes whose values are the titles of tables: the other set axes, such as the component.
    pub fn title_axes(&self) -> Vec<usize> {
        let (axes, column) = (self.lattice.axes(), self.column_axis());
        (0..axes.len()).filter(|&axis| matches!(axes[axis].kind, Kind::Set(_)) && Some(axis) != column).collect()
    }

    /// The names of a point.
    pub fn name(&self, point: &Point) -> Named {
        self.naming.name(point)
    }

    /// A point with other names than the lattice gives it, such as those that it had before.
    pub fn name_as(&self, point: &Point, names: Names) -> Named {
        self.naming.name_as(point, names)
    }

    /// Formats a point; cheaper than [`Config::name`].
    pub fn spell(&self, point: &Point) -> Spelled {
        self.naming.spell(point)
    }

    /// The branch of a point; cheaper than [`Config::name`].
    pub fn branch_of(&self, point: &Point) -> BranchName {
        self.naming.branch_of(&self.spell(point))
    }

    /// The directory of a point; cheaper than [`Config::name`].
    pub fn dir_of(&self, point: &Point) -> String {
        self.naming.dir_of(&self.spell(point))
    }
}
