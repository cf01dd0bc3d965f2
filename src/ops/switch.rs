//! Where `git lattice switch` goes: a point, another branch, or a point near HEAD's.

use anyhow::Result;

use super::Refusal;
use crate::config::Config;
use crate::context::Context;
use crate::git::names::{self, BranchName};
use crate::lattice::{Point, Population, Spelled};
use crate::points::census::Census;
use crate::points::choice::{self, Choice};

/// The branch to switch to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The branch.
    pub branch: BranchName,
    /// Its point, if it is the branch of one.
    pub point: Option<Spelled>,
}

impl Destination {
    /// The branch of a point.
    pub fn of_point(config: &Config, point: &Point) -> Self {
        Self { branch: config.branch_of(point), point: Some(config.spell(point)) }
    }

    /// A branch, which may be that of a point.
    pub fn of_branch(config: &Config, branch: BranchName) -> Self {
        let point = config.branch.decode(&config.lattice, &branch).map(|point| config.spell(&point));
        Self { branch, point }
    }
}

/// How to go on where HEAD has no point.
const TO_A_POINT: &str = "`git lattice switch POINT` goes to a point; `git lattice list` lists them";
const FROM_THE_BASE: &str =
    "`git lattice switch up` goes to the point above the base branch, `git lattice switch POINT` to any";

/// A word for a point near HEAD's, or for the branch before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The point directly above.
    Up,
    /// The point directly below; below the least points is the base branch.
    Down,
    /// The first step of the phase.
    First,
    /// The last step of the phase.
    Last,
    /// The next step of the chain.
    Next,
    /// The step before in the chain.
    Prev,
    /// The branch that was checked out before.
    Back,
}

impl Word {
    /// All words, as they are typed.
    pub const ALL: [(&str, Self); 7] = [
        ("up", Self::Up),
        ("down", Self::Down),
        ("first", Self::First),
        ("last", Self::Last),
        ("next", Self::Next),
        ("prev", Self::Prev),
        ("-", Self::Back),
    ];

    /// The word with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| *name == text).map(|(_, word)| word)
    }

    /// Finds the branch that the word means.
    ///
    /// # Errors
    /// [`Refusal::NothingThere`] and [`Refusal::SeveralThere`], and when refs cannot be read.
    pub fn find(self, context: &Context, config: &Config) -> Result<Destination> {
        if self == Self::Back {
            return previous(context, config);
        }
        let repo = &context.repo;
        let Some(head) = context.head_point(config)? else {
            if repo.head()?.branch.as_ref() != Some(&config.base) {
                return Err(self.no_start(TO_A_POINT).into());
            }
            return self.of_base(config, &Census::take(repo, config)?);
        };
        // Only the points above may have other values on the set axes.
        let census = match self {
            Self::Up => Census::take(repo, config)?,
            _ => Census::around(repo, config, std::slice::from_ref(&head))?,
        };
        let found = self.near(census.population(), &head);
        match self {
            Self::Down if found.is_empty() => Ok(Destination::of_branch(config, config.base.clone())),
            _ => only(config, &found, self, Some(&head)),
        }
    }

    /// The least points are directly above the base branch.
    fn of_base(self, config: &Config, census: &Census) -> Result<Destination> {
        let population = census.population();
        match self {
            Self::Up => only(config, &population.minimal(), self, None),
            Self::Down => only(config, &[], self, None),
            _ if population.is_empty() => Err(self.no_start("`git lattice new` makes the first point").into()),
            _ => Err(self.no_start(FROM_THE_BASE).into()),
        }
    }

    /// Says that HEAD has no point to go from.
    fn no_start(self, hint: &'static str) -> Refusal {
        let name = Self::ALL.iter().find(|(_, word)| *word == self).map_or("", |(name, _)| name);
        let what = format!("HEAD is not on the branch of a point, from which `{name}` could go");
        Refusal::NothingThere { what, hint: Some(hint) }
    }

    /// The points that the word means, seen from `head`.
    fn near(self, population: &Population, head: &Point) -> Vec<Point> {
        let chain = population.chain_of(head);
        let before = &chain[..chain.partition_point(|point| point < head)];
        let after = &chain[chain.partition_point(|point| point <= head)..];
        let mut phase = chain.iter().filter(|point| point.shares_phase(head));
        let found = match self {
            Self::Up => return population.minimal_above(head).into_iter().cloned().collect(),
            Self::Down => return population.maximal_below(head).into_iter().cloned().collect(),
            Self::First => phase.next(),
            Self::Last => phase.next_back(),
            Self::Next => after.first(),
            Self::Prev => before.last(),
            Self::Back => None,
        };
        found.cloned().into_iter().collect()
    }

    /// Says that no such point exists seen from `head`, or from the base branch, with the commands that can make one.
    fn nothing(self, config: &Config, head: Option<&Point>) -> Refusal {
        let from = from(config, head);
        let make = || makers(config, head);
        let (what, hint) = match self {
            Self::Up => (format!("no point is above {from}"), make()),
            Self::Down => (format!("nothing is below {from}"), None),
            Self::Next | Self::Last => (format!("{from} is the last point of its chain"), make()),
            Self::Prev | Self::First => (format!("{from} is the first point of its chain"), None),
            Self::Back => return no_previous(),
        };
        Refusal::NothingThere { what, hint }
    }
}

/// Where the words start from, for messages.
fn from(config: &Config, head: Option<&Point>) -> String {
    match head {
        Some(head) => format!("`{}`", config.spell(head)),
        None => format!("the base branch `{}`", config.base),
    }
}

/// The commands that make a point after this one, as far as the lattice has such a point.
fn makers(config: &Config, head: Option<&Point>) -> Option<&'static str> {
    let Some(head) = head else { return Some("`git lattice new` makes a point") };
    match (config.lattice.next_step(head).is_some(), config.lattice.next_phase(head).is_some()) {
        (true, true) => Some("`git lattice next-step` makes the next step, `git lattice promote` the next phase"),
        (true, false) => Some("`git lattice next-step` makes the next step"),
        (false, true) => Some("`git lattice promote` makes the next phase"),
        (false, false) => None,
    }
}

fn no_previous() -> Refusal {
    Refusal::NothingThere { what: "no branch was checked out before".to_owned(), hint: None }
}

/// The one point that was found.
fn only(config: &Config, found: &[Point], word: Word, head: Option<&Point>) -> Result<Destination> {
    match found {
        [] => Err(word.nothing(config, head).into()),
        [one] => Ok(Destination::of_point(config, one)),
        several => {
            let points = several.iter().map(|point| config.spell(point)).collect();
            let place = if word == Word::Down { "below" } else { "above" };
            Err(Refusal::SeveralThere { place, from: from(config, head), points }.into())
        }
    }
}

fn previous(context: &Context, config: &Config) -> Result<Destination> {
    let name = context.repo.git().previous_branch()?;
    let branch = name.as_deref().and_then(BranchName::of_ref).ok_or_else(no_previous)?;
    Ok(Destination::of_branch(config, branch))
}

/// The branch of this name that exists here or on the remote as last fetched.
///
/// # Errors
/// When refs cannot be read.
pub fn branch(context: &Context, config: &Config, text: &str) -> Result<Option<Destination>> {
    let remote = config.remote.as_ref().and_then(|remote| text.strip_prefix(remote)?.strip_prefix('/'));
    for name in [Some(text), names::short(text), remote].into_iter().flatten() {
        let Ok(branch) = BranchName::parse(name) else { continue };
        if context.branch_tip(config, &branch)?.is_some() {
            return Ok(Some(Destination::of_branch(config, branch)));
        }
    }
    Ok(None)
}

/// The first of `points`, in table order, that failed and is after HEAD's; after the last one the search starts again from the first.
/// `among` is what selected the points, for the message.
///
/// # Errors
/// [`Refusal::NothingThere`], and when refs, objects or records cannot be read.
pub fn failed(
    context: &Context,
    config: &Config,
    census: &Census,
    points: Vec<Point>,
    among: Option<&str>,
) -> Result<Destination> {
    let head = context.head_point(config)?;
    let failed = choice::choose(context, config, census, points, &[Choice::Failed])?;
    let after = failed.iter().find(|point| head.as_ref().is_none_or(|head| *point > head));
    let found = after.or_else(|| failed.iter().find(|point| head.as_ref() != Some(point)));
    let other = if failed.is_empty() { "" } else { " other" };
    let among = among.map(|among| format!(" of `{among}`")).unwrap_or_default();
    let none = || Refusal::NothingThere { what: format!("no{other} point{among} has failed"), hint: None };
    Ok(Destination::of_point(config, found.ok_or_else(none)?))
}
