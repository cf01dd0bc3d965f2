//! Black-box tests, in one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod detach;
mod hooks;
mod lint;
mod scratch;
