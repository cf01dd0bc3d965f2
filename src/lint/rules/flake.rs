//! What `flake.nix` must look like before Nix evaluates anything in it.

use std::borrow::Cow;
use std::collections::HashSet;

use rnix::{SyntaxKind as K, SyntaxNode};

use super::Hit;
use super::node::{Range, fixed, range, unparen};
use super::set::{Set, Value};

rules! {
    /// A flake that is not written as an attribute set.
    ///
    /// Nix reads the inputs without evaluating the file, so `flake.nix` begins with `{`: no `let`, no function around it.
    ///
    ///     let v = 1; in { outputs = _: { }; }      wrong
    ///     { outputs = _: let v = 1; in { }; }      right
    NO_SET = "L10" "flake-not-a-set" Error;

    /// An attribute that no flake has, or a flake without `outputs`.
    ///
    /// Nix knows `description`, `inputs`, `outputs` and `nixConfig`, and refuses all others.
    ///
    ///     { output = _: { }; }       wrong
    ///     { outputs = _: { }; }      right
    TOP_LEVEL = "L11" "flake-attribute" Error;

    /// `outputs` that is not written as a function.
    ///
    /// Nix does not evaluate anything to find the function: `import`, a `let` around it or a set are refused.
    ///
    ///     outputs = import ./outputs.nix;                   wrong
    ///     outputs = inputs: import ./outputs.nix inputs;    right
    NO_FUNCTION = "L12" "outputs-not-a-function" Error;

    /// An input or a description that has to be computed.
    ///
    /// Nix reads them without evaluating: plain strings, numbers, `true` and `false`, and sets of such.
    ///
    ///     inputs.a.url = "github:o/r/" + rev;      wrong
    ///     inputs.a.url = "github:o/r/v1";          right
    COMPUTED = "L13" "flake-computed" Error;

    /// An input by path.
    ///
    /// A lock of it holds on one machine only, three levels of them fail, and a stale lock silently builds the old state.
    /// `path:/etc` even copies that directory into the store, readable by everybody.
    ///
    ///     inputs.step1.url = "path:../step1";                         wrong
    ///     step1 = (import ../step1/flake.nix).outputs { self = { }; };   right
    PATH_INPUT = "L18" "path-input" Warning;
}

/// A flake's inputs and its function.
#[derive(Debug)]
pub(super) struct Flake<'a> {
    /// The function, where it is written as one.
    pub(super) outputs: Option<SyntaxNode>,
    /// Each with its place; `None` where they cannot be known.
    pub(super) inputs: Option<Vec<(Cow<'a, str>, Range)>>,
    /// Inputs that others follow.
    pub(super) followed: HashSet<String>,
}

/// Which inputs the outputs use.
#[derive(Debug, Default)]
pub(super) struct Uses {
    pub(super) names: HashSet<String>,
    /// The set of all of them is handed on.
    pub(super) every: bool,
}

impl Uses {
    pub(super) fn one(&mut self, name: &str) {
        if !self.names.contains(name) {
            self.names.insert(name.to_owned());
        }
    }

    pub(super) fn all(&mut self) {
        self.every = true;
    }
}

struct Reader<'a, 'h> {
    text: &'a str,
    hits: &'h mut Vec<Hit>,
    followed: HashSet<String>,
}

impl<'a> Flake<'a> {
    /// Reads the expression of a `flake.nix`; `None` when it is none.
    pub(super) fn read(text: &'a str, expr: &SyntaxNode, hits: &mut Vec<Hit>) -> Option<Self> {
        let expr = unparen(expr.clone());
        if expr.kind() != K::NODE_ATTR_SET {
            let (start, end) = range(&expr);
            hits.push(Hit::new(&NO_SET, (start, end), "a flake is written as an attribute set: it begins with `{`"));
            return None;
        }
        // What is wrong with the set as such is said where the whole file is looked at.
        let set = Set::of(text, &expr, &mut Vec::new());
        let mut reader = Reader { text, hits, followed: HashSet::new() };
        reader.top(&set, &expr);
        let outputs = reader.outputs(&set);
        let inputs = reader.inputs(&set);
        Some(Self { outputs, inputs, followed: reader.followed })
    }
}

impl<'a> Reader<'a, '_> {
    fn top(&mut self, set: &Set<'a>, expr: &SyntaxNode) {
        let known = ["description", "inputs", "nixConfig", "outputs"];
        for attr in set.attrs.iter().filter(|attr| !known.contains(&attr.name.as_ref())) {
            let message = format!(
                "a flake has no attribute `{}`: expected {}",
                attr.name, "`description`, `inputs`, `nixConfig` or `outputs`"
            );
            self.hits.push(Hit::new(&TOP_LEVEL, attr.at, message));
        }
        if set.get("outputs").is_none() && set.dynamic.is_empty() {
            let (start, _) = range(expr);
            self.hits.push(Hit::new(&TOP_LEVEL, (start, start + 1), "the flake has no `outputs`"));
        }
        if let Some(Value::Expr(node)) = set.get("description").map(|attr| &attr.value) {
            self.plain("description", node);
        }
    }

    fn outputs(&mut self, set: &Set<'a>) -> Option<SyntaxNode> {
        let attr = set.get("outputs")?;
        let at = match &attr.value {
            Value::Expr(node) => {
                let inner = unparen(node.clone());
                match inner.kind() {
                    K::NODE_LAMBDA => return Some(inner),
                    // In a `rec` set it may be the name of a function.
                    K::NODE_IDENT if set.recursive => return None,
                    _ => range(&inner),
                }
            }
            Value::Set(_, at) => *at,
            Value::Inherited | Value::Selected => attr.at,
        };
        self.hits.push(Hit::new(&NO_FUNCTION, at, "`outputs` must be written as a function, such as `inputs: ..`"));
        None
    }

    fn inputs(&mut self, set: &Set<'a>) -> Option<Vec<(Cow<'a, str>, Range)>> {
        let Some(attr) = set.get("inputs") else { return set.dynamic.is_empty().then(Vec::new) };
        let Value::Set(inputs, _) = &attr.value else {
            if let Value::Expr(node) = &attr.value {
                self.plain("inputs", node);
            }
            return None;
        };
        self.every(inputs);
        let named = inputs.attrs.iter().filter(|attr| attr.name != "self").map(|attr| (attr.name.clone(), attr.at));
        inputs.dynamic.is_empty().then(|| named.collect())
    }

    fn every(&mut self, inputs: &Set<'a>) {
        for (name, _) in &inputs.dynamic {
            self.hits.push(Hit::new(&COMPUTED, range(name), "the name of an input cannot be computed"));
        }
        for attr in &inputs.attrs {
            match &attr.value {
                Value::Set(input, _) => self.input(input),
                Value::Expr(node) => self.plain(&attr.name, node),
                Value::Inherited | Value::Selected => {}
            }
        }
    }

    fn input(&mut self, input: &Set<'a>) {
        for attr in &input.attrs {
            match (&attr.value, attr.name.as_ref()) {
                (Value::Set(inner, _), "inputs") => self.every(inner),
                (Value::Expr(node), name) => {
                    self.plain(name, node);
                    self.reference(name, node);
                }
                _ => {}
            }
        }
    }

    /// What an input's `url`, `path` or `follows` points to.
    fn reference(&mut self, name: &str, node: &SyntaxNode) {
        let node = unparen(node.clone());
        let is_path = matches!(node.kind(), K::NODE_PATH_ABS | K::NODE_PATH_HOME | K::NODE_PATH_REL);
        let said = if node.kind() == K::NODE_STRING { fixed(self.text, &node) } else { None };
        let said = said.as_deref().unwrap_or_default();
        let by_path = ["path:", "./", "../", "/", "~/"].iter().any(|start| said.starts_with(start));
        match name {
            "follows" => {
                self.followed.extend(said.split('/').next().map(str::to_owned));
            }
            "url" if is_path || by_path || matches!(said, "." | "..") => self.by_path(&node),
            "type" if said == "path" => self.by_path(&node),
            _ => {}
        }
    }

    fn by_path(&mut self, node: &SyntaxNode) {
        self.hits.push(Hit::new(&PATH_INPUT, range(node), "an input by path holds on this machine only"));
    }

    fn plain(&mut self, name: &str, node: &SyntaxNode) {
        let node = unparen(node.clone());
        let computed = match node.kind() {
            K::NODE_STRING | K::NODE_PATH_ABS | K::NODE_PATH_REL | K::NODE_PATH_HOME => node.first_child().is_some(),
            K::NODE_LITERAL | K::NODE_IDENT | K::NODE_LIST | K::NODE_LAMBDA | K::NODE_ATTR_SET => false,
            _ => true,
        };
        if computed {
            let message = format!("`{name}` of a flake cannot be computed: Nix wants it written out");
            self.hits.push(Hit::new(&COMPUTED, range(&node), message));
        }
    }
}
