//! Growing one point: where its commit hangs and what it holds.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context as _, Result};

use super::names::Names;
use super::{Creation, Item, Plan, Request};
use crate::config::{self, Config, document};
use crate::context::Context;
use crate::git::identity::Identity;
use crate::git::names::BranchName;
use crate::git::tree::File;
use crate::git::{Oid, Repo, trailer};
use crate::lattice::Point;
use crate::lint::inputs;
use crate::ops::census::Census;
use crate::ops::content::{self, CONFIG, Content, FLAKE, STEP};
use crate::ops::lock::{LOCK, Locker};
use crate::ops::{Cannot, Refusal, short};
use crate::template::{Flake, Template};

/// What a point's `config.toml` says when nobody said anything.
const MINIMAL: &str = "# The data of this step: what is written here, the flake beside it can read.\n";

pub(super) struct Planner<'a> {
    context: &'a Context,
    config: &'a Config,
    request: &'a Request,
    memory: Repo,
    census: Census,
    names: Option<Names>,
    identity: Identity,
    texts: Vec<(String, String)>,
    linted: HashSet<String>,
    locker: Locker,
    warnings: Vec<String>,
    /// The refs whose tips are parents.
    tips: BTreeMap<String, Oid>,
}

/// What is put into a point's directory.
struct Made {
    commit: Oid,
    creation: Creation,
    files: Vec<File>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        context: &'a Context,
        config: &'a Config,
        request: &'a Request,
        memory: Repo,
        census: Census,
    ) -> Result<Self> {
        if let Some(data) = &request.data {
            document::check_step_config(CONFIG, data)?;
        }
        let identity = memory.identity()?;
        Ok(Self {
            context,
            config,
            request,
            memory,
            census,
            names: None,
            identity,
            texts: Vec::new(),
            linted: HashSet::new(),
            locker: Locker::default(),
            warnings: Vec::new(),
            tips: BTreeMap::new(),
        })
    }

    pub(super) fn finish(mut self, items: Vec<Item>) -> Plan {
        let created: Vec<&Item> = items.iter().filter(|item| item.creation.is_some()).collect();
        let behind: Vec<String> = created.iter().filter_map(|item| self.left_behind(item, &created)).collect();
        self.warnings.extend(behind);
        Plan { items, texts: self.texts, warnings: self.warnings, tips: self.tips, memory: self.memory }
    }

    /// What is said of the points right above a new one, which were there before it; a census of the neighbourhood knows no others.
    fn left_behind(&self, new: &Item, created: &[&Item]) -> Option<String> {
        let is_new = |point: &Point| created.iter().any(|item| item.named.point == *point);
        let above = self.census.population().minimal_above(&new.named.point);
        let above: Vec<&Point> = above.into_iter().filter(|point| !is_new(point)).collect();
        let (first, others) = above.split_first()?;
        let lattice = &self.config.lattice;
        let more = if others.is_empty() { String::new() } else { format!(" (as are {} more)", others.len()) };
        let branch = self.config.branch_of(first);
        Some(format!(
            "`{}` was there before `{}` and is behind it now{more}: `git switch {branch} && git merge {}` takes it in",
            lattice.spell(first),
            new.named.spelled,
            new.named.branch
        ))
    }

    pub(super) fn item(&mut self, point: &Point) -> Result<Item> {
        let named = self.config.name(point);
        let tip = self.census.tip(point);
        if let Some(commit) = tip.commit() {
            if tip.local.is_none() {
                self.check_readable(&named.branch)?;
            }
            self.check_same(point, &named.branch, commit)
                .with_context(|| format!("could not look at `{}`", named.branch))?;
            return Ok(Item { named, commit, pushed: tip.is_pushed(), creation: None });
        }
        self.check_free(&named.branch)?;
        let Made { commit, creation, files } =
            self.grow(point).with_context(|| format!("could not make `{}`", named.spelled))?;
        self.census.suppose(point, commit);
        for file in files.into_iter().filter(|file| file.path.ends_with(FLAKE) || file.path.ends_with(STEP)) {
            let text = String::from_utf8_lossy(&file.bytes).into_owned();
            if self.linted.insert(text.clone()) {
                self.texts.push((file.path, text));
            }
        }
        Ok(Item { named, commit, pushed: false, creation: Some(creation) })
    }

    /// Whether a branch of this name can be made.
    fn check_free(&mut self, branch: &BranchName) -> Result<()> {
        self.check_readable(branch)?;
        if self.names.is_none() {
            let branch_of = |point| self.config.branch_of(point);
            let branches: Vec<_> = self.request.points.iter().map(branch_of).chain([branch.clone()]).collect();
            self.names = Some(Names::near(&self.memory, &branches)?);
        }
        Ok(self.names.as_ref().map_or(Ok(()), |names| names.check(branch))?)
    }

    /// A ref that cannot be read was left out of the census; that is not to be taken for a branch that is not there.
    fn check_readable(&self, branch: &BranchName) -> Result<()> {
        Ok(self.memory.branch_tip(branch).map(drop)?)
    }

    /// Whether the branch that is there holds what this command would put there.
    fn check_same(&mut self, point: &Point, branch: &str, existing: Oid) -> Result<()> {
        let tree = self.memory.tree_of_commit(existing)?;
        let found = Content::find(&self.memory, self.config, tree, point)?;
        let made_by = content::generated_by(&self.memory, self.config, &found, point)?;
        let data = found.own(point).map(|own| self.memory.file_at(own.id, CONFIG)).transpose()?.flatten();
        let mut differs = Vec::new();
        if made_by.is_none() || self.request.template.is_some_and(|asked| made_by != Some(asked)) {
            differs.push(FLAKE);
        }
        if data.is_none() || self.request.data.as_ref().is_some_and(|asked| data.as_ref() != Some(asked)) {
            differs.push(CONFIG);
        }
        if differs.is_empty() {
            return Ok(());
        }
        let new = self.grow(point).map_or_else(|_| "nothing".to_owned(), |made| short(made.commit));
        let differs = format!("{} differ{}", differs.join(" and "), if differs.len() == 1 { "s" } else { "" });
        Err(Refusal::OtherContent { branch: branch.to_owned(), existing: short(existing), new, differs }.into())
    }

    fn grow(&mut self, point: &Point) -> Result<Made> {
        let (parents, names) = self.parents(point)?;
        let below = self.memory.merged_tree(&parents)?;
        self.check_path(below, &self.config.dir_of(point))?;
        let found = Content::find(&self.memory, self.config, below, point)?;
        let previous = found.previous(point);
        let data = self.data(&found, point, previous.first())?;
        let template = self.template(&found, previous.first())?;
        let step = document::check_step_config(CONFIG, &data)?;
        if template == Template::Rust && !step.has_rust {
            return Err(Cannot::NoRust.into());
        }
        self.check_inputs(&found, template, &previous)?;
        let values = content::flake_of(self.config, point, &previous, step.nixpkgs_path);
        let flake = template.render(&values)?;
        let mut files = self.files(&found, point, template, &data, &flake)?;
        if template.takes_nixpkgs() {
            files.extend(self.lock(&found, point, previous.first(), &values, &flake)?);
        }
        let tree = self.memory.with_files(below, &files)?;
        let message = self.message(point, template, &data)?;
        let commit = self.memory.make_commit(&self.identity, &message, tree, &parents)?;
        let creation =
            Creation { parents: names, template, files: files.iter().map(|file| file.path.clone()).collect() };
        Ok(Made { commit, creation, files })
    }

    /// The tips of the maximal existing points below; the base when there are none (product.md, section 1).
    fn parents(&mut self, point: &Point) -> Result<(Vec<Oid>, Vec<BranchName>)> {
        let below = self.census.population().maximal_below(point);
        let named = |p: &&Point| Some((self.census.commit(p)?, self.config.branch_of(p)));
        let parents: Vec<_> = below.iter().filter_map(named).collect();
        for (p, (id, branch)) in below.iter().filter(|p| self.census.commit(p).is_some()).zip(&parents) {
            let name = match (self.census.tip(p).local, &self.config.remote) {
                (None, Some(remote)) => branch.tracking(remote),
                _ => branch.full_ref(),
            };
            self.tips.insert(name, *id);
        }
        if !parents.is_empty() {
            return Ok(parents.into_iter().unzip());
        }
        let step = self.request.data.as_ref().map(|data| document::check_step_config(CONFIG, data)).transpose()?;
        let named = step.and_then(|step| step.base_branch).map(|name| BranchName::parse(&name)).transpose();
        let base = named.context("`nix.base_branch` in config.toml")?.unwrap_or_else(|| self.config.base.clone());
        match self.context.branch_tip(self.config, &base)? {
            Some(tip) => Ok((vec![tip], vec![base])),
            None if self.context.repo.head()?.commit.is_none() => Err(Cannot::NoCommit.into()),
            None => Err(Cannot::no_base(&self.context.repo, self.config, &base).into()),
        }
    }

    /// A flake hands its own inputs down: one without nixpkgs cannot take one that needs it.
    fn check_inputs(&self, found: &Content, template: Template, previous: &[Point]) -> Result<()> {
        if template.takes_nixpkgs() {
            return Ok(());
        }
        for below in previous {
            let made_by = content::generated_by(&self.memory, self.config, found, below)?;
            if let Some(below_template) = made_by.filter(|made_by| made_by.takes_nixpkgs()) {
                let below = self.config.lattice.spell(below);
                return Err(Cannot::NeedsNixpkgs {
                    template: template.name(),
                    below,
                    below_template: below_template.name(),
                }
                .into());
            }
        }
        Ok(())
    }

    fn data(&self, found: &Content, point: &Point, below: Option<&Point>) -> Result<Vec<u8>> {
        if let Some(data) = &self.request.data {
            return Ok(data.clone());
        }
        for source in [Some(point), below].into_iter().flatten() {
            let inherited = found.own(source).map(|entry| self.memory.file_at(entry.id, CONFIG)).transpose()?.flatten();
            if let Some(data) = inherited {
                return Ok(data);
            }
        }
        Ok(MINIMAL.as_bytes().to_vec())
    }

    fn template(&self, found: &Content, below: Option<&Point>) -> Result<Template> {
        if let Some(template) = self.request.template {
            return Ok(template);
        }
        if let Some(name) = &self.config.template {
            return Template::parse(name).with_context(|| format!("`{}`: `template`", config::FILE));
        }
        let inherited =
            below.map(|below| content::generated_by(&self.memory, self.config, found, below)).transpose()?;
        Ok(inherited.flatten().unwrap_or_default())
    }

    /// Whether the point's directory can be made in the tree: a file or a link on the way would be gone.
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

    fn files(&self, found: &Content, point: &Point, template: Template, data: &[u8], flake: &str) -> Result<Vec<File>> {
        let dir = self.config.dir_of(point);
        let file = |name: &str, bytes: &[u8]| File { path: format!("{dir}/{name}"), bytes: bytes.to_vec() };
        let mut files = vec![file(FLAKE, flake.as_bytes()), file(CONFIG, data)];
        if let Some(starter) = template.starter() {
            let there = found.own(point).map(|own| self.memory.entry_at(own.id, STEP)).transpose()?.flatten();
            if there.is_none() {
                files.push(file(STEP, starter.as_bytes()));
            }
        }
        Ok(files)
    }

    /// The lock of the point below, so that a whole chain is built with the same nixpkgs; else a new one.
    fn lock(
        &mut self,
        found: &Content,
        point: &Point,
        below: Option<&Point>,
        values: &Flake,
        flake: &str,
    ) -> Result<Option<File>> {
        let path = format!("{}/{LOCK}", self.config.dir_of(point));
        for source in [Some(point), below].into_iter().flatten() {
            let file = |name| found.own(source).map(|own| self.memory.file_at(own.id, name)).transpose();
            let data = file(CONFIG)?.flatten().and_then(|data| document::check_step_config(CONFIG, &data).ok());
            // A lock of another nixpkgs locks nothing: Nix would take what is newest and say nothing.
            if data.is_none_or(|step| step.nixpkgs_path != values.nixpkgs) {
                continue;
            }
            if let Some(bytes) = file(LOCK)?.flatten() {
                return Ok(Some(File { path, bytes }));
            }
        }
        if self.request.dry_run {
            return Ok(None);
        }
        // Nix would copy it into the store, which every user of the machine can read.
        let handed_down = values.nixpkgs.as_ref().filter(|url| self.request.data.is_none() && !inputs::is_far(url));
        if let Some(url) = handed_down {
            self.warnings.push(format!(
                "`{path}` was not made: the nixpkgs of the point below, `{url}`, is read from this machine; \
                 `--config FILE` names another"
            ));
            return Ok(None);
        }
        let made = match values.nixpkgs.as_deref().filter(|_| self.request.data.is_none()) {
            Some(handed_down) => self.locker.lock_apart(&self.context.repo, handed_down, flake),
            None => self.locker.lock(values.nixpkgs.as_deref().unwrap_or_default(), flake),
        };
        match made {
            Ok(bytes) => Ok(Some(File { path, bytes })),
            Err(why) => {
                let dir = path.trim_end_matches(LOCK).trim_end_matches('/');
                self.warnings.push(format!(
                    "`{path}` was not made ({why}): `nix flake lock ./{dir}` on the point's branch makes it, then commit it"
                ));
                Ok(None)
            }
        }
    }

    fn message(&self, point: &Point, template: Template, data: &[u8]) -> Result<String> {
        let hash = |bytes: &[u8]| self.memory.blob_id(bytes).map(|id| id.to_hex_with_len(12).to_string());
        let spelled = self.config.lattice.spell(point);
        let mut trailers = vec![
            ("Lattice-Point", spelled.clone()),
            ("Lattice-Template", format!("{}@{}", template.name(), hash(template.source().as_bytes())?)),
            ("Lattice-Config", hash(data)?),
            ("Lattice-Generator", concat!("git-lattice ", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        if let Some(reason) = &self.request.reason {
            trailers.push(("Lattice-Override", reason.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
        Ok(trailer::message(&format!("build(lattice): add {spelled}"), "", &trailers))
    }
}
