//! A point with its names: what it is called on a command line, its branch, its directory.

use super::Config;
use crate::branch_name::BranchName;
use crate::lattice::{Point, Spelled};

/// A point and what lattice.toml calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The point.
    pub point: Point,
    /// The point as it is written: `component/arch/phase/step`.
    pub spelled: Spelled,
    /// Its branch.
    pub branch: BranchName,
    /// Its directory, from the root of the tree.
    pub dir: String,
}

impl Named {
    /// The path of a file in its directory.
    pub fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.dir)
    }
}

impl Config {
    /// The names of a point.
    pub fn name(&self, point: &Point) -> Named {
        Named {
            point: point.clone(),
            spelled: self.spell(point),
            branch: self.branch_of(point),
            dir: self.dir_of(point),
        }
    }

    /// A point as it is written, where no other name of it is needed.
    pub fn spell(&self, point: &Point) -> Spelled {
        self.lattice.spell(point)
    }

    /// The branch of a point, where no other name of it is needed.
    pub fn branch_of(&self, point: &Point) -> BranchName {
        // Pattern::parse lets no pattern pass that gives a name which git refuses.
        BranchName::known(&self.branch.encode(&self.lattice, point))
    }

    /// The directory of a point, where no other name of it is needed.
    pub fn dir_of(&self, point: &Point) -> String {
        self.flake.encode(&self.lattice, point)
    }
}
