//! Programs and remotes that do not answer: a limit ends them with all that they started, and nothing is left half-done.

mod programs;
mod remotes;
