//! The request for points and the plan to make them, as values.

use std::collections::BTreeMap;

use crate::config::{Named, StepData};
use crate::git::names::BranchName;
use crate::git::{Change, Oid, Repo};
use crate::lattice::{Point, Spelled};
use crate::template::Template;

/// A request for points.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The points, in any order.
    pub points: Vec<Point>,
    /// The content of `config.toml`; by default that of the point below, or a minimal one.
    pub data: Option<StepData>,
    /// Whether nothing is to be written. Nix is not started for a lock file either.
    pub dry_run: bool,
    /// The template; by default that of lattice.toml, of the point below, or `config`.
    pub template: Option<Template>,
    /// Warnings from choosing the points, for the user.
    pub warnings: Vec<String>,
    /// The `step.nix` for a template that needs one; by default that of the point below, else a starter.
    pub step: Option<Vec<u8>>,
    /// Whether `step.nix` is a starter instead of that of the point below.
    pub fresh: bool,
    /// The `flake.lock` where the point below has none; by default a new one.
    pub lock: Option<Vec<u8>>,
    /// Why a promotion was forced, for a `Lattice-Override:` trailer.
    pub reason: Option<String>,
}

/// One point of a plan.
#[derive(Debug, Clone)]
pub struct Item {
    /// The point.
    pub named: Named,
    /// Its commit.
    pub commit: Oid,
    /// Whether the remote has the commit.
    pub pushed: bool,
    /// How it is made; `None` if it exists.
    pub creation: Option<Creation>,
}

/// How a point is made.
#[derive(Debug, Clone)]
pub struct Creation {
    /// The branches of the parents.
    pub parents: Vec<BranchName>,
    /// The template.
    pub template: Template,
    /// The paths of its files, from the root.
    pub files: Vec<String>,
    /// The point below whose `step.nix` it has.
    pub step_from: Option<Spelled>,
}

/// Points to be made. The objects are in memory.
pub struct Plan {
    /// The points, lower ones first.
    pub items: Vec<Item>,
    /// The new `.nix` texts to lint, as path and text.
    pub texts: Vec<(String, String)>,
    /// Warnings, such as a flake that could not be locked.
    pub warnings: Vec<String>,
    /// The refs whose tips are parents, with the tips.
    pub(super) tips: BTreeMap<String, Oid>,
    pub(super) memory: Repo,
}

/// A plan without its objects, which the planner reads.
pub(super) struct Unwritten {
    pub(super) items: Vec<Item>,
    pub(super) texts: Vec<(String, String)>,
    pub(super) warnings: Vec<String>,
    pub(super) tips: BTreeMap<String, Oid>,
}

impl Unwritten {
    pub(super) fn with_objects(self, memory: Repo) -> Plan {
        let Self { items, texts, warnings, tips } = self;
        Plan { items, texts, warnings, tips, memory }
    }
}

impl Plan {
    /// The branches that are not on the remote.
    pub fn unpushed(&self) -> Vec<BranchName> {
        self.items.iter().filter(|item| !item.pushed).map(|item| item.named.branch.clone()).collect()
    }

    /// Makes the branch of a point one that exists at this commit.
    pub(crate) fn exists_at(&mut self, branch: &BranchName, commit: Oid) {
        for item in self.items.iter_mut().filter(|item| item.named.branch == *branch) {
            *item = Item { commit, creation: None, ..item.clone() };
        }
    }

    /// The refs to create.
    pub(super) fn changes(&self) -> Vec<Change> {
        let created = self.items.iter().filter(|item| item.creation.is_some());
        created.map(|item| Change { name: item.named.branch.full_ref(), old: None, new: Some(item.commit) }).collect()
    }
}
