//! The result of a check.

use super::finding::Finding;

/// The result of a check.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The findings: first those of no point, then by point in table order.
    pub findings: Vec<Finding>,
    /// How many points were checked.
    pub points: usize,
    /// How many branches and remote branches were checked.
    pub branches: usize,
}
