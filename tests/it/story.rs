//! Helpers for the tests of single commands: this machine's architecture, results of other machines, a Nix that must not run.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::{Run, Sandbox};

/// The command that shows foreign content; two revisions follow it.
pub(crate) const DIFF: &str = "git --no-replace-objects diff --text --no-ext-diff --no-textconv --no-renames";

/// The architecture of this machine, as the sandbox's lattice names it.
pub(crate) fn here() -> &'static str {
    std::env::consts::ARCH
}

/// The other architecture of the sandbox's lattice.
pub(crate) fn elsewhere() -> &'static str {
    if here() == "aarch64" { "x86_64" } else { "aarch64" }
}

/// `toolchain/ARCH/phase0/step1` of this machine, for `place` = `phase0/step1`.
pub(crate) fn at(place: &str) -> String {
    format!("toolchain/{}/{place}", here())
}

/// The same for the other architecture.
pub(crate) fn far(place: &str) -> String {
    format!("toolchain/{}/{place}", elsewhere())
}

/// The points of a chain over two phases on this machine's architecture, one of the other, and one over both.
pub(crate) fn crossing() -> [String; 5] {
    let both = "toolchain/aarch64+x86_64/phase1/step2".to_owned();
    [at("phase0/step1"), at("phase0/step2"), at("phase1/step1"), far("phase0/step1"), both]
}

/// The branch of a point, with the usual pattern.
pub(crate) fn branch(point: &str) -> String {
    format!("feature/{point}")
}

/// The directory of a point, with the usual pattern.
pub(crate) fn dir(point: &str) -> String {
    format!("flakes/{point}")
}

/// The texts in a JSON list.
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

/// The field `name` of each object in a JSON list.
pub(crate) fn fields<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap()).collect()
}

/// A lattice.toml with these axes, and `rest` before them.
pub(crate) fn toml(axes: &str, rest: &str) -> String {
    format!("base = \"main\"\nremote = \"origin\"\n{rest}\n[axes]\n{axes}\n")
}

/// The usual axes with these chains.
pub(crate) fn chains(phase: &str, step: &str) -> String {
    format!(
        "component = {{ set = [\"toolchain\"] }}\narch = {{ set = [\"aarch64\", \"x86_64\"] }}\n\
         phase = {{ chain = {phase} }}\nstep = {{ chain = {step} }}"
    )
}

impl Sandbox {
    /// A clone with these points, all pushed, HEAD on `main`.
    #[track_caller]
    pub(crate) fn grown(template: &str, points: &[String]) -> Self {
        let sandbox = Self::new();
        sandbox.grow(template, points);
        sandbox
    }

    /// Makes points and pushes them.
    #[track_caller]
    pub(crate) fn grow(&self, template: &str, points: &[String]) {
        let points: Vec<&str> = points.iter().map(String::as_str).collect();
        self.lattice(&[&["new", "--template", template, "--no-switch"], &points[..]].concat()).exits(0);
    }

    /// Types a command into a shell; returns what it prints.
    #[track_caller]
    pub(crate) fn paste(&self, dir: &str, command: &str) -> String {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", command]).current_dir(self.path(dir));
        self.environment(&mut shell);
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Makes points without pushing them or switching to them.
    #[track_caller]
    pub(crate) fn points(&self, points: &[&str]) {
        for point in points {
            self.lattice(&["new", point, "--no-push", "--no-switch"]).exits(0);
        }
    }

    /// The entry of one point in `status --json`.
    #[track_caller]
    pub(crate) fn point(&self, point: &str) -> Value {
        let status = self.lattice(&["status", "--json"]).exits(0).json();
        let found = status["points"].as_array().unwrap().iter().find(|it| it["point"] == point).cloned();
        found.unwrap_or_else(|| panic!("status should show `{point}`: {status}"))
    }

    /// The state of one point.
    #[track_caller]
    pub(crate) fn state_of(&self, point: &str) -> String {
        self.point(point)["state"].as_str().unwrap().to_owned()
    }

    /// Writes a record as another machine would, with a different writer name.
    #[track_caller]
    pub(crate) fn record(&self, point: &str, system: &str, verdict: &str) {
        let known = self.point(point);
        let record = json!({
            "point": point, "key": known["key"], "commit": known["commit"], "system": system, "verdict": verdict,
            "started": "2026-01-02T03:04:05Z", "seconds": 1.5, "host": "far", "user": "ada",
        });
        let key = known["key"].as_str().unwrap();
        self.git(&["notes", "--ref=lattice/far", "append", "-m", &record.to_string(), key]);
    }

    /// A `built` record for each system of the points.
    #[track_caller]
    pub(crate) fn built_elsewhere(&self, points: &[&str]) {
        for point in points {
            for system in texts(&self.point(point)["systems"]) {
                self.record(point, system, "built");
            }
        }
    }

    /// All records in git.
    pub(crate) fn records(&self) -> Vec<Value> {
        let mut records = Vec::new();
        for name in self.git(&["for-each-ref", "--format=%(refname)", "refs/notes/lattice/"]).lines() {
            for line in self.git(&["notes", "--ref", name, "list"]).lines() {
                let note = self.git(&["cat-file", "blob", line.split(' ').next().unwrap()]);
                records.extend(note.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
            }
        }
        records
    }

    /// Makes every start of Nix leave a trace and fail.
    pub(crate) fn forbid_nix(&mut self) {
        let trace = self.path("nix-was-called");
        self.use_program("nix", &format!("#!/bin/sh\necho \"$*\" >>'{}'\nexit 1\n", trace.display()));
    }

    /// Whether Nix was started since `forbid_nix`.
    pub(crate) fn nix_was_called(&self) -> bool {
        self.path("nix-was-called").exists()
    }

    /// The commit of a revision.
    #[track_caller]
    pub(crate) fn commit(&self, name: &str) -> String {
        self.git(&["rev-parse", "--verify", &format!("{name}^{{commit}}")])
    }

    /// The parents of a point's commit.
    #[track_caller]
    pub(crate) fn parents(&self, point: &str) -> Vec<String> {
        self.git(&["log", "-1", "--format=%P", &branch(point)]).split_whitespace().map(str::to_owned).collect()
    }

    /// Whether there is a local branch for the point.
    pub(crate) fn has(&self, point: &str) -> bool {
        self.try_git("work", &["show-ref", "-q", "--verify", &format!("refs/heads/{}", branch(point))]).status.success()
    }

    /// Whether the remote has the point's branch.
    pub(crate) fn remote_has(&self, point: &str) -> bool {
        let name = format!("refs/heads/{}", branch(point));
        self.try_git("remote.git", &["show-ref", "-q", "--verify", &name]).status.success()
    }

    /// The bytes of a file on a branch.
    #[track_caller]
    pub(crate) fn bytes(&self, branch: &str, path: &str) -> Vec<u8> {
        let output = self.try_git("work", &["cat-file", "blob", &format!("{branch}:{path}")]);
        assert!(output.status.success(), "`{branch}` should have `{path}`");
        output.stdout
    }

    /// Commits files to a point's branch, as its owner would, and switches back.
    pub(crate) fn commit_to(&self, point: &str, files: &[(&str, &str)]) {
        let head = self.git(&["symbolic-ref", "--short", "HEAD"]);
        self.git(&["switch", "-q", &branch(point)]);
        for (name, text) in files {
            self.write(&format!("{}/{name}", dir(point)), text);
        }
        self.git(&["add", "flakes"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "change the step"]);
        self.git(&["switch", "-q", &head]);
    }

    /// Another clone of the remote, for a colleague.
    pub(crate) fn colleague(&self) -> &'static str {
        self.git_in("", &["clone", "-q", "remote.git", "colleague"]);
        "colleague"
    }

    /// The content of a store path that this sandbox's Nix built.
    #[track_caller]
    pub(crate) fn built(&self, store_path: &str) -> Vec<u8> {
        let mut path = self.path(&format!("nix/store{store_path}"));
        if path.is_dir() {
            path.push("config.toml");
        }
        fs::read(&path).unwrap_or_else(|error| panic!("{} should be built: {error}", path.display()))
    }
}

impl Run {
    /// Asserts that neither stdout nor stderr contains this text.
    #[track_caller]
    pub(crate) fn never_says(self, text: &str) -> Self {
        let said = self.stdout.contains(text) || self.stderr.contains(text);
        assert!(!said, "`{text}` should not be printed\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// Writes a record of `point` in the clone `dir` as writer `writer`, with some fields replaced.
#[track_caller]
pub(crate) fn write_record(sandbox: &Sandbox, dir: &str, writer: &str, point: &str, changes: &Value) {
    let shown = sandbox.lattice_in(dir, &["show", point, "--json"], |command| command).exits(0).json();
    let mut record = json!({
        "point": point, "key": shown["key"], "commit": shown["commit"], "system": shown["systems"][0], "verdict": "built",
        "drv": "/nix/store/00000000000000000000000000000000-x.drv", "outputs": { "out": { "path": "/nix/store/00000000000000000000000000000000-x", "narHash": "sha256-same" } },
        "started": "2026-01-02T03:04:05Z", "seconds": 1.5, "host": writer, "user": "ada",
    });
    for (field, value) in changes.as_object().unwrap() {
        record[field] = value.clone();
    }
    let key = shown["key"].as_str().unwrap();
    sandbox.git_in(dir, &["notes", "--ref", &format!("lattice/{writer}"), "append", "-m", &record.to_string(), key]);
}
