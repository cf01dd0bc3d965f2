//! Guidance for new users: suggested next commands, reported failures, completions and the man page.

use std::env::consts::ARCH;

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;

const FAILING: &str = "{ system, lattice, ... }:\nderivation {\n  inherit (lattice) name;\n  inherit system;\n  \
    builder = \"/bin/sh\";\n  args = [ \"-c\" \"exit 3\" ];\n}\n";

#[test]
fn status_suggests_the_next_step_of_current_work() {
    for nix in every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        let first = format!("git lattice next-step toolchain/{ARCH}/phase0/step1");
        sandbox.lattice(&["new", "--arch", ARCH, "--no-push"]).exits(0);
        sandbox.lattice(&["build"]).exits(0);
        let status = sandbox.lattice(&["status"]).exits(0).says_out(&first).says_out("git lattice promote");
        status.says_out("next phase:").says_out("to push:").says_out("git lattice sync toolchain/");
        sandbox.lattice(&["promote", "--no-switch"]).exits(0);
        let after = sandbox.lattice(&["status"]).exits(0).says_out("git lattice build");
        assert!(!after.stdout.contains(&first), "phase0 is done:\n{}", after.stdout);
    }
}

#[test]
fn failed_build_is_reported_and_not_repeated() {
    for nix in every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        sandbox.lattice(&["new", "--arch", ARCH, "--template", "step"]).exits(0);
        sandbox.write(&format!("flakes/toolchain/{ARCH}/phase0/step1/step.nix"), FAILING);
        sandbox.git(&["commit", "-q", "-a", "-m", "a step that fails"]);
        sandbox.lattice(&["build"]).exits(1).says_out("failed");
        sandbox.lattice(&["show"]).exits(0).says_out("logs ");
        sandbox.lattice(&["next-step", "--no-switch"]).exits(0).says_err("phase0/step1` failed to build");
        sandbox.lattice(&["hooks", "install"]).exits(0);
        sandbox.git(&["switch", "-q", "main"]);
        let said = sandbox.try_git("work", &["switch", "-q", "-"]).error_text();
        assert!(said.contains("this content failed before"), "{said}");
    }
}

#[test]
fn man_page_has_a_section_for_every_command() {
    let page = Sandbox::without_lattice().lattice(&["man"]).exits(0).stdout;
    for command in ["INIT", "AXIS ADD", "NEW", "NEXT-STEP", "PROMOTE", "BUILD", "STATUS", "SHOW", "HOOKS INSTALL"] {
        assert!(page.contains(&format!("\n.SH GIT LATTICE {command}\n")), "{command} should have a section");
    }
}
