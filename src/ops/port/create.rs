//! Making the sibling of a point as the point itself was made; its changes are ported afterwards.

use anyhow::Result;

use super::Port;
use crate::config::{Named, StepData};
use crate::git::Oid;
use crate::git::names::BranchName;
use crate::ops::alike::Directory;
use crate::ops::lock::LOCK;
use crate::ops::moves::Planner;
use crate::ops::new::{self, Drafter};
use crate::ops::{Cannot, Refusal, generated};
use crate::points::content::{STEP, Step};

impl Port<'_> {
    /// Plans the branch of a sibling that has none; otherwise returns why it cannot be made.
    pub(super) fn create(&mut self, source: &Named, tip: Oid, sibling: &Named) -> Result<Result<Oid, String>> {
        let (made, named) = self.histories.origin(source, tip)?.unwrap_or_else(|| (tip, source.clone()));
        let request = match self.request(&named, made)? {
            Ok(request) => request,
            Err(why) => return Ok(Err(why)),
        };
        match self.draft(&request, sibling) {
            Ok(commit) => Ok(Ok(commit)),
            Err(error) if error.is::<Refusal>() || error.is::<Cannot>() => Ok(Err(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// What the source was made with.
    fn request(&self, source: &Named, made: Oid) -> Result<Result<new::Request, String>> {
        let Planner { config, memory, .. } = self.restack.planner;
        let Some(own) = Directory::read(memory, config, &source.point, made)? else {
            return Ok(Err(format!("`{}` has no `{}`", source.branch, source.dir)));
        };
        let data = match &own.step {
            Step::Data(data) => data.clone(),
            Step::Missing => StepData::minimal(),
            Step::Bad(flaw) => return Ok(Err(format!("`{}` is not TOML: {flaw}", source.branch))),
            Step::TooLarge(too_large) => return Ok(Err(too_large.to_string())),
        };
        let template = own.made_by.map_or_else(|| generated::recorded_template(memory, made), |made| Ok(Some(made)))?;
        let (step, lock) = (memory.file_at(own.tree, STEP)?, memory.file_at(own.tree, LOCK)?);
        // As in a dry run, Nix is not started: the source's lock is copied, if it has one.
        let fresh = step.is_none();
        Ok(Ok(new::Request { data: Some(data), template, step, fresh, lock, dry_run: true, ..new::Request::default() }))
    }

    fn draft(&mut self, request: &new::Request, sibling: &Named) -> Result<Oid> {
        let Planner { context, config, memory, .. } = self.restack.planner;
        memory.branch_tip(&sibling.branch)?;
        self.names.check(&sibling.branch)?;
        let mut drafter = Drafter::new(context, config, request, memory);
        let below = self.tips_below(sibling);
        let parents = if below.is_empty() { drafter.base()? } else { below };
        let draft = drafter.draft(sibling, parents)?;
        let commit = draft.commit(memory, &self.identity)?;
        let planner = &mut self.restack.planner;
        planner.warnings.extend(drafter.warnings);
        planner.create(sibling.clone(), commit, draft.file_names());
        planner.warnings.extend(new::skip_warning(config, planner.population(), &[sibling]));
        Ok(commit)
    }

    /// The tips of the maximal points below a point, after the plan.
    fn tips_below(&mut self, point: &Named) -> Vec<(Oid, BranchName)> {
        let planner = &mut self.restack.planner;
        let below: Vec<_> = planner.population().maximal_below(&point.point).into_iter().cloned().collect();
        below.iter().for_each(|below| planner.contain(below));
        let tip = |below| Some((planner.tip(below)?, planner.config.branch_of(below)));
        below.iter().filter_map(tip).collect()
    }
}
