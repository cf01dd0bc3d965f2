//! A point with its names: the spelling on the command line, the branch and the directory.

use super::Config;
use crate::branch_name::BranchName;
use crate::lattice::{Point, Spelled};

/// A point with the names that `lattice.toml` gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The point.
    pub point: Point,
    /// The text form of the point: `component/arch/phase/step`.
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

    /// Formats a point; cheaper than [`Config::name`].
    pub fn spell(&self, point: &Point) -> Spelled {
        self.lattice.spell(point)
    }

    /// The branch of a point; cheaper than [`Config::name`].
    pub fn branch_of(&self, point: &Point) -> BranchName {
        // `Pattern::parse` refuses patterns that give invalid branch names.
        BranchName::known(&self.branch.encode(&self.lattice, point))
    }

    /// The directory of a point; cheaper than [`Config::name`].
    pub fn dir_of(&self, point: &Point) -> String {
        self.flake.encode(&self.lattice, point)
    }
}
