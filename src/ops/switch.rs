//! Where `git lattice switch` goes: a point, another branch, or a point near HEAD's.

use anyhow::Result;

use super::{Cannot, Refusal};
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
    /// [`Refusal::NothingThere`] and [`Refusal::SeveralThere`], [`Cannot::NoHeadPoint`], and when refs cannot be read.
    pub fn find(self, context: &Context, config: &Config) -> Result<Destination> {
        if self == Self::Back {
            return previous(context, config);
        }
        let repo = &context.repo;
        let Some(head) = context.head_point(config)? else {
            if repo.head()?.branch.as_ref() != Some(&config.base) {
                return Err(Cannot::NoHeadPoint.into());
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
            _ => only(config, &found, self, &format!("`{}`", config.spell(&head))),
        }
    }

    /// The least points are directly above the base branch.
    fn of_base(self, config: &Config, census: &Census) -> Result<Destination> {
        let population = census.population();
        let base = format!("the base branch `{}`", config.base);
        match self {
            Self::Up => only(config, &population.minimal(), self, &base),
            Self::Down => only(config, &[], self, &base),
            _ => Err(Cannot::NoHeadPoint.into()),
        }
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

    /// Says that there is no such point, with the command that makes one.
    fn nothing(self, from: &str) -> Refusal {
        const MAKE: &str = "`git lattice next-step` makes the next step, `git lattice promote` the next phase";
        let (what, hint) = match self {
            Self::Up => (format!("no point is above {from}"), Some(MAKE)),
            Self::Down => (format!("nothing is below {from}"), None),
            Self::Next | Self::Last => (format!("{from} is the last point of its chain"), Some(MAKE)),
            Self::Prev | Self::First => (format!("{from} is the first point of its chain"), None),
            Self::Back => ("no branch was checked out before".to_owned(), None),
        };
        Refusal::NothingThere { what, hint }
    }
}

/// The one point that was found.
fn only(config: &Config, found: &[Point], word: Word, from: &str) -> Result<Destination> {
    match found {
        [] => Err(word.nothing(from).into()),
        [one] => Ok(Destination::of_point(config, one)),
        several => {
            let points = several.iter().map(|point| config.spell(point)).collect();
            let place = if word == Word::Down { "below" } else { "above" };
            Err(Refusal::SeveralThere { place, from: from.to_owned(), points }.into())
        }
    }
}

fn previous(context: &Context, config: &Config) -> Result<Destination> {
    let name = context.repo.git().previous_branch()?;
    let branch = name.as_deref().and_then(BranchName::of_ref).ok_or_else(|| Word::Back.nothing(""))?;
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
