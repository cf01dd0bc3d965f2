//! Programs and remotes that do not answer: a limit ends them and all that they started, and no half-done state is left.

mod programs;
mod remotes;
