//! Hostile branches: content that an attacker pushes does nothing on checkout, and stays within its limits when built by hand.

mod content;
mod environment;
mod merged;
mod names;
mod output;
mod policy;
mod settings;
mod shown;
mod signed;
pub(crate) mod victim;
