//! A repository of small flakes, and a Nix with its own store to build them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use git_lattice::nix::{Event, FlakeRef, Mode, Nix, Outcome, Request};
use git_lattice::system::System;
use tempfile::TempDir;

/// The system of this machine.
pub(super) fn this_system() -> System {
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    System::parse(&format!("{}-{os}", std::env::consts::ARCH)).unwrap()
}

/// A system that this machine does not have.
pub(super) fn other_system() -> System {
    System::parse("riscv64-linux").unwrap()
}

/// A flake whose package for `system` is the Nix expression `package`.
pub(super) fn flake(system: &System, package: &str) -> String {
    format!("{{\n  outputs = {{ self }}: {{\n    packages.{system}.default = {package};\n  }};\n}}\n")
}

/// The same for a derivation called `name` that runs `script` in the sandbox's shell.
pub(super) fn shell_flake(system: &System, name: &str, script: &str) -> String {
    let args = format!("[ \"-c\" ''{script}'' ]");
    let derivation =
        format!("derivation {{ name = \"{name}\"; system = \"{system}\"; builder = \"/bin/sh\"; args = {args}; }}");
    flake(system, &derivation)
}

/// A scratch folder with a repository whose path has every difficult character, and a `nix` with its private store.
pub(super) struct NixFixture {
    root: TempDir,
}

impl NixFixture {
    /// With the `nix` at `program`, configured as documented and with these lines.
    pub(super) fn new(program: &Path, settings: &str) -> Self {
        let fixture = Self { root: TempDir::new().unwrap() };
        let root = fixture.root.path();
        fs::create_dir(root.join("conf")).unwrap();
        fs::write(root.join("conf/nix.conf"), format!("{}{settings}\n", configuration())).unwrap();
        let script = |program: &Path| {
            format!(
                "unset NIX_CONFIG\nhome='{}'\nexport NIX_REMOTE=\"local?root=$home/store\" NIX_CONF_DIR=\"$home/conf\"\n\
             export NIX_USER_CONF_FILES=/dev/null HOME=\"$home\" XDG_CACHE_HOME=\"$home/cache\"\n\
             export XDG_CONFIG_HOME=\"$home/config\" XDG_DATA_HOME=\"$home/data\" XDG_STATE_HOME=\"$home/state\"\n\
             exec '{}' \"$@\"\n",
                root.display(),
                program.display()
            )
        };
        fixture.script("nix", &script(program));
        fixture.script("nix-store", &script(&program.with_file_name("nix-store")));
        fs::create_dir(fixture.repo()).unwrap();
        fixture.git(&fixture.repo(), &["init", "-q"]);
        fixture
    }

    /// With a `nix` that is this shell script.
    pub(super) fn fake(script: &str) -> Self {
        let fixture = Self { root: TempDir::new().unwrap() };
        fixture.script("nix", script);
        fixture.script("nix-store", script);
        fixture
    }

    fn script(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A path in the scratch folder.
    pub(super) fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.root.path().join(Path::new(name.as_ref()))
    }

    /// The repository.
    pub(super) fn repo(&self) -> PathBuf {
        self.path("r p#a&%+?='\"é☃")
    }

    /// The `nix` as the library opens it.
    pub(super) fn nix(&self) -> Nix {
        Nix::at(self.path("nix")).unwrap()
    }

    /// Commits a flake to a directory of the repository and returns its reference at that commit.
    pub(super) fn commit(&self, dir: &str, flake: &str) -> FlakeRef {
        let repo = self.repo();
        fs::create_dir_all(repo.join(dir)).unwrap();
        fs::write(repo.join(dir).join("flake.nix"), flake).unwrap();
        self.git(&repo, &["add", "--all"]);
        self.git(&repo, &["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", dir]);
        FlakeRef::commit(&repo, &self.git(&repo, &["rev-parse", "HEAD"]), dir).unwrap()
    }

    pub(super) fn git(&self, repo: &Path, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(args).current_dir(repo).env("HOME", self.root.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        for name in git_lattice::env::GIT_LOCAL {
            command.env_remove(name);
        }
        let output = command.output().expect("git is needed");
        assert!(output.status.success(), "`git {args:?}`: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Builds it for this machine.
    pub(super) fn build(&self, flake: FlakeRef, mode: Mode) -> (Outcome, Vec<Event>) {
        self.run(&Request::new(flake, this_system(), mode))
    }

    /// Runs a request and collects all events.
    pub(super) fn run(&self, request: &Request) -> (Outcome, Vec<Event>) {
        let mut events = Vec::new();
        let outcome = self.nix().build(request, &mut |event| events.push(event.clone())).unwrap();
        (outcome, events)
    }
}

impl Drop for NixFixture {
    /// The store is read-only for users other than root.
    fn drop(&mut self) {
        Command::new("chmod").args(["-R", "u+w"]).arg(self.root.path()).output().ok();
    }
}

fn configuration() -> String {
    let shell = which::which("busybox").map(|path| format!("sandbox-paths = /bin/sh={}\n", path.display()));
    format!(
        "build-users-group =\nsubstituters =\nsandbox = true\nsandbox-fallback = false\nflake-registry =\n{}",
        shell.unwrap_or_default()
    )
}
