//! Which machines can build for a system, decided before nix runs: nix's messages for a missing builder have changed several times.

use std::fmt;
use std::io;
use std::path::Path;

use crate::nix::read::settings::Settings;
use crate::system::System;

/// Maximum depth of files that name files (`@/etc/nix/machines`).
const MAX_DEPTH: usize = 8;

/// One line of the `builders` setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its store, such as `ssh-ng://ada@builder`.
    pub uri: String,
    /// The systems it builds for.
    pub systems: Vec<System>,
    /// How many builds it runs at once; 0 disables it.
    pub max_jobs: u64,
}

impl Machine {
    /// Parses `URI [SYSTEMS [KEY [JOBS [SPEED [FEATURES..]]]]]`; `-` or a missing field means the default.
    fn parse(line: &str, here: &System) -> Option<Self> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let field = |n: usize| fields.get(n).copied().filter(|text| *text != "-");
        let systems = field(1).map_or_else(
            || vec![here.clone()],
            |list| list.split(',').filter_map(|system| System::parse(system).ok()).collect(),
        );
        let max_jobs = field(3).map_or(Some(1), |text| text.parse().ok())?;
        Some(Self { uri: (*fields.first()?).to_owned(), systems, max_jobs })
    }

    fn takes(&self, system: &System) -> bool {
        self.max_jobs > 0 && self.systems.contains(system)
    }
}

/// A place that can build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildMachine {
    /// This machine.
    Here,
    /// A remote builder.
    Builder(String),
    /// The machine with the store in use; only it knows its systems.
    Store(String),
}

impl fmt::Display for BuildMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here => f.write_str("this machine"),
            Self::Builder(uri) => write!(f, "builder {uri}"),
            Self::Store(uri) => write!(f, "store {uri}"),
        }
    }
}

/// The systems that can be built for, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// The systems of this machine; empty if `max-jobs` is 0.
    pub here: Vec<System>,
    /// The remote builders.
    pub machines: Vec<Machine>,
    /// The remote store, if it does all builds.
    pub store: Option<String>,
    /// What is wrong in the `builders` setting, as sentences.
    pub problems: Vec<String>,
}

impl Capability {
    /// Works out the capability from the settings and the files that `builders` names.
    pub fn of(settings: &Settings) -> Self {
        let mut found =
            Self { here: here(settings), machines: Vec::new(), store: remote(settings), problems: Vec::new() };
        found.add_lines(&settings.builders, &settings.system, 0);
        found
    }

    /// Returns whether any machine builds for `system`.
    pub fn can_build(&self, system: &System) -> bool {
        self.machines_for(system).next().is_some()
    }

    /// Returns all places that build for `system`, this machine first.
    pub fn machines_for(&self, system: &System) -> impl Iterator<Item = BuildMachine> {
        let store = self.store.clone().map(BuildMachine::Store);
        let local = store.is_none();
        let here = (local && self.here.contains(system)).then_some(BuildMachine::Here);
        let builders = self.machines.iter().filter(move |machine| local && machine.takes(system));
        store.into_iter().chain(here).chain(builders.map(|machine| BuildMachine::Builder(machine.uri.clone())))
    }

    /// Checks that a machine builds for `system`.
    pub fn require(&self, system: &System) -> Result<(), NoBuilder> {
        if self.can_build(system) { Ok(()) } else { Err(NoBuilder { system: system.clone() }) }
    }

    /// Adds builder lines as nix reads them (`expandBuilderLines` in `src/libstore/machines.cc`): newline and `;` separate, `#` comments.
    fn add_lines(&mut self, text: &str, here: &System, depth: usize) {
        let uncommented = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        for entry in uncommented.flat_map(|line| line.split(';')).map(str::trim).filter(|entry| !entry.is_empty()) {
            if let Some(path) = entry.strip_prefix('@') {
                self.add_file(Path::new(path.trim()), here, depth + 1);
            } else if let Some(machine) = Machine::parse(entry, here) {
                self.machines.push(machine);
            } else {
                self.problems.push(format!("builder line `{entry}` has no number of jobs in its fourth field"));
            }
        }
    }

    fn add_file(&mut self, path: &Path, here: &System, depth: usize) {
        if depth > MAX_DEPTH {
            return self.problems.push(format!("`{}` names files in a circle", path.display()));
        }
        match std::fs::read(path) {
            Ok(bytes) => self.add_lines(&String::from_utf8_lossy(&bytes), here, depth),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => self.problems.push(format!("could not read `{}`: {e}", path.display())),
        }
    }
}

fn here(settings: &Settings) -> Vec<System> {
    let all = std::iter::once(&settings.system).chain(&settings.extra_platforms);
    all.filter(|_| settings.max_jobs > 0).cloned().collect()
}

/// Returns a store behind ssh, which builds there; other kinds (`auto`, `daemon`, `local`, a path) build with these settings.
fn remote(settings: &Settings) -> Option<String> {
    Some(&settings.store).filter(|uri| uri.starts_with("ssh://") || uri.starts_with("ssh-ng://")).cloned()
}

/// No machine builds for a system.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no known machine builds for `{system}`")]
pub struct NoBuilder {
    /// The system.
    pub system: System,
}

impl NoBuilder {
    /// Returns the two remedies, each with its line for nix.conf.
    pub fn hints(&self) -> [String; 2] {
        let system = &self.system;
        [
            format!("name a remote builder in nix.conf: `builders = ssh-ng://USER@HOST {system}`"),
            format!("or emulate it: register QEMU with binfmt and set `extra-platforms = {system}` in nix.conf"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nix::Sandbox;

    fn system(text: &str) -> System {
        System::parse(text).unwrap()
    }

    fn settings(builders: &str) -> Settings {
        Settings {
            system: system("x86_64-linux"),
            extra_platforms: vec![system("i686-linux")],
            builders: builders.to_owned(),
            sandbox: Sandbox::On,
            sandbox_fallback: false,
            sandbox_paths: Vec::new(),
            max_jobs: 1,
            substituters: vec![],
            trusted_users: vec![],
            accept_flake_config: false,
            store: "auto".to_owned(),
            signs: false,
            max_call_depth: 10_000,
        }
    }

    fn machines_for(settings: &Settings, of: &str) -> Vec<String> {
        Capability::of(settings).machines_for(&system(of)).map(|who| who.to_string()).collect()
    }

    #[test]
    fn this_machine_builds_what_it_runs() {
        assert_eq!(machines_for(&settings(""), "i686-linux"), ["this machine"]);
        let refusal = Capability::of(&settings("")).require(&system("riscv64-linux")).unwrap_err();
        assert_eq!(refusal.to_string(), "no known machine builds for `riscv64-linux`");
        assert!(refusal.hints().iter().all(|hint| hint.contains("riscv64-linux")), "{refusal:?}");
        assert!(
            machines_for(&Settings { max_jobs: 0, ..settings("") }, "x86_64-linux").is_empty(),
            "max-jobs = 0 builds nothing here"
        );
    }

    #[test]
    fn reads_builder_lines_as_nix_does() {
        let lines = "ssh://a aarch64-linux,riscv64-linux /root/key 4 2 kvm ; ssh-ng://b - - 8\n# ssh://c aarch64-linux\n\
                     ssh://off aarch64-linux - 0 ; ssh://d riscv64-linux # not ; ssh://e riscv64-linux";
        assert_eq!(machines_for(&settings(lines), "aarch64-linux"), ["builder ssh://a"]);
        assert_eq!(machines_for(&settings(lines), "riscv64-linux"), ["builder ssh://a", "builder ssh://d"]);
        assert_eq!(machines_for(&settings(lines), "x86_64-linux"), ["this machine", "builder ssh-ng://b"]);
        assert_eq!(Capability::of(&settings("ssh://a aarch64-linux - many")).problems.len(), 1);
    }

    #[test]
    fn reads_files_and_detects_circles() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("machines");
        let at = format!("@{}", file.display());
        std::fs::write(&file, format!("\u{0}\nssh://a aarch64-linux\n{at}\n")).unwrap();
        let found = Capability::of(&settings(&format!("ssh://b riscv64-linux; {at}")));
        assert!(found.can_build(&system("aarch64-linux")) && found.can_build(&system("riscv64-linux")), "{found:?}");
        assert!(found.problems[0].contains("circle"), "{:?}", found.problems);
        let none = Capability::of(&settings(&format!("@{}/none", dir.path().display())));
        assert!(none.problems.is_empty() && none.machines.is_empty(), "a missing file counts as empty");
    }

    #[test]
    fn remote_store_builds_for_any_system() {
        let far = Settings { store: "ssh-ng://far".to_owned(), ..settings("") };
        assert_eq!(machines_for(&far, "riscv64-linux"), ["store ssh-ng://far"]);
    }
}
