//! Notes on points: which count for a point, and writing them.
//!
//! A note hangs on the name of a point. A point that got another name keeps its notes: the commits say which names it had.

pub mod editor;
mod find;
mod write;

pub use find::{examine, of};
pub use write::{Deed, Entry, Outcome, Request, prepare};
