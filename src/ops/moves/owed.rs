//! Pushes that an earlier run of the same command did not come to: it was killed, or the remote could not be reached.

use std::collections::HashSet;

use anyhow::Result;

use super::Planner;
use crate::config::Named;
use crate::git::trailer;
use crate::lattice::{Point, Spelled};
use crate::ops::generated::{PORT, RESTACK};

impl Planner<'_> {
    /// Pushes a point that does not change if an earlier run ended before its push: its tip has one of the trailers `keys`, or merges a
    /// point for which this holds, even if that one was pushed.
    ///
    /// # Errors
    /// When the tip cannot be read.
    pub(in crate::ops) fn owe(&mut self, named: &Named, keys: &'static [&'static str]) -> Result<()> {
        let tip = self.census.tip(&named.point);
        if self.config.remote.is_none() || self.has_moved(&named.point) {
            return Ok(());
        }
        if tip.is_pushed() {
            self.owed.asked.insert(named.point.clone(), keys);
            return Ok(());
        }
        let Some(local) = tip.local else { return Ok(()) };
        let message = self.memory.commit(local)?.message;
        let trailers = trailer::parse(&message);
        let brought: Vec<_> = trailers.iter().filter_map(|trailer| self.brought(*trailer)).collect();
        let is_due = trailers.iter().any(|(key, _)| keys.contains(key)) || self.merges_owed(&trailers)?;
        // A push of a branch that has diverged would be refused together with all others.
        let is_ahead = || tip.remote.map_or(Ok(true), |remote| self.memory.is_ancestor(remote, local));
        if is_due && is_ahead()? {
            self.owed.known.insert(named.point.clone(), true);
            self.steps.push.push(named.branch.clone());
            brought.iter().for_each(|point| self.contain(point));
        }
        Ok(())
    }

    /// Whether a commit with these trailers merges a point of which the same command made the tip. Points that were pushed are looked
    /// through: they may merge such a point.
    fn merges_owed(&mut self, trailers: &[(&str, &str)]) -> Result<bool> {
        let merged = |trailers: &[(&str, &str)]| -> Vec<Point> {
            let merges = trailers.iter().filter(|(key, _)| *key == RESTACK);
            merges.filter_map(|trailer| self.brought(*trailer)).collect()
        };
        let (mut waiting, mut seen) = (merged(trailers), HashSet::new());
        let mut is_owed = false;
        while let Some(point) = waiting.pop().filter(|_| !is_owed) {
            match self.owed.known.get(&point) {
                Some(known) => is_owed = *known,
                None if seen.contains(&point) => {}
                None => {
                    let Some(tip) = self.census.commit(&point) else { continue };
                    let message = self.memory.commit(tip)?.message;
                    let trailers = trailer::parse(&message);
                    let keys = self.owed.asked.get(&point).copied().unwrap_or_default();
                    is_owed = trailers.iter().any(|(key, _)| keys.contains(key));
                    waiting.extend(merged(&trailers));
                    seen.insert(point);
                }
            }
        }
        // Not all of them merge the point that is owed; but if none is, all are known.
        if !is_owed {
            self.owed.known.extend(seen.into_iter().map(|point| (point, false)));
        }
        Ok(is_owed)
    }

    /// The point that a trailer says was merged or ported.
    fn brought(&self, (key, value): (&str, &str)) -> Option<Point> {
        let name = value.split('@').next().filter(|_| [RESTACK, PORT].contains(&key))?;
        Spelled::from(name).read(&self.config.lattice).ok()
    }
}
