//! Which systems derivations still need: their own, and those of all dependencies that are neither in the store nor in a cache.
//!
//! Nix lists what is missing (`--dry-run` asks stores and caches and builds nothing); one call then reads these derivations. So the
//! number of processes does not depend on the number of points.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::config::{InputKind, input_name};
use crate::nix::error::Error;
use crate::nix::exe::{Nix, PATHS_PER_CALL};
use crate::nix::options::Options;
use crate::nix::read::fixed::FixedOutput;
use crate::nix::read::graph::{Graph, Outside, base};
use crate::nix::store_path::StorePath;
use crate::sha256::Sha256;
use crate::system::System;

/// What a derivation still needs. No system and no input, if its outputs exist or come from a cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The systems that it needs a builder for.
    pub systems: BTreeSet<System>,
    /// The inputs that have to be put into the store.
    pub absent: BTreeSet<AbsentInput>,
    /// What its closure takes from outside, whether that exists or not.
    pub outside: Outside,
}

/// An input that is not in the store and cannot be fetched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AbsentInput {
    /// Its kind.
    pub kind: InputKind,
    /// Its name in `config.toml`.
    pub name: String,
    /// Whether `config.toml` has its hash.
    pub has_hash: bool,
}

impl AbsentInput {
    /// The command that puts it into the store.
    pub fn hint(&self) -> String {
        let name = &self.name;
        match self.kind {
            _ if !self.has_hash => self.declaring_hint(),
            InputKind::Seed => {
                format!("`git lattice seed add {name} DIR` puts it there; `origin` in config.toml says what it is")
            }
            InputKind::Source => format!(
                "`git lattice source add FILE --name {name}` puts it there; with `url` in config.toml Nix fetches it"
            ),
        }
    }

    /// The source or seed that an expression names and `config.toml` lacks, found in the error of its evaluation.
    pub fn undeclared(error: &str) -> Option<Self> {
        // Newer versions of Nix print the attributes that they were evaluating first.
        let (before, after) = error.split_once("' missing")?;
        let (_, name) = before.rsplit_once("attribute '")?;
        let name = input_name(name).ok()?;
        let names = |line: &str, table: &str| {
            line.contains(&format!("{table}.{name}"))
                || (line.contains(&format!("inherit ({table})")) && line.contains(name))
        };
        let tables = [("seeds", InputKind::Seed), ("sources", InputKind::Source)];
        let (_, kind) = tables.into_iter().find(|(table, _)| after.lines().any(|line| names(line, table)))?;
        Some(Self { kind, name: name.to_owned(), has_hash: false })
    }

    /// The command that adds it to `config.toml`.
    pub fn declaring_hint(&self) -> String {
        let name = &self.name;
        match self.kind {
            InputKind::Seed => format!("`git lattice seed add {name} DIR` writes `[seeds.{name}]` into config.toml"),
            InputKind::Source => {
                format!("`git lattice source add FILE --name {name}` writes `[sources.{name}]` into config.toml")
            }
        }
    }

    fn of(fixed: &FixedOutput) -> Option<Self> {
        let has_hash = Sha256::parse(&fixed.hash).is_none_or(|hash| !hash.is_placeholder());
        fixed.is_to_be_added.then(|| Self { kind: fixed.kind, name: fixed.name.clone(), has_hash })
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
        let missing: HashSet<&str> = missing.iter().map(|drv| base(drv.as_str())).collect();
        let graph = self.graph(drvs)?;
        Ok(drvs.iter().map(|drv| (drv.clone(), needs(&graph, drv, &missing))).collect())
    }

    /// Returns what a dry run would build for these derivations; a dry run exits with 0 on any architecture.
    fn missing(&self, drvs: &[StorePath], options: &Options) -> Result<Vec<StorePath>, Error> {
        let cmd = options.ask_store(options.apply(self.cmd(["build", "--dry-run", "--no-link"])));
        let output = cmd.args(self.outputs_of(drvs)).read()?;
        Ok(to_be_built(&output.error_text()))
    }
}

/// Returns what `root` needs, following only missing derivations.
fn needs(graph: &Graph, root: &StorePath, missing: &HashSet<&str>) -> Needs {
    let mut found = Needs { outside: graph.outside(root), ..Needs::default() };
    graph.visit(root, |name, node| {
        let is_missing = missing.contains(name);
        if is_missing {
            found.systems.extend(node.system.clone());
            found.absent.extend(node.fixed.as_ref().and_then(AbsentInput::of));
        }
        is_missing
    });
    found
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nix::read::fixed::{SEED_URL, SOURCE_URL};

    const TOP: &str = "m32zwpg9y5v2sj8k95dmylvl5zwlx4vr-m.drv";
    const LOW: &str = "8rfsszvl2ypww82p7jlg9m00a3hcw7xa-y.drv";

    fn path(base: &str) -> StorePath {
        StorePath::parse(&format!("/nix/store/{base}")).unwrap()
    }

    /// What a derivation of this answer needs if these are missing.
    fn needed(json: &str, root: &str, missing: &[&str]) -> Needs {
        let mut graph = Graph::default();
        graph.add(json.as_bytes()).unwrap();
        needs(&graph, &path(root), &missing.iter().copied().collect())
    }

    fn systems(needs: &Needs) -> Vec<String> {
        needs.systems.iter().map(System::to_string).collect()
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
            let systems = |root: &str, missing: &[&str]| systems(&needed(&json, root, missing));
            assert_eq!(systems(TOP, &[TOP, LOW]), ["aarch64-linux", "x86_64-linux"], "{json}");
            assert_eq!(systems(LOW, &[TOP, LOW]), ["aarch64-linux"], "{json}");
            assert_eq!(systems(TOP, &[TOP]), ["x86_64-linux"], "{json}");
            assert_eq!(systems(TOP, &[LOW]), [""; 0], "its outputs exist: {json}");
        }
    }

    #[test]
    fn builtins_need_no_system() {
        for builtin in [r#""system":"builtin""#, r#""system":"aarch64-linux","builder":"builtin:fetchurl""#] {
            let fetch = format!(r#"{{"{TOP}":{{{builtin},"inputDrvs":{{"{LOW}":[],"{TOP}":[]}}}}}}"#);
            assert!(systems(&needed(&fetch, TOP, &[TOP])).is_empty(), "{fetch}");
        }
    }

    #[test]
    fn inputs_without_a_url_are_absent() {
        let absent = |url: &str, missing: &[&str]| {
            let fetch = format!(
                r#"{{"{LOW}":{{"system":"builtin","env":{{"name":"gcc","url":"{url}"}},"outputs":{{"out":{{"hash":"x"}}}}}},"{TOP}":{{"inputDrvs":{{"{LOW}":[]}}}}}}"#
            );
            needed(&fetch, TOP, missing).absent.into_iter().collect::<Vec<_>>()
        };
        let named = |kind| [AbsentInput { kind, name: "gcc".to_owned(), has_hash: true }];
        assert_eq!(absent("git-lattice-seed:gcc", &[TOP, LOW]), named(InputKind::Seed));
        assert_eq!(absent("git-lattice-source:gcc", &[TOP, LOW]), named(InputKind::Source));
        assert_eq!(absent("git-lattice-seed:gcc", &[TOP]), []);
        assert_eq!(absent("https://example.org/gcc", &[TOP, LOW]), []);
    }

    #[test]
    fn templates_use_the_urls_of_absent_inputs() {
        let template = include_str!("../../../templates/arguments.nix");
        for url in [SEED_URL, SOURCE_URL] {
            assert!(template.contains(&format!("\"{url}${{name}}\"")), "{url}");
        }
    }
}
