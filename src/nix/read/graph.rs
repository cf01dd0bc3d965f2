//! The dependency graph: parses all formats of `nix derivation show --recursive`.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use super::fixed::{FixedOutput, attribute};
use crate::nix::error::Error;
use crate::nix::exe::{Nix, PATHS_PER_CALL};
use crate::nix::store_path::StorePath;
use crate::system::System;

/// The name of an output that lists the calls of a build. It is built even if it is not installed by default.
pub const CALLS: &str = "calls";

const COMMAND: &str = "derivation show --recursive";

/// Derivations with their inputs and users, all by base name.
#[derive(Debug, Default)]
pub(in crate::nix) struct Graph {
    drvs: HashMap<String, Node>,
    users: HashMap<String, Vec<String>>,
}

/// One derivation.
#[derive(Debug)]
pub(in crate::nix) struct Node {
    /// `None` for Nix's own builders (`builtin:fetchurl` and others), which run anywhere.
    pub(in crate::nix) system: Option<System>,
    /// The derivations that it needs.
    inputs: Vec<String>,
    /// What it fetches, if its output is fixed.
    pub(in crate::nix) fixed: Option<FixedOutput>,
    /// Whether it asks to be built outside the sandbox (`__noChroot`).
    leaves_sandbox: bool,
    /// The paths of the machine that it asks for (`__impureHostDeps`).
    host_paths: Vec<String>,
    /// Its output `calls`.
    calls: Option<StorePath>,
}

/// What the closure of a derivation takes from outside of Nix's store and of the derivations themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outside {
    /// The files and trees that are named by a hash; what their fetchers need is vouched for by it.
    pub inputs: BTreeSet<FixedOutput>,
    /// Whether a derivation asks to be built outside the sandbox.
    pub leaves_sandbox: bool,
    /// The paths of the machine that derivations ask for.
    pub host_paths: BTreeSet<String>,
    /// The output of the derivation itself that lists which programs it called ([`CALLS`]).
    pub calls: Option<StorePath>,
}

impl Nix {
    /// Reads these derivations and all their dependencies.
    pub(in crate::nix) fn graph<'d>(&self, drvs: impl IntoIterator<Item = &'d StorePath>) -> Result<Graph, Error> {
        let words: &[&str] =
            if self.version().has_derivation_show() { &["derivation", "show"] } else { &["show-derivation"] };
        let (mut graph, drvs) = (Graph::default(), drvs.into_iter().collect::<Vec<_>>());
        for some in drvs.chunks(PATHS_PER_CALL) {
            let cmd = self.cmd(words.iter().copied()).arg("--recursive");
            graph.add(&cmd.args(some.iter().map(|drv| drv.as_str())).read()?.stdout)?;
        }
        Ok(graph)
    }

    /// Returns what the closure of each derivation takes from outside.
    ///
    /// # Errors
    /// When the derivations cannot be read.
    pub fn outside(&self, drvs: &[StorePath]) -> Result<HashMap<StorePath, Outside>, Error> {
        let graph = self.graph(drvs)?;
        Ok(drvs.iter().map(|drv| (drv.clone(), graph.outside(drv))).collect())
    }
}

impl Graph {
    /// Adds an answer: paths with `inputDrvs` (up to 2.31; a list of outputs or an object for each), or base names under
    /// `derivations` with `inputs.drvs`.
    pub(in crate::nix) fn add(&mut self, json: &[u8]) -> Result<(), Error> {
        let all: Map<String, Value> = serde_json::from_slice(json).map_err(|e| Error::unreadable(COMMAND, &e))?;
        for (path, drv) in all.get("derivations").and_then(Value::as_object).unwrap_or(&all) {
            let node = Node::read(drv, base(path));
            for input in &node.inputs {
                self.users.entry(input.clone()).or_default().push(base(path).to_owned());
            }
            self.drvs.insert(base(path).to_owned(), node);
        }
        Ok(())
    }

    /// Returns whether a derivation has a fixed output, that is fetches something.
    pub(in crate::nix) fn is_fixed(&self, drv: &StorePath) -> bool {
        self.drvs.get(base(drv.as_str())).is_some_and(|node| node.fixed.is_some())
    }

    /// Visits `root` and what it needs, each derivation once, as far as `visit` says that its inputs count.
    pub(in crate::nix) fn visit<'g>(&'g self, root: &StorePath, mut visit: impl FnMut(&'g str, &'g Node) -> bool) {
        let (mut seen, mut todo) =
            (HashSet::new(), self.drvs.get_key_value(base(root.as_str())).into_iter().collect::<Vec<_>>());
        while let Some((name, node)) = todo.pop() {
            if seen.insert(name) && visit(name, node) {
                todo.extend(node.inputs.iter().filter_map(|input| self.drvs.get_key_value(input)));
            }
        }
    }

    /// Returns what the closure of `root` takes from outside.
    pub(in crate::nix) fn outside(&self, root: &StorePath) -> Outside {
        let calls = self.drvs.get(base(root.as_str())).and_then(|node| node.calls.clone());
        let mut outside = Outside { calls, ..Outside::default() };
        self.visit(root, |_, node| {
            outside.inputs.extend(node.fixed.clone());
            outside.leaves_sandbox |= node.leaves_sandbox;
            outside.host_paths.extend(node.host_paths.iter().cloned());
            node.fixed.is_none()
        });
        outside
    }

    /// Returns the nearest users of `drv`, direct or indirect, for which `is_wanted` holds.
    pub(in crate::nix) fn wanted_above(&self, drv: &StorePath, is_wanted: impl Fn(&str) -> bool) -> Vec<&str> {
        let (mut seen, mut found, mut todo) = (HashSet::new(), Vec::new(), vec![base(drv.as_str())]);
        while let Some(name) = todo.pop() {
            for user in self.users.get(name).into_iter().flatten().filter(|user| seen.insert(user.as_str())) {
                if is_wanted(user) { found.push(user.as_str()) } else { todo.push(user) }
            }
        }
        found
    }

    /// For each derivation that is in `first` (by base name) or needs one that is, returns the smallest number in `first`.
    pub(in crate::nix) fn reached(&self, first: &HashMap<&str, usize>) -> HashMap<&str, usize> {
        let mut order: Vec<_> = first.iter().map(|(name, n)| (*n, *name)).collect();
        order.sort_unstable();
        let mut reached: HashMap<&str, usize> = HashMap::new();
        for (n, name) in order {
            let mut todo = vec![name];
            while let Some(name) = todo.pop() {
                if let Some((name, users)) = self.users.get_key_value(name).filter(|_| !reached.contains_key(name)) {
                    todo.extend(users.iter().map(String::as_str).filter(|user| !reached.contains_key(user)));
                    reached.insert(name, n);
                } else if let Some((name, _)) = self.drvs.get_key_value(name) {
                    reached.entry(name).or_insert(n);
                }
            }
        }
        reached
    }
}

impl Node {
    fn read(drv: &Value, name: &str) -> Self {
        let inputs = drv.pointer("/inputs/drvs").or_else(|| drv.get("inputDrvs")).and_then(Value::as_object);
        let text = |name: &str| drv.get(name).and_then(Value::as_str).unwrap_or_default();
        let runs_anywhere = text("builder").starts_with("builtin:");
        Self {
            system: Some(text("system")).filter(|_| !runs_anywhere).and_then(|text| System::parse(text).ok()),
            inputs: inputs.into_iter().flat_map(Map::keys).map(|path| base(path).to_owned()).collect(),
            fixed: FixedOutput::of(drv, name),
            leaves_sandbox: attribute(drv, "__noChroot").is_some_and(|it| *it == "1" || *it == true),
            host_paths: attribute(drv, "__impureHostDeps").map(words).unwrap_or_default(),
            calls: drv.pointer("/outputs/calls/path").and_then(Value::as_str).and_then(stored),
        }
    }
}

/// A list, or its words in the environment of a builder.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        value => value.as_str().unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
    }
}

/// A store path, which some versions write without the folder.
fn stored(path: &str) -> Option<StorePath> {
    StorePath::parse(path).or_else(|_| StorePath::parse(&format!("/nix/store/{path}"))).ok()
}

/// Returns the last part of a path.
pub(in crate::nix) fn base(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, base)| base)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: &str = "m32zwpg9y5v2sj8k95dmylvl5zwlx4vr-m.drv";
    const MID: &str = "n2mz96s9cc2904s0c1p6vcykas5smi4v-n.drv";
    const LOW: &str = "8rfsszvl2ypww82p7jlg9m00a3hcw7xa-y.drv";

    fn graphs() -> [Graph; 2] {
        let old = format!(
            r#"{{"/nix/store/{TOP}":{{"inputDrvs":{{"/nix/store/{MID}":["out"]}}}},"/nix/store/{MID}":{{"inputDrvs":{{"/nix/store/{LOW}":["out"]}}}},"/nix/store/{LOW}":{{"inputDrvs":{{}}}}}}"#
        );
        let new = format!(
            r#"{{"derivations":{{"{TOP}":{{"inputs":{{"drvs":{{"{MID}":{{}}}}}}}},"{MID}":{{"inputs":{{"drvs":{{"{LOW}":{{}}}}}}}},"{LOW}":{{"inputs":{{"drvs":{{}}}}}}}},"version":4}}"#
        );
        [old, new].map(|json| {
            let mut graph = Graph::default();
            graph.add(json.as_bytes()).unwrap();
            graph
        })
    }

    #[test]
    fn finds_users_in_both_formats() {
        let low = StorePath::parse(&format!("/nix/store/{LOW}")).unwrap();
        for graph in graphs() {
            assert_eq!(graph.wanted_above(&low, |name| name == TOP), [TOP]);
            assert_eq!(graph.wanted_above(&low, |_| true), [MID], "no further than the nearest");
        }
    }

    #[test]
    fn closure_names_what_comes_from_outside() {
        let fixed = r#""outputs":{"out":{"hashAlgo":"sha256","hash":"x"}},"env":{"name":"y","url":"https://a.org/y"}"#;
        let fetcher = r#""outputs":{"out":{"hash":"z"}}"#;
        let json = format!(
            r#"{{"{TOP}":{{"inputDrvs":{{"{LOW}":[]}},"env":{{"__noChroot":"1","__impureHostDeps":"/usr /lib"}}}},
                "{LOW}":{{"inputDrvs":{{"{MID}":[]}},{fixed}}},"{MID}":{{{fetcher},"env":{{"__noChroot":"1"}}}}}}"#
        );
        let mut graph = Graph::default();
        graph.add(json.as_bytes()).unwrap();
        let outside = |name: &str| graph.outside(&StorePath::parse(&format!("/nix/store/{name}")).unwrap());
        let found = outside(TOP);
        assert_eq!(found.inputs.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["y"], "not what fetches it");
        assert_eq!(found.host_paths.iter().collect::<Vec<_>>(), ["/lib", "/usr"]);
        assert!(found.leaves_sandbox && !outside(LOW).leaves_sandbox);
    }

    #[test]
    fn failure_reaches_all_users_with_the_smallest_number() {
        for graph in graphs() {
            let reached = graph.reached(&HashMap::from([(LOW, 1), (MID, 0)]));
            assert_eq!(reached, HashMap::from([(LOW, 1), (MID, 0), (TOP, 0)]));
        }
        assert!(Graph::default().add(b"[]").is_err());
    }
}
