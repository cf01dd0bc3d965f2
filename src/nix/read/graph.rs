//! The dependency graph: parses all formats of `nix derivation show --recursive`.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::nix::error::Error;
use crate::nix::exe::{Nix, PATHS_PER_CALL};
use crate::nix::store_path::StorePath;

const COMMAND: &str = "derivation show --recursive";

/// Derivations with their inputs and users, all by base name.
#[derive(Debug, Default)]
pub(in crate::nix) struct Graph {
    inputs: HashMap<String, Vec<String>>,
    users: HashMap<String, Vec<String>>,
    /// Fixed-output derivations, which fetch something.
    fixed: HashSet<String>,
}

impl Nix {
    /// Reads these derivations and all their dependencies.
    pub(in crate::nix) fn graph(&self, drvs: &[&StorePath]) -> Result<Graph, Error> {
        let words: &[&str] =
            if self.version().has_derivation_show() { &["derivation", "show"] } else { &["show-derivation"] };
        let mut graph = Graph::default();
        for some in drvs.chunks(PATHS_PER_CALL) {
            let cmd = self.cmd(words.iter().copied()).arg("--recursive");
            graph.add(&cmd.args(some.iter().map(|drv| drv.as_str())).read()?.stdout)?;
        }
        Ok(graph)
    }
}

impl Graph {
    /// Adds an answer: paths with `inputDrvs`, or (from 2.32) base names under `derivations` with `inputs.drvs`.
    fn add(&mut self, json: &[u8]) -> Result<(), Error> {
        let all: Map<String, Value> = serde_json::from_slice(json).map_err(|e| Error::unreadable(COMMAND, &e))?;
        for (path, drv) in all.get("derivations").and_then(Value::as_object).unwrap_or(&all) {
            let inputs = drv.pointer("/inputs/drvs").or_else(|| drv.get("inputDrvs")).and_then(Value::as_object);
            let inputs: Vec<_> = inputs.into_iter().flat_map(Map::keys).map(|path| base(path).to_owned()).collect();
            for input in &inputs {
                self.users.entry(input.clone()).or_default().push(base(path).to_owned());
            }
            self.inputs.insert(base(path).to_owned(), inputs);
            let outputs = drv.get("outputs").and_then(Value::as_object).into_iter().flat_map(Map::values);
            if outputs.into_iter().any(|output| output.get("hash").is_some()) {
                self.fixed.insert(base(path).to_owned());
            }
        }
        Ok(())
    }

    /// Returns whether a derivation has a fixed output, that is fetches something.
    pub(in crate::nix) fn is_fixed(&self, drv: &StorePath) -> bool {
        self.fixed.contains(base(drv.as_str()))
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
                } else if let Some((name, _)) = self.inputs.get_key_value(name) {
                    reached.entry(name).or_insert(n);
                }
            }
        }
        reached
    }
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
    fn failure_reaches_all_users_with_the_smallest_number() {
        for graph in graphs() {
            let reached = graph.reached(&HashMap::from([(LOW, 1), (MID, 0)]));
            assert_eq!(reached, HashMap::from([(LOW, 1), (MID, 0), (TOP, 0)]));
        }
        assert!(Graph::default().add(b"[]").is_err());
    }
}
