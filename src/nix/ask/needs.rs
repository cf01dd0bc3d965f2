//! Which systems derivations still need: their own, and those of all dependencies that are neither in the store nor in a cache.
//!
//! Nix lists what is missing (`--dry-run` asks stores and caches and builds nothing); one call then reads these derivations. So the
//! number of processes does not depend on the number of points.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use crate::config::InputKind;
use crate::nix::error::Error;
use crate::nix::exe::{Nix, PATHS_PER_CALL};
use crate::nix::options::Options;
use crate::nix::store_path::StorePath;
use crate::system::System;

const COMMAND: &str = "derivation show";

/// The URL of a seed in a generated flake, before its name: it leads nowhere, so the tree must be in the store.
pub const SEED_URL: &str = "git-lattice-seed:";
/// The URL of a source for which `config.toml` has none, before its name.
pub const SOURCE_URL: &str = "git-lattice-source:";

/// What a derivation still needs. Nothing, if its outputs exist or come from a cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The systems that it needs a builder for.
    pub systems: BTreeSet<System>,
    /// The inputs that have to be put into the store.
    pub absent: BTreeSet<AbsentInput>,
}

/// An input that is not in the store and cannot be fetched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AbsentInput {
    /// Its kind.
    pub kind: InputKind,
    /// Its name in `config.toml`.
    pub name: String,
}

impl AbsentInput {
    /// The command that puts it into the store.
    pub fn hint(&self) -> String {
        let name = &self.name;
        match self.kind {
            InputKind::Seed => {
                format!("`git lattice seed add {name} DIR` puts it there; `origin` in config.toml says what it is")
            }
            InputKind::Source => format!(
                "`git lattice source add FILE --name {name}` puts it there; with `url` in config.toml Nix fetches it"
            ),
        }
    }

    fn of(url: &str) -> Option<Self> {
        let named = |kind: InputKind, prefix| Some(Self { kind, name: url.strip_prefix(prefix)?.to_owned() });
        named(InputKind::Seed, SEED_URL).or_else(|| named(InputKind::Source, SOURCE_URL))
    }
}

impl Nix {
    /// Returns what each derivation still needs.
    ///
    /// # Errors
    /// When nix cannot be run or its output cannot be parsed.
    pub fn needs(&self, drvs: &[StorePath], options: &Options) -> Result<HashMap<StorePath, Needs>, Error> {
        let mut missing: Vec<StorePath> = Vec::new();
        for some in drvs.chunks(PATHS_PER_CALL) {
            missing.extend(self.missing(some, options)?);
        }
        let mut shown = Shown::default();
        for some in missing.chunks(PATHS_PER_CALL) {
            let words: &[&str] =
                if self.version().has_derivation_show() { &["derivation", "show"] } else { &["show-derivation"] };
            let output = self.cmd(words.iter().copied()).args(some.iter().map(StorePath::as_str)).read()?;
            shown.0.extend(Shown::parse(&output.stdout)?.0);
        }
        Ok(drvs.iter().map(|drv| (drv.clone(), shown.needs(drv))).collect())
    }

    /// Returns what a dry run would build for these derivations; a dry run exits with 0 on any architecture.
    fn missing(&self, drvs: &[StorePath], options: &Options) -> Result<Vec<StorePath>, Error> {
        let cmd = options.ask_store(options.apply(self.cmd(["build", "--dry-run", "--no-link"])));
        let output = cmd.args(self.outputs_of(drvs)).read()?;
        Ok(to_be_built(&output.error_text()))
    }
}

/// The derivations of one answer, by base name.
#[derive(Debug, Default)]
struct Shown(HashMap<String, Node>);

#[derive(Debug)]
struct Node {
    /// `None` for Nix's own builders (`builtin:fetchurl` and others), which run anywhere.
    system: Option<System>,
    inputs: Vec<String>,
    absent: Option<AbsentInput>,
}

/// Parses the output of a dry run.
///
/// Derivations are indented below a line that ends in `will be built:`; paths to fetch are below another.
fn to_be_built(output: &str) -> Vec<StorePath> {
    let (mut found, mut listing) = (Vec::new(), false);
    for line in output.lines() {
        match line.strip_prefix("  ").map(|path| StorePath::parse(path.trim())) {
            Some(Ok(path)) if listing && path.is_derivation() => found.push(path),
            Some(_) => {}
            None => listing = line.ends_with("will be built:"),
        }
    }
    found
}

impl Shown {
    /// Parses the three formats: paths with `inputDrvs` (up to 2.31; a list of outputs or an object for each), and base names under
    /// `derivations` with `inputs.drvs`.
    fn parse(json: &[u8]) -> Result<Self, Error> {
        let all: Map<String, Value> = serde_json::from_slice(json).map_err(|e| Error::unreadable(COMMAND, &e))?;
        let all = all.get("derivations").and_then(Value::as_object).unwrap_or(&all);
        Ok(Self(all.iter().map(|(path, drv)| (base(path).to_owned(), Node::read(drv))).collect()))
    }

    /// Returns what `root` needs, following only missing derivations.
    fn needs(&self, root: &StorePath) -> Needs {
        let (mut seen, mut found) = (HashSet::new(), Needs::default());
        let mut todo = vec![base(root.as_str())];
        while let Some(name) = todo.pop() {
            let Some(node) = self.0.get(name).filter(|_| seen.insert(name)) else { continue };
            found.systems.extend(node.system.clone());
            found.absent.extend(node.absent.clone());
            todo.extend(node.inputs.iter().map(String::as_str));
        }
        found
    }
}

impl Node {
    fn read(drv: &Value) -> Self {
        let inputs = drv.pointer("/inputs/drvs").or_else(|| drv.get("inputDrvs")).and_then(Value::as_object);
        let text = |name: &str| drv.get(name).and_then(Value::as_str).unwrap_or_default();
        let runs_anywhere = text("builder").starts_with("builtin:");
        Self {
            system: Some(text("system")).filter(|_| !runs_anywhere).and_then(|text| System::parse(text).ok()),
            absent: drv.pointer("/env/url").and_then(Value::as_str).and_then(AbsentInput::of),
            inputs: inputs.map(|all| all.keys().map(|path| base(path).to_owned()).collect()).unwrap_or_default(),
        }
    }
}

fn base(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, base)| base)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: &str = "m32zwpg9y5v2sj8k95dmylvl5zwlx4vr-m.drv";
    const LOW: &str = "8rfsszvl2ypww82p7jlg9m00a3hcw7xa-y.drv";

    fn path(base: &str) -> StorePath {
        StorePath::parse(&format!("/nix/store/{base}")).unwrap()
    }

    #[test]
    fn parses_a_dry_run() {
        let output = format!(
            "warning: x\nthis derivation will be built:\n  /nix/store/{LOW}\nthese 1 paths will be fetched (0.1 MiB):\n  \
             /nix/store/n2mz96s9cc2904s0c1p6vcykas5smi4v-fetched.drv\nthese 2 derivations will be built:\n  /nix/store/{TOP}\n  no path\n"
        );
        assert_eq!(to_be_built(&output), [path(LOW), path(TOP)]);
        assert_eq!(to_be_built(""), []);
    }

    #[test]
    fn parses_all_formats_alike() {
        let (x86, arm) = (r#""system":"x86_64-linux""#, r#""system":"aarch64-linux""#);
        let shapes = [
            format!(
                r#"{{"/nix/store/{TOP}":{{{x86},"inputDrvs":{{"/nix/store/{LOW}":["out"]}}}},"/nix/store/{LOW}":{{{arm},"inputDrvs":{{}}}}}}"#
            ),
            format!(
                r#"{{"/nix/store/{TOP}":{{{x86},"inputDrvs":{{"/nix/store/{LOW}":{{"outputs":["out"]}}}}}},"/nix/store/{LOW}":{{{arm}}}}}"#
            ),
            format!(
                r#"{{"derivations":{{"{TOP}":{{{x86},"inputs":{{"drvs":{{"{LOW}":{{}}}}}}}},"{LOW}":{{{arm}}}}},"version":4}}"#
            ),
        ];
        for json in shapes {
            let shown = Shown::parse(json.as_bytes()).unwrap();
            let systems =
                |root: &str| shown.needs(&path(root)).systems.iter().map(System::to_string).collect::<Vec<_>>();
            assert_eq!(systems(TOP), ["aarch64-linux", "x86_64-linux"], "{json}");
            assert_eq!(systems(LOW), ["aarch64-linux"], "{json}");
        }
    }

    #[test]
    fn existing_outputs_and_builtins_need_no_system() {
        for builtin in [r#""system":"builtin""#, r#""system":"aarch64-linux","builder":"builtin:fetchurl""#] {
            let fetch = format!(r#"{{"{TOP}":{{{builtin},"inputDrvs":{{"{LOW}":[],"{TOP}":[]}}}}}}"#);
            assert!(Shown::parse(fetch.as_bytes()).unwrap().needs(&path(TOP)).systems.is_empty(), "{fetch}");
        }
        assert!(Shown::parse(b"[]").is_err());
    }

    #[test]
    fn inputs_without_a_url_are_absent() {
        let shown = |url: &str| {
            let fetch = format!(
                r#"{{"{LOW}":{{"system":"builtin","env":{{"url":"{url}"}}}},"{TOP}":{{"inputDrvs":{{"{LOW}":[]}}}}}}"#
            );
            Shown::parse(fetch.as_bytes()).unwrap().needs(&path(TOP)).absent.into_iter().collect::<Vec<_>>()
        };
        let absent = |kind, name: &str| [AbsentInput { kind, name: name.to_owned() }];
        assert_eq!(shown("git-lattice-seed:gcc"), absent(InputKind::Seed, "gcc"));
        assert_eq!(shown("git-lattice-source:tcc"), absent(InputKind::Source, "tcc"));
        assert_eq!(shown("https://example.org/tcc"), []);
    }

    #[test]
    fn templates_use_these_urls() {
        let template = include_str!("../../../templates/arguments.nix");
        for url in [SEED_URL, SOURCE_URL] {
            assert!(template.contains(&format!("\"{url}${{name}}\"")), "{url}");
        }
    }
}
