//! Black-box tests: one binary, one module per subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod background;
mod bad_input;
mod build;
mod chains;
mod check;
mod detach;
mod doctor;
mod grow;
mod guidance;
mod hooks;
mod init;
mod lattice;
mod library;
mod lint;
mod lint_command;
mod lint_staged;
mod new;
mod next_step;
mod nix;
mod nix_setup;
mod packaging;
mod promote;
mod races;
mod rules;
mod sandbox;
mod scratch;
mod show;
mod smoke;
mod status;
mod story;
mod template;
mod texts;
