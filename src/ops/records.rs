//! Invalid records in the notes, for `check` and `doctor`.

use std::collections::HashMap;

use anyhow::Result;

use crate::config::Config;
use crate::context::Context;
use crate::points::census::Census;
use crate::points::status;
use crate::record::Records;
use crate::record::store::Examined;

/// Finds invalid notes and records: malformed ones, and those whose key or point is not that of the note; and counts those of points
/// that the lattice does not have.
///
/// # Errors
/// When refs cannot be read.
pub fn examine(context: &Context, config: &Config, census: &Census) -> Result<Examined> {
    let survey = status::states(context, config, census, None)?;
    let spell = |point: &status::PointStatus| Some((point.key?, point.named.spelled.clone()));
    let known: HashMap<_, _> = survey.points.iter().filter_map(spell).collect();
    Ok(Records::open(&context.repo)?.examine(Some(&config.lattice), |key| known.get(&key).cloned()))
}
