//! What the template `rust` knows of Rust's own `config.toml`.

/// A key that `x.py` refuses, or that has no effect, since some version of Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovedKey {
    /// Its table; empty for a key at the top.
    pub table: &'static str,
    /// The key.
    pub key: &'static str,
    /// The first version of Rust that does without it.
    pub since: &'static str,
    /// The key that replaces it.
    pub instead: Option<&'static str>,
}

/// The removed keys: those that `src/bootstrap/src/utils/change_tracker.rs` of Rust names.
pub const REMOVED_KEYS: [RemovedKey; 8] = [
    removed("", "changelog-seen", "1.79", Some("change-id")),
    removed("dist", "gpg-password-file", "1.76", None),
    removed("dist", "missing-tools", "1.80", None),
    removed("llvm", "ccache", "1.90", Some("build.ccache")),
    removed("rust", "description", "1.90", Some("build.description")),
    removed("rust", "parallel-compiler", "1.84", None),
    removed("rust", "run-dsymutil", "1.76", None),
    removed("rust", "split-debuginfo", "1.83", Some("target.TRIPLE.split-debuginfo")),
];

/// The keys that `x.py` does not get: those of git-lattice and of older generators, and those that a build in Nix decides.
pub const OWN_KEYS: [&str; 13] = [
    "build.build-dir",
    "build.jobs",
    "build.stage",
    "rust.calls",
    "rust.cargo",
    "rust.compiler",
    "rust.hash",
    "rust.rustc",
    "rust.rustc_host",
    "rust.rustc_source",
    "rust.rustc_version",
    "rust.url",
    "rust.version",
];

impl RemovedKey {
    /// The key with its table.
    pub fn path(&self) -> String {
        let Self { table, key, .. } = self;
        if table.is_empty() { (*key).to_owned() } else { format!("{table}.{key}") }
    }
}

const fn removed(
    table: &'static str,
    key: &'static str,
    since: &'static str,
    instead: Option<&'static str>,
) -> RemovedKey {
    RemovedKey { table, key, since, instead }
}
