//! The Nix systems of points: each value of one axis has a system double.

use std::collections::HashMap;

use crate::lattice::{Lattice, Point, Value};
use crate::system::System;

/// The systems of points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Systems {
    /// The set axis of architectures.
    axis: Option<usize>,
    of: HashMap<Value, System>,
    /// The system of all points, for a lattice without such an axis.
    rest: Option<System>,
}

impl Systems {
    pub(super) fn new(axis: Option<usize>, of: HashMap<Value, System>, rest: Option<System>) -> Self {
        Self { axis, of, rest }
    }

    /// The axis of architectures.
    pub fn axis(&self) -> Option<usize> {
        self.axis
    }

    /// The system of a value of that axis.
    pub fn of_value(&self, value: &str) -> Option<&System> {
        self.of.iter().find(|(known, _)| known.as_str() == value).map(|(_, system)| system)
    }

    /// Whether two points have the same values on the axis of architectures, and so the same systems.
    pub fn are_shared(&self, a: &Point, b: &Point) -> bool {
        self.axis.is_none_or(|axis| a.coordinates().get(axis) == b.coordinates().get(axis))
    }

    /// The systems of a point, sorted and without duplicates.
    pub fn of(&self, lattice: &Lattice, point: &Point) -> Vec<System> {
        let values = self.axis.map(|axis| lattice.values(point).swap_remove(axis)).unwrap_or_default();
        let mut systems: Vec<_> = values
            .iter()
            .filter_map(|value| self.of.get(value))
            .chain(self.rest.as_ref().filter(|_| values.is_empty()))
            .cloned()
            .collect();
        systems.sort();
        systems.dedup();
        systems
    }
}
