//! Flakes that no template made. git-lattice does not compare them with a template, and does not make them anew.

use anyhow::Result;

use super::{history, words};
use crate::git::commit::Commit;
use crate::git::{Oid, Repo};
use crate::template;

/// Whether the `flake.nix` of a point was written by hand: it says so, or neither its first line nor the commit that made the point
/// names a template, as in a branch that was adopted. An empty file counts as missing.
///
/// # Errors
/// When history cannot be read.
pub(in crate::ops) fn is_hand_written(repo: &Repo, point: &str, tip: Oid, flake: &[u8]) -> Result<bool> {
    if flake.is_empty() || template::is_marked(flake) {
        return Ok(words::is_hand_written(&String::from_utf8_lossy(flake)));
    }
    let origin = history::origin(repo, &repo.commit(tip)?, point)?;
    Ok(is_without_template(repo, origin.as_ref(), flake))
}

/// The same if the commit that made the point is known.
pub(super) fn is_without_template(repo: &Repo, origin: Option<&Commit>, flake: &[u8]) -> bool {
    let is_recorded = origin.is_some_and(|origin| history::value(origin, "Lattice-Template").is_some());
    // A shallow clone may lack the commit.
    let is_known = is_recorded || template::is_marked(flake) || (origin.is_none() && repo.is_shallow());
    !is_known || words::is_hand_written(&String::from_utf8_lossy(flake))
}
