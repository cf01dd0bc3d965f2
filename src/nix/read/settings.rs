//! Nix settings, from `nix config show --json`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use crate::env;
use crate::nix::error::Error;
use crate::system::System;

/// The default of `max-call-depth`.
pub(in crate::nix) const DEFAULT_DEPTH: u64 = 10_000;

const COMMAND: &str = "config show --json";

/// The sandbox mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sandbox {
    /// All builds are sandboxed.
    On,
    /// All except fixed-output derivations and those that opt out.
    Relaxed,
    /// Builds are not sandboxed.
    Off,
}

/// A path of this machine in the sandbox (`sandbox-paths`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxPath {
    /// Its name in the sandbox.
    pub target: String,
    /// The path on this machine.
    pub source: String,
    /// Whether it may be missing.
    pub is_optional: bool,
}

/// The shell of the sandbox.
const SHELL: &str = "/bin/sh";

/// Settings about which machines build, and how safely.
///
/// With a daemon these are the client's; the daemon ignores some of them for untrusted users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The system of this machine.
    pub system: System,
    /// Further systems that this machine can run.
    pub extra_platforms: Vec<System>,
    /// The builder lines, or `@FILE`.
    pub builders: String,
    /// The sandbox mode.
    pub sandbox: Sandbox,
    /// Whether builds run without a sandbox if the kernel has none.
    pub sandbox_fallback: bool,
    /// The paths of this machine that the sandbox has.
    pub sandbox_paths: Vec<SandboxPath>,
    /// How many builds run here at once; 0 sends all builds to remote builders.
    pub max_jobs: u64,
    /// The binary caches.
    pub substituters: Vec<String>,
    /// The users trusted by the daemon; `@GROUP` names a group.
    pub trusted_users: Vec<String>,
    /// Whether a flake's settings are accepted without asking.
    pub accept_flake_config: bool,
    /// The store; `auto` if it is not set.
    pub store: String,
    /// Whether local builds are signed.
    pub signs: bool,
    /// Maximum nesting of calls; 2.8 has no such setting.
    pub max_call_depth: u64,
}

impl Settings {
    /// Whether builders can run shell scripts.
    pub fn has_sandbox_shell(&self) -> bool {
        self.sandbox_paths.iter().any(|path| path.target == SHELL)
    }

    /// The paths of this machine that builds can read, sorted: `/` without a sandbox; else those of the sandbox but its shell and the
    /// store paths, which are named by a hash.
    pub fn host_paths(&self) -> Vec<String> {
        if self.sandbox == Sandbox::Off {
            return vec!["/".to_owned()];
        }
        let store = format!("{}/", env::nix_store_dir());
        let is_host = |path: &&SandboxPath| path.target != SHELL && !path.source.starts_with(&store);
        let is_there = |path: &&SandboxPath| !path.is_optional || Path::new(&path.source).exists();
        let paths = self.sandbox_paths.iter().filter(is_host).filter(is_there).map(|path| path.source.clone());
        paths.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Parses the output of `nix config show --json` (2.8: `nix show-config --json`).
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        let all: Map<String, Value> = serde_json::from_slice(json).map_err(|e| Error::unreadable(COMMAND, &e))?;
        let value = |name: &str| all.get(name).and_then(|setting| setting.get("value"));
        let text = |name: &str| value(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let list = |name: &str| value(name).map(words).unwrap_or_default();
        Ok(Self {
            system: System::parse(&text("system")).map_err(|e| Error::unreadable(COMMAND, &e))?,
            extra_platforms: list("extra-platforms").iter().filter_map(|s| System::parse(s).ok()).collect(),
            builders: text("builders"),
            sandbox: value("sandbox").map_or(Sandbox::Off, sandbox),
            sandbox_fallback: value("sandbox-fallback").and_then(Value::as_bool).unwrap_or(true),
            sandbox_paths: value("sandbox-paths").map(sandbox_paths).unwrap_or_default(),
            max_jobs: value("max-jobs").and_then(Value::as_u64).unwrap_or(1),
            substituters: list("substituters"),
            trusted_users: list("trusted-users"),
            accept_flake_config: value("accept-flake-config").and_then(Value::as_bool).unwrap_or(false),
            store: text("store"),
            signs: !list("secret-key-files").is_empty(),
            max_call_depth: value("max-call-depth").and_then(Value::as_u64).unwrap_or(DEFAULT_DEPTH),
        })
    }
}

fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// A list of `PATH` and `PATH=SOURCE`, or, with newer versions, an object with a key for each path. A `?` at the end marks an optional
/// one.
fn sandbox_paths(value: &Value) -> Vec<SandboxPath> {
    let written = |text: &String| {
        let (text, is_optional) = text.strip_suffix('?').map_or((text.as_str(), false), |text| (text, true));
        let (target, source) = text.split_once('=').unwrap_or((text, text));
        SandboxPath { target: target.to_owned(), source: source.to_owned(), is_optional }
    };
    let given = |(target, value): (&String, &Value)| {
        let source = value.get("source").and_then(Value::as_str).filter(|source| !source.is_empty());
        let is_optional = value.get("optional").and_then(Value::as_bool).unwrap_or(false);
        SandboxPath { target: target.clone(), source: source.unwrap_or(target).to_owned(), is_optional }
    };
    match value {
        Value::Object(paths) => paths.iter().map(given).collect(),
        list => words(list).iter().map(written).collect(),
    }
}

fn sandbox(value: &Value) -> Sandbox {
    match value {
        Value::Bool(true) => Sandbox::On,
        Value::String(text) if text == "true" => Sandbox::On,
        Value::String(text) if text == "relaxed" => Sandbox::Relaxed,
        _ => Sandbox::Off,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_both_versions_alike() {
        let old = Settings::parse(include_bytes!("../captured/settings-2.8.json")).unwrap();
        let new = Settings::parse(include_bytes!("../captured/settings-2.34.json")).unwrap();
        assert_eq!(old.system.as_str(), "x86_64-linux");
        assert!(old.extra_platforms.iter().any(|s| s.as_str() == "i686-linux"), "{old:?}");
        assert_eq!(old.builders, "@/etc/nix/machines");
        assert_eq!((old.sandbox, old.sandbox_fallback, old.max_jobs), (Sandbox::On, false, 1));
        assert_eq!(old.substituters, ["https://cache.nixos.org/"]);
        assert_eq!(Settings { store: old.store.clone(), ..new }, old);
    }

    #[test]
    fn finds_the_sandbox_shell_in_each_form() {
        let has_shell = |paths: &str| {
            let json = format!(r#"{{"system":{{"value":"x86_64-linux"}},"sandbox-paths":{{"value":{paths}}}}}"#);
            Settings::parse(json.as_bytes()).unwrap().has_sandbox_shell()
        };
        for paths in
            [r#"["/bin/sh"]"#, r#"["/etc","/bin/sh=/bin/busybox"]"#, r#"{"/bin/sh":{"source":"/bin/busybox"}}"#]
        {
            assert!(has_shell(paths), "{paths}");
        }
        for paths in ["[]", "{}", r#"["/bin/shell"]"#, r#"["/sh=/bin/sh"]"#] {
            assert!(!has_shell(paths), "{paths}");
        }
    }

    #[test]
    fn host_paths_are_those_beyond_the_shell() {
        let paths = |sandbox: &str, paths: &str| {
            let system = r#""system":{"value":"x86_64-linux"}"#;
            let json = format!(r#"{{{system},"sandbox":{{"value":{sandbox}}},"sandbox-paths":{{"value":{paths}}}}}"#);
            Settings::parse(json.as_bytes()).unwrap().host_paths()
        };
        for list in [
            r#"["/bin/sh=/bin/busybox","/usr","/lib64=/opt/lib64","/dev/none?","/dev/null?","/x=/nix/store/y"]"#,
            r#"{"/bin/sh":{"source":"/bin/busybox"},"/usr":{"source":"/usr","optional":false},"/lib64":{"source":"/opt/lib64"},
                "/dev/none":{"source":"/dev/none","optional":true},"/dev/null":{"optional":true},"/x":{"source":"/nix/store/y"}}"#,
        ] {
            assert_eq!(paths("true", list), ["/dev/null", "/opt/lib64", "/usr"], "{list}");
            assert_eq!(paths("false", list), ["/"], "{list}");
        }
        assert_eq!(paths("true", "[]"), [""; 0]);
    }

    #[test]
    fn missing_settings_get_safe_values() {
        let bare = Settings::parse(br#"{"system":{"value":"riscv64-linux"},"sandbox":{"value":"relaxed"}}"#).unwrap();
        assert_eq!((bare.sandbox, bare.sandbox_fallback), (Sandbox::Relaxed, true));
        for json in ["", "[]", "{}", r#"{"system":{"value":""}}"#] {
            assert!(matches!(Settings::parse(json.as_bytes()), Err(Error::Unreadable { .. })), "`{json}`");
        }
    }
}
