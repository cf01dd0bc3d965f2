//! Black-box tests, as one binary.

mod lattice;
