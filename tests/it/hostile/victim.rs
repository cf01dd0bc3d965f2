//! A user whose hooks are on and whose Nix accepts settings of flakes, and an attacker who can push to the same remote.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, dir, here};

/// A change in the attacker's branch.
#[derive(Clone)]
pub(crate) enum FileChange {
    /// A file with this text.
    Text(String),
    /// A symbolic link to this target.
    Link(String),
    /// A submodule.
    Submodule,
    /// Removes the file.
    Gone,
}

/// A user, and a trace file that must never exist on the user's machine.
pub(crate) struct Victim {
    pub(crate) sandbox: Sandbox,
    has_nix: bool,
}

/// The attacker's clone.
const STRANGER: &str = "stranger";

impl Victim {
    /// A victim with this Nix; without one, starting `nix` fails and leaves a trace.
    pub(crate) fn new(nix: Option<&Path>) -> Self {
        Self::on(Sandbox::new(), nix)
    }

    /// `new` in this sandbox.
    pub(crate) fn on(mut sandbox: Sandbox, nix: Option<&Path>) -> Self {
        let trace = sandbox.path("nix-was-called").display().to_string();
        let mut last = "exit 1".to_owned();
        if let Some(nix) = nix {
            sandbox.use_nix(nix);
            let conf = sandbox.path("nix/conf/nix.conf");
            let text = fs::read_to_string(&conf).unwrap();
            fs::write(&conf, format!("{text}accept-flake-config = true\n")).unwrap();
            last = format!("exec '{}' \"$@\"", sandbox.path("nix/bin/nix").display());
        }
        sandbox.use_program("nix", &format!("#!/bin/sh\necho \"$*\" >>'{trace}'\n{last}\n"));
        let evil = format!("#!/bin/sh\ntouch '{}'\n", sandbox.path("touched").display());
        sandbox.use_program("evil", &evil);
        fs::create_dir(sandbox.path("secret")).unwrap();
        fs::write(sandbox.path("secret/key"), "the victim's private key\n").unwrap();
        sandbox.lattice(&["hooks", "install"]).exits(0);
        Self { sandbox, has_nix: nix.is_some() }
    }

    /// A program that leaves a trace when it runs outside of the Nix sandbox.
    pub(crate) fn trace_command(&self) -> String {
        self.sandbox.path("bin-evil/evil").display().to_string()
    }

    /// The trace file.
    pub(crate) fn trace_file(&self) -> String {
        self.sandbox.path("touched").display().to_string()
    }

    /// Pushes and fetches an attacker's point `phase0/step1` of this template with these changes. Paths are relative to the point's
    /// directory, or to the root if they begin with `/`.
    #[track_caller]
    pub(crate) fn receives_branch(&self, template: &str, changes: &[(&str, FileChange)]) {
        self.receives_branch_with(template, changes, |_| {});
    }

    /// The same; `more` runs in the attacker's clone before the commit.
    #[track_caller]
    pub(crate) fn receives_branch_with(&self, template: &str, changes: &[(&str, FileChange)], more: impl FnOnce(&str)) {
        let sandbox = &self.sandbox;
        if !sandbox.path(STRANGER).exists() {
            sandbox.git_in("", &["clone", "-q", "remote.git", STRANGER]);
            sandbox.git_in(STRANGER, &["config", "user.name", "Mallory"]);
            let new = ["new", &at("phase0/step1"), "--template", template, "--no-push"];
            sandbox.lattice_in(STRANGER, &new, |command| command).exits(0);
        }
        let root = sandbox.path(STRANGER);
        for (name, change) in changes {
            apply_change(&root, &path_in_repository(name), change, sandbox);
        }
        sandbox.git_in(STRANGER, &["add", "-A"]);
        for (name, _) in changes.iter().filter(|(_, change)| matches!(change, FileChange::Submodule)) {
            let (commit, path) = ("1".repeat(40), path_in_repository(name));
            sandbox.git_in(STRANGER, &["update-index", "--add", "--cacheinfo", &format!("160000,{commit},{path}")]);
        }
        more(STRANGER);
        sandbox.git_in(STRANGER, &["commit", "-q", "--allow-empty", "-m", "improve it"]);
        sandbox.git_in(STRANGER, &["push", "-q", "-f", "origin", "HEAD"]);
        sandbox.git(&["fetch", "-q"]);
    }

    /// Switches to a branch, which must succeed, and returns the output.
    #[track_caller]
    pub(crate) fn switch(&self, branch: &str) -> String {
        let output = self.sandbox.try_git("work", &["switch", "-q", branch]);
        assert!(output.status.success(), "the switch should succeed: {}", output.error_text());
        output.error_text()
    }

    /// Switches to the attacker's point: at most one line is printed, and nothing else happens. Returns the line.
    #[track_caller]
    pub(crate) fn assert_switch_starts_nothing(&self) -> String {
        let before = self.files();
        let said = self.switch(&branch(&at("phase0/step1")));
        assert!(said.lines().count() <= 1, "one line should be said: {said}");
        assert!(!said.chars().any(char::is_control), "and no control characters: {said:?}");
        self.assert_nothing_happened(&before);
        said
    }

    /// The same; the line must name the reason and where to look.
    #[track_caller]
    pub(crate) fn assert_switch_explains(&self, why: &str) {
        let said = self.assert_switch_starts_nothing();
        let start = format!("git-lattice: not built automatically, {why}; look: `git ");
        assert!(said.starts_with(&start) && said.ends_with(", then: `git lattice trust`"), "{said}");
    }

    /// Asserts that no Nix was started and no file appeared or vanished outside of the clone.
    #[track_caller]
    pub(crate) fn assert_nothing_happened(&self, before: &[PathBuf]) {
        assert!(!self.sandbox.nix_was_called(), "no Nix should have been started");
        assert!(!self.sandbox.work().join(".git/lattice/log").exists(), "no build should have been started");
        assert_eq!(self.files(), before, "no file should appear or vanish");
    }

    /// Asserts that the build wrote no file outside of its sandbox and read none of the user's.
    #[track_caller]
    pub(crate) fn assert_nothing_escaped(&self) {
        assert!(!Path::new(&self.trace_file()).exists(), "nothing should be run outside of the sandbox");
        let leaked = walk(&self.sandbox.path("nix/store")).into_iter().find(|path| {
            path.is_file()
                && !path.is_symlink()
                && fs::read(path)
                    .is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains("the victim's private key"))
        });
        assert_eq!(leaked, None, "nothing of the user's should be in the store");
    }

    /// Builds the point by hand; whether it succeeds or fails, nothing may escape.
    #[track_caller]
    pub(crate) fn build_by_hand(&self) -> Run {
        assert!(self.has_nix, "this needs a Nix");
        let run = self.sandbox.lattice(&["build", &at("phase0/step1")]);
        self.assert_nothing_escaped();
        run
    }

    /// Waits until there are `count` records and returns their verdicts.
    #[track_caller]
    pub(crate) fn verdicts(&self, count: usize) -> Vec<String> {
        for _ in 0..600 {
            let records = self.sandbox.records();
            if records.len() >= count {
                let verdict = |record: &serde_json::Value| record["verdict"].as_str().unwrap().to_owned();
                return records.iter().map(verdict).collect();
            }
            sleep(Duration::from_millis(100));
        }
        panic!("there should be {count} records after a minute")
    }

    /// All files of the machine without those of git and of the two clones.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = walk(&self.sandbox.path(""));
        let is_elsewhere = |path: &PathBuf| {
            ["work", STRANGER, "remote.git"].iter().all(|name| !path.starts_with(self.sandbox.path(name)))
        };
        files.retain(is_elsewhere);
        files.sort();
        files
    }
}

/// A path from the root of the repository.
fn path_in_repository(name: &str) -> String {
    name.strip_prefix('/').map_or_else(|| format!("{}/{name}", dir(&at("phase0/step1"))), str::to_owned)
}

fn apply_change(root: &Path, name: &str, change: &FileChange, sandbox: &Sandbox) {
    let path = root.join(name);
    if path.is_dir() && !path.is_symlink() {
        fs::remove_dir_all(&path).unwrap();
    } else if path.symlink_metadata().is_ok() {
        fs::remove_file(&path).unwrap();
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    match change {
        FileChange::Text(text) => fs::write(path, text).unwrap(),
        FileChange::Link(to) => {
            symlink(to.replace("@SECRET@", sandbox.path("secret/key").to_str().unwrap()), path).unwrap();
        }
        FileChange::Submodule | FileChange::Gone => {}
    }
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path()) {
        if path.is_dir() && !path.is_symlink() {
            found.extend(walk(&path));
        }
        found.push(path);
    }
    found
}

/// A flake with this package and these other attributes.
pub(crate) fn flake(package: &str, more: &str) -> FileChange {
    let system = format!("{}-linux", here());
    FileChange::Text(format!("{{\n  {more}\n  outputs = inputs: {{ packages.{system}.default = {package}; }};\n}}\n"))
}

/// A derivation that runs this script in the sandbox's shell.
pub(crate) fn derivation(script: &str) -> String {
    let system = format!("{}-linux", here());
    format!(
        "derivation {{ name = \"x\"; system = \"{system}\"; builder = \"/bin/sh\"; args = [ \"-c\" ''{script}'' ]; }}"
    )
}
