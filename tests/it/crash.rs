//! Kill and run again: SIGKILL at each write-like system call of the commands that write, of git-lattice and of each git
//! that it starts, including the receiving side of a push.
//!
//! Asserted: both repositories are sound, no data of the user is lost, and the same command then works, leads to the same state
//! and leaves no file behind. Files in the remote's repository are only counted: its server has to remove them.
//! `GIT_LATTICE_TEST_FAULTS` asks for more than a sample and prints the table.

mod command;
mod expected;
mod state;
mod storage;
mod sweep;
