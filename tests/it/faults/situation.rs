//! What is built while a system call fails.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::nix_setup::CONFIGURATION;
use crate::sandbox::{Prepared, Sandbox};
use crate::story::at;
use crate::strace::Tracer;

/// The point to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Situation {
    /// A step that builds.
    Good,
    /// A step whose builder fails.
    Failing,
    /// A step that takes the output of the step below, which is not built either.
    Chain,
}

pub(super) const SITUATIONS: [Situation; 3] = [Situation::Good, Situation::Failing, Situation::Chain];

impl Situation {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Good => "good step",
            Self::Failing => "failing step",
            Self::Chain => "chain of two",
        }
    }

    /// The point that is built.
    pub(super) fn point(self) -> String {
        at(match self {
            Self::Good => "phase0/step1",
            Self::Chain => "phase0/step2",
            Self::Failing => "phase1/step1",
        })
    }

    /// The expected verdict.
    pub(super) fn verdict(self) -> &'static str {
        if self == Self::Failing { "failed" } else { "built" }
    }

    /// The expected exit code.
    pub(super) fn code(self) -> i32 {
        i32::from(self == Self::Failing)
    }
}

/// A machine with all three points and a new store.
pub(super) struct Machine {
    pub(super) tracer: Tracer,
    /// Where builders leave a trace; a path without spaces, because nix.conf has no quotes.
    ran: TempDir,
}

impl Machine {
    pub(super) fn new(strace: &Path, nix: &Path) -> Self {
        static PREPARED: LazyLock<Prepared> = LazyLock::new(|| {
            Prepared::new(|sandbox| {
                let args = ["init", "--component", "toolchain", "--arch", "aarch64,x86_64", "--no-hooks"];
                sandbox.lattice(&args).exits(0);
                sandbox.commit_lattice();
                step(sandbox, Situation::Good, "echo first >$out");
                step(sandbox, Situation::Chain, "read word <${previous}; echo $word, second >$out");
                step(sandbox, Situation::Failing, "exit 3");
            })
        });
        let tracer = Tracer::new(PREPARED.copy(), strace, Some(nix));
        let ran = TempDir::new().unwrap();
        let paths = format!("sandbox-paths = /bin/sh=/bin/busybox /ran={}\n", ran.path().display());
        fs::write(tracer.sandbox.path("nix/conf/nix.conf"), format!("{CONFIGURATION}{paths}")).unwrap();
        Self { tracer, ran }
    }

    /// Whether the builder of this situation's step ran.
    pub(super) fn builder_ran(&self, situation: Situation) -> bool {
        self.ran.path().join(trace_of(situation)).exists()
    }

    pub(super) fn records(&self) -> Vec<Value> {
        self.tracer.sandbox.records()
    }

    /// Repairs what a stopped Nix leaves incomplete: its cache of git repositories, and the version of its database. Returns whether
    /// there was anything to repair.
    pub(super) fn repair_nix(&self) -> bool {
        let cached = fs::remove_dir_all(self.tracer.sandbox.path("nix/cache/nix/gitv3")).is_ok();
        let version = self.tracer.sandbox.path("nix/store/nix/var/nix/db/schema");
        let is_empty = fs::read(&version).is_ok_and(|bytes| bytes.is_empty());
        // Every Nix since 2.0 writes this version.
        is_empty && fs::write(&version, "10").is_ok() || cached
    }

    /// The records that could not be written into the notes and wait for the next command.
    pub(super) fn pending_records(&self) -> Vec<Value> {
        let files = fs::read_dir(self.tracer.sandbox.work().join(".git/lattice/records")).into_iter().flatten();
        let is_kept = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "jsonl");
        let texts =
            files.map(|file| file.unwrap().path()).filter(is_kept).map(|path| fs::read_to_string(path).unwrap());
        texts
            .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>())
            .collect()
    }

    /// Whether the store has the outputs of a record, with their original content.
    pub(super) fn has_outputs(&self, record: &Value, expected: &Outputs) -> bool {
        let outputs = outputs_of(record);
        let held = |path: &String| {
            let store = self.tracer.sandbox.path("nix/bin/nix-store");
            let mut command = std::process::Command::new(store);
            self.tracer.sandbox.environment(&mut command);
            command.args(["--verify-path", path]).output().unwrap().status.success()
        };
        let as_expected = |(path, hash): (&String, &String)| expected.get(path) == Some(hash) && held(path);
        !outputs.is_empty() && outputs.iter().all(as_expected)
    }
}

/// NAR hashes by store path.
pub(super) type Outputs = BTreeMap<String, String>;

/// The outputs in a record.
pub(super) fn outputs_of(record: &Value) -> Outputs {
    let outputs = record["outputs"].as_object().into_iter().flat_map(|outputs| outputs.values());
    let text = |output: &Value, field: &str| output[field].as_str().unwrap_or_default().to_owned();
    outputs.map(|output| (text(output, "path"), text(output, "narHash"))).collect()
}

fn trace_of(situation: Situation) -> String {
    situation.name().replace(' ', "-")
}

/// Makes a point whose builder leaves a trace and then runs this script.
fn step(sandbox: &Sandbox, situation: Situation, script: &str) {
    let point = situation.point();
    sandbox.lattice(&["new", &point, "--template", "step", "--no-push", "--no-switch"]).exits(0);
    let name = trace_of(situation);
    let step = format!(
        "{{ system, previous, ... }}:\nderivation {{\n  name = \"{name}\";\n  inherit system;\n  builder = \"/bin/sh\";\n  args = [\n    \
         \"-c\"\n    ''echo >/ran/{name}; {script}''\n  ];\n}}\n"
    );
    sandbox.commit_to(&point, &[("step.nix", &step)]);
}
