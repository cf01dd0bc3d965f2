//! What each builder has printed last, to show it for all builds that need the derivation.

use std::collections::HashMap;

use super::log_file::Tail;
use crate::nix::{Event, StorePath};

/// The last lines of the builders.
#[derive(Default)]
pub(super) struct BuilderTails {
    /// The derivation of each activity.
    activities: HashMap<u64, StorePath>,
    of: HashMap<StorePath, Tail>,
}

impl BuilderTails {
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::BuildStarted { id, drv, .. } => {
                self.activities.insert(*id, drv.clone());
                self.of.entry(drv.clone()).or_default();
            }
            Event::LogLine { id, text } => {
                if let Some(tail) = self.activities.get(id).and_then(|drv| self.of.get_mut(drv)) {
                    tail.add(text);
                }
            }
            _ => {}
        }
    }

    /// The last lines of a builder; `None` if it did not start.
    pub(super) fn of(&self, drv: &StorePath) -> Option<Tail> {
        self.of.get(drv).cloned()
    }
}
