//! Regenerating: the `flake.nix` of existing points from their `config.toml`, with this version's templates, as a commit on top.

use std::collections::HashSet;

use anyhow::{Context as _, Result};

use super::check::is_hand_written;
use super::generated::{self, REGENERATE};
use super::lock::{self, LOCK, Locker};
use super::moves::{Plan, Planner, Reason, Unwritten};
use super::restack::Restack;
use super::rust::{self, BadRust};
use super::trust::{self, Placed};
use crate::config::{Config, Named, StepData};
use crate::context::Context;
use crate::git::identity::Identity;
use crate::git::tree::File;
use crate::git::{Oid, Repo, trailer};
use crate::lattice::Point;
use crate::points::census::Census;
use crate::points::content::{self, CONFIG, Content, FLAKE, STEP, Step};
use crate::template::{Flake, FlakeInputs, Template};

/// The files that a commit may change in a point's directory.
pub const GENERATED: [&str; 4] = [FLAKE, CONFIG, STEP, LOCK];

/// What to regenerate.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The points; `None` is all.
    pub points: Option<Vec<Point>>,
    /// Another template; by default each point keeps its own.
    pub template: Option<Template>,
    /// Another `config.toml`; by default each point keeps its own.
    pub data: Option<StepData>,
    /// Values to set in `config.toml`: a dotted key, and a TOML value or text.
    pub set: Vec<(String, String)>,
    /// Whether to lock the inputs anew.
    pub update_lock: bool,
    /// Whether to leave the points above as they are.
    pub no_restack: bool,
    /// Whether nothing is to be written. Nix is not started for a lock file either.
    pub dry_run: bool,
}

impl Request {
    /// The `config.toml` of a point whose file is `own`.
    fn data(&self, own: &StepData) -> Result<StepData, String> {
        let mut data = self.data.as_ref().unwrap_or(own).clone();
        for (key, value) in &self.set {
            data = data.with(key, value).map_err(|why| format!("`{key}` cannot be set in `{CONFIG}`: {why}"))?;
        }
        Ok(data)
    }

    /// Whether the user names the inputs of the points.
    fn names_inputs(&self) -> bool {
        self.data.is_some() || self.set.iter().any(|(key, _)| key.starts_with("nix."))
    }
}

/// Plans to regenerate points. Nothing is written, not even an object.
///
/// # Errors
/// When refs, objects or history cannot be read.
pub fn plan(context: &Context, config: &Config, request: &Request) -> Result<Plan> {
    let memory = context.repo.in_memory();
    let census = Census::take(&memory, config)?;
    let unwritten = regenerate(Planner::new(context, config, &census, &memory), request)?;
    Ok(unwritten.with_objects(memory))
}

fn regenerate(planner: Planner<'_>, request: &Request) -> Result<Unwritten> {
    let mut points: Vec<Point> = planner.census.population().points().cloned().collect();
    points.sort_by_cached_key(Point::extension_key);
    let identity = planner.memory.identity()?;
    let named: Option<HashSet<&Point>> = request.points.as_ref().map(|points| points.iter().collect());
    let restack = Restack::of_moved(planner)?;
    let mut regenerate = Regenerate { restack, request, identity, locker: Locker::default() };
    for point in &points {
        if !request.no_restack {
            regenerate.restack.look_at(point, false)?;
        }
        if named.as_ref().is_none_or(|named| named.contains(point)) {
            regenerate.look_at(point)?;
        }
    }
    Ok(regenerate.restack.planner.finish())
}

struct Regenerate<'a, 'r> {
    restack: Restack<'a>,
    request: &'r Request,
    identity: Identity,
    locker: Locker,
}

/// A point's directory as it is.
struct Found {
    content: Content,
    step: StepData,
    flake: Vec<u8>,
    lock: Option<Vec<u8>>,
    /// The template that made the flake, as far as known.
    template: Template,
}

/// Why a point cannot be regenerated.
enum Unfit {
    /// No template made its flake.
    HandWritten,
    Other(String),
}

/// A point's files as they must be.
struct Wanted {
    template: Template,
    data: StepData,
    /// The files that differ.
    files: Vec<File>,
}

impl<'a> Regenerate<'a, '_> {
    fn planner(&mut self) -> &mut Planner<'a> {
        &mut self.restack.planner
    }

    fn look_at(&mut self, point: &Point) -> Result<()> {
        let named = self.restack.planner.config.name(point);
        let Some(tip) = self.planner().tip(point) else { return Ok(()) };
        if self.planner().left_out(point).is_some() {
            return Ok(());
        }
        let wanted = match self.find(&named, tip)? {
            Ok(found) => self.wanted(&named, &found)?,
            Err(Unfit::HandWritten) if self.request.points.is_none() => {
                self.planner().count();
                return Ok(());
            }
            Err(Unfit::HandWritten) => Err(format!("its `{FLAKE}` is hand-written")),
            Err(Unfit::Other(why)) => Err(why),
        };
        match wanted {
            Err(why) => self.planner().leave_out(named, Reason::Unusable(why)),
            Ok(wanted) if wanted.files.is_empty() => self.keep(named)?,
            Ok(wanted) => match self.planner().in_use(&named)? {
                Some(reason) => self.planner().leave_out(named, reason),
                None => self.commit(named, tip, &wanted)?,
            },
        }
        Ok(())
    }

    /// Nothing changes. All points are only counted.
    fn keep(&mut self, named: Named) -> Result<()> {
        self.planner().owe(&named, &[REGENERATE])?;
        match self.request.points {
            Some(_) => self.planner().keep(named),
            None => self.planner().count(),
        }
        Ok(())
    }

    /// The directory of a point; otherwise why it cannot be regenerated.
    fn find(&self, named: &Named, tip: Oid) -> Result<Result<Found, Unfit>> {
        let Planner { config, memory, .. } = &self.restack.planner;
        let content = Content::find(memory, config, memory.tree_of_commit(tip)?, &named.point)?;
        let Some(own) = content.own(&named.point) else {
            return Ok(Err(Unfit::Other(format!("its branch has no `{}`", named.dir))));
        };
        let flake = memory.file_at(own.id, FLAKE)?.unwrap_or_default();
        if is_hand_written(memory, &named.spelled, tip, &flake)? {
            return Ok(Err(Unfit::HandWritten));
        }
        let step = match Step::read(memory, &content, &named.point)? {
            Step::Data(step) => step,
            Step::Missing => StepData::minimal(),
            Step::Bad(flaw) => return Ok(Err(Unfit::Other(format!("`{CONFIG}`: {flaw}")))),
            Step::TooLarge(too_large) => return Ok(Err(Unfit::Other(too_large.to_string()))),
        };
        let values = self.values(named, &content, &step);
        let template = match content::template_of(&values, &flake, None)? {
            None => generated::recorded_template(memory, tip)?,
            found => found,
        };
        let Some(template) = template.or(self.request.template) else {
            let why = format!("no template made its `{FLAKE}`: name one by `--template`");
            return Ok(Err(Unfit::Other(why)));
        };
        let lock = memory.file_at(own.id, LOCK)?;
        Ok(Ok(Found { content, step, flake, lock, template }))
    }

    fn values(&self, named: &Named, content: &Content, step: &StepData) -> Flake {
        let previous = content.previous(&named.point);
        content::flake_of(self.restack.planner.config, &named.point, &previous, step.flake_inputs.clone())
    }

    /// The files that must change; otherwise why they cannot.
    fn wanted(&mut self, named: &Named, found: &Found) -> Result<Result<Wanted, String>> {
        let data = match self.request.data(&found.step) {
            Ok(data) => data,
            Err(why) => return Ok(Err(why)),
        };
        let template = self.request.template.unwrap_or(found.template);
        let values = self.values(named, &found.content, &data);
        if template == Template::Rust {
            let checked = self.check_rust(named, &data, !values.previous.is_empty());
            if let Err(bad) = checked {
                return Ok(Err(bad.to_string()));
            }
        }
        let flake = template.render(&values).with_context(|| format!("could not render `{}`", named.spelled))?;
        let file = |name: &str, bytes: Vec<u8>| File { path: named.path(name), bytes };
        let mut files = Vec::new();
        if flake.as_bytes() != found.flake {
            files.push(file(FLAKE, flake.clone().into_bytes()));
        }
        if data.bytes() != found.step.bytes() {
            files.push(file(CONFIG, data.bytes().to_vec()));
        }
        let own = found.content.own(&named.point).map(|own| own.id);
        let has_step = own.map(|own| self.restack.planner.memory.entry_at(own, STEP)).transpose()?.flatten().is_some();
        if let Some(starter) = template.starter(&data.flake_inputs).filter(|_| !has_step) {
            files.push(file(STEP, starter.as_bytes().to_vec()));
        }
        let inputs = template.taken(&data.flake_inputs);
        let is_other = inputs != template.taken(&found.step.flake_inputs);
        let takes_any = inputs != FlakeInputs::default();
        if takes_any && (found.lock.is_none() || is_other || self.request.update_lock) {
            let old = found.lock.clone().filter(|_| !self.request.update_lock);
            match self.lock(named, &found.content, (&data, &inputs), &flake, old)? {
                Ok(lock) if found.lock.as_ref() == Some(&lock) => {}
                Ok(lock) => files.push(file(LOCK, lock)),
                Err(why) => return Ok(Err(format!("`{LOCK}` cannot be made: {why}"))),
            }
        }
        Ok(Ok(Wanted { template, data, files }))
    }

    /// The lock file, otherwise why it cannot be made; in a dry run the text that stands for it.
    fn lock(
        &mut self,
        named: &Named,
        content: &Content,
        (data, inputs): (&StepData, &FlakeInputs),
        flake: &str,
        old: Option<Vec<u8>>,
    ) -> Result<Result<Vec<u8>, String>> {
        let Planner { context, config, memory, .. } = &self.restack.planner;
        let is_own = self.request.names_inputs()
            || data.flake_inputs == FlakeInputs::default()
            || trust::is_own_config(memory, config, content, &named.point)?;
        Ok(match (is_own, self.request.dry_run) {
            (true, true) => Ok(Vec::new()),
            (true, false) => self.locker.lock(inputs, flake, old),
            (false, true) => lock::refuse_local(inputs).map(|()| Vec::new()),
            (false, false) => self.locker.lock_untrusted(&context.repo, inputs, flake, old),
        })
    }

    /// A contradiction counts only if the user brings it in now.
    fn check_rust(&self, named: &Named, data: &StepData, has_below: bool) -> Result<(), BadRust> {
        rust::check_complete(self.restack.planner.config, &named.point, data, has_below)?;
        let is_changed = self.request.data.is_some() || !self.request.set.is_empty();
        if is_changed { rust::check_agreement(self.restack.planner.config, named, data) } else { Ok(()) }
    }

    fn commit(&mut self, named: Named, tip: Oid, wanted: &Wanted) -> Result<()> {
        let memory = self.restack.planner.memory;
        let before = memory.tree_of_commit(tip)?;
        let tree = memory.with_files(before, &wanted.files)?;
        self.keep_made_here(&named, before, tree)?;
        let own = (REGENERATE, named.spelled.to_string());
        let trailers: Vec<_> =
            std::iter::once(own).chain(generated::trailers(memory, wanted.template, &wanted.data)?).collect();
        let message = trailer::message(&format!("build(lattice): regenerate {}", named.spelled), "", &trailers);
        let commit = memory.make_commit(&self.identity, &message, tree, &[tip])?;
        let prefix = format!("{}/", named.dir);
        let file_name = |file: &File| file.path.strip_prefix(&prefix).unwrap_or(&file.path).to_owned();
        let changed = wanted.files.iter().map(file_name).collect();
        self.planner().move_to(named, commit, changed)
    }
}

impl Regenerate<'_, '_> {
    /// Notes a directory that was made here: the files of this commit are generated or the user's own.
    fn keep_made_here(&mut self, named: &Named, before: Oid, after: Oid) -> Result<()> {
        let Planner { config, memory, made_here, .. } = &mut self.restack.planner;
        let (old, new) = (memory.entry_at(before, &named.dir)?, memory.entry_at(after, &named.dir)?);
        let (Some(old), Some(new)) = (old, new) else { return Ok(()) };
        if trust::is_made_here(memory, config, &named.point, old.id)? {
            made_here.insert(Placed { path: named.dir.clone(), tree: new.id });
        }
        Ok(())
    }
}

/// Those of some points whose `flake.nix` is not what a template makes from their `config.toml`, and is not marked as hand-written.
///
/// # Errors
/// When objects cannot be read.
pub fn outdated<'n>(
    repo: &Repo,
    config: &Config,
    points: impl IntoIterator<Item = (&'n Named, Oid)>,
) -> Result<Vec<&'n Named>> {
    let mut found: Vec<&Named> = Vec::new();
    for (named, commit) in points {
        if found.last().is_some_and(|last| last.point == named.point) {
            continue;
        }
        let content = Content::find(repo, config, repo.tree_of_commit(commit)?, &named.point)?;
        let step = Step::read(repo, &content, &named.point)?;
        let Some(own) = content.own(&named.point).filter(|_| step.data().is_some()) else { continue };
        let Ok(Some(flake)) = repo.file_at(own.id, FLAKE) else { continue };
        let is_generated = content::generated_by(repo, config, &content, &named.point, &step)?.is_some();
        if !is_generated && !is_hand_written(repo, &named.spelled, commit, &flake)? {
            found.push(named);
        }
    }
    Ok(found)
}
