//! Whose derivation failed: a build of one point alone knows no other derivation than its own.

use crate::context::Context;
use crate::lattice::{Point, Spelled};
use crate::nix::StorePath;
use crate::points::census::Census;
use crate::points::status::{self, PointStatus};
use crate::record::{Record, Records, Verdict};

/// The lowest point below `own` with a record that this derivation failed. What cannot be read is ignored: the error then names the
/// derivation only.
pub(super) fn failed_below(context: &Context, own: &Spelled, drv: &StorePath) -> Option<Spelled> {
    let config = context.config().ok()?;
    let own = own.read(&config.lattice).ok()?;
    let census = Census::around(&context.repo, &config, std::slice::from_ref(&own)).ok()?;
    let below: Vec<Point> = census.population().below(&own).into_iter().cloned().collect();
    let records = Records::open(&context.repo).ok()?;
    let is_it = |record: &Record| record.verdict == Verdict::Failed && record.drv.as_ref() == Some(drv);
    let failed = |status: &PointStatus| {
        let records = status.key.and_then(|key| records.of(key, &status.named.spelled).ok());
        records.is_some_and(|records| records.iter().any(is_it))
    };
    let found = status::statuses_of(context, &config, &census, &below).ok()?.into_iter().filter(failed);
    // Points may share a derivation; those above the lowest one only need it.
    let lowest = found.map(|status| status.named.point).reduce(|a, b| if b.is_at_or_below(&a) { b } else { a })?;
    Some(config.spell(&lowest))
}
