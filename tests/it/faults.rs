//! No verdict is false, whatever fails during a build: each write-like system call of a build fails once, and once kills its
//! process. Calls that strace cannot reach are left out; `strace.rs` says how calls are named.
//!
//! By default a sample of the calls is tried; `GIT_LATTICE_TEST_FAULTS` sets the number per situation and version, or `all` of them.

mod cache;
mod many;
mod situation;
mod sweep;
mod verdict;
