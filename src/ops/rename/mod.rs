//! Giving points other names: one point, or all points of an axis or a value.
//!
//! Nothing is rewritten. A point gets a commit on top of its own, which has the directories of the point and of those below it at their
//! new places, and their generated flakes rendered anew; the new commits of the points directly below are its other parents, so that no point
//! is behind afterwards. The branch of the new name is created and that of the old name deleted in one transaction. A flake that is not
//! generated moves as it is.
//!
//! All or nothing: a lattice of which a part has the new names is of no use.

mod former;
mod point;
mod renamer;
mod renaming;
mod tree;

pub(super) use self::former::{Former, former, names_before};
pub use self::point::{Request, plan};
pub(super) use self::renamer::Renamer;
pub(super) use self::renaming::{Map, Renaming};
