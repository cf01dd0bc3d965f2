//! Points and branches, completed part by part: of ten thousand points the user sees the next part of their names.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::git::{Repo, Result, names};
use crate::lattice::{Offer, Selector};
use crate::points::names::{Names, hide_renamed};

/// Up to this number, whole points are offered instead of their next part.
const MAX_SHOWN: usize = 20;

/// The points that `word` can become, as `component/arch/phase/step` up to the next `/`. Some text is there already, with `*` and
/// `{a,b}` where several are meant. `has_new`: the point need not exist.
pub(super) fn points(repo: &Repo, config: &Config, word: &str, has_new: bool) -> Vec<String> {
    let lattice = &config.lattice;
    let parts = Selector::parts(word);
    let Some((tail, heads)) = parts.split_last().filter(|(_, heads)| heads.len() < lattice.axes().len()) else {
        return Vec::new();
    };
    let Ok(selector) = Selector::parse_first(lattice, heads) else { return Vec::new() };
    let (listed, tail) = split_list(tail);
    let (names, is_all) = names(repo, config, heads, (listed, tail)).unwrap_or_default();
    let fits = selector.matcher();
    let mut found: Vec<_> = names.texts(config).filter(|texts| fits(texts)).collect();
    let kept = &word[..word.len() - tail.len()];
    if listed.is_empty() {
        found.retain(|texts| texts[heads.len()].starts_with(tail));
        if !has_new && is_all && found.len() <= MAX_SHOWN && heads.iter().all(|head| is_plain(head)) {
            return whole(config, &found, word);
        }
    }
    let place =
        Place { kept: kept.to_owned(), listed, tail, chosen: heads.iter().map(|head| (*head).to_owned()).collect() };
    place.next(config, found, has_new)
}

/// Branches by which the points go on, and whether they are all: fewer than all are enough unless a head means several texts.
fn names(repo: &Repo, config: &Config, heads: &[&str], (listed, tail): (&str, &str)) -> Result<(Names, bool)> {
    let is_one = |head: &&str| is_plain(head) && !head.contains('+');
    if listed.is_empty() && is_plain(tail) && heads.iter().all(is_one) {
        return Names::next(repo, config, MAX_SHOWN, heads, tail);
    }
    Ok((Names::list(repo, config, |axis| heads.get(axis).copied().filter(is_one))?, true))
}

/// A point that is partly written.
struct Place<'w> {
    /// The text before the value that is being written.
    kept: String,
    /// The beginning of a list of values, such as `aarch64+` or `{a,b,`.
    listed: &'w str,
    /// The beginning of the value.
    tail: &'w str,
    /// The texts of the axes before.
    chosen: Vec<String>,
}

impl Place<'_> {
    /// The next part of the points; where there is only one, those after it.
    fn next(mut self, config: &Config, mut found: Vec<Vec<&str>>, has_new: bool) -> Vec<String> {
        let lattice = &config.lattice;
        loop {
            let axis = self.chosen.len();
            let known: BTreeSet<&str> = found.iter().map(|texts| texts[axis]).collect();
            let before =
                lattice.chain_before(axis).map(|axis| self.chosen[axis].as_str()).filter(|text| is_plain(text));
            let mut values = lattice.offered(axis, Offer { before, has_new }, &known);
            values.retain(|value| value.starts_with(self.tail) && !has_value(self.listed, value));
            let is_last = axis + 1 == lattice.axes().len();
            match values.as_slice() {
                [only] if !is_last && self.listed.is_empty() => {
                    self.kept = format!("{}{only}/", self.kept);
                    found.retain(|texts| texts[axis] == only);
                    self.chosen.push(only.clone());
                    self.tail = "";
                }
                _ => {
                    let end = if is_last || self.listed.contains('{') { "" } else { "/" };
                    return values.iter().map(|value| format!("{}{value}{end}", self.kept)).collect();
                }
            }
        }
    }
}

fn whole(config: &Config, found: &[Vec<&str>], word: &str) -> Vec<String> {
    let mut points: Vec<_> = found.iter().filter_map(|texts| config.lattice.point_of(texts).ok()).collect();
    points.sort();
    let spelled = points.iter().map(|point| config.spell(point).into());
    spelled.filter(|text: &String| text.starts_with(word)).collect()
}

/// The points' branches that `word` can become, here and on the remote.
pub(super) fn branches_of_points(repo: &Repo, config: &Config, word: &str) -> Vec<String> {
    // The form is enough: decoding ten thousand names takes as long as all else.
    let is_point = |name: &&str| config.branch.texts(&config.lattice, name).is_some();
    let here = listed(repo, &names::heads_under(word));
    let mut found: Vec<String> =
        here.iter().filter_map(|name| names::short(name)).filter(is_point).map(str::to_owned).collect();
    if let Some(remote) = &config.remote {
        let mut there = listed(repo, &format!("{}{word}", names::REMOTES));
        hide_renamed(repo, remote, "", &mut there).ok();
        let there = there.iter().filter(|name| names::short_tracking(name, remote).is_some_and(|name| is_point(&name)));
        found.extend(there.filter_map(|name| name.strip_prefix(names::REMOTES)).map(str::to_owned));
    }
    by_parts(found, word)
}

/// The branches that `word` can become.
pub(super) fn branches(repo: &Repo, word: &str) -> Vec<String> {
    let found = listed(repo, &names::heads_under(word));
    by_parts(found.iter().filter_map(|name| names::short(name)).map(str::to_owned).collect(), word)
}

fn listed(repo: &Repo, prefix: &str) -> Vec<String> {
    repo.ref_names(prefix).unwrap_or_default()
}

/// The names up to the first `/` after `word`, or whole if there are few.
fn by_parts(names: Vec<String>, word: &str) -> Vec<String> {
    let mut end = word.len();
    while names.len() > MAX_SHOWN {
        let part =
            |name: &String| name[end..].find('/').map_or_else(|| name.clone(), |at| name[..=end + at].to_owned());
        let parts: BTreeSet<String> = names.iter().map(part).collect();
        match parts.first() {
            Some(only) if parts.len() == 1 && only.ends_with('/') => end = only.len(),
            _ => return parts.into_iter().collect(),
        }
    }
    names
}

/// Splits a list of values, such as `aarch64,x86` or `aarch64+x86`, before the value that is being written.
pub(super) fn split_list(text: &str) -> (&str, &str) {
    text.split_at(text.rfind([',', '+', '{']).map_or(0, |at| at + 1))
}

/// Whether a list of values, such as `{a,b,`, has this one.
pub(super) fn has_value(list: &str, value: &str) -> bool {
    list.split([',', '+', '{']).any(|word| word == value)
}

fn is_plain(text: &str) -> bool {
    !text.contains(['*', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_branches_come_whole_and_many_part_by_part() {
        let few = vec!["a/x/1".to_owned(), "a/y/1".to_owned()];
        assert_eq!(by_parts(few.clone(), "a/"), few);
        let many = |prefix: &str| (0..=MAX_SHOWN).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
        let names = || [many("a/b/c/"), many("a/b/d-")].concat();
        assert_eq!(
            by_parts(many("a/b/c/"), ""),
            many("a/b/c/").into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        );
        let parts = by_parts(names(), "a");
        assert_eq!((parts.len(), parts[0].as_str()), (many("").len() + 1, "a/b/c/"), "{parts:?}");
    }

    #[test]
    fn lists_of_values_are_split_before_the_last_one() {
        assert_eq!(split_list("aarch64,x8"), ("aarch64,", "x8"));
        assert_eq!(split_list("x{a,b+"), ("x{a,b+", ""));
        assert_eq!(split_list("x8"), ("", "x8"));
        assert!(has_value("{a,b+", "b") && has_value("a,", "a") && !has_value("ab,", "a"));
    }
}
