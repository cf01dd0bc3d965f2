//! Names that are given twice.

use std::collections::HashMap;

use super::Hit;
use super::node::Range;

rules! {
    /// An attribute that is defined twice.
    ///
    /// Nix refuses the whole file. It unites `a.b = 1;` with `a.c = 2;` and with `a = { c = 2; };`, but one place has one
    /// value: `a = 1;` beside `a.b = 2;`, or beside `inherit a;`, is an error.
    ///
    ///     { a.b = 1; a = { b = 2; }; }      wrong: a.b is there twice
    ///     { a.b = 1; a = { c = 2; }; }      right
    DUPLICATE_ATTRIBUTE = "L01" "duplicate-attribute" Error;

    /// A set that is written in several parts, whose inner sets have to be united too.
    ///
    /// Nix unites `a = { .. };` with `a = { .. };`, but before 2.20 only at the first level: where both parts hold a set
    /// of the same name it refuses the file.
    ///
    ///     { a = { b.c = 1; }; a = { b.d = 2; }; }      wrong for Nix 2.8
    ///     { a = { b.c = 1; b.d = 2; }; }               right
    DEEP_MERGE = "L02" "deep-merge" Warning;

    /// A function argument that is there twice.
    ///
    /// Nix refuses the whole file. The name before or after `@` counts as one of them.
    ///
    ///     x@{ x, y }: y      wrong
    ///     args@{ x, y }: y   right
    DUPLICATE_ARGUMENT = "L03" "duplicate-argument" Error;
}

/// The names of one function's arguments, in the order of the text.
pub(super) fn arguments<'a>(names: impl IntoIterator<Item = (&'a str, Range)>, hits: &mut Vec<Hit>) {
    let mut seen: HashMap<&str, Range> = HashMap::new();
    for (name, at) in names {
        if let Some(&first) = seen.get(name) {
            let hit = Hit::new(&DUPLICATE_ARGUMENT, at, format!("the argument `{name}` is there already"));
            hits.push(hit.note(first, "the first one"));
        }
        seen.entry(name).or_insert(at);
    }
}
