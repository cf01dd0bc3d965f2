//! What is known of the points: which there are, what their branches hold, what was built of them, and what can be done next.

pub mod activity;
pub mod cache;
pub mod census;
pub mod choice;
pub mod content;
pub mod keys;
pub mod next;
mod point_status;
pub mod status;
