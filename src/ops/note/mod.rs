//! Notes on points: which count for a point, and writing them.
//!
//! A note belongs to the name of a point. A renamed point keeps its notes: trailers of its commits list its old names.

pub mod editor;
mod find;
mod write;

pub use find::{Listed, examine, of, with_hidden};
pub use write::{Deed, Entry, Outcome, Request, prepare};
