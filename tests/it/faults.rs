//! No verdict is false, whatever fails while something is built: each write-like system call of a build fails once, and once kills
//! its process. What strace cannot reach is no part of it; `strace.rs` says how the calls are named.
//!
//! By itself a sample of the calls is taken; `GIT_LATTICE_TEST_FAULTS` says how many per situation and version, or `all` of them.

mod cache;
mod many;
mod situation;
mod sweep;
mod verdict;
