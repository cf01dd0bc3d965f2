//! What is asked for and what is going to be made, as values.

use std::collections::BTreeMap;

use crate::config::{Named, StepData};
use crate::git::names::BranchName;
use crate::git::{Change, Oid, Repo};
use crate::lattice::Point;
use crate::template::Template;

/// What is to be made.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The points, in any order.
    pub points: Vec<Point>,
    /// `config.toml`; otherwise that of the point below, or a minimal one.
    pub data: Option<StepData>,
    /// Whether nothing is to be written: then no Nix is started to lock nixpkgs either.
    pub dry_run: bool,
    /// The template; otherwise lattice.toml's, that of the point below, or `config`.
    pub template: Option<Template>,
    /// Why a promotion was forced: becomes a `Lattice-Override:` trailer.
    pub reason: Option<String>,
}

/// One point of a plan.
#[derive(Debug, Clone)]
pub struct Item {
    /// The point.
    pub named: Named,
    /// Its commit.
    pub commit: Oid,
    /// Whether the remote has that commit.
    pub pushed: bool,
    /// How it is made; `None` when it is there already.
    pub creation: Option<Creation>,
}

/// How a point is made.
#[derive(Debug, Clone)]
pub struct Creation {
    /// The branches that it grows from.
    pub parents: Vec<BranchName>,
    /// The template.
    pub template: Template,
    /// The files that are written, from the root of the tree.
    pub files: Vec<String>,
}

/// What a command is going to do. Its objects are in memory.
pub struct Plan {
    /// The points, lower ones first.
    pub items: Vec<Item>,
    /// The `.nix` texts that are new, to be linted: path and text.
    pub texts: Vec<(String, String)>,
    /// What the user should know: a flake that could not be locked.
    pub warnings: Vec<String>,
    /// The refs whose tips are parents of new points.
    pub(super) tips: BTreeMap<String, Oid>,
    pub(super) memory: Repo,
}

impl Plan {
    /// The branches that the remote does not have yet.
    pub fn unpushed(&self) -> Vec<BranchName> {
        self.items.iter().filter(|item| !item.pushed).map(|item| item.named.branch.clone()).collect()
    }

    /// The refs that are made.
    pub(super) fn changes(&self) -> Vec<Change> {
        let created = self.items.iter().filter(|item| item.creation.is_some());
        created.map(|item| Change { name: item.named.branch.full_ref(), old: None, new: Some(item.commit) }).collect()
    }
}
