//! The command that builds a point without git-lattice.

use crate::nix::FlakeRef;
use crate::points::status::PointStatus;
use crate::process::quote;

/// The command, if the point has a flake and a system.
pub fn nix_build(flake: Option<&FlakeRef>, status: &PointStatus) -> Option<String> {
    let features = "--extra-experimental-features 'nix-command flakes'";
    Some(format!("nix build {features} {}", quote(flake?.installable(status.systems.first()?))))
}
