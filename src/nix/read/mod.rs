//! Parses the output of Nix.

pub(super) mod blame;
pub(super) mod content;
pub(super) mod diagnosis;
pub(super) mod failure;
pub(super) mod fixed;
pub(super) mod graph;
pub(super) mod internal_json;
pub(super) mod outcome;
pub(super) mod path_info;
pub(super) mod settings;
pub(super) mod statement;
pub(super) mod trouble;
