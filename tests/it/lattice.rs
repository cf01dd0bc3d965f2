//! The algebra by its laws, over small random lattices; `PROPTEST_CASES` says how many.

mod examples;
mod hostile;
mod laws;
mod names;
mod random;
mod select;
