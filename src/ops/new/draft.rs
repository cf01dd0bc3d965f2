//! The intended content and parents of a point, whether or not its branch exists.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::plan::Request;
use crate::config::{self, Config, Named, StepData};
use crate::context::Context;
use crate::git::identity::Identity;
use crate::git::names::BranchName;
use crate::git::tree::File;
use crate::git::{Oid, Repo, trailer};
use crate::lattice::{Point, Spelled};
use crate::ops::lock::{LOCK, Locker};
use crate::ops::rust::{self, BadRust};
use crate::ops::{Cannot, Refusal};
use crate::ops::{flake_inputs, generated};
use crate::points::census::Census;
use crate::points::content::{self, CONFIG, Content, FLAKE, STEP, Step};
use crate::template::{Flake, FlakeInputs, Template};

/// The intended content of a point.
pub(in crate::ops) struct Draft {
    named: Named,
    /// The parent commits, each with its branch.
    pub(super) parents: Vec<(Oid, BranchName)>,
    pub(super) template: Template,
    /// The files in its directory.
    pub(super) files: Vec<File>,
    /// The point below whose `step.nix` it has.
    pub(super) step_from: Option<Spelled>,
    /// Whether a file of it is the user's own: `step.nix` from below, or given.
    has_own_step: bool,
    message: String,
    /// The merged tree of the parents.
    below: Oid,
}

impl Draft {
    /// Makes the commit and writes its objects to `repo`.
    pub(in crate::ops) fn commit(&self, repo: &Repo, identity: &Identity) -> Result<Oid> {
        let tree = repo.with_files(self.below, &self.files)?;
        let parents: Vec<Oid> = self.parents.iter().map(|(id, _)| *id).collect();
        Ok(repo.make_commit(identity, &self.message, tree, &parents)?)
    }

    /// The names of the files in its directory.
    pub(in crate::ops) fn file_names(&self) -> Vec<String> {
        self.files.iter().filter_map(|file| file.path.rsplit('/').next()).map(str::to_owned).collect()
    }

    /// The Nix files that git-lattice wrote, each with its path.
    pub(super) fn nix_texts(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let names = if self.has_own_step { &[FLAKE][..] } else { &[FLAKE, STEP] };
        let own: Vec<_> = names.iter().map(|name| format!("{}/{name}", self.named.dir)).collect();
        let is_nix = move |file: &&File| own.contains(&file.path);
        self.files.iter().filter(is_nix).map(|file| (file.path.as_str(), file.bytes.as_slice()))
    }
}

/// Makes drafts, with objects in memory.
pub(in crate::ops) struct Drafter<'a> {
    pub(super) context: &'a Context,
    pub(super) config: &'a Config,
    pub(super) request: &'a Request,
    pub(super) memory: &'a Repo,
    locker: Locker,
    /// Warnings for the user.
    pub(in crate::ops) warnings: Vec<String>,
    /// The refs whose tips are parents.
    pub(super) tips: BTreeMap<String, Oid>,
}

/// What the merged tree of the parents holds for a point.
struct Existing<'p> {
    point: &'p Point,
    step: Step,
    /// The template that made its flake.nix.
    made_by: Option<Template>,
}

/// A `step.nix` to write.
struct StepNix {
    bytes: Vec<u8>,
    /// Whether it is the user's: git-lattice does not answer for its text.
    is_own: bool,
    /// The point below that has it.
    from: Option<Spelled>,
}

impl<'a> Drafter<'a> {
    pub(in crate::ops) fn new(
        context: &'a Context,
        config: &'a Config,
        request: &'a Request,
        memory: &'a Repo,
    ) -> Self {
        let (locker, warnings, tips) = (Locker::default(), request.warnings.clone(), BTreeMap::new());
        Self { context, config, request, memory, locker, warnings, tips }
    }

    /// Makes the draft of a point on these parents: the tips of the maximal points below it, or [`Self::base`].
    pub(in crate::ops) fn draft(&mut self, named: &Named, parents: Vec<(Oid, BranchName)>) -> Result<Draft> {
        let point = &named.point;
        let below = self.memory.merged_tree(&parents.iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
        self.check_path(below, &named.dir)?;
        let found = Content::find(self.memory, self.config, below, point)?;
        let points = found.previous(point);
        let own = self.existing(&found, point)?;
        let previous = points.iter().map(|point| self.existing(&found, point)).collect::<Result<Vec<_>>>()?;
        let sources: Vec<&Existing<'_>> = std::iter::once(&own).chain(previous.first()).collect();
        let data = self.data(&sources)?;
        let template = self.template(previous.first())?;
        if template == Template::Rust {
            self.check_rust(named, &data, !points.is_empty())?;
        }
        if template != Template::Config
            && let Some(key) = data.keys().first_date()
        {
            self.warn(format!("`{key}` in {CONFIG} is a date, which Nix cannot read: quote it"));
        }
        self.check_inputs(template, &data, &previous)?;
        let values = content::flake_of(self.config, point, &points, data.flake_inputs.clone());
        let flake = template.render(&values)?;
        let file = |name: &str, bytes: &[u8]| File { path: format!("{}/{name}", named.dir), bytes: bytes.to_vec() };
        let mut files = vec![file(FLAKE, flake.as_bytes()), file(CONFIG, data.bytes())];
        let starter = template.starter(&data.flake_inputs);
        let step = self.step_nix(&found, point, (template, starter), previous.first())?;
        files.extend(step.iter().map(|step| file(STEP, &step.bytes)));
        if template.taken(&data.flake_inputs) != FlakeInputs::default() {
            files.extend(self.lock(&found, named, &sources, template, &values, &flake)?);
        }
        let message = self.message(named, template, &data)?;
        let has_own_step = step.as_ref().is_some_and(|step| step.is_own);
        let step_from = step.and_then(|step| step.from);
        Ok(Draft { named: named.clone(), parents, template, files, step_from, has_own_step, message, below })
    }

    fn existing<'p>(&self, found: &Content, point: &'p Point) -> Result<Existing<'p>> {
        let step = Step::read(self.memory, found, point)?;
        let made_by = content::generated_by(self.memory, self.config, found, point, &step)?;
        Ok(Existing { point, step, made_by })
    }

    /// The tips of the maximal existing points below; the base if there are none.
    pub(super) fn parents(&mut self, census: &Census, point: &Point) -> Result<Vec<(Oid, BranchName)>> {
        let mut parents = Vec::new();
        for below in census.population().maximal_below(point) {
            let Some(id) = census.commit(below) else { continue };
            let branch = self.config.branch_of(below);
            let name = match (census.tip(below).local, &self.config.remote) {
                (None, Some(remote)) => branch.tracking(remote),
                _ => branch.full_ref(),
            };
            self.tips.insert(name, id);
            parents.push((id, branch));
        }
        if parents.is_empty() { self.base() } else { Ok(parents) }
    }

    /// The tip of the base: the parent of points that have none below them.
    pub(in crate::ops) fn base(&self) -> Result<Vec<(Oid, BranchName)>> {
        let named = self.request.data.as_ref().and_then(|data| data.base_branch.as_ref());
        let parse =
            |(key, name): &(&str, String)| BranchName::parse(name).with_context(|| format!("`{key}` in {CONFIG}"));
        let named = named.map(parse).transpose()?;
        let base = named.unwrap_or_else(|| self.config.base.clone());
        match self.context.branch_tip(self.config, &base)? {
            Some(tip) => Ok(vec![(tip, base)]),
            None if self.context.repo.head()?.commit.is_none() => Err(Cannot::NoCommit.into()),
            None => Err(Cannot::no_base(&self.context.repo, self.config, &base).into()),
        }
    }

    /// Checks that a flake without nixpkgs takes none that needs it: a flake passes its own inputs to the flakes that
    /// it imports.
    fn check_inputs(&self, template: Template, data: &StepData, previous: &[Existing<'_>]) -> Result<()> {
        if template.takes_nixpkgs(&data.flake_inputs) {
            return Ok(());
        }
        for Existing { point, made_by, step } in previous {
            let takes_nixpkgs =
                |made_by: &Template| step.data().is_some_and(|data| made_by.takes_nixpkgs(&data.flake_inputs));
            if let Some(below_template) = made_by.filter(takes_nixpkgs) {
                let below = self.config.spell(point).into();
                let (template, below_template) = (template.name(), below_template.name());
                return Err(Cannot::NeedsNixpkgs { template, below, below_template }.into());
            }
        }
        Ok(())
    }

    /// Checks that the data has what the template `rust` needs. Data that contradicts the point is refused, but a stage that was
    /// inherited: `promote` takes it over from the phase below.
    fn check_rust(&mut self, named: &Named, data: &StepData, has_below: bool) -> Result<()> {
        rust::check_complete(self.config, &named.point, data, has_below)?;
        match rust::check_agreement(self.config, named, data) {
            Err(error @ BadRust::OtherStage { .. }) if self.request.data.is_none() => {
                self.warnings.push(error.to_string());
            }
            checked => checked?,
        }
        rust::warnings(named, data).into_iter().for_each(|warning| self.warn(warning));
        Ok(())
    }

    /// Adds a warning that was not given for another point.
    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// The data: from the user, else of the point, else of the point below.
    fn data(&self, sources: &[&Existing<'_>]) -> Result<StepData> {
        if let Some(data) = &self.request.data {
            return Ok(data.clone());
        }
        for source in sources {
            if let Some(data) = source.step.valid_data()? {
                return Ok(data.clone());
            }
        }
        Ok(StepData::minimal())
    }

    fn template(&self, below: Option<&Existing<'_>>) -> Result<Template> {
        if let Some(template) = self.request.template {
            return Ok(template);
        }
        if let Some(name) = &self.config.template {
            return Template::parse(name).with_context(|| format!("`{}`: `template`", config::FILE));
        }
        Ok(below.and_then(|below| below.made_by).unwrap_or_default())
    }

    /// Checks that no file or link is where the point's directory or a parent of it must be.
    fn check_path(&self, tree: Oid, dir: &str) -> Result<()> {
        let ends = dir.match_indices('/').map(|(at, _)| at).chain([dir.len()]);
        for path in ends.map(|end| &dir[..end]) {
            match self.memory.entry_at(tree, path)? {
                Some(entry) if entry.is_tree => {}
                Some(_) => return Err(Refusal::FileInTheWay { dir: dir.to_owned(), path: path.to_owned() }.into()),
                None => break,
            }
        }
        Ok(())
    }

    /// The `step.nix` to write: the given one, else that of the point below, else a starter. `None` if the template needs none, or the
    /// point has one.
    fn step_nix(
        &mut self,
        found: &Content,
        point: &Point,
        (template, starter): (Template, Option<&str>),
        below: Option<&Existing<'_>>,
    ) -> Result<Option<StepNix>> {
        let Some(starter) = starter else {
            let is_given = self.request.step.is_some();
            return if is_given { Err(Cannot::NoStepNix { template: template.name() }.into()) } else { Ok(None) };
        };
        if found.own(point).map(|own| self.memory.entry_at(own.id, STEP)).transpose()?.flatten().is_some() {
            return Ok(None);
        }
        if let Some(bytes) = &self.request.step {
            return Ok(Some(StepNix { bytes: bytes.clone(), is_own: true, from: None }));
        }
        let below = below.filter(|_| !self.request.fresh);
        match below.map(|below| self.inherited(found, below.point)).transpose()?.flatten() {
            Some(inherited) => Ok(Some(inherited)),
            None => Ok(Some(StepNix { bytes: starter.as_bytes().to_vec(), is_own: false, from: None })),
        }
    }

    /// The `step.nix` of a point below, unless it is a starter still. Warns of the files beside it that it names: they stay there.
    fn inherited(&mut self, found: &Content, below: &Point) -> Result<Option<StepNix>> {
        let Some(own) = found.own(below) else { return Ok(None) };
        let Some(bytes) = self.memory.file_at(own.id, STEP)? else { return Ok(None) };
        if Template::starters().any(|starter| starter.as_bytes() == bytes) {
            return Ok(None);
        }
        let from = self.config.spell(below);
        let text = String::from_utf8_lossy(&bytes);
        let is_beside =
            |name: &str| ![FLAKE, CONFIG, STEP, LOCK].contains(&name) && text.contains(&format!("./{name}"));
        let beside: Vec<_> = self.memory.entries(own.id)?.into_iter().map(|entry| entry.name).collect();
        if let Some(name) = beside.iter().find(|name| is_beside(name)) {
            self.warnings.push(format!(
                "`{STEP}` is that of `{from}`, but `{name}` beside it was not copied: copy it, or use `output` or `sources`"
            ));
        }
        Ok(Some(StepNix { is_own: true, from: Some(from), bytes }))
    }

    /// The lock of the point below, so that the whole chain uses the same nixpkgs; else that of the request, or a new one.
    fn lock(
        &mut self,
        found: &Content,
        named: &Named,
        sources: &[&Existing<'_>],
        template: Template,
        values: &Flake,
        flake: &str,
    ) -> Result<Option<File>> {
        let path = format!("{}/{LOCK}", named.dir);
        let inputs = template.taken(&values.inputs);
        let mut old = None;
        for source in sources {
            let Some(data) = source.step.data() else { continue };
            let Some(own) = found.own(source.point) else { continue };
            let Some(bytes) = self.memory.file_at(own.id, LOCK)? else { continue };
            // With the lock of another nixpkgs, Nix would silently use the newest version.
            if template.taken(&data.flake_inputs) == inputs {
                return Ok(Some(File { path, bytes }));
            }
            old = old.or(Some(bytes));
        }
        if self.request.lock.is_some() || self.request.dry_run {
            return Ok(self.request.lock.clone().map(|bytes| File { path, bytes }));
        }
        let is_inherited = self.request.data.is_none();
        // Nix would copy local files into the store, which every user of the machine can read.
        if let Some(url) = inputs.named().map(|(_, url)| url).find(|url| is_inherited && !flake_inputs::is_network(url))
        {
            self.warnings.push(format!(
                "`{path}` was not made: an input of the point below, `{url}`, is read from this machine; \
                 `--config FILE` names another"
            ));
            return Ok(None);
        }
        let made = if is_inherited && values.inputs != FlakeInputs::default() {
            self.locker.lock_untrusted(&self.context.repo, &inputs, flake, old)
        } else {
            self.locker.lock(&inputs, flake, old)
        };
        match made {
            Ok(bytes) => Ok(Some(File { path, bytes })),
            Err(why) => {
                self.warnings.push(format!(
                    "`{path}` was not made ({why}): `nix flake lock ./{}` on the point's branch makes it, then commit it",
                    named.dir
                ));
                Ok(None)
            }
        }
    }

    fn message(&self, named: &Named, template: Template, data: &StepData) -> Result<String> {
        let point = (generated::POINT, named.spelled.to_string());
        let generated = generated::trailers(self.memory, template, data)?;
        let mut trailers: Vec<_> = std::iter::once(point).chain(generated).collect();
        if let Some(reason) = &self.request.reason {
            trailers.push(("Lattice-Override", reason.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
        Ok(trailer::message(&format!("build(lattice): add {}", named.spelled), "", &trailers))
    }
}
