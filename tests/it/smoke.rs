//! The shortest way through the main workflow.

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;

#[test]
fn point_is_made_built_and_promoted() {
    for nix in every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        let arch = std::env::consts::ARCH;
        sandbox.lattice(&["new", "--arch", arch]).exits(0).says_out("created");
        sandbox.lattice(&["promote"]).exits(1).says_out("not built on");
        sandbox.lattice(&["build"]).exits(0).says_out("built");
        sandbox.lattice(&["promote"]).exits(0).says_out("phase1/step1");
        sandbox.lattice(&["status"]).exits(0).says_out("✓ built");
    }
}
