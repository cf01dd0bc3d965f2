//! What Nix does: building, building again, copying.

pub(super) mod build;
pub(super) mod copy;
pub(super) mod realise;
pub(super) mod rebuild;
