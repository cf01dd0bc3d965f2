//! The queue and its worker: the order of jobs, what is built once, and what is left after a process is killed.

mod cancel;
mod gate;
mod killed;
mod limits;
mod log;
mod order;
mod prompt;
mod spool;
