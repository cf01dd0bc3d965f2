//! The points whose failed derivations are recorded: a build of one point alone knows no other derivation than its own.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::context::Context;
use crate::lattice::Spelled;
use crate::nix::StorePath;
use crate::record::{Records, Verdict};

/// The points of failed derivations, read when they are needed first.
#[derive(Default)]
pub(super) struct FailedPoints {
    of: OnceCell<HashMap<StorePath, Vec<Spelled>>>,
}

impl FailedPoints {
    /// The point below `own` whose derivation this is. What cannot be read is ignored: the error then names the derivation only.
    pub(super) fn below(&self, context: &Context, own: &Spelled, drv: &StorePath) -> Option<Spelled> {
        let config = context.config().ok()?;
        let own = own.read(&config.lattice).ok()?;
        let recorded = self.of.get_or_init(|| read(context)).get(drv)?;
        let points = recorded.iter().filter_map(|point| point.read(&config.lattice).ok());
        let below = points.filter(|point| *point != own && point.is_at_or_below(&own));
        // Points may share a derivation; those above the lowest one only need it.
        let lowest = below.reduce(|lowest, point| if point.is_at_or_below(&lowest) { point } else { lowest })?;
        Some(config.spell(&lowest))
    }
}

fn read(context: &Context) -> HashMap<StorePath, Vec<Spelled>> {
    let mut points: HashMap<StorePath, Vec<Spelled>> = HashMap::new();
    let mut note = |drv: StorePath, point: Spelled| points.entry(drv).or_default().push(point);
    if let Ok(records) = Records::open(&context.repo) {
        records.each(&mut |record| {
            if let (Verdict::Failed, Some(drv)) = (record.verdict, record.drv) {
                note(drv, record.point);
            }
        });
    }
    points
}
