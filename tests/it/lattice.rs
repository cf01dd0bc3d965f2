//! The algebra by its laws, over small random lattices; `PROPTEST_CASES` says how many.

mod laws;
mod world;
