//! Branches that are no points of the proposed lattice: why, and the name under which each would be one.

use std::collections::BTreeMap;

use super::axes::Found;
use super::branch::Branch;
use crate::config::Config;
use crate::config::document::{AxisDraft, Draft};
use crate::lattice::{self, Outline, Pattern};
use crate::text::tally;

/// A branch that is no point of the proposed lattice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The branch.
    pub branch: String,
    /// Why it is left out.
    pub reason: String,
    /// The name under which it would be a point. An axis in upper case stands for a value that cannot be guessed.
    pub proposed: Option<String>,
    /// Whether the branch is local, so that `git branch -m` can rename it.
    pub is_local: bool,
    /// Whether its name has another number of parts than the outline.
    pub is_ragged: bool,
}

impl Misfit {
    fn new(branch: &str, reason: String) -> Self {
        Self { branch: branch.to_owned(), reason, proposed: None, is_local: false, is_ragged: false }
    }

    /// The name does not have the form of the outline.
    pub(super) fn of_form(branch: &str, from: &Outline) -> Self {
        let (own, expected) = (parts(branch).len(), from.to_string().split('/').count());
        if own == expected {
            return Self::new(branch, format!("it is not of the form `{from}`"));
        }
        let reason = format!("it has {} between `/`, and `{from}` has {expected}", tally(own, "part", "parts"));
        Self { is_ragged: true, ..Self::new(branch, reason) }
    }

    /// Another branch is in the way of its name.
    pub(super) fn beside(branch: &str, other: &str) -> Self {
        Self::new(branch, format!("git needs a folder `{other}` for it, and there is a branch of that name"))
    }

    /// The proposed file does not have its values.
    pub(super) fn of_value(branch: &str, texts: &[&str], found: &[Found], error: &lattice::Error) -> Self {
        let reason = found.iter().zip(texts).find_map(|(axis, text)| axis.fault(text));
        Self::new(branch, reason.unwrap_or_else(|| error.to_string()))
    }

    /// The pattern of the proposed file cannot read the name.
    pub(super) fn of_pattern(branch: &str, pattern: &Pattern) -> Self {
        Self::new(branch, format!("it is not of the form `{pattern}`"))
    }

    /// Its commit cannot be read.
    pub(super) fn unreadable(branch: &str, error: &anyhow::Error) -> Self {
        Self::new(branch, format!("it cannot be read: {error:#}"))
    }
}

fn parts(branch: &str) -> Vec<&str> {
    branch.split('/').collect()
}

/// Proposes a name for each branch with too few or too many parts.
///
/// git refuses a branch `a/b` beside `a/b/c`. So a lattice writes all axes into each name, and all names have equally many parts.
pub(super) fn propose_names(
    from: &Outline,
    config: &Config,
    draft: &Draft,
    branches: &BTreeMap<String, Branch>,
    left_out: &mut [Misfit],
) {
    for misfit in left_out {
        misfit.is_local = branches.get(&misfit.branch).is_some_and(|branch| branch.is_local);
        if !misfit.is_ragged || !from.has_one_axis_per_part() {
            continue;
        }
        let own = parts(&misfit.branch[from.prefix().len()..]);
        let mut names = [filled(config, draft, &own, true), filled(config, draft, &own, false), joined(config, &own)]
            .into_iter()
            .flatten()
            .map(|texts| from.with(&texts));
        misfit.proposed = names.find(|name| !branches.contains_key(name));
    }
}

/// The texts of all axes for a name that lacks some: the name of the axis in upper case, or with `has_first` the first value of a
/// chain.
fn filled(config: &Config, draft: &Draft, own: &[&str], has_first: bool) -> Option<Vec<String>> {
    let axes = config.lattice.aligned(own)?;
    let missing = |i: usize| match &draft.axes[i] {
        (_, AxisDraft::Open(text, first)) if has_first => text.replace("{n}", &first.to_string()),
        (_, AxisDraft::Closed(values)) if has_first && !values.is_empty() => values[0].clone(),
        (name, _) => name.to_ascii_uppercase(),
    };
    let text = |i: usize| axes.iter().position(|axis| *axis == i).map_or_else(|| missing(i), |at| own[at].to_owned());
    Some((0..draft.axes.len()).map(text).collect())
}

/// The texts of all axes for a name with too many parts: those are joined that leave a known value on each other axis.
fn joined(config: &Config, own: &[&str]) -> Option<Vec<String>> {
    let axes = config.lattice.axes().len();
    let surplus = own.len().checked_sub(axes).filter(|surplus| *surplus > 0)?;
    let join = |at: usize| [&own[..at], &own[at + surplus + 1..]].concat();
    let is_known = |at: &usize| {
        let others = (0..axes).filter(|axis| axis != at);
        others.zip(join(*at)).all(|(axis, text)| config.lattice.may_be(axis, text))
    };
    let at = (0..axes).find(is_known)?;
    let mut texts: Vec<String> = own[..at].iter().map(ToString::to_string).collect();
    texts.push(own[at..=at + surplus].join("-"));
    texts.extend(own[at + surplus + 1..].iter().map(ToString::to_string));
    Some(texts)
}
