//! One chain of a bisection: what is known of its steps, and which to build next.

use std::rc::Rc;

use anyhow::Result;

use crate::config::Named;
use crate::git::{Oid, Repo};
use crate::lattice::Point;
use crate::ops::builds::{self, Done};
use crate::record::Verdict;
use crate::system::System;

/// What is known of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// It is built, or a step that contains it is.
    Green,
    /// Its build failed.
    Red,
    /// Neither.
    Unknown,
}

impl Colour {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Red => "red",
            Self::Unknown => "unknown",
        }
    }
}

/// A step of a chain.
#[derive(Debug, Clone)]
pub struct Step {
    /// The point.
    pub named: Named,
    /// The tip of its branch.
    pub commit: Oid,
    /// What is known of it.
    pub colour: Colour,
    /// The first error of its build.
    pub error: Option<String>,
    /// Why a build decides nothing.
    pub undecided: Option<&'static str>,
    key: Oid,
    systems: Rc<[System]>,
}

/// The steps of a chain, lower ones first.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The steps, at least one.
    pub steps: Vec<Step>,
}

/// What is known of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// All steps are green.
    Green,
    /// The step at this index is the first red one.
    Red {
        /// The index.
        at: usize,
    },
    /// A step must be built.
    Open {
        /// Its index.
        next: usize,
        /// How many steps have to be built at most, with this one.
        most: usize,
    },
    /// The step at this index cannot be decided.
    Undecided {
        /// The index.
        at: usize,
    },
}

impl Step {
    pub(super) fn new(named: Named, commit: Oid, key: Oid, systems: Rc<[System]>) -> Self {
        Self { named, commit, colour: Colour::Unknown, error: None, undecided: None, key, systems }
    }

    /// The logs of its builds in this clone.
    pub fn logs(&self, repo: &Repo) -> Vec<std::path::PathBuf> {
        let logs = self.systems.iter().map(|system| builds::log_path(repo, self.key, system));
        logs.filter(|log| log.exists()).collect()
    }

    /// Takes over the results of its builds, one per system. Afterwards it is not built again.
    fn take(&mut self, done: &[&Done]) {
        let has = |verdict: Verdict| done.iter().find(|done| done.record.verdict == verdict);
        if let Some(failed) = has(Verdict::Failed) {
            (self.colour, self.error) = (Colour::Red, failed.record.error.clone());
        } else if done.is_empty() {
            self.undecided = Some("it builds for no system");
        } else if done.iter().all(|done| done.record.verdict.is_good()) {
            self.colour = Colour::Green;
        } else if has(Verdict::NoBuilder).is_some() {
            self.undecided = Some("no machine builds it");
        } else {
            self.undecided = Some("its build gave no verdict");
        }
    }
}

impl Chain {
    pub(super) fn new(steps: Vec<Step>) -> Self {
        Self { steps }
    }

    /// What is known.
    pub fn finding(&self) -> Finding {
        let red = self.steps.iter().position(|step| step.colour == Colour::Red);
        let below = &self.steps[..red.unwrap_or(self.steps.len())];
        let unknown = |(at, step): (usize, &Step)| (step.colour == Colour::Unknown).then_some(at);
        let open: Vec<usize> = below.iter().enumerate().filter_map(unknown).collect();
        if let Some(at) = open.iter().find(|at| self.steps[**at].undecided.is_some()) {
            return Finding::Undecided { at: *at };
        }
        match (open.as_slice(), red) {
            ([], Some(at)) => Finding::Red { at },
            ([], None) => Finding::Green,
            // The last step contains all others.
            ([.., last], None) => Finding::Open { next: *last, most: 1 + halvings(open.len()) },
            (open, Some(_)) => Finding::Open { next: open[(open.len() - 1) / 2], most: halvings(open.len() + 1) },
        }
    }

    /// The point to build next.
    pub(super) fn next(&self) -> Option<&Point> {
        match self.finding() {
            Finding::Open { next, .. } => Some(&self.steps[next].named.point),
            _ => None,
        }
    }

    /// The last green step below the first red one.
    pub fn last_green(&self) -> Option<&Step> {
        let below = self.steps.iter().take_while(|step| step.colour != Colour::Red);
        below.filter(|step| step.colour == Colour::Green).last()
    }

    /// Marks the steps below a green one as green, as far as that contains them.
    ///
    /// # Errors
    /// When history cannot be read.
    pub(super) fn imply(&mut self, repo: &Repo) -> Result<()> {
        let mut green: Option<Oid> = None;
        for step in self.steps.iter_mut().rev() {
            match (step.colour, green) {
                (Colour::Green, _) => green = Some(step.commit),
                (Colour::Unknown, Some(above)) if repo.is_ancestor(step.commit, above)? => step.colour = Colour::Green,
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes over the results of builds of the points `built`.
    pub(super) fn take(&mut self, built: &[Point], done: &[Done]) {
        for step in self.steps.iter_mut().filter(|step| built.contains(&step.named.point)) {
            let own: Vec<_> = done.iter().filter(|done| done.record.point == step.named.spelled).collect();
            step.take(&own);
        }
    }
}

/// How often `count` possibilities have to be halved until one is left.
fn halvings(count: usize) -> usize {
    count.next_power_of_two().trailing_zeros() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::git::parse_oid;

    /// A chain from `g` (green), `r` (red), `?` (unknown) and `x` (undecided).
    fn chain(colours: &str) -> Chain {
        let toml = b"base = \"main\"\n[axes]\nstep = { chain = \"step{n}\" }\n[systems]\n\"*\" = \"x86_64-linux\"\n";
        let config = Config::parse("lattice.toml", toml).unwrap();
        let id = parse_oid(&"1".repeat(40)).unwrap();
        let step = |(at, colour): (usize, char)| {
            let point = config.lattice.parse_point(&format!("step{}", at + 1)).unwrap();
            let mut step = Step::new(config.name(&point), id, id, Rc::default());
            match colour {
                'g' => step.colour = Colour::Green,
                'r' => step.colour = Colour::Red,
                'x' => step.undecided = Some("no machine builds it"),
                _ => {}
            }
            step
        };
        Chain::new(colours.chars().enumerate().map(step).collect())
    }

    #[test]
    fn finds_the_first_red_step_or_the_next_to_build() {
        let find = |colours: &str| chain(colours).finding();
        assert_eq!(find("ggg"), Finding::Green);
        assert_eq!(find("ggr?"), Finding::Red { at: 2 });
        assert_eq!(find("grg"), Finding::Red { at: 1 }, "records above a red step say nothing");
        assert_eq!(find("g???"), Finding::Open { next: 3, most: 3 });
        assert_eq!(find("g????r"), Finding::Open { next: 2, most: 3 });
        assert_eq!(find("?r"), Finding::Open { next: 0, most: 1 });
        assert_eq!(find("gx?"), Finding::Undecided { at: 1 });
        assert_eq!(find("grx"), Finding::Red { at: 1 });
    }

    #[test]
    fn builds_no_more_than_announced() {
        for length in 1..20_usize {
            for red in 0..=length {
                let (mut chain, mut built) = (chain(&"?".repeat(length)), 0);
                let Finding::Open { most, .. } = chain.finding() else { panic!("nothing is known") };
                while let Finding::Open { next, .. } = chain.finding() {
                    built += 1;
                    if next < red {
                        chain.steps[..=next].iter_mut().for_each(|step| step.colour = Colour::Green);
                    } else {
                        chain.steps[next].colour = Colour::Red;
                    }
                }
                let expected = if red == length { Finding::Green } else { Finding::Red { at: red } };
                assert_eq!(chain.finding(), expected);
                assert!(built <= most, "{built} builds of {length} steps, announced {most}");
            }
        }
    }
}
