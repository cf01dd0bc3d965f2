//! Attribute sets after the merge of nested definitions: `a.b = 1; a = { c = 2; };` is one set within another.
//!
//! As in `ParserState::addAttr` of Nix, the order matters: later definitions are merged into the first, and only the `rec` of
//! the first one counts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rnix::{SyntaxKind as K, SyntaxNode};

use super::Hit;
use super::duplicates::{DEEP_MERGE, DUPLICATE_ATTRIBUTE};
use super::node::{Range, fixed, range, unparen};
use super::refused::REFUSED;

/// An attribute set, or the definitions of a `let`.
#[derive(Debug, Default)]
pub(super) struct Set<'a> {
    pub(super) recursive: bool,
    pub(super) attrs: Vec<Attr<'a>>,
    /// Attributes with computed names, each with the expression of its name.
    pub(super) dynamic: Vec<(SyntaxNode, Value<'a>)>,
    pub(super) sources: Vec<Source<'a>>,
    index: HashMap<Cow<'a, str>, usize>,
}

/// `inherit (expr) names;`
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) expr: SyntaxNode,
    pub(super) names: Vec<Cow<'a, str>>,
}

/// One attribute.
#[derive(Debug)]
pub(super) struct Attr<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) at: Range,
    pub(super) value: Value<'a>,
}

/// The value of an attribute.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Expr(SyntaxNode),
    /// A set, literal or from a path such as `a.b = 1`, with its place.
    Set(Set<'a>, Range),
    /// `inherit a;`
    Inherited,
    /// `inherit (set) a;`
    Selected,
}

enum Name<'a> {
    Static(Cow<'a, str>, Range),
    Dynamic(SyntaxNode),
}

struct Reader<'a, 'h> {
    text: &'a str,
    hits: &'h mut Vec<Hit>,
}

impl<'a> Set<'a> {
    /// Reads the definitions between the braces of `node`, or between `let` and `in`.
    pub(super) fn of(text: &'a str, node: &SyntaxNode, hits: &mut Vec<Hit>) -> Self {
        Reader { text, hits }.set(node)
    }

    /// The attribute of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Attr<'a>> {
        self.index.get(name).map(|&at| &self.attrs[at])
    }

    fn insert(&mut self, attr: Attr<'a>) {
        self.index.insert(attr.name.clone(), self.attrs.len());
        self.attrs.push(attr);
    }
}

impl<'a> Reader<'a, '_> {
    fn set(&mut self, node: &SyntaxNode) -> Set<'a> {
        let first = node.first_token().map(|token| token.kind());
        let recursive = matches!(first, Some(K::TOKEN_REC | K::TOKEN_LET));
        let mut set = Set { recursive, ..Set::default() };
        for entry in node.children() {
            match entry.kind() {
                K::NODE_INHERIT => self.inherit(&mut set, &entry),
                K::NODE_ATTRPATH_VALUE => self.attr(&mut set, &entry),
                _ => {}
            }
        }
        set
    }

    fn inherit(&mut self, set: &mut Set<'a>, entry: &SyntaxNode) {
        let source = entry.children().find(|child| child.kind() == K::NODE_INHERIT_FROM);
        let from_set = source.is_some();
        let mut names = Vec::new();
        for attr in entry.children().filter(|child| child.kind() != K::NODE_INHERIT_FROM) {
            let Name::Static(name, at) = self.name(&attr) else {
                self.hits.push(Hit::new(&REFUSED, range(&attr), "`inherit` cannot take a computed name"));
                continue;
            };
            names.push(name.clone());
            self.add(set, Attr { name, at, value: if from_set { Value::Selected } else { Value::Inherited } });
        }
        let expr = source.and_then(|source| source.first_child());
        set.sources.extend(expr.map(|expr| Source { expr, names }));
    }

    fn attr(&mut self, set: &mut Set<'a>, entry: &SyntaxNode) {
        let mut children = entry.children();
        let Some(path) = children.next() else { return };
        let Some(value) = children.next() else { return };
        let mut names: Vec<Name> = path.children().map(|attr| self.name(&attr)).collect();
        let Some(last) = names.pop() else { return };
        let mut set = set;
        for name in names {
            match self.step(set, name) {
                Some(inner) => set = inner,
                None => return,
            }
        }
        let value = self.value(value);
        match last {
            Name::Static(name, at) => self.add(set, Attr { name, at, value }),
            Name::Dynamic(name) => set.dynamic.push((name, value)),
        }
    }

    /// The inner set for one part of a path; creates it if it is missing.
    fn step<'s>(&mut self, set: &'s mut Set<'a>, name: Name<'a>) -> Option<&'s mut Set<'a>> {
        let (name, at) = match name {
            Name::Static(name, at) => (name, at),
            Name::Dynamic(node) => {
                let at = range(&node);
                set.dynamic.push((node, Value::Set(Set::default(), at)));
                return match set.dynamic.last_mut() {
                    Some((_, Value::Set(inner, _))) => Some(inner),
                    _ => None,
                };
            }
        };
        let place = set.index.get(&name).copied().unwrap_or_else(|| {
            set.insert(Attr { name, at, value: Value::Set(Set::default(), at) });
            set.attrs.len() - 1
        });
        let there = &mut set.attrs[place];
        if let Value::Set(inner, _) = &mut there.value {
            return Some(inner);
        }
        self.duplicate(&there.name, at, there.at);
        None
    }

    fn add(&mut self, set: &mut Set<'a>, attr: Attr<'a>) {
        let place = match set.index.entry(attr.name.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(set.attrs.len());
                return set.attrs.push(attr);
            }
            Entry::Occupied(entry) => *entry.get(),
        };
        let there = &mut set.attrs[place];
        match (&mut there.value, attr.value) {
            (Value::Set(before, _), Value::Set(more, _)) => self.merge(before, more),
            _ => self.duplicate(&attr.name, attr.at, there.at),
        }
    }

    fn merge(&mut self, set: &mut Set<'a>, more: Set<'a>) {
        for attr in more.attrs {
            let both = set
                .get(&attr.name)
                .filter(|there| matches!((&there.value, &attr.value), (Value::Set(..), Value::Set(..))));
            if let Some(there) = both {
                let message = format!("Nix before 2.20 cannot merge a second definition of `{}`", attr.name);
                self.hits.push(Hit::new(&DEEP_MERGE, attr.at, message).note(there.at, "the first definition"));
            }
            self.add(set, attr);
        }
        set.dynamic.extend(more.dynamic);
        set.sources.extend(more.sources);
    }

    fn duplicate(&mut self, name: &str, at: Range, first: Range) {
        let hit = Hit::new(&DUPLICATE_ATTRIBUTE, at, format!("the attribute `{name}` is already defined"));
        self.hits.push(hit.note(first, "the first definition"));
    }

    fn value(&mut self, node: SyntaxNode) -> Value<'a> {
        let inner = unparen(node.clone());
        if inner.kind() == K::NODE_ATTR_SET { Value::Set(self.set(&inner), range(&inner)) } else { Value::Expr(node) }
    }

    fn name(&self, attr: &SyntaxNode) -> Name<'a> {
        let at = range(attr);
        match attr.kind() {
            K::NODE_IDENT => Name::Static(Cow::Borrowed(&self.text[at.0..at.1]), at),
            K::NODE_STRING => {
                fixed(self.text, attr).map_or_else(|| Name::Dynamic(attr.clone()), |name| Name::Static(name, at))
            }
            _ => {
                let inner = attr.first_child().map(unparen);
                let name = inner.filter(|inner| inner.kind() == K::NODE_STRING);
                let name = name.and_then(|inner| fixed(self.text, &inner));
                name.map_or_else(|| Name::Dynamic(attr.clone()), |name| Name::Static(name, at))
            }
        }
    }
}
