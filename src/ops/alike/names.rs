//! The names of a point in texts, translated to those of another point.

use std::collections::HashSet;

use crate::config::{Config, Named};
use crate::template::store_name;

/// Translates the names of one point to those of another: point, branch, directory, store name, systems and values.
pub(in crate::ops) struct Translation {
    /// Each name with its translation, longer names first.
    pairs: Vec<(String, String)>,
}

impl Translation {
    /// The translation between two points; names that both have stay.
    pub(in crate::ops) fn new(config: &Config, from: &Named, to: &Named) -> Self {
        let names = |named: &Named| {
            [named.spelled.to_string(), named.branch.to_string(), named.dir.clone(), store_name(&named.spelled)]
        };
        let mut pairs: Vec<_> = names(from).into_iter().zip(names(to)).collect();
        let [own, other] = [from, to].map(|named| texts(config, named));
        pairs.extend(own.into_iter().zip(other).flat_map(|(own, other)| pairs_of(own, other)));
        pairs.retain(|(own, other)| own != other && !own.is_empty());
        pairs.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        pairs.dedup();
        Self { pairs }
    }

    /// The text with each name translated.
    pub(in crate::ops) fn translate(&self, text: &str) -> String {
        let (mut translated, mut at) = (String::with_capacity(text.len()), 0);
        let mut is_inside = false;
        while let Some(c) = text[at..].chars().next() {
            let found = if is_inside { None } else { self.at(&text[at..]) };
            if let Some((own, other)) = found {
                translated.push_str(other);
                at += own.len();
                is_inside = true;
            } else {
                translated.push(c);
                at += c.len_utf8();
                is_inside = is_word(c);
            }
        }
        translated
    }

    /// The text with those lines translated that `other` has only in translation.
    pub(in crate::ops) fn lines_like(&self, text: &str, other: &str) -> String {
        let there: HashSet<&str> = other.split_inclusive('\n').collect();
        let line = |line: &str| {
            let translated = Some(self.translate(line)).filter(|line| there.contains(line.as_str()));
            translated.filter(|_| !there.contains(line)).unwrap_or_else(|| line.to_owned())
        };
        text.split_inclusive('\n').map(line).collect()
    }

    /// Whether `after` has lines that `before` does not have and that have one of the names.
    pub(in crate::ops) fn has_new_lines(&self, before: &str, after: &str) -> bool {
        let there: HashSet<&str> = before.lines().collect();
        after.lines().any(|line| !there.contains(line) && self.translate(line) != line)
    }

    /// The name that `text` begins with.
    fn at(&self, text: &str) -> Option<(&str, &str)> {
        let ends = |own: &str| !text[own.len()..].starts_with(is_word);
        let begins = |(own, _): &&(String, String)| text.starts_with(own.as_str()) && ends(own);
        self.pairs.iter().find(begins).map(|(own, other)| (own.as_str(), other.as_str()))
    }
}

/// The texts that belong to a point: its systems, and its values on each axis.
fn texts(config: &Config, named: &Named) -> Vec<Vec<String>> {
    let systems = config.systems.of(&config.lattice, &named.point).iter().map(ToString::to_string).collect();
    let values = config.lattice.values(&named.point);
    let values = values.into_iter().map(|values| values.iter().map(ToString::to_string).collect());
    std::iter::once(systems).chain(values).collect()
}

/// The pairs of texts in the same places, and of all of them joined.
fn pairs_of(own: Vec<String>, other: Vec<String>) -> Vec<(String, String)> {
    let joined = (own.join("+"), other.join("+"));
    let same_count = own.len() == other.len();
    let single = own.into_iter().zip(other).filter(|_| same_count);
    single.chain([joined]).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translation() -> Translation {
        let toml = "base = \"main\"\n[axes]\ncomponent = { set = [\"a-1.0\"] }\narch = { set = [\"aarch64\", \"x86_64\"] }\n\
                    step = { chain = \"step{n}\" }\n";
        let config = Config::parse("lattice.toml", toml.as_bytes()).unwrap();
        let name = |text: &str| config.name(&config.lattice.parse_point(text).unwrap());
        Translation::new(&config, &name("a-1.0/aarch64/step1"), &name("a-1.0/x86_64/step12"))
    }

    #[test]
    fn translates_whole_names_once() {
        let names = translation();
        let text = "feature/a-1.0/aarch64/step1 aarch64-linux aarch64-unknown step1, step10 xaarch64 aarch64_be x86_64";
        let expected =
            "feature/a-1.0/x86_64/step12 x86_64-linux x86_64-unknown step12, step10 xaarch64 aarch64_be x86_64";
        assert_eq!(names.translate(text), expected);
    }

    #[test]
    fn finds_new_lines_with_names() {
        let names = translation();
        assert!(
            names.has_new_lines("step1\n", "step1\n# aarch64\n") && !names.has_new_lines("step1\n", "step1\nx86_64\n")
        );
    }

    #[test]
    fn only_lines_that_the_other_has_are_translated() {
        let names = translation();
        let other = "system = \"x86_64\"\nboth = [ \"aarch64\" \"x86_64\" ]\n";
        let own = "system = \"aarch64\"\nboth = [ \"aarch64\" \"x86_64\" ]\n# aarch64 only\n";
        let expected = "system = \"x86_64\"\nboth = [ \"aarch64\" \"x86_64\" ]\n# aarch64 only\n";
        assert_eq!(names.lines_like(own, other), expected);
    }
}
