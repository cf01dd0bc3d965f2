//! The axes of an outline: their names, kinds and values, from the texts that branches have on them.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Result, bail};

use super::branch::Reading;
use super::natural;
use super::request::Request;
use crate::config::ARCH;
use crate::config::document::AxisDraft;
use crate::lattice::{AxisName, Outline, Value};
use crate::ops::Cannot;
use crate::system::System;

/// The axis of what is built: its values do not follow each other.
const COMPONENT: &str = "component";
/// Words of numbered values that follow each other, also if there is only one.
const ORDERED: [&str; 9] = ["level", "part", "pass", "phase", "rev", "round", "stage", "step", "tier"];

/// The texts on one axis, with the number of branches that have each.
#[derive(Debug, Clone, Default)]
pub(super) struct Column<'n> {
    counts: BTreeMap<&'n str, usize>,
}

/// What the texts on an axis look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// Names of architectures, joined by `+` for points over several.
    Arch,
    /// This word and a number.
    Numbered(String),
    /// Anything else.
    Words,
}

impl Form {
    fn has(&self, text: &str) -> bool {
        match self {
            Self::Arch => text.split('+').all(|value| System::of_arch(value).is_some()),
            Self::Numbered(word) => numbered(text).is_some_and(|(own, _)| own == word),
            Self::Words => true,
        }
    }
}

impl<'n> Column<'n> {
    pub(super) fn add(&mut self, text: &'n str) {
        *self.counts.entry(text).or_default() += 1;
    }

    /// The form that at least three quarters of the branches have. Few branches with other texts are left out, so that the axis stays
    /// a chain that can go on.
    pub(super) fn form(&self) -> Form {
        let total: usize = self.counts.values().sum();
        let is_most = |form: &Form| {
            let fitting = self.counts.iter().filter(|(text, _)| form.has(text));
            fitting.map(|(_, count)| count).sum::<usize>() * 4 >= total * 3
        };
        let mut words: HashMap<&str, (usize, usize)> = HashMap::new();
        for ((word, _), count) in self.counts.iter().filter_map(|(text, count)| Some((numbered(text)?, count))) {
            let (values, branches) = words.entry(word).or_default();
            (*values, *branches) = (*values + 1, *branches + count);
        }
        let most = words.into_iter().max_by_key(|(word, (_, branches))| (*branches, *word));
        let counted = most.filter(|(word, (values, _))| *values > 1 || is_ordered(word));
        let forms = std::iter::once(Form::Arch).chain(counted.map(|(word, _)| Form::Numbered(word.to_owned())));
        forms.into_iter().find(is_most).unwrap_or(Form::Words)
    }
}

/// The word and the number of a value such as `step12` or `stage-3`; `None` for others, such as `gcc-14.2` or `step01`.
fn numbered(text: &str) -> Option<(&str, u64)> {
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &text[word.len()..];
    let is_word = word.trim_end_matches(['-', '_', '.']).chars().all(|c| c.is_ascii_alphabetic());
    let number = digits.parse().ok().filter(|number: &u64| *number < u64::MAX && number.to_string() == digits)?;
    is_word.then_some((word, number))
}

/// The word of numbered values as the name of an axis: `stage` for `Stage-1`.
fn axis_word(word: &str) -> String {
    word.trim_end_matches(['-', '_', '.']).to_ascii_lowercase()
}

fn is_ordered(word: &str) -> bool {
    ORDERED.contains(&axis_word(word).as_str())
}

/// One axis.
pub(super) struct Found {
    pub(super) name: AxisName,
    /// Whether its values have systems.
    pub(super) is_arch: bool,
    form: Form,
    is_chain: bool,
    /// Each value in lower case, with its spellings and the number of branches that have each.
    values: BTreeMap<String, BTreeMap<String, usize>>,
}

/// The axes of an outline.
///
/// # Errors
/// When the names do not fit the outline, or no branch fits on all axes.
pub(super) fn find(from: &Outline, readings: &[Reading<'_>], request: &Request) -> Result<Vec<Found>> {
    let mut columns = vec![Column::default(); from.len()];
    for reading in readings {
        columns.iter_mut().zip(&reading.texts).for_each(|(column, text)| column.add(text));
    }
    let forms: Vec<_> = columns.iter().map(Column::form).collect();
    let names = names(from, &request.axes, &forms)?;
    if let Some(stray) = request.chains.iter().find(|chain| !names.iter().any(|name| name.as_str() == *chain)) {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        bail!("`--chain {stray}`: there is no such axis, only {}", names.join(", "));
    }
    let first_arch = forms.iter().position(|form| *form == Form::Arch);
    let arch = names.iter().position(|name| name.as_str() == ARCH).or(first_arch);
    let axes = names.into_iter().zip(forms).enumerate();
    let mut found: Vec<_> =
        axes.map(|(i, (name, form))| Found::new(name, form, arch == Some(i), &request.chains)).collect();
    for reading in readings {
        // A branch that does not fit on one axis adds no value to the others.
        if found.iter().zip(&reading.texts).all(|(axis, text)| axis.admits(text, &request.systems)) {
            found.iter_mut().zip(&reading.texts).for_each(|(axis, text)| axis.add(text));
        }
    }
    if found.iter().any(|axis| axis.values.is_empty()) {
        return Err(Cannot::NothingToAdopt { from: Some(from.to_string()) }.into());
    }
    Ok(found)
}

/// The names of the axes: given, or guessed from the forms of their values.
fn names(from: &Outline, given: &[AxisName], forms: &[Form]) -> Result<Vec<AxisName>> {
    if !given.is_empty() && given.len() != from.len() {
        bail!("`--axes` names {} axes, and `{from}` has {}", given.len(), from.len());
    }
    if !given.is_empty() && from.names().iter().any(Option::is_some) {
        bail!("`--axes` and `{from}` both name axes: name them in one place");
    }
    if let Some(twice) = given.iter().enumerate().find_map(|(i, name)| given[..i].contains(name).then_some(name)) {
        bail!("`--axes` names `{twice}` twice");
    }
    let own: Vec<_> = if given.is_empty() { from.names().to_vec() } else { given.iter().cloned().map(Some).collect() };
    let guessed = guessed(&own, forms);
    let mut taken: Vec<AxisName> = own.iter().flatten().cloned().collect();
    let mut names = Vec::new();
    for (i, (own, guessed)) in own.into_iter().zip(guessed).enumerate() {
        let free = guessed.filter(|name| !taken.contains(name));
        let name = own.or(free).map_or_else(|| AxisName::parse(&format!("axis{}", i + 1)), Ok)?;
        taken.push(name.clone());
        names.push(name);
    }
    Ok(names)
}

/// The names that the forms suggest. The only axis of other words has what is built.
fn guessed(own: &[Option<AxisName>], forms: &[Form]) -> Vec<Option<AxisName>> {
    let is_component = |i: usize, form: &Form| match form {
        Form::Words => true,
        Form::Numbered(word) => i == 0 && !is_ordered(word),
        Form::Arch => false,
    };
    let others: Vec<usize> = (0..forms.len()).filter(|i| own[*i].is_none() && is_component(*i, &forms[*i])).collect();
    let name = |(i, form): (usize, &Form)| match form {
        _ if others == [i] => COMPONENT.to_owned(),
        Form::Arch => ARCH.to_owned(),
        Form::Numbered(word) if axis_word(word).len() > 2 => axis_word(word),
        _ => String::new(),
    };
    forms.iter().enumerate().map(|axis| AxisName::parse(&name(axis)).ok()).collect()
}

impl Found {
    fn new(name: AxisName, form: Form, is_arch: bool, chains: &[String]) -> Self {
        let is_asked = chains.iter().any(|chain| chain == name.as_str());
        // A number in the name of a component, such as `gcc14`, is no step.
        let is_step = name.as_str() != COMPONENT && (matches!(form, Form::Numbered(_)) || is_ordered(name.as_str()));
        let is_chain = !is_arch && (is_asked || is_step);
        let form = if is_arch || is_chain { form } else { Form::Words };
        Self { name, is_arch, form, is_chain, values: BTreeMap::new() }
    }

    /// The values in a text: several for a point over several values of a set.
    fn split<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let separators: &[char] = if self.is_chain { &[] } else { &['+'] };
        text.split(separators)
    }

    /// Whether a text can be written on this axis.
    fn admits(&self, text: &str, systems: &[String]) -> bool {
        let has_system = |value: &str| systems.iter().any(|pair| pair.split('=').next() == Some(value));
        let fits = |value: &str| self.form.has(value) || (self.is_arch && has_system(value));
        self.split(text).all(|value| Value::parse(value).is_ok() && fits(value))
    }

    fn add(&mut self, text: &str) {
        let texts: Vec<_> = self.split(text).map(str::to_owned).collect();
        for text in texts {
            *self.values.entry(text.to_ascii_lowercase()).or_default().entry(text).or_default() += 1;
        }
    }

    /// The spelling of a value that the axis has: that of most branches.
    pub(super) fn spelling(&self, value: &str) -> Option<&str> {
        let spellings = self.values.get(&value.to_ascii_lowercase())?;
        let most = spellings.iter().rev().max_by_key(|(_, branches)| **branches);
        most.map(|(spelling, _)| spelling.as_str())
    }

    /// Why a text is no value of this axis, if the axis tells more than the lattice.
    pub(super) fn fault(&self, text: &str) -> Option<String> {
        let value =
            self.split(text).find(|value| Value::parse(value).is_ok() && self.spelling(value) != Some(value))?;
        match self.spelling(value) {
            Some(other) => Some(format!(
                "`{value}` differs from `{other}` only in letter case: some file systems treat them as the same"
            )),
            None if self.is_arch => {
                Some(format!("`{value}` is not a known architecture: `--system {value}=CPU-OS` adds it"))
            }
            None => None,
        }
    }

    /// The axis as it is written into `lattice.toml`.
    pub(super) fn draft(&self) -> AxisDraft {
        if let (true, Form::Numbered(word)) = (self.is_chain, &self.form) {
            let least = self.values.keys().filter_map(|value| numbered(value)).map(|(_, number)| number).min();
            return AxisDraft::Open(format!("{word}{{n}}"), least.unwrap_or(1).min(1));
        }
        let mut values: Vec<_> =
            self.values.keys().filter_map(|value| self.spelling(value)).map(str::to_owned).collect();
        values.sort_by(|a, b| natural::compare(a, b));
        if self.is_chain { AxisDraft::Closed(values) } else { AxisDraft::Set(values) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(texts: &[(&'static str, usize)]) -> Form {
        let mut column = Column::default();
        texts.iter().for_each(|(text, count)| (0..*count).for_each(|_| column.add(text)));
        column.form()
    }

    #[test]
    fn forms_are_those_of_most_branches() {
        assert_eq!(form(&[("aarch64", 1), ("x86_64+aarch64", 1), ("arm64", 1)]), Form::Arch);
        assert_eq!(form(&[("step1", 3), ("step2", 3), ("final", 2)]), Form::Numbered("step".to_owned()));
        assert_eq!(form(&[("step1", 1), ("step2", 1), ("final", 1)]), Form::Words);
        assert_eq!(form(&[("stage-3", 1)]), Form::Numbered("stage-".to_owned()));
        assert_eq!(form(&[("gcc14", 1)]), Form::Words, "one value may be a version");
        assert_eq!(form(&[("1", 1), ("2", 1)]), Form::Numbered(String::new()));
        assert_eq!(form(&[("step01", 1), ("step02", 1)]), Form::Words, "a chain has no leading zeros");
    }
}
