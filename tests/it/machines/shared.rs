//! Shared by these tests: points with their own scripts, and every pair of Nix versions.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::sshd::Sshd;
use crate::nix_setup::every_nix;
use crate::sandbox::{Run, Sandbox};
use crate::story::{at, elsewhere, here};

/// Different output each time, made by shell builtins only.
pub(super) const RANDOM: &str = "read -r it </proc/sys/kernel/random/uuid; echo $it >$out";

/// Each Nix once here and once there; two different ones, if there are two.
pub(super) fn every_pair() -> Vec<(PathBuf, PathBuf)> {
    let all = every_nix();
    all.iter().cloned().zip(all.iter().cycle().skip(1).cloned()).collect()
}

pub(super) fn this_system() -> String {
    format!("{}-linux", here())
}

pub(super) fn other_system() -> String {
    format!("{}-linux", elsewhere())
}

/// A step.nix that runs this script.
pub(super) fn step(script: &str) -> String {
    step_with("", script)
}

/// The same with further attributes of the derivation.
pub(super) fn step_with(attributes: &str, script: &str) -> String {
    format!(
        "{{ system, ... }}:\nderivation {{\n  name = \"scripted\";\n  inherit system;\n  builder = \"/bin/sh\";\n  args = [\n    \
         \"-c\"\n    ''\n{script}\n    ''\n  ];\n  {attributes}\n}}\n"
    )
}

/// A sandbox with this Nix and a point with this step.nix.
pub(super) fn with_step(nix: &Path, point: &str, text: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.use_nix(nix);
    sandbox.lattice(&["new", point, "--template", "step", "--no-push", "--no-switch"]).exits(0);
    sandbox.commit_to(point, &[("step.nix", text)]);
    sandbox
}

/// The same for this machine's first point and a script.
pub(super) fn with_script(nix: &Path, script: &str) -> Sandbox {
    with_step(nix, &at("phase0/step1"), &step(script))
}

pub(super) fn out(record: &Value) -> &str {
    record["outputs"]["out"]["path"].as_str().unwrap_or_else(|| panic!("it should have an output: {record}"))
}

/// The newest record of the point's current content.
#[track_caller]
pub(super) fn latest_record(sandbox: &Sandbox) -> Value {
    let is_current = |record: &&Value| sandbox.point(record["point"].as_str().unwrap())["key"] == record["key"];
    sandbox.records().iter().rfind(is_current).expect("there should be a record").clone()
}

impl Sandbox {
    /// Runs git-lattice with the ssh options for the machines behind `sshd`.
    pub(super) fn lattice_over_ssh(&self, sshd: &Sshd, args: &[&str]) -> Run {
        self.lattice_in("work", args, |command| command.env("NIX_SSHOPTS", sshd.options()))
    }

    /// Adds a line to nix.conf.
    pub(super) fn configure_nix(&self, line: &str) {
        let path = self.path("nix/conf/nix.conf");
        fs::write(&path, format!("{}{line}\n", fs::read_to_string(&path).unwrap())).unwrap();
    }

    /// Where a store path of this machine is in the file system.
    pub(super) fn file(&self, store_path: &str) -> PathBuf {
        self.path(&format!("nix/store{store_path}"))
    }

    /// The logs of all builds.
    pub(super) fn logs(&self) -> String {
        let logs = fs::read_dir(self.work().join(".git/lattice/log")).into_iter().flatten();
        logs.map(|log| fs::read_to_string(log.unwrap().path()).unwrap_or_default()).collect()
    }
}
