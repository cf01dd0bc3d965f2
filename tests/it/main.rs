//! Black-box tests: one binary, one module per subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod bad_input;
mod detach;
mod guidance;
mod hooks;
mod lattice;
mod lint;
mod nix;
mod nix_setup;
mod packaging;
mod sandbox;
mod scratch;
mod smoke;
mod template;
