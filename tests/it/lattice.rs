//! The laws of the algebra, over small random lattices; `PROPTEST_CASES` sets their number.

mod examples;
mod hostile;
mod laws;
mod names;
pub(crate) mod random;
mod select;
