//! git hooks: their events, where git finds them, and how they are installed and removed.
//!
//! There are two [ways](way::Way) to install one. A *shim* is a small sh script in the hooks folder that runs the previous hook
//! (the *chained* one) and then `git-lattice hook run EVENT`. From 2.54 on git also runs hooks from its configuration, in addition
//! to those in the folder. A *foreign* hook is one that is not our shim; a *manager* is a program that writes such hooks.

pub mod config;
pub mod config_file;
pub mod dir;
pub mod event;
pub mod inspect;
pub mod install;
pub mod manager;
pub mod shim;
pub mod skip;
pub mod way;

pub use dir::HooksDir;
pub use event::{Event, Kind};
pub use inspect::{State, status};
pub use install::{Plan, plan_install, plan_uninstall};
pub use skip::Skip;
pub use way::Way;
