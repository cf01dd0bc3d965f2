//! Outlines such as `feature/*/*/*/*`: patterns of existing branches whose axes have no values yet.

use std::fmt;

use super::branch::{Part, read, split, unseparated};
use super::{AxisName, Error, Result};

/// A pattern with a `*` for each axis; `{arch}` is an axis that has a name already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    text: String,
    parts: Vec<Part>,
    names: Vec<Option<AxisName>>,
}

impl Outline {
    /// Parses an outline.
    ///
    /// # Errors
    /// [`Error::BadPattern`] if it has no axis, or nothing separates two of them; [`Error::BadAxis`] for a name that no axis can have.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |why: &str| Err(Error::BadPattern { pattern: text.to_owned(), why: why.to_owned() });
        let mut names = Vec::new();
        let parts = split(&text.replace('*', "{*}"), |name| {
            names.push(if name == "*" { None } else { Some(AxisName::parse(name)?) });
            Ok(names.len() - 1)
        });
        let Ok(parts) = parts else { return bad("a `{` is not closed, or does not begin the name of an axis") };
        if names.is_empty() {
            return bad("it has no axis: write a `*` for each, as in `feature/*/*/*/*`");
        }
        if unseparated(&parts).is_some() {
            return bad("separate two axes by `/` or `@`, which no value contains");
        }
        Ok(Self { text: text.to_owned(), parts, names })
    }

    /// The number of axes.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether it has no axes.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The name of each axis that has one.
    pub fn names(&self) -> &[Option<AxisName>] {
        &self.names
    }

    /// The common prefix of all names, up to the first axis.
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Literal(literal)) => literal,
            _ => "",
        }
    }

    /// The text of each axis in a name; `None` if the name does not have this form, or an axis has no text.
    pub fn texts<'n>(&self, name: &'n str) -> Option<Vec<&'n str>> {
        let mut texts = vec![""; self.len()];
        let fits = read(&self.parts, name, |axis, text| texts[axis] = text);
        let is_text = |text: &&str| !text.is_empty() && !text.contains('/');
        (fits && texts.iter().all(is_text)).then_some(texts)
    }

    /// Whether each part between two `/` after the prefix is one axis.
    pub fn has_one_axis_per_part(&self) -> bool {
        let rest = &self.parts[usize::from(!self.prefix().is_empty())..];
        let is_plain = |part: &Part| matches!(part, Part::Axis(_)) || *part == Part::Literal("/".to_owned());
        (self.prefix().is_empty() || self.prefix().ends_with('/')) && rest.iter().all(is_plain)
    }

    /// The name whose axes have these texts; with `{component}` and the like it is the pattern of branches.
    pub fn with(&self, texts: &[String]) -> String {
        let piece = |part: &Part| match part {
            Part::Literal(literal) => literal.clone(),
            Part::Axis(axis) => texts.get(*axis).cloned().unwrap_or_default(),
        };
        self.parts.iter().map(piece).collect()
    }
}

impl fmt::Display for Outline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_apart_and_puts_them_together() {
        let outline = Outline::parse("f/*@{arch}/*-rc").unwrap();
        assert_eq!((outline.len(), outline.prefix()), (3, "f/"));
        assert_eq!(outline.names()[1].as_ref().map(AxisName::as_str), Some("arch"));
        let texts = outline.texts("f/gcc-1@aarch64/step1-rc").unwrap();
        assert_eq!(texts, ["gcc-1", "aarch64", "step1"]);
        let own: Vec<_> = texts.iter().map(ToString::to_string).collect();
        assert_eq!(outline.with(&own), "f/gcc-1@aarch64/step1-rc");
        for other in ["f/gcc@aarch64", "f/gcc@aarch64/step1", "f/@a/b-rc", "f/a@b/c/d-rc", "g/a@b/c-rc"] {
            assert_eq!(outline.texts(other), None, "{other}");
        }
    }

    #[test]
    fn knows_whether_each_part_is_one_axis() {
        let is_plain = |text: &str| Outline::parse(text).unwrap().has_one_axis_per_part();
        assert!(is_plain("feature/*/{arch}/*") && is_plain("*/*"));
        assert!(!is_plain("f/*@*") && !is_plain("v*/*") && !is_plain("f/*-rc/*"));
    }

    #[test]
    fn refuses_what_no_branch_can_be_read_by() {
        for text in ["feature", "a/**", "a/*x*", "a/{Arch}/*", "a/{arch/*", ""] {
            assert!(Outline::parse(text).is_err(), "{text:?}");
        }
    }
}
