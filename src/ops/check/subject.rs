//! The point under examination, what it is checked against, and what comes of it.

use std::collections::{BTreeSet, HashSet};
use std::sync::Mutex;

use super::finding::Finding;
use super::history;
use crate::config::{Config, Named};
use crate::git::Oid;
use crate::lattice::Point;
use crate::points::census::Census;
use crate::points::content::{Content, Step};

/// What all points are checked against.
pub(super) struct World<'a> {
    pub(super) config: &'a Config,
    pub(super) census: &'a Census,
    /// The base branch's commit.
    pub(super) base: Option<Oid>,
    /// Every `lattice.toml` that the base branch has had, as far as it was asked for.
    pub(super) tomls: history::Tomls,
    /// Files that hold no word about any branch or directory: most are alike.
    pub(super) wordless: Mutex<HashSet<Oid>>,
}

/// What is known of the point under examination.
pub(super) struct Subject<'a> {
    pub(super) named: &'a Named,
    pub(super) content: Content,
    pub(super) tree: Oid,
    pub(super) step: Step,
}

/// What came of one point.
pub(super) struct Checked {
    /// The point.
    pub(super) point: Point,
    /// What was found.
    pub(super) findings: Vec<Finding>,
    /// The points whose flakes its files take.
    pub(super) takes: BTreeSet<Point>,
    /// The points below it whose directories it holds, each with the directory.
    pub(super) directories: Vec<(Point, String)>,
}

/// Nix itself does not look at names, so the usual one is what counts.
pub(super) fn is_nix(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|extension| extension == "nix")
}
