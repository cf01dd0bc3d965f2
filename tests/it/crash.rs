//! Killed anywhere and run again: SIGKILL at each write-like system call of the commands that write, of git-lattice and of each git
//! that it starts, the receiving side of a push included.
//!
//! What must hold is asserted: both repositories are sound, and nothing of the user's is lost. How often the same command does not
//! simply work afterwards, and what is left behind, is counted; `GIT_LATTICE_TEST_FAULTS` shows the table.

mod command;
mod sweep;
