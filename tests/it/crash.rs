//! Killed anywhere and run again: SIGKILL at each write-like system call of the commands that write, of git-lattice and of each git
//! that it starts, the receiving side of a push included.
//!
//! What must hold is asserted: both repositories are sound, nothing of the user's is lost, and the same command then works, leads to the
//! same state and leaves no file behind. Counted only is what stays in the remote's repository, which is its server's to clean.
//! `GIT_LATTICE_TEST_FAULTS` asks for more than a sample and shows the table.

mod command;
mod expected;
mod state;
mod storage;
mod sweep;
