//! Planning one point: its branch is new, or exists with the intended content.

use std::collections::HashSet;

use anyhow::{Context as _, Result};

use super::draft::{Draft, Drafter};
use super::names::Names;
use super::plan::{Creation, Item, Request, Unwritten};
use crate::config::{Config, Named};
use crate::context::Context;
use crate::git::identity::Identity;
use crate::git::names::BranchName;
use crate::git::{self, Oid, Repo};
use crate::lattice::{Point, Population};
use crate::ops::cannot::short;
use crate::ops::refusal::{Difference, Refusal};
use crate::points::census::Census;
use crate::points::content::{self, CONFIG, Content, FLAKE, STEP, Step};

pub(super) struct Planner<'a> {
    drafter: Drafter<'a>,
    census: Census,
    names: Option<Names>,
    identity: Identity,
    texts: Vec<(String, String)>,
    linted: HashSet<String>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        context: &'a Context,
        config: &'a Config,
        request: &'a Request,
        memory: &'a Repo,
        census: Census,
    ) -> Result<Self> {
        let identity = memory.identity()?;
        let drafter = Drafter::new(context, config, request, memory);
        Ok(Self { drafter, census, names: None, identity, texts: Vec::new(), linted: HashSet::new() })
    }

    pub(super) fn finish(self, items: Vec<Item>) -> Unwritten {
        let created: Vec<&Item> = items.iter().filter(|item| item.creation.is_some()).collect();
        let behind: Vec<String> =
            created.iter().filter_map(|item| self.warning_for_points_above(item, &created)).collect();
        let named: Vec<&Named> = created.iter().map(|item| &item.named).collect();
        let skipped = skip_warning(self.drafter.config, self.census.population(), &named);
        let Drafter { mut warnings, tips, .. } = self.drafter;
        warnings.extend(skipped.into_iter().chain(behind));
        Unwritten { items, texts: self.texts, warnings, tips }
    }

    /// A warning about existing points directly above a new one, which are now behind it.
    fn warning_for_points_above(&self, new: &Item, created: &[&Item]) -> Option<String> {
        let is_new = |point: &Point| created.iter().any(|item| item.named.point == *point);
        let above = self.census.population().minimal_above(&new.named.point);
        let above: Vec<&Point> = above.into_iter().filter(|point| !is_new(point)).collect();
        let (first, others) = above.split_first()?;
        let more = if others.is_empty() { String::new() } else { format!(" (as are {} more)", others.len()) };
        let first = self.drafter.config.spell(first);
        let new = &new.named.spelled;
        Some(format!("`{first}` existed before `{new}` and is behind it{more}: `git lattice restack` merges it"))
    }

    pub(super) fn item(&mut self, point: &Point) -> Result<Item> {
        let named = self.drafter.config.name(point);
        let tip = self.census.tip(point);
        if let Some(commit) = tip.commit() {
            if tip.local.is_none() {
                self.check_readable(&named.branch)?;
            }
            let unread = |error: anyhow::Error| {
                if error.is::<Refusal>() { error } else { error.context(format!("could not read `{}`", named.branch)) }
            };
            self.check_same(&named, commit).map_err(unread)?;
            return Ok(Item { named, commit, pushed: tip.is_pushed(), creation: None });
        }
        self.check_free(&named.branch)?;
        let (draft, commit) = self.grow(&named).with_context(|| format!("could not make `{}`", named.spelled))?;
        self.census.assume_branch(point, commit);
        for (path, bytes) in draft.nix_texts() {
            let text = String::from_utf8_lossy(bytes).into_owned();
            if self.linted.insert(text.clone()) {
                self.texts.push((path.to_owned(), text));
            }
        }
        let creation = Creation {
            parents: draft.parents.into_iter().map(|(_, branch)| branch).collect(),
            template: draft.template,
            files: draft.files.into_iter().map(|file| file.path).collect(),
            step_from: draft.step_from,
        };
        Ok(Item { named, commit, pushed: false, creation: Some(creation) })
    }

    fn grow(&mut self, named: &Named) -> Result<(Draft, Oid)> {
        let parents = self.drafter.parents(&self.census, &named.point)?;
        let draft = self.drafter.draft(named, parents)?;
        let commit = draft.commit(self.drafter.memory, &self.identity)?;
        Ok((draft, commit))
    }

    /// Checks that a branch of this name can be made.
    fn check_free(&mut self, branch: &BranchName) -> Result<()> {
        self.check_readable(branch)?;
        if self.names.is_none() {
            let Drafter { config, request, memory, .. } = &self.drafter;
            let branch_of = |point| config.branch_of(point);
            let branches: Vec<_> = request.points.iter().map(branch_of).chain([branch.clone()]).collect();
            self.names = Some(Names::near(memory, &branches)?);
        }
        Ok(self.names.as_ref().map_or(Ok(()), |names| names.check(branch))?)
    }

    /// Checks that the ref is readable: the census leaves out unreadable refs, which must not count as missing.
    fn check_readable(&self, branch: &BranchName) -> Result<()> {
        Ok(self.drafter.memory.branch_tip(branch).map(drop)?)
    }

    /// Checks that the existing branch holds the content that this command would make.
    fn check_same(&mut self, named: &Named, existing: Oid) -> Result<()> {
        let Drafter { config, request, memory, .. } = &self.drafter;
        let found = Content::find(memory, config, memory.tree_of_commit(existing)?, &named.point)?;
        let step = Step::read(memory, &found, &named.point)?;
        if let Step::TooLarge(too_large) = step {
            return Err(git::Error::TooLarge(too_large).into());
        }
        let refused = |differs: String, cause: Difference| {
            let (point, branch) = (named.spelled.clone(), named.branch.to_string());
            Err(Refusal::OtherContent { point, branch, existing: short(existing), differs, cause }.into())
        };
        if found.own(&named.point).is_none() {
            return refused(format!("it has no `{}`", named.dir), Difference::NoPoint);
        }
        let made_by = content::generated_by(memory, config, &found, &named.point, &step)?;
        let mut differs = Vec::new();
        match (made_by, request.template) {
            (None, _) => differs.push(format!("its {FLAKE} is not what a template makes")),
            (Some(made_by), Some(asked)) if made_by != asked => {
                differs.push(format!("its {FLAKE} is made with template `{}`, not `{}`", made_by.name(), asked.name()));
            }
            _ => {}
        }
        if matches!(step, Step::Missing) {
            differs.push(format!("its {CONFIG} is missing"));
        } else if request.data.as_ref().is_some_and(|asked| step.data() != Some(asked)) {
            differs.push(format!("its {CONFIG} is not that of `--config`"));
        }
        if let (Some(asked), Some(own)) = (&request.step, found.own(&named.point))
            && memory.file_at(own.id, STEP)?.as_ref() != Some(asked)
        {
            differs.push(format!("its {STEP} is not that of `--step-nix`"));
        }
        let is_asked = request.template.is_some() || request.data.is_some() || request.step.is_some();
        let cause = if is_asked { Difference::Asked } else { Difference::Edited };
        if differs.is_empty() { Ok(()) } else { refused(differs.join(", "), cause) }
    }
}

/// A warning about new points for which the step before does not exist.
pub(in crate::ops) fn skip_warning(config: &Config, population: &Population, created: &[&Named]) -> Option<String> {
    let before = |point: &Point| config.lattice.previous_step(point).filter(|before| !population.contains(before));
    let mut all = created.iter().filter_map(|named| Some((&named.spelled, before(&named.point)?)));
    let (point, before) = all.next()?;
    let more = all.count();
    let more = if more == 0 { String::new() } else { format!(" (the same holds for {more} more)") };
    let axis = config.lattice.chain_axes().last().map_or("", |axis| config.lattice.axes()[*axis].name.as_str());
    Some(format!("`{point}` skips a {axis}: `{}` does not exist{more}", config.spell(&before)))
}
