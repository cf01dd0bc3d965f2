//! Builds that start at the same time in a store that does not exist yet.

use crate::nix_setup::{CONFIGURATION, every_nix};
use crate::sandbox::Sandbox;
use crate::story::{at, here};
use crate::strace::sample::is_sweep;

/// The number of builds at once.
const BUILDS: usize = 12;

#[test]
fn concurrent_builds_in_a_new_store_do_not_fail() {
    let rounds = if is_sweep() { 10 } else { 1 };
    for (nix, round) in every_nix().iter().flat_map(|nix| (0..rounds).map(move |round| (nix, round))) {
        let mut sandbox = Sandbox::new();
        let steps: Vec<_> = (1..=BUILDS).map(|n| format!("step{n}")).collect();
        sandbox.lattice(&["new", "--arch", here(), "--step", &steps.join(","), "--no-push"]).exits(0);
        sandbox.use_nix(nix);
        std::fs::write(sandbox.path("nix/conf/nix.conf"), CONFIGURATION).unwrap();
        let points: Vec<_> = steps.iter().map(|step| at(&format!("phase0/{step}"))).collect();
        let runs = std::thread::scope(|scope| {
            let running: Vec<_> =
                points.iter().map(|point| scope.spawn(|| sandbox.lattice(&["build", point]))).collect();
            running.into_iter().map(|run| run.join().unwrap()).collect::<Vec<_>>()
        });
        for run in runs {
            assert!([0, 2].contains(&run.code), "round {round} with {}: {}{}", nix.display(), run.stdout, run.stderr);
        }
        let records = sandbox.records();
        assert!(records.iter().all(|record| record["verdict"] == "built"), "round {round}: {records:?}");
        let all: Vec<_> = std::iter::once("build").chain(points.iter().map(String::as_str)).collect();
        sandbox.lattice(&all).exits(0);
    }
}
