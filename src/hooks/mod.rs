//! The hooks that git runs for us: what they are told, where they live, and how they come and go.
//!
//! There are two [ways](way::Way). A *shim* is the small sh script in git's hooks folder that runs the hook which was there before
//! (the *chained* one) and then `git-lattice hook run EVENT`. From 2.54 on git also runs hooks that its configuration names, beside
//! those in the folder. A *foreign* hook is any hook that is no shim of ours; a *manager* is a program that writes such hooks.

pub mod config;
pub mod config_file;
pub mod dir;
pub mod event;
pub mod found;
pub mod install;
pub mod manager;
pub mod shim;
pub mod skip;
pub mod way;

pub use dir::HooksDir;
pub use event::{Event, Kind};
pub use found::{State, status};
pub use install::{Plan, plan_install, plan_uninstall};
pub use skip::Skip;
pub use way::Way;
