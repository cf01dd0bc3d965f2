//! Whether a point, and what it is built on, was built without files of the machine.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::config::Config;
use crate::git::{Oid, Repo};
use crate::lattice::{Point, Spelled};
use crate::points::content::Content;
use crate::record::{Purity, Records};
use crate::system::System;

/// What the records say of one point on one of its systems.
pub(super) struct PointPurity {
    pub(super) point: Spelled,
    pub(super) system: System,
    pub(super) purity: Purity,
}

/// Reads the records of a point and of all points below it, whose content is in its tree. `repo` keeps new objects in memory.
///
/// # Errors
/// When objects or records cannot be read.
pub(super) fn of_chain(
    repo: &Repo,
    config: &Config,
    records: &Records<'_>,
    tree: Oid,
    point: &Point,
) -> Result<Vec<PointPurity>> {
    let mut found = Vec::new();
    for (point, ..) in &Content::find(repo, config, tree, point)?.points {
        let spelled = config.spell(point);
        let key = Content::find(repo, config, tree, point)?.key(repo, config, tree)?;
        let records = records.of(key, &spelled)?;
        for system in config.systems.of(&config.lattice, point) {
            let purity = Purity::of(&records, &system);
            found.push(PointPurity { point: spelled.clone(), system, purity });
        }
    }
    Ok(found)
}

/// Joins paths for a message.
pub(super) fn listed(paths: &BTreeSet<String>) -> String {
    paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ")
}
