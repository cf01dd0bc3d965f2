//! What a killed Nix leaves in its own cache.

use std::fs;

use super::situation::{Machine, Situation};
use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::strace::strace;

/// Makes each of Nix 2.8's cached repositories one that `git init` did not finish; returns whether there is one.
fn make_cache_incomplete(sandbox: &Sandbox) -> bool {
    let cached = fs::read_dir(sandbox.path("nix/cache/nix/gitv3")).into_iter().flatten();
    cached.filter(|entry| fs::remove_file(entry.as_ref().unwrap().path().join("HEAD")).is_ok()).count() > 0
}

#[test]
fn incomplete_nix_cache_is_named_with_the_remedy() {
    let nixes = every_nix();
    let Some(strace) = nixes.first().and_then(|_| strace()) else { return };
    for nix in &nixes {
        let machine = Machine::new(&strace, nix);
        let sandbox = &machine.tracer.sandbox;
        sandbox.lattice(&["build", &Situation::Good.point()]).exits(0);
        if make_cache_incomplete(sandbox) {
            let other = Situation::Failing.point();
            sandbox.lattice(&["build", &other]).exits(2).says_err("rm -rf ~/.cache/nix/gitv3");
            fs::remove_dir_all(sandbox.path("nix/cache/nix/gitv3")).unwrap();
            sandbox.lattice(&["build", &other]).exits(1).says_out("failed");
        }
    }
}
