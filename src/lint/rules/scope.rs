//! Resolves names to their definitions as Nix does when it parses a file, before evaluation.

use std::borrow::Cow;
use std::collections::HashMap;

use rnix::{SyntaxKind as K, SyntaxNode};

use super::flake::{Flake, Uses};
use super::globals::is_global;
use super::node::{Range, fixed, range, unparen};
use super::paths::Hashes;
use super::refused::{self, REFUSED};
use super::set::{Set, Value};
use super::{Hit, duplicates, self_path, sources};

rules! {
    /// A name that is not defined in the scope of its use.
    ///
    /// Nix refuses the whole file, even if the value is never needed. Inside `with` any name may come from the set, so
    /// nothing is reported there.
    ///
    ///     let a = 1; in a + b            wrong: b is not defined
    ///     { a = 1; b = a; }              wrong: only `rec { .. }` and `let` see their own names
    ///     { lib }: lib.id (x: x)         right
    UNDEFINED = "L04" "undefined-variable" Error;
}

/// What a name refers to, as far as the rules need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Other,
    /// The `self` of a flake's outputs.
    Itself,
    /// An argument of a flake's outputs.
    Input,
    /// The set of all arguments: `inputs` in `inputs: ..` or `inputs@{ .. }: ..`.
    Inputs,
}

pub(super) struct Walk<'a, 'f> {
    pub(super) text: &'a str,
    pub(super) hits: Vec<Hit>,
    pub(super) uses: Uses,
    flake: Option<&'f Flake<'a>>,
    hashes: Hashes,
    names: HashMap<Cow<'a, str>, Vec<Meaning>>,
    withs: usize,
}

impl<'a, 'f> Walk<'a, 'f> {
    pub(super) fn new(text: &'a str, flake: Option<&'f Flake<'a>>, hashes: Hashes) -> Self {
        Self { text, hits: Vec::new(), uses: Uses::default(), flake, hashes, names: HashMap::new(), withs: 0 }
    }

    pub(super) fn expr(&mut self, node: &SyntaxNode) {
        match node.kind() {
            K::NODE_IDENT => self.name(node),
            K::NODE_ATTR_SET => {
                let set = Set::of(self.text, node, &mut self.hits);
                self.set(&set, |_| {});
            }
            K::NODE_LET_IN => self.let_in(node),
            K::NODE_LEGACY_LET => {
                let set = Set::of(self.text, node, &mut self.hits);
                refused::old_let(node, &mut self.hits);
                self.set(&set, |_| {});
            }
            K::NODE_LAMBDA => self.lambda(node),
            K::NODE_WITH => self.with(node),
            K::NODE_SELECT | K::NODE_HAS_ATTR => self.select(node),
            K::NODE_BIN_OP => {
                let hit = self_path::added(node, |part| self.is_self(part));
                self.hits.extend(hit);
                refused::operator(node, &mut self.hits);
                self.children(node);
            }
            K::NODE_STRING => {
                let hits = self_path::interpolated(node, |part| self.is_self(part));
                self.hits.extend(hits);
                self.children(node);
            }
            K::NODE_LITERAL | K::NODE_CUR_POS | K::NODE_PATH_SEARCH => {}
            _ => self.children(node),
        }
    }

    /// The meaning of `node` if it is a name, also in parentheses.
    fn meaning(&self, node: &SyntaxNode) -> Option<Meaning> {
        let node = unparen(node.clone());
        if node.kind() == K::NODE_SELECT {
            return self.itself_of_inputs(&node);
        }
        let (start, end) = (node.kind() == K::NODE_IDENT).then(|| range(&node))?;
        self.names.get(&self.text[start..end])?.last().copied()
    }

    fn is_self(&self, node: &SyntaxNode) -> bool {
        self.meaning(node) == Some(Meaning::Itself)
    }

    /// Recognises `inputs.self`.
    fn itself_of_inputs(&self, select: &SyntaxNode) -> Option<Meaning> {
        let mut parts = select.children();
        let (from, path) = (parts.next()?, parts.next()?);
        let (start, end) = range(&path);
        let itself = from.kind() == K::NODE_IDENT && &self.text[start..end] == "self" && parts.next().is_none();
        (itself && self.meaning(&from) == Some(Meaning::Inputs)).then_some(Meaning::Itself)
    }

    fn children(&mut self, node: &SyntaxNode) {
        // The text of strings and paths is in tokens; child nodes are interpolations.
        for child in node.children() {
            match child.kind() {
                K::NODE_INTERPOL if child.first_child().is_some_and(|inner| self.is_self(&inner)) => {}
                _ => self.expr(&child),
            }
        }
    }

    fn name(&mut self, node: &SyntaxNode) {
        let (start, end) = range(node);
        self.resolve(&self.text[start..end], (start, end));
    }

    fn resolve(&mut self, name: &'a str, at: Range) {
        match self.names.get(name).and_then(|meanings| meanings.last()) {
            Some(Meaning::Other) => {}
            Some(Meaning::Input) => self.uses.one(name),
            Some(Meaning::Itself | Meaning::Inputs) => self.uses.all(),
            None if self.withs > 0 || is_global(name) => {}
            None => self.hits.push(Hit::new(&UNDEFINED, at, format!("the variable `{name}` is not defined"))),
        }
    }

    /// Walks a set; the names of a recursive one are in scope for its values and for `inside`.
    fn set(&mut self, set: &Set<'a>, inside: impl FnOnce(&mut Self)) {
        for attr in set.attrs.iter().filter(|attr| matches!(attr.value, Value::Inherited)) {
            let (start, end) = attr.at;
            match &attr.name {
                Cow::Borrowed(name) => self.resolve(name, (start, end)),
                Cow::Owned(name) => self.resolve_owned(name, attr.at),
            }
        }
        sources::check(self.text, set, &mut self.hashes, &mut self.hits);
        if set.recursive {
            set.attrs.iter().for_each(|attr| self.push(attr.name.clone(), Meaning::Other));
        }
        for source in &set.sources {
            self.source(&source.expr, &source.names);
        }
        for attr in &set.attrs {
            self.value(&attr.value);
        }
        for (name, value) in &set.dynamic {
            self.children(name);
            self.value(value);
        }
        inside(self);
        if set.recursive {
            set.attrs.iter().for_each(|attr| self.pop(&attr.name));
        }
    }

    /// Resolves a name that is written with escapes, such as `inherit "a\b"`.
    fn resolve_owned(&mut self, name: &str, at: Range) {
        let known = self.names.get(name).is_some_and(|meanings| !meanings.is_empty());
        if !known && self.withs == 0 && !is_global(name) {
            self.hits.push(Hit::new(&UNDEFINED, at, format!("the variable `{name}` is not defined")));
        }
    }

    fn value(&mut self, value: &Value<'a>) {
        match value {
            Value::Expr(node) => self.expr(node),
            Value::Set(set, _) => self.set(set, |_| {}),
            Value::Inherited | Value::Selected => {}
        }
    }

    /// Walks `inherit (expr) names;`.
    fn source(&mut self, expr: &SyntaxNode, names: &[Cow<'a, str>]) {
        match self.meaning(expr) {
            Some(Meaning::Itself) => names.iter().for_each(|name| self.of_itself(name)),
            Some(Meaning::Inputs) => names.iter().for_each(|name| self.uses.one(name)),
            _ => self.expr(expr),
        }
        if self.is_self(expr) && names.iter().any(|name| name == "outPath") {
            self.hits.push(self_path::hit(range(expr)));
        }
    }

    /// Records a use of `self.NAME`: through `self.inputs` any input may be used.
    fn of_itself(&mut self, name: &str) {
        if name == "inputs" {
            self.uses.all();
        }
    }

    fn let_in(&mut self, node: &SyntaxNode) {
        let set = Set::of(self.text, node, &mut self.hits);
        for (name, _) in &set.dynamic {
            self.hits.push(Hit::new(&REFUSED, range(name), "`let` cannot define a computed name"));
        }
        let body =
            node.children().filter(|child| !matches!(child.kind(), K::NODE_INHERIT | K::NODE_ATTRPATH_VALUE)).last();
        self.set(&set, |walk| {
            if let Some(body) = body {
                walk.expr(&body);
            }
        });
    }

    fn with(&mut self, node: &SyntaxNode) {
        let mut children = node.children();
        if let Some(names) = children.next() {
            self.expr(&names);
        }
        self.withs += 1;
        children.for_each(|body| self.expr(&body));
        self.withs -= 1;
    }

    fn select(&mut self, node: &SyntaxNode) {
        let mut children = node.children();
        let Some(from) = children.next() else { return };
        let path = node.children().find(|child| child.kind() == K::NODE_ATTRPATH);
        let first = path.as_ref().and_then(SyntaxNode::first_child).and_then(|attr| self.attr_name(&attr));
        match (self.meaning(&from), first) {
            (Some(Meaning::Itself), Some(name)) => {
                self.of_itself(&name);
                if name == "outPath" {
                    self.hits.push(self_path::hit(range(node)));
                }
            }
            (Some(Meaning::Inputs), Some(name)) if name == "self" => self.select_itself(node, path.as_ref()),
            (Some(Meaning::Inputs), Some(name)) => self.uses.one(&name),
            _ => self.expr(&from),
        }
        for child in children {
            if child.kind() == K::NODE_ATTRPATH { self.path(&child) } else { self.expr(&child) }
        }
    }

    /// Walks `inputs.self.x`.
    fn select_itself(&mut self, node: &SyntaxNode, path: Option<&SyntaxNode>) {
        let next = path.and_then(|path| path.children().nth(1)).and_then(|attr| self.attr_name(&attr));
        match next.as_deref() {
            None | Some("inputs") => self.uses.all(),
            Some("outPath") => self.hits.push(self_path::hit(range(node))),
            Some(_) => {}
        }
    }

    /// Walks an attribute path: its names are not variables, but its interpolations may contain some.
    fn path(&mut self, path: &SyntaxNode) {
        for attr in path.children().filter(|attr| attr.kind() != K::NODE_IDENT) {
            self.children(&attr);
        }
    }

    fn attr_name(&self, attr: &SyntaxNode) -> Option<Cow<'a, str>> {
        let (start, end) = range(attr);
        match attr.kind() {
            K::NODE_IDENT => Some(Cow::Borrowed(&self.text[start..end])),
            K::NODE_STRING => fixed(self.text, attr),
            _ => None,
        }
    }

    fn lambda(&mut self, node: &SyntaxNode) {
        refused::lambda(node, &mut self.hits);
        let mut children = node.children();
        let Some(param) = children.next() else { return };
        let is_outputs = self.flake.is_some_and(|flake| flake.outputs.as_ref() == Some(node));
        let names = self.params(&param, is_outputs);
        names.iter().for_each(|&(name, meaning)| self.push(Cow::Borrowed(name), meaning));
        // All arguments are in scope in each default.
        for entry in param.children().filter(|entry| entry.kind() == K::NODE_PAT_ENTRY) {
            entry.children().skip(1).for_each(|default| self.expr(&default));
        }
        children.for_each(|body| self.expr(&body));
        names.iter().for_each(|(name, _)| self.pop(name));
    }

    fn params(&mut self, param: &SyntaxNode, is_outputs: bool) -> Vec<(&'a str, Meaning)> {
        let word = |node: &SyntaxNode| {
            let (start, end) = range(&node.first_child()?);
            Some((&self.text[start..end], (start, end)))
        };
        let mut found: Vec<(&'a str, Range, Meaning)> = Vec::new();
        for part in if param.kind() == K::NODE_PATTERN { param.children().collect() } else { vec![param.clone()] } {
            let Some((name, at)) = word(&part) else { continue };
            let meaning = match part.kind() {
                _ if !is_outputs => Meaning::Other,
                K::NODE_PAT_ENTRY if name == "self" => Meaning::Itself,
                K::NODE_PAT_ENTRY => Meaning::Input,
                _ => Meaning::Inputs,
            };
            found.push((name, at, meaning));
        }
        duplicates::arguments(found.iter().map(|&(name, at, _)| (name, at)), &mut self.hits);
        found.into_iter().map(|(name, _, meaning)| (name, meaning)).collect()
    }

    fn push(&mut self, name: Cow<'a, str>, meaning: Meaning) {
        self.names.entry(name).or_default().push(meaning);
    }

    fn pop(&mut self, name: &str) {
        if let Some(meanings) = self.names.get_mut(name) {
            meanings.pop();
        }
    }
}
