//! The state of points: which exist, what their branches contain, what was built, and what to do next.

pub mod activity;
pub mod behind;
pub mod cache;
pub mod census;
pub mod choice;
pub mod content;
pub mod diagram;
pub mod divergence;
pub mod keys;
pub mod names;
pub mod next;
mod point_status;
pub mod rows;
pub mod start;
pub mod status;
pub mod wanted;

/// From this number of points on, views are folded.
pub const MANY: usize = 300;
