//! Code shared by several commands.

pub(super) mod adoption;
pub(super) mod choice;
pub(super) mod content;
pub(super) mod created;
pub(super) mod disputes;
pub(super) mod hooks;
pub(super) mod input;
pub(super) mod install;
pub(super) mod left_out;
pub(super) mod machines;
pub(super) mod moved;
pub(super) mod notes;
pub(super) mod operation;
pub(super) mod pager;
pub(super) mod points;
pub(super) mod report;
pub(super) mod session;
pub(super) mod switching;
pub(super) mod trusted_base;
pub(super) mod uncommitted;
pub(super) mod wanted;
