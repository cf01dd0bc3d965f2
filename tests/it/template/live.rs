//! A repository of generated flakes, and a Nix with its own store to build them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use git_lattice::system::System;
use git_lattice::template::{Flake, FlakeInputs, Previous, Template};
use serde_json::Value;
use tempfile::TempDir;

use crate::{nix_setup, nixpkgs};

/// The versions of Nix that a live test runs with, each with its own store.
pub(super) fn every_nix() -> Vec<Nix> {
    nix_setup::every_nix().into_iter().map(Nix::new).collect()
}

/// The system of this machine.
pub(super) fn this_system() -> System {
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    System::parse(&format!("{}-{os}", std::env::consts::ARCH)).unwrap()
}

/// A system that this machine does not have.
pub(super) fn other_system() -> System {
    let other = if cfg!(target_arch = "aarch64") { "x86_64-linux" } else { "aarch64-linux" };
    System::parse(other).unwrap()
}

/// One Nix with a private store, sandboxed and offline.
pub(super) struct Nix {
    program: PathBuf,
    root: TempDir,
}

impl Nix {
    fn new(program: PathBuf) -> Self {
        Self { program, root: TempDir::new().unwrap() }
    }

    /// Runs `nix ARGS`, which must succeed, and returns its output.
    pub(super) fn run(&self, args: &[&str]) -> String {
        let output = self.command().args(args).output().unwrap_or_else(|error| {
            let program = self.program.display();
            panic!("Nix is needed as `{program}`: {error}; GIT_LATTICE_TEST_NIX names another, GIT_LATTICE_TEST_WITHOUT_NIX=1 goes without")
        });
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`nix {}` should succeed: {stderr}", args.join(" "));
        String::from_utf8(output.stdout).unwrap()
    }

    fn command(&self) -> Command {
        let root = self.root.path();
        let mut command = Command::new(&self.program);
        command.env_remove("GIT_DIR").env("NIX_REMOTE", format!("local?root={}", root.display()));
        command.env("NIX_CONFIG", config()).env("NIX_USER_CONF_FILES", "/dev/null").env("NIX_CONF_DIR", root);
        for name in ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            command.env(name, root.join(name));
        }
        command
    }

    /// Builds the flakes in these directories for `system` and returns derivation and output of each, in this order.
    pub(super) fn build(&self, repo: &Repo, dirs: &[&str], system: &System) -> Vec<Built> {
        let refs: Vec<_> = dirs.iter().map(|dir| repo.package(dir, system)).collect();
        let args = ["build", "--json", "--no-link"].into_iter().chain(refs.iter().map(String::as_str));
        let json: Value = serde_json::from_str(&self.run(&args.collect::<Vec<_>>())).unwrap();
        let built = |it: &Value| Built { drv: text(&it["drvPath"]), out: text(&it["outputs"]["out"]) };
        let all: Vec<_> = json.as_array().unwrap().iter().map(built).collect();
        // The order in which Nix lists them depends on the version; a point's name is in its store path.
        let of = |dir: &&str| all.iter().find(|it| it.out.ends_with(&format!("-{}", dir.replace('/', "-")))).unwrap();
        dirs.iter().map(of).cloned().collect()
    }

    /// The derivation of the flake in `dir`, evaluated with the stub in place of nixpkgs if it has that input.
    pub(super) fn drv(&self, repo: &Repo, dir: &str, system: &System, nixpkgs: bool) -> String {
        let names: &[&str] = if nixpkgs { &["nixpkgs"] } else { &[] };
        self.attribute(repo, dir, system, "drvPath", names)
    }

    /// A text of the package in `dir`. The inputs of these names are nixpkgs, or trees of the fixtures.
    pub(super) fn attribute(&self, repo: &Repo, dir: &str, system: &System, name: &str, inputs: &[&str]) -> String {
        let attribute = format!("{}.{name}", repo.package(dir, system));
        let fixture = |name: &str| format!("path:{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
        let mut args: Vec<String> = ["eval", "--raw", &attribute, "--no-write-lock-file"].map(str::to_owned).into();
        for name in inputs {
            let place = match *name {
                "nixpkgs" => nixpkgs::reference(),
                "rust-overlay" => fixture(name),
                _ => fixture("rust"),
            };
            args.extend(["--override-input".to_owned(), (*name).to_owned(), place]);
        }
        self.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Locks the inputs of the flake in `dir` and commits the lock.
    pub(super) fn lock(&self, repo: &Repo, dir: &str) {
        self.run(&["flake", "lock", &format!("path:{}", repo.0.path().join(dir).display())]);
        repo.git(&["add", "--all"]);
        repo.git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message=lock"]);
    }

    /// The path of a store path in this file system.
    pub(super) fn real_path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    /// The text of a file in the store.
    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.real_path(path)).unwrap()
    }
}

impl Drop for Nix {
    /// Directories in a store are read-only: users other than root cannot remove them.
    fn drop(&mut self) {
        Command::new("chmod").args(["-R", "u+w"]).arg(self.root.path()).status().ok();
    }
}

/// A derivation and its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Built {
    pub(super) drv: String,
    pub(super) out: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn config() -> String {
    let shell = if Path::new("/bin/busybox").exists() { "sandbox-paths = /bin/sh=/bin/busybox\n" } else { "" };
    format!(
        "experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =\nbuilders =\nsandbox = true\n\
         sandbox-fallback = false\nflake-registry =\n{shell}"
    )
}

/// A repository with one commit.
pub(super) struct Repo(TempDir);

impl Repo {
    /// Commits these flakes, and `extra` in a file of that name.
    pub(super) fn new(flakes: &[GeneratedFlake], extra: &str) -> Self {
        let repo = Self(TempDir::new().unwrap());
        fs::write(repo.0.path().join(extra), extra).unwrap();
        for flake in flakes {
            flake.write(repo.0.path());
        }
        repo.git(&["init", "--quiet", "--initial-branch=main"]);
        repo.git(&["add", "--all"]);
        repo.git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message=flakes"]);
        repo
    }

    fn git(&self, args: &[&str]) {
        let mut git = Command::new("git");
        git.current_dir(&self.0).env_remove("GIT_DIR").env("GIT_CONFIG_GLOBAL", "/dev/null").args(args);
        assert!(git.status().unwrap().success(), "`git {}` should succeed", args.join(" "));
    }

    /// The reference of the flake in `dir`.
    pub(super) fn flake(&self, dir: &str) -> String {
        format!("git+file://{}?ref=main&dir={dir}", self.0.path().display())
    }

    fn package(&self, dir: &str, system: &System) -> String {
        format!("{}#packages.{system}.default", self.flake(dir))
    }
}

/// A generated flake in its directory, which is also the name of its point.
pub(super) struct GeneratedFlake {
    pub(super) template: Template,
    pub(super) dir: String,
    pub(super) config: Vec<u8>,
    pub(super) flake: Flake,
    step: Option<String>,
}

impl GeneratedFlake {
    /// A flake in `dir`, on top of the flakes in the directories `below`, relative to it.
    pub(super) fn new(template: Template, dir: &str, below: &[&str]) -> Self {
        let previous = below.iter().map(|dir| Previous { point: (*dir).to_owned(), dir: (*dir).to_owned() });
        let flake = Flake {
            point: dir.to_owned(),
            coordinates: vec![("step".into(), vec![dir.to_owned()])],
            systems: vec![this_system()],
            branch: format!("feature/{dir}"),
            previous: previous.collect(),
            inputs: FlakeInputs::default(),
        };
        Self { template, dir: dir.to_owned(), config: b"a = 1".to_vec(), flake, step: None }
    }

    /// The same with these bytes in config.toml.
    pub(super) fn config(self, bytes: impl Into<Vec<u8>>) -> Self {
        Self { config: bytes.into(), ..self }
    }

    /// The same with these inputs.
    pub(super) fn inputs(mut self, inputs: FlakeInputs) -> Self {
        self.flake.inputs = inputs;
        self
    }

    /// The same with this step.nix instead of a starter.
    pub(super) fn step(self, text: &str) -> Self {
        Self { step: Some(text.to_owned()), ..self }
    }

    /// The same for these systems.
    pub(super) fn systems(mut self, systems: &[System]) -> Self {
        self.flake.systems = systems.to_vec();
        self
    }

    fn write(&self, root: &Path) {
        let dir = root.join(&self.dir);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("flake.nix"), self.template.render(&self.flake).unwrap()).unwrap();
        fs::write(dir.join("config.toml"), &self.config).unwrap();
        let starter = self.template.starter(&self.flake.inputs);
        if let Some(text) = self.step.as_deref().or(starter) {
            fs::write(dir.join("step.nix"), text).unwrap();
        }
    }
}
