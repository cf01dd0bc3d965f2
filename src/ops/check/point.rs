//! Checks of one point: its branch, directory, files, trailers and parents must agree.

use std::collections::HashMap;

use anyhow::Result;

use super::finding::{Code, Finding};
use super::hand_written::is_without_template;
use super::subject::{Baseline, Checked, Subject, is_nix};
use super::{files, foreign, history, inputs, text};
use crate::config::{self, Named, StepData};
use crate::git::commit::Commit;
use crate::git::size::Kind;
use crate::git::tree::Entry;
use crate::git::{self, Oid, Repo, diff};
use crate::lattice::{Point, Spelled};
use crate::ops::generated::MOVE;
use crate::points::content::{self, CONFIG, Content, FLAKE, Step};
use crate::template::Template;

/// Checks points one after another, in one thread.
pub(super) struct Checker<'a> {
    repo: Repo,
    baseline: &'a Baseline<'a>,
    contains: HashMap<(Oid, Oid), bool>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(repo: Repo, baseline: &'a Baseline<'a>) -> Self {
        Self { repo, baseline, contains: HashMap::new() }
    }

    pub(super) fn check(&mut self, point: &Point) -> Checked {
        let named = self.baseline.config.name(point);
        let mut checked = Checked::new(point.clone());
        let Some(commit) = self.baseline.census.commit(point) else { return checked };
        if let Err(error) = self.look(&named, commit, &mut checked) {
            let finding = Finding::new(Code::Unreadable, &*named.branch, format!("cannot be read: {error:#}"));
            let command = match error.downcast_ref() {
                Some(git::Error::TooLarge(too_large)) => too_large.hint(),
                _ => "git fsck --connectivity-only".to_owned(),
            };
            checked.findings.push(finding.repaired_by(command));
        }
        checked.findings.iter_mut().for_each(|finding| finding.point = Some(named.spelled.to_string()));
        checked
    }

    fn look(&mut self, named: &Named, commit: Oid, checked: &mut Checked) -> Result<()> {
        let config = self.baseline.config;
        let tip = self.repo.commit(commit)?;
        let content = Content::find(&self.repo, config, tip.tree, &named.point)?;
        let population = self.baseline.census.population();
        let lost = content.points.iter().filter(|(point, ..)| !population.contains(point));
        checked.lost = lost.map(|(point, dir, _)| (point.clone(), dir.clone())).collect();
        let mut subject = Subject { named, content, tree: tip.tree, step: Step::Missing };
        let origin = history::origin(&self.repo, &tip, &named.spelled)?;
        match subject.content.own(&named.point).cloned() {
            Some(own) => self.files(&mut subject, &own, origin.as_ref(), checked)?,
            None => checked.findings.push(no_directory(&subject)),
        }
        match &origin {
            Some(origin) => self.trailers(&subject, origin, &mut checked.findings)?,
            // The commit that made it may be missing from a shallow clone.
            None if self.repo.is_shallow() => {}
            None => checked.findings.push(self.missing_origin(&subject, &tip)?),
        }
        self.parents(&subject, &tip, origin.as_ref(), &mut checked.findings)?;
        checked.findings.extend(foreign::changes(&self.repo, self.baseline, &subject, &tip, origin.as_ref())?);
        self.lattice_toml(&subject, &mut checked.findings)
    }

    fn files(
        &self,
        subject: &mut Subject<'_>,
        own: &Entry,
        origin: Option<&Commit>,
        checked: &mut Checked,
    ) -> Result<()> {
        let entries = self.repo.entries(own.id)?;
        let blob = |name: &str| entries.iter().find(|entry| entry.name == name && !entry.is_tree);
        let dir = &subject.named.dir;
        let read = |entry: &Entry| {
            let path = format!("{dir}/{}", entry.name);
            self.repo.bounded_blob(entry.id, &path, Kind::of(&path))
        };
        let flake = blob(FLAKE).map(read).transpose()?;
        let is_own_work = flake.as_ref().is_some_and(|flake| is_without_template(&self.repo, origin, flake));
        // Only a template needs config.toml.
        let needed = [(FLAKE, true), (CONFIG, !is_own_work)];
        for (name, _) in needed.into_iter().filter(|(name, is_needed)| *is_needed && blob(name).is_none()) {
            let command = format!("git show --stat {}", subject.named.branch);
            let finding = Finding::new(Code::NoFile, format!("{dir}/{name}"), "is missing or is not a file");
            checked.findings.push(finding.repaired_by(command));
        }
        checked.findings.extend(files::modes(&self.repo, subject, own)?);
        checked.findings.extend(files::unread(&self.repo, subject, &entries)?);
        subject.step = blob(CONFIG).map(read).transpose()?.map_or(Step::Missing, Step::of);
        if let Step::Bad(flaw) = &subject.step {
            checked.findings.push(Finding::new(
                Code::ConfigToml,
                format!("{dir}/{CONFIG}"),
                format!("is not TOML: {flaw}"),
            ));
        }
        inputs::read(subject, checked);
        let Some(bytes) = flake else { return Ok(()) };
        let is_own = match subject.step.data() {
            Some(data) => self.flake(subject, &bytes, data, origin, &mut checked.findings)?,
            None => false,
        };
        for entry in entries.iter().filter(|entry| !entry.is_tree && is_nix(&entry.name)) {
            // A generated flake takes the points below it and names nothing else.
            if entry.name == FLAKE && is_own {
                checked.takes.extend(subject.content.previous(&subject.named.point));
            } else {
                text::references(&self.repo, self.baseline, subject, entry, checked)?;
            }
        }
        Ok(())
    }

    /// Whether flake.nix is generated; if not, adds findings.
    fn flake(
        &self,
        subject: &Subject<'_>,
        bytes: &[u8],
        data: &StepData,
        origin: Option<&Commit>,
        findings: &mut Vec<Finding>,
    ) -> Result<bool> {
        let config = self.baseline.config;
        let place = format!("{}/{FLAKE}", subject.named.dir);
        let previous = subject.content.previous(&subject.named.point);
        let values = content::flake_of(config, &subject.named.point, &previous, data.flake_inputs.clone());
        let recorded = origin.and_then(|origin| history::value(origin, "Lattice-Template")).and_then(recorded_template);
        // The recorded template is nearly always right.
        let likely = recorded.as_ref().and_then(|(template, _)| *template);
        if content::template_of(&values, bytes, likely)?.is_some() {
            return Ok(true);
        }
        let text = String::from_utf8_lossy(bytes);
        findings.extend(text::wrong_claims(config, subject, &place, &text));
        if is_without_template(&self.repo, origin, bytes) {
            return Ok(false);
        }
        let finding = match recorded {
            Some((template, hash)) if template.is_none_or(|known| !self.is_same(known, &hash)) => Finding::new(
                Code::OtherTemplate,
                place,
                "was made by another version of its template, so it is unknown whether it was changed",
            )
            .repaired_by(format!("git lattice regenerate {}", subject.named.spelled)),
            _ => {
                let template = likely.unwrap_or_default();
                let message = format!("is not what template `{}` makes from config.toml", template.name());
                let diff = diff::unified(&template.render(&values)?, &text);
                let command = format!("git lattice regenerate {}", subject.named.spelled);
                Finding { diff: Some(diff), ..Finding::new(Code::Drifted, place, message).repaired_by(command) }
            }
        };
        findings.push(finding);
        Ok(false)
    }

    fn is_same(&self, template: Template, hash: &str) -> bool {
        self.repo.blob_id(template.source().as_bytes()).is_ok_and(|id| id.to_string().starts_with(hash))
    }

    /// The finding for a point without a commit that made it. If the trailer of that commit names another point, the
    /// trailer is wrong.
    fn missing_origin(&self, subject: &Subject<'_>, tip: &Commit) -> Result<Finding> {
        if let Some((commit, named_point)) = history::adding_commit(&self.repo, tip, &subject.named.dir)? {
            let commit = self.repo.short(commit.id);
            let message = format!(
                "has commit {commit}, which made `{}` but says `Lattice-Point: {named_point}`",
                subject.named.dir
            );
            let command = format!("git show --stat {commit}");
            return Ok(Finding::new(Code::Trailers, &subject.named.branch, message).repaired_by(command));
        }
        let message = "has no commit with a `Lattice-Point:` trailer, so it was made by hand";
        Ok(Finding::new(Code::NoOrigin, &subject.named.branch, message))
    }

    fn trailers(&self, subject: &Subject<'_>, origin: &Commit, findings: &mut Vec<Finding>) -> Result<()> {
        let Some(hash) = history::value(origin, "Lattice-Config") else { return Ok(()) };
        let path = format!("{}/{CONFIG}", subject.named.dir);
        let made = self.repo.entry_at(origin.tree, &path)?.map(|entry| entry.id.to_string());
        if made.is_none_or(|made| !made.starts_with(hash)) {
            let commit = self.repo.short(origin.id);
            let message =
                format!("has commit {commit}, which says `Lattice-Config: {hash}` but holds another `{path}`");
            let finding = Finding::new(Code::Trailers, &subject.named.branch, message);
            findings.push(finding.repaired_by(format!("git show {commit} -- {path}")));
        }
        Ok(())
    }

    /// Compares the commit graph with the Hasse diagram: the history must contain every lower cover that existed, the
    /// base, and nothing else.
    fn parents(
        &mut self,
        subject: &Subject<'_>,
        tip: &Commit,
        origin: Option<&Commit>,
        findings: &mut Vec<Finding>,
    ) -> Result<()> {
        let (config, census) = (self.baseline.config, self.baseline.census);
        let covers = census.population().maximal_below(&subject.named.point);
        for cover in &covers {
            let Some(below) = census.commit(cover) else { continue };
            if tip.parents.contains(&below) || self.contains(tip.id, below)? || self.repo.is_shallow() {
                continue;
            }
            let name = config.spell(cover);
            let made = history::origin(&self.repo, &self.repo.commit(below)?, &name)?;
            let was_there = made.as_ref().map_or(Ok(false), |made| self.contains(tip.id, made.id))?;
            let (code, message) = if was_there {
                (Code::Behind, format!("lacks new commits of `{name}`, which is directly below it"))
            } else if made.zip(origin).is_some_and(|(below, own)| own.time <= below.time) {
                // Commit times have a resolution of one second, so the order within one is unknown.
                (Code::Behind, format!("lacks `{name}`, which is directly below it and was made later"))
            } else {
                (Code::Parents, format!("lacks the commits of `{name}`, which is directly below it"))
            };
            let command = format!("git lattice restack {}", subject.named.spelled);
            findings.push(Finding::new(code, &subject.named.branch, message).repaired_by(command));
        }
        let parents = origin.map(|origin| origin.parents.clone()).unwrap_or_default();
        // The first parent of a commit that gave the point its name is the point under its old name.
        let own = origin.and_then(|origin| history::value(origin, MOVE)).map_or(0, |_| 1);
        for parent in parents.into_iter().skip(own) {
            if history::is_cut(&self.repo, parent) {
                continue;
            }
            if !covers.iter().any(|cover| census.commit(cover) == Some(parent)) && self.is_unrelated(subject, parent)? {
                let parent = self.repo.short(parent);
                let message =
                    format!("grows from {parent}, which is neither in `{}` nor of a point below it", config.base);
                let command = format!("git log --oneline {}..{parent}", config.base);
                findings.push(Finding::new(Code::Stranger, &subject.named.branch, message).repaired_by(command));
            }
        }
        Ok(())
    }

    fn is_unrelated(&mut self, subject: &Subject<'_>, parent: Oid) -> Result<bool> {
        if let Some(base) = self.baseline.base
            && (parent == base || self.contains(base, parent)?)
        {
            return Ok(false);
        }
        let (config, census) = (self.baseline.config, self.baseline.census);
        // The branch of a point below may be gone, or have moved on.
        let commit = self.repo.commit(parent)?;
        let made =
            history::value(&commit, "Lattice-Point").and_then(|text| Spelled::from(text).read(&config.lattice).ok());
        if made.is_some_and(|made| made.is_below(&subject.named.point)) {
            return Ok(false);
        }
        for cover in census.population().maximal_below(&subject.named.point) {
            if let Some(tip) = census.commit(cover)
                && self.contains(tip, parent)?
            {
                return Ok(false);
            }
        }
        // `[nix] base_branch` in config.toml may name another base.
        Ok(match &subject.step {
            Step::Missing => true,
            step => step.data().is_some_and(|data| data.base_branch.is_none()),
        })
    }

    fn contains(&mut self, commit: Oid, ancestor: Oid) -> Result<bool> {
        if let Some(known) = self.contains.get(&(commit, ancestor)) {
            return Ok(*known);
        }
        let found = self.repo.is_ancestor(ancestor, commit)?;
        self.contains.insert((commit, ancestor), found);
        Ok(found)
    }

    /// A branch keeps the lattice.toml of the time it was made. One that the base never had was changed on the branch.
    fn lattice_toml(&self, subject: &Subject<'_>, findings: &mut Vec<Finding>) -> Result<()> {
        let Some(entry) = self.repo.entry_at(subject.tree, config::FILE)? else { return Ok(()) };
        if self.baseline.base.is_some() && !self.baseline.tomls.had(&self.repo, entry.id)? {
            let base = &self.baseline.config.base;
            let message = format!("has a `{}` that was never on `{base}`, so it is ignored", config::FILE);
            let command = format!("git diff {base} {} -- {}", subject.named.branch, config::FILE);
            findings.push(Finding::new(Code::LatticeToml, &subject.named.branch, message).repaired_by(command));
        }
        Ok(())
    }
}

fn no_directory(subject: &Subject<'_>) -> Finding {
    let message = format!("does not hold the point's directory `{}`", subject.named.dir);
    Finding::new(Code::NoDirectory, &subject.named.branch, message)
        .repaired_by(format!("git ls-tree -r --name-only {}", subject.named.branch))
}

/// Parses `NAME@HASH`; the template is `None` if this version does not have it.
fn recorded_template(value: &str) -> Option<(Option<Template>, String)> {
    let (name, hash) = value.split_once('@')?;
    Some((Template::parse(name).ok(), hash.to_owned()))
}
