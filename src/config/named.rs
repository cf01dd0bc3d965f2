//! A point with its names: the spelling on the command line, the branch and the directory.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::branch_name::BranchName;
use crate::lattice::{Lattice, Pattern, Point, Spelled};

/// A point with the names that `lattice.toml` gives it. Dereferences to its [`Names`], which are made on first use: a survey can
/// hold a hundred thousand points and needs the names of few.
#[derive(Debug, Clone)]
pub struct Named {
    /// The point.
    pub point: Point,
    naming: Arc<Naming>,
    names: OnceLock<Box<Names>>,
}

/// The names that `lattice.toml` gives a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The text form of the point: `component/arch/phase/step`.
    pub spelled: Spelled,
    /// Its branch.
    pub branch: BranchName,
    /// Its directory, from the root of the tree.
    pub dir: String,
}

/// The parts of a `lattice.toml` that give points their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Naming {
    pub(super) lattice: Arc<Lattice>,
    pub(super) branch: Arc<Pattern>,
    pub(super) flake: Arc<Pattern>,
}

impl Naming {
    pub(super) fn name(self: &Arc<Self>, point: &Point) -> Named {
        Named { point: point.clone(), naming: Arc::clone(self), names: OnceLock::new() }
    }

    /// The point with other names than the lattice gives it.
    pub(super) fn name_as(self: &Arc<Self>, point: &Point, names: Names) -> Named {
        Named { names: OnceLock::from(Box::new(names)), ..self.name(point) }
    }

    pub(super) fn spell(&self, point: &Point) -> Spelled {
        self.lattice.spell(point)
    }

    pub(super) fn branch_of(&self, spelled: &Spelled) -> BranchName {
        // `Pattern::parse` refuses patterns that give invalid branch names.
        BranchName::known(&self.branch.name_of(spelled))
    }

    pub(super) fn dir_of(&self, spelled: &Spelled) -> String {
        self.flake.name_of(spelled)
    }
}

impl Named {
    /// The names, which are not kept.
    pub fn names(&self) -> Names {
        let (naming, point) = (&self.naming, &self.point);
        if let Some(names) = self.names.get() {
            return Names::clone(names);
        }
        let spelled = naming.spell(point);
        Names { branch: naming.branch_of(&spelled), dir: naming.dir_of(&spelled), spelled }
    }
}

impl Names {
    /// The path of a file in its directory.
    pub fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.dir)
    }
}

impl Deref for Named {
    type Target = Names;

    fn deref(&self) -> &Names {
        self.names.get_or_init(|| Box::new(self.names()))
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.point == other.point && self.naming == other.naming
    }
}

impl Eq for Named {}
