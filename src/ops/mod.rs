//! Operations behind the commands: they plan, apply the plan, return values and print nothing.

pub mod builds;
mod cannot;
pub mod change;
pub mod check;
pub mod doctor;
pub mod flake_inputs;
pub mod hook;
pub mod hooks;
pub mod init;
pub mod install;
pub mod limits;
pub mod lint;
pub mod lock;
pub mod log;
pub mod moves;
pub mod new;
pub mod next;
pub mod private_store;
pub mod promote;
pub mod push;
pub mod queue;
pub mod race;
pub mod records;
mod refusal;
pub mod remote_failure;
pub mod restack;
pub mod show;
pub mod sync;
pub mod take;
pub mod trust;
pub mod undo;
pub mod unfinished;

pub use cannot::Cannot;
pub use refusal::{Missing, Refusal};
pub use remote_failure::RemoteFailure;
