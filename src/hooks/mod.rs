//! The hooks that git runs for us: what they are told, where they live, and how they come and go.
//!
//! A *shim* is the small sh script in git's hooks folder that runs the hook which was there before (the *chained* one)
//! and then `git-lattice hook run EVENT`. A *foreign* hook is any hook that is no shim of ours.
//!
//! git 2.54 and later also reads hooks from its configuration (`[hook "lattice"]`). That would be a second place beside
//! [`dir::HooksDir`], with a plan of its own; everything else here stays.

pub mod dir;
pub mod event;
pub mod found;
pub mod install;
pub mod shim;

pub use dir::HooksDir;
pub use event::{Event, Kind};
pub use found::{State, status};
pub use install::{Plan, plan_install, plan_uninstall};
