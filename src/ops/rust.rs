//! What the template `rust` needs of `config.toml`, and what contradicts the point.

use crate::config::{Config, Named, StepData, StepKeys};
use crate::env;
use crate::lattice::{Axis, Kind, Point};
use crate::points::content::CONFIG;
use crate::template::{REMOVED_KEYS, RUST_SOURCE, RemovedKey, Template};

/// Why a `config.toml` does not fit the template `rust`, or the point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRust {
    /// Nothing names the source.
    #[error("template `rust` needs the source of Rust, {}", if *has_version { "and `rust.version` in config.toml has no `rust.hash`" } else { "which config.toml does not name" })]
    NoSource {
        /// Whether the version is there.
        has_version: bool,
    },
    /// Nothing names a compiler to start from.
    #[error("template `rust` needs a compiler to start from: there is no step below, and {CONFIG} names no {missing}")]
    NoCompiler {
        /// `rustc` or `cargo`.
        missing: &'static str,
        /// The names of the seeds, none of which is a compiler by its name.
        seeds: Vec<String>,
    },
    /// `rust.compiler` is no place of a compiler.
    #[error("`{COMPILER}` in {CONFIG} {why}")]
    NoPlace {
        /// What it is instead.
        why: String,
    },
    /// The version of the source is not that of the point.
    #[error("`{key}` in {CONFIG} is Rust {version}, but point `{point}` is of Rust {of_point}")]
    OtherVersion {
        /// The key that has the version.
        key: &'static str,
        /// Its version.
        version: String,
        /// The point.
        point: String,
        /// The version in the name of the point.
        of_point: String,
    },
    /// The stage is not that of the phase.
    #[error("`{key}` in {CONFIG} is `{stage}`, but point `{point}` is of phase `{phase}`")]
    OtherStage {
        /// The key that has the stage.
        key: &'static str,
        /// Its stage.
        stage: String,
        /// The point.
        point: String,
        /// Its phase.
        phase: String,
    },
}

impl BadRust {
    /// What the user can do about it.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NoSource { .. } => vec![
                "`git lattice source add FILE|URL --name rust --print` prints `[sources.rust]` with its hash".to_owned(),
                "or set `version` and `hash` in `[rust]`, or `rust_src_flake_ref` in `[nix]`; pass the file by \
                 `--config FILE`"
                    .to_owned(),
            ],
            Self::NoCompiler { seeds, .. } if seeds.len() > 1 => {
                vec![format!("name the seed with bin/rustc and bin/cargo `rust`; there are `{}`", seeds.join("`, `"))]
            }
            Self::NoCompiler { .. } => vec![
                "`git lattice seed add rust DIR --print` prints `[seeds.rust]` for a folder with bin/rustc and bin/cargo"
                    .to_owned(),
                "or set `rustc` and `cargo` in `[rust]`, or `nixpkgs_path = \"github:NixOS/nixpkgs/nixos-unstable\"` in \
                 `[nix]`; pass the file by `--config FILE`"
                    .to_owned(),
            ],
            Self::NoPlace { .. } => {
                vec!["it is one of `below`, `config`, `seed`, `nixpkgs`, or the name of a point below".to_owned()]
            }
            Self::OtherVersion { .. } => vec!["name the point of that version, or change the file".to_owned()],
            Self::OtherStage { key, phase, .. } => {
                vec![format!("name the point of that stage, or remove `{key}`: the stage is `{phase}`")]
            }
        }
    }
}

/// The key that says where the compiler comes from.
const COMPILER: &str = "rust.compiler";

/// Checks that source and compiler are named; a step above another has that one's compiler.
///
/// # Errors
/// [`BadRust::NoSource`], [`BadRust::NoCompiler`] or [`BadRust::NoPlace`].
pub(super) fn check_complete(config: &Config, point: &Point, data: &StepData, has_below: bool) -> Result<(), BadRust> {
    let keys = data.keys();
    let has_version = keys.text("rust.version").is_some();
    let has_archive = has_version && keys.text("rust.hash").is_some();
    if !keys.has("sources.rust") && !has_archive && !data.flake_inputs.has_tree(RUST_SOURCE) {
        return Err(BadRust::NoSource { has_version });
    }
    let seeds = keys.names("seeds");
    let has_seed = |tool: &str| seeds.len() == 1 || seeds.iter().any(|seed| seed == "rust" || seed == tool);
    let has_program = |tool: &str| program(&keys, tool).is_some();
    let without = |has: &dyn Fn(&str) -> bool| TOOLS.into_iter().find(|tool| !has(tool));
    let has_nixpkgs = Template::Rust.takes_nixpkgs(&data.flake_inputs);
    if !keys.has(COMPILER) {
        let missing = without(&|tool| has_seed(tool) || has_program(tool)).filter(|_| !has_below && !has_nixpkgs);
        return missing.map_or(Ok(()), |missing| Err(BadRust::NoCompiler { missing, seeds }));
    }
    let flaw = match keys.raw_text(COMPILER) {
        None => Some("is not a text".to_owned()),
        Some("below") => (!has_below).then(|| "is `below`, but there is no step below".to_owned()),
        Some("config") => without(&has_program).map(|tool| format!("is `config`, but {CONFIG} names no {tool}")),
        Some("seed") => without(&has_seed).map(|tool| format!("is `seed`, but no seed is called `rust` or `{tool}`")),
        Some("nixpkgs") => {
            (!has_nixpkgs).then(|| "is `nixpkgs`, which is no input: `[nix]` does not name it".to_owned())
        }
        Some(name) => (!is_name_below(config, point, name)).then(|| format!("is `{name}`")),
    };
    flaw.map_or(Ok(()), |why| Err(BadRust::NoPlace { why }))
}

/// The programs of a compiler.
const TOOLS: [&str; 2] = ["rustc", "cargo"];

/// Whether a name is that of a point below: its spelling, or the last coordinates where the first ones are those of the point. The
/// point need not exist.
fn is_name_below(config: &Config, point: &Point, name: &str) -> bool {
    let (lattice, last) = (&config.lattice, name.split('/').map(str::to_owned).collect::<Vec<_>>());
    let mut texts = lattice.texts(point);
    let Some(first) = texts.len().checked_sub(last.len()) else { return false };
    texts.splice(first.., last);
    lattice.point_of(&texts).is_ok_and(|other| other != *point && other.is_at_or_below(point))
}

/// Checks that version and stage are those of the point.
///
/// # Errors
/// [`BadRust::OtherVersion`] or [`BadRust::OtherStage`].
pub(super) fn check_agreement(config: &Config, named: &Named, data: &StepData) -> Result<(), BadRust> {
    let keys = data.keys();
    let point = || named.spelled.to_string();
    if let Some((key, version)) = version(&keys)
        && let Some(of_point) = version_in(&named.spelled)
        && !is_same_version(&version, &of_point)
    {
        return Err(BadRust::OtherVersion { key, version, point: point(), of_point });
    }
    let Some(phase) = phase(config, named) else { return Ok(()) };
    let stage_keys = if phase.starts_with("stage") { &STAGE_KEYS[..] } else { &STAGE_KEYS[..1] };
    for key in stage_keys {
        if let Some(stage) = keys.text(key)
            && let (Some(number), Some(of_phase)) = (last_number(&stage), last_number(&phase))
            && number != of_phase
        {
            return Err(BadRust::OtherStage { key, stage, point: point(), phase });
        }
    }
    Ok(())
}

/// The keys with a stage. The second is Rust's own, which counts otherwise than phases that are not called stages.
const STAGE_KEYS: [&str; 2] = ["build.stage", "build.build-stage"];

/// What the user should know of keys that have another effect than they seem to.
pub(super) fn warnings(named: &Named, data: &StepData) -> Vec<String> {
    let keys = data.keys();
    let version = version(&keys).map(|(_, version)| version).or_else(|| version_in(&named.spelled));
    let is_gone = |key: &&RemovedKey| {
        keys.has(&key.path()) && version.as_ref().is_none_or(|version| is_since(version, key.since))
    };
    let removed = REMOVED_KEYS.iter().filter(is_gone).map(|key| {
        let instead = key.instead.map(|instead| format!("; `{instead}` replaces it")).unwrap_or_default();
        format!("`{}` in {CONFIG} has no effect: Rust does without it since {}{instead}", key.path(), key.since)
    });
    let host = TOOLS.into_iter().filter_map(|tool| program(&keys, tool)).filter(|(_, it)| is_host(it));
    let host = host.map(|(key, path)| {
        format!("`{key}` in {CONFIG} is `{path}`, which is not in the Nix store: a sandbox hides it")
    });
    removed.chain(host).collect()
}

/// The path of a program that the file names, and its key.
fn program(keys: &StepKeys, tool: &str) -> Option<(String, String)> {
    ["rust", "build"].into_iter().find_map(|table| {
        let key = format!("{table}.{tool}");
        keys.text(&key).map(|path| (key, path))
    })
}

fn is_host(path: &str) -> bool {
    !path.starts_with(&format!("{}/", env::nix_store_dir()))
}

/// The version of the source that the file names, and the key that has it.
fn version(keys: &StepKeys) -> Option<(&'static str, String)> {
    let (key, text) = keys.first_text(["rust.version", "sources.rust.url"])?;
    Some((key, if key == "rust.version" { text } else { version_in(&text)? }))
}

/// The version after `rust` or `rustc` in a name, such as `1.83` in `solana-rust-1.83`.
fn version_in(name: &str) -> Option<String> {
    name.rmatch_indices("rust").find_map(|(at, word)| {
        let rest = name[at + word.len()..].trim_start_matches(|c: char| c.is_ascii_lowercase() && c != 'v');
        let rest = rest.strip_prefix(['-', '_']).unwrap_or(rest);
        let rest = rest.strip_prefix('v').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let version = rest[..end].trim_end_matches('.');
        (version.contains('.') && version.starts_with(|c: char| c.is_ascii_digit())).then(|| version.to_owned())
    })
}

fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', ' ', '+']).map_while(|part| part.parse().ok()).collect()
}

/// Whether one version is the other, or its beginning: 1.83 is 1.83.0.
fn is_same_version(a: &str, b: &str) -> bool {
    numbers(a).iter().zip(&numbers(b)).all(|(a, b)| a == b)
}

fn is_since(version: &str, since: &str) -> bool {
    numbers(version) >= numbers(since)
}

/// The value on the axis of phases.
fn phase(config: &Config, named: &Named) -> Option<String> {
    let lattice = &config.lattice;
    let is_phase = |axis: &Axis| matches!(axis.kind, Kind::Chain(_)) && matches!(axis.name.as_str(), "phase" | "stage");
    let at = lattice.axes().iter().position(is_phase)?;
    lattice.values(&named.point).get(at)?.first().map(ToString::to_string)
}

/// The number at the end: 1 in `stage1`.
fn last_number(text: &str) -> Option<u64> {
    text[text.trim_end_matches(|c: char| c.is_ascii_digit()).len()..].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_version_in_a_name() {
        for (name, version) in [
            ("solana-rust-1.83/aarch64/phase0/step1", Some("1.83")),
            ("rust-1.84.1/x86_64", Some("1.84.1")),
            ("https://example.org/rustc-1.63.0-src.tar.xz", Some("1.63.0")),
            ("rustc_1.63.0+dfsg1.orig.tar.xz", Some("1.63.0")),
            ("rust1.70", Some("1.70")),
            ("rust-v1.70.", Some("1.70")),
            ("rusty-2/x", None),
            ("gcc-12.2/x86_64", None),
        ] {
            assert_eq!(version_in(name).as_deref(), version, "{name}");
        }
        assert!(is_same_version("1.83", "1.83.0") && is_same_version("1.92.0-nightly", "1.92"));
        assert!(!is_same_version("1.83.1", "1.83.0") && !is_same_version("1.8", "1.83"));
        assert!(is_since("1.84.1", "1.84") && is_since("1.100", "1.84") && !is_since("1.83.0", "1.84"));
        assert_eq!((last_number("stage10"), last_number("2"), last_number("bootstrap")), (Some(10), Some(2), None));
    }
}
