//! What came of a check.

use super::finding::Finding;

/// What came of a check.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What was found: first what is about the whole, then point by point in the order of tables.
    pub findings: Vec<Finding>,
    /// How many points were looked at.
    pub points: usize,
    /// How many branches and remote branches were looked at.
    pub branches: usize,
}
