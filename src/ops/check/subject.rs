//! The point being checked, what it is checked against, and the result.

use std::collections::{BTreeSet, HashSet};
use std::sync::Mutex;

use super::finding::Finding;
use super::history;
use crate::config::{Config, Input, Named};
use crate::git::Oid;
use crate::lattice::Point;
use crate::points::census::Census;
use crate::points::content::{Content, Step};

/// Data shared by the checks of all points.
pub(super) struct Baseline<'a> {
    pub(super) config: &'a Config,
    pub(super) census: &'a Census,
    /// The base branch's commit.
    pub(super) base: Option<Oid>,
    /// Versions of `lattice.toml` on the base branch.
    pub(super) tomls: history::TomlHistory,
    /// Files that name no branch or directory; most points share the same ones.
    pub(super) without_names: Mutex<HashSet<Oid>>,
}

/// The point being checked.
pub(super) struct Subject<'a> {
    pub(super) named: &'a Named,
    pub(super) content: Content,
    pub(super) tree: Oid,
    pub(super) step: Step,
}

/// The result for one point.
pub(super) struct Checked {
    /// The point.
    pub(super) point: Point,
    /// The findings.
    pub(super) findings: Vec<Finding>,
    /// The points whose flakes it takes as inputs.
    pub(super) takes: BTreeSet<Point>,
    /// The sources and seeds that its config.toml names.
    pub(super) inputs: Vec<Input>,
    /// The point directories in its tree whose points have no branch.
    pub(super) lost: Vec<(Point, String)>,
}

impl Checked {
    pub(super) fn new(point: Point) -> Self {
        let (findings, takes, inputs, lost) = (Vec::new(), BTreeSet::new(), Vec::new(), Vec::new());
        Self { point, findings, takes, inputs, lost }
    }
}

/// Whether a file is a Nix file. Nix itself accepts any name; the extension is the convention.
pub(super) fn is_nix(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|extension| extension == "nix")
}
