//! Black-box tests: one binary, one module per subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod background;
mod bad_input;
mod build;
mod chains;
mod check;
mod detach;
mod doctor;
mod git_setup;
mod grow;
mod guidance;
mod hook_events;
mod hook_skips;
mod hooks;
mod hooks_config;
mod hooks_undone;
mod hostile;
mod init;
mod lattice;
mod library;
mod lint;
mod machines;
mod managers;
mod many;
mod new;
mod next_step;
mod nix;
mod nix_setup;
mod packaging;
mod promote;
mod queue;
mod races;
mod records;
mod rules;
mod sandbox;
mod scratch;
mod show;
mod smoke;
mod status;
mod story;
mod sync;
mod template;
mod texts;
mod trust;
