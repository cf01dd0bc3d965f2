//! The queue and its worker: what goes first, what is built once, and what is left of anything when a process is killed.

mod cancel;
mod gate;
mod killed;
mod limits;
mod log;
mod order;
mod prompt;
mod spool;
