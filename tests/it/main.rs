//! Black-box tests: one binary, one module per subject.

mod packaging;
