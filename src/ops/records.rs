//! What in the notes is not believed, for those who look after a repository.

use std::collections::HashMap;

use anyhow::Result;

use crate::config::Config;
use crate::context::Context;
use crate::points::census::Census;
use crate::points::status;
use crate::record::Records;
use crate::record::store::Problem;

/// Everything in the notes that counts for nothing: what is no note or no record, of another key, or of another point than the one
/// whose key it hangs on.
///
/// # Errors
/// When refs cannot be read.
pub fn problems(context: &Context, config: &Config, census: &Census) -> Result<Vec<Problem>> {
    let survey = status::survey(context, config, census, None)?;
    let spell = |point: &status::PointStatus| Some((point.key?, config.spell(&point.point)));
    let known: HashMap<_, _> = survey.points.iter().filter_map(spell).collect();
    Ok(Records::open(&context.repo)?.problems(|key| known.get(&key).cloned()))
}
