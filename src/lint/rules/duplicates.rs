//! Names that are defined twice.

use std::collections::HashMap;

use super::Hit;
use super::node::Range;

rules! {
    /// An attribute that is defined twice.
    ///
    /// Nix refuses the whole file. It merges `a.b = 1;` with `a.c = 2;` and with `a = { c = 2; };`, but each attribute has
    /// one value: `a = 1;` together with `a.b = 2;` or `inherit a;` is an error.
    ///
    ///     { a.b = 1; a = { b = 2; }; }      wrong: a.b is defined twice
    ///     { a.b = 1; a = { c = 2; }; }      right
    DUPLICATE_ATTRIBUTE = "L01" "duplicate-attribute" Error;

    /// A set that is defined in several parts, whose inner sets must be merged too.
    ///
    /// Nix merges `a = { .. };` with `a = { .. };`, but before 2.20 only at the first level: if both parts contain a set
    /// of the same name, it refuses the file.
    ///
    ///     { a = { b.c = 1; }; a = { b.d = 2; }; }      wrong for Nix 2.8
    ///     { a = { b.c = 1; b.d = 2; }; }               right
    DEEP_MERGE = "L02" "deep-merge" Warning;

    /// A function argument that is declared twice.
    ///
    /// Nix refuses the whole file. The name before or after `@` is an argument too.
    ///
    ///     x@{ x, y }: y      wrong
    ///     args@{ x, y }: y   right
    DUPLICATE_ARGUMENT = "L03" "duplicate-argument" Error;
}

/// Checks the names of the arguments of one function, in the order of the text.
pub(super) fn arguments<'a>(names: impl IntoIterator<Item = (&'a str, Range)>, hits: &mut Vec<Hit>) {
    let mut seen: HashMap<&str, Range> = HashMap::new();
    for (name, at) in names {
        if let Some(&first) = seen.get(name) {
            let hit = Hit::new(&DUPLICATE_ARGUMENT, at, format!("the argument `{name}` is already declared"));
            hits.push(hit.note(first, "the first declaration"));
        }
        seen.entry(name).or_insert(at);
    }
}
