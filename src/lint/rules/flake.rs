//! Rules for the form of `flake.nix`, parts of which Nix reads without evaluation.

use std::borrow::Cow;
use std::collections::HashSet;

use rnix::{SyntaxKind as K, SyntaxNode};

use super::Hit;
use super::node::{Range, fixed, range, unparen};
use super::set::{Set, Value};

rules! {
    /// A flake that is not written as an attribute set.
    ///
    /// Nix reads the inputs without evaluating the file, so `flake.nix` must start with `{`, without `let` or a function.
    ///
    ///     let v = 1; in { outputs = _: { }; }      wrong
    ///     { outputs = _: let v = 1; in { }; }      right
    NO_SET = "L10" "flake-not-a-set" Error;

    /// An unknown attribute of a flake, or a flake without `outputs`.
    ///
    /// Nix knows `description`, `inputs`, `outputs` and `nixConfig`, and refuses all others.
    ///
    ///     { output = _: { }; }       wrong
    ///     { outputs = _: { }; }      right
    TOP_LEVEL = "L11" "flake-attribute" Error;

    /// `outputs` that is not written as a function.
    ///
    /// Nix evaluates nothing to find the function: it refuses `import`, a `let` around the function, and a set.
    ///
    ///     outputs = import ./outputs.nix;                   wrong
    ///     outputs = inputs: import ./outputs.nix inputs;    right
    NO_FUNCTION = "L12" "outputs-not-a-function" Error;

    /// An input or a description that has to be computed.
    ///
    /// Nix reads them without evaluation: they must be plain strings, numbers, `true` or `false`, or sets of these.
    ///
    ///     inputs.a.url = "github:o/r/" + rev;      wrong
    ///     inputs.a.url = "github:o/r/v1";          right
    COMPUTED = "L13" "flake-computed" Error;

    /// An input by path.
    ///
    /// A lock of it is valid on one machine only, three levels of them fail, and a stale lock silently builds the old state.
    /// `path:/etc` even copies that directory into the store, readable by all users.
    ///
    ///     inputs.step1.url = "path:../step1";                         wrong
    ///     step1 = (import ../step1/flake.nix).outputs { self = { }; };   right
    PATH_INPUT = "L18" "path-input" Warning;
}

/// The inputs of a flake and the function of its outputs.
#[derive(Debug)]
pub(super) struct Flake<'a> {
    /// The function, if it is written as one.
    pub(super) outputs: Option<SyntaxNode>,
    /// The inputs with their places; `None` if they cannot be determined.
    pub(super) inputs: Option<Vec<(Cow<'a, str>, Range)>>,
    /// Inputs that other inputs follow.
    pub(super) followed: HashSet<String>,
}

/// The inputs that the outputs use.
#[derive(Debug, Default)]
pub(super) struct Uses {
    pub(super) names: HashSet<String>,
    /// Whether the set of all inputs is passed on.
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
    /// Reads the expression of a `flake.nix`; `None` if it is not a set.
    pub(super) fn read(text: &'a str, expr: &SyntaxNode, hits: &mut Vec<Hit>) -> Option<Self> {
        let expr = unparen(expr.clone());
        if expr.kind() != K::NODE_ATTR_SET {
            let (start, end) = range(&expr);
            hits.push(Hit::new(
                &NO_SET,
                (start, end),
                "a flake must be written as an attribute set: it must start with `{`",
            ));
            return None;
        }
        // Discard findings in the set itself: the walk over the whole file reports them.
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
                    // In a `rec` set the name may refer to a function.
                    K::NODE_IDENT if set.recursive => return None,
                    _ => range(&inner),
                }
            }
            Value::Set(_, at) => *at,
            Value::Inherited | Value::Selected => attr.at,
        };
        self.hits.push(Hit::new(&NO_FUNCTION, at, "`outputs` must be a literal function, such as `inputs: ..`"));
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
            self.hits.push(Hit::new(&COMPUTED, range(name), "the name of an input must be a literal"));
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

    /// Checks the `url`, `type` or `follows` of an input.
    fn reference(&mut self, name: &str, node: &SyntaxNode) {
        let node = unparen(node.clone());
        let is_path = matches!(node.kind(), K::NODE_PATH_ABS | K::NODE_PATH_HOME | K::NODE_PATH_REL);
        let literal = if node.kind() == K::NODE_STRING { fixed(self.text, &node) } else { None };
        let literal = literal.as_deref().unwrap_or_default();
        let by_path = ["path:", "./", "../", "/", "~/"].iter().any(|start| literal.starts_with(start));
        match name {
            "follows" => {
                self.followed.extend(literal.split('/').next().map(str::to_owned));
            }
            "url" if is_path || by_path || matches!(literal, "." | "..") => self.by_path(&node),
            "type" if literal == "path" => self.by_path(&node),
            _ => {}
        }
    }

    fn by_path(&mut self, node: &SyntaxNode) {
        self.hits.push(Hit::new(&PATH_INPUT, range(node), "an input by path works on this machine only"));
    }

    fn plain(&mut self, name: &str, node: &SyntaxNode) {
        let node = unparen(node.clone());
        let computed = match node.kind() {
            K::NODE_STRING | K::NODE_PATH_ABS | K::NODE_PATH_REL | K::NODE_PATH_HOME => node.first_child().is_some(),
            K::NODE_LITERAL | K::NODE_IDENT | K::NODE_LIST | K::NODE_LAMBDA | K::NODE_ATTR_SET => false,
            _ => true,
        };
        if computed {
            let message = format!("`{name}` of a flake must be a literal: Nix does not evaluate it");
            self.hits.push(Hit::new(&COMPUTED, range(&node), message));
        }
    }
}
