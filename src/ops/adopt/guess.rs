//! Guesses the outline of branches from their names.

use std::collections::BTreeMap;

use super::axes::{Column, Form};
use crate::lattice::Outline;
use crate::system::System;

/// How many other outlines are named.
const MAX_SHAPES: usize = 3;

/// Branches whose names have the same form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Their outline.
    pub from: String,
    /// How many there are.
    pub branches: usize,
}

/// A group of branches that one outline fits.
struct Group<'n> {
    outline: Outline,
    columns: Vec<Column<'n>>,
    branches: usize,
}

impl<'n> Group<'n> {
    fn new(parts: usize, prefix: Option<&str>) -> Option<Self> {
        let outline = star(parts, prefix)?;
        Some(Self { columns: vec![Column::default(); outline.len()], outline, branches: 0 })
    }

    fn add(&mut self, texts: &[&'n str]) {
        self.branches += 1;
        self.columns.iter_mut().zip(texts).for_each(|(column, text)| column.add(text));
    }

    /// Whether a column has architectures or numbers: such branches look like the steps of a build.
    fn is_recognized(&self) -> bool {
        self.columns.iter().any(|column| !matches!(column.form(), Form::Words))
    }

    fn is_likely(&self) -> bool {
        self.is_recognized() || (self.columns.len() > 1 && self.branches > 1)
    }
}

/// The most likely outline of these branches, and others that fit some of them; `None` if they do not look like points.
///
/// The first part of a name is a prefix such as `feature`, unless it looks like a value.
pub(super) fn outline<'n>(branches: impl Iterator<Item = &'n String>) -> Option<(Outline, Vec<Shape>)> {
    let mut groups: BTreeMap<(usize, Option<&str>), Option<Group<'_>>> = BTreeMap::new();
    for branch in branches {
        let parts: Vec<_> = branch.split('/').collect();
        let prefix = Some(parts[0]).filter(|first| !is_value(first));
        let group = groups.entry((parts.len(), prefix)).or_insert_with(|| Group::new(parts.len(), prefix));
        if let Some(group) = group {
            group.add(&parts[usize::from(prefix.is_some())..]);
        }
    }
    let mut likely: Vec<_> = groups.into_values().flatten().filter(Group::is_likely).collect();
    likely.sort_by_cached_key(|group| (group.is_recognized(), group.branches, group.columns.len()));
    let best = likely.pop()?;
    likely.retain(|group| group.branches > 1);
    let shape = |group: Group<'_>| Shape { from: group.outline.to_string(), branches: group.branches };
    Some((best.outline, likely.into_iter().rev().take(MAX_SHAPES).map(shape).collect()))
}

/// `feature/*/*` for three parts; `None` for names that are too short or cannot be written in a pattern.
fn star(parts: usize, prefix: Option<&str>) -> Option<Outline> {
    let is_plain = |prefix: &str| prefix.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if parts < 2 || !prefix.is_none_or(is_plain) {
        return None;
    }
    let stars = std::iter::repeat_n("*", parts - usize::from(prefix.is_some()));
    Outline::parse(&prefix.into_iter().chain(stars).collect::<Vec<_>>().join("/")).ok()
}

/// Whether the first part of a name looks like a value: `v5.15`, `aarch64`.
fn is_value(first: &str) -> bool {
    System::of_arch(first).is_some() || first.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::outline;

    #[track_caller]
    fn guess(branches: &[&str]) -> Option<(String, Vec<String>)> {
        let branches: Vec<_> = branches.iter().map(ToString::to_string).collect();
        let (from, shapes) = outline(branches.iter())?;
        Some((from.to_string(), shapes.into_iter().map(|shape| format!("{} {}", shape.branches, shape.from)).collect()))
    }

    #[test]
    fn most_branches_with_known_values_are_chosen() {
        let stages = ["feature/gcc/aarch64/phase0/step1", "feature/gcc/aarch64/phase0/step2"];
        let bots = ["bot/npm/a", "bot/npm/b", "bot/npm/c"];
        let (from, shapes) = guess(&[&stages[..], &bots, &["fix/login", "dev"]].concat()).unwrap();
        assert_eq!(from, "feature/*/*/*/*");
        assert_eq!(shapes, ["3 bot/*/*"]);
    }

    #[test]
    fn first_part_is_an_axis_if_it_looks_like_a_value() {
        let names = ["v5.15/base", "v5.15/standard/base", "v6.1/standard/base", "v6.1/standard/tiny"];
        assert_eq!(guess(&names).unwrap().0, "*/*/*");
        assert_eq!(guess(&["aarch64/step1", "x86_64/step1"]).unwrap().0, "*/*");
        assert_eq!(guess(&["stage/stage0", "stage/stage1"]).unwrap().0, "stage/*");
    }

    #[test]
    fn ordinary_branches_look_like_no_points() {
        assert_eq!(guess(&["dev", "fix/login", "fix/logout", "wip/{x}/y"]), None);
        assert_eq!(guess(&[]), None);
    }
}
