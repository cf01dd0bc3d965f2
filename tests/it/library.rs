//! The public API, called as another Rust program would.

use std::process::Command;

use git_lattice::{Oid, Spelled, StorePath, System, Verdict, run_nix_build};

use crate::nix_setup::{every_nix, var};
use crate::sandbox::Sandbox;
use crate::story::{at, dir};

/// The library reads the environment of its process, so the test runs itself again in that of the sandbox.
#[test]
fn library_builds_and_records_a_point() {
    const INSIDE: &str = "GIT_LATTICE_TEST_LIBRARY";
    if let Some(flake_dir) = var(INSIDE) {
        let records = run_nix_build(&flake_dir).unwrap();
        let [record] = records.as_slice() else { panic!("one system, one record: {records:?}") };
        assert_eq!((record.point.as_str(), record.verdict), (at("phase0/step1").as_str(), Verdict::Built));
        // Other programs can name the types in a record.
        let _: (&Spelled, [Oid; 2], &System) = (&record.point, [record.key, record.commit], &record.system);
        let _: Option<&StorePath> = record.drv.as_ref();
        assert!(record.outputs["out"].path.as_str().starts_with("/nix/store/"), "{record:?}");
        assert_eq!(run_nix_build(&flake_dir).unwrap(), records, "a recorded point should not be built again");
        let error = run_nix_build(".").unwrap_err();
        assert!(error.to_string().contains("could not build `.`"), "{error}");
        return;
    }
    for nix in every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        sandbox.lattice(&["new", &at("phase0/step1")]).exits(0);
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "library::library_builds_and_records_a_point"]).current_dir(sandbox.work());
        sandbox.environment(&mut again);
        let output = again.env(INSIDE, dir(&at("phase0/step1"))).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "the inner test should have run");
        assert_eq!(sandbox.records().len(), 1, "the result should be recorded in git");
    }
}
