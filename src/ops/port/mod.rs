//! Porting: the changes that were made on a point since it was generated, carried to its siblings, which have other values on some axes.

mod create;
mod history;
mod merge;
mod versions;

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use self::history::Histories;
use self::merge::{Merged, Ported};
use self::versions::Versions;
use super::Cannot;
use super::alike::Directory;
use super::cannot::short;
use super::generated::{self, POINT, PORT};
use super::moves::{Plan, Planner, Reason, Unwritten};
use super::new::{self, Names};
use super::restack::Restack;
use crate::config::{Config, Named};
use crate::context::Context;
use crate::git::identity::Identity;
use crate::git::trailer;
use crate::git::tree::Entry;
use crate::lattice::{Lattice, Point, Selector};
use crate::points::census::Census;
use crate::points::content::FLAKE;
use crate::process::quote;

/// What to port.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The points whose changes are carried.
    pub sources: Vec<Point>,
    /// The values of the siblings: an axis, and a value as on the command line.
    pub to: Vec<(String, String)>,
    /// Whether to leave the points above as they are.
    pub no_restack: bool,
}

/// Plans to port changes. Nothing is written, not even an object.
///
/// # Errors
/// When a value is not one of its axis, or refs, objects or history cannot be read.
pub fn plan(context: &Context, config: &Config, request: &Request) -> Result<Plan> {
    let siblings = siblings(config, request)?;
    let memory = context.repo.in_memory();
    let census = Census::take(&memory, config)?;
    if siblings.keys().any(|sibling| census.commit(sibling).is_none()) {
        new::check_committed(context, config)?;
    }
    let unwritten = port(Planner::new(context, config, &census, &memory), request, &siblings)?;
    Ok(unwritten.with_objects(memory))
}

/// Each sibling with the points that are ported to it.
type Siblings = BTreeMap<Point, Vec<Point>>;

fn siblings(config: &Config, request: &Request) -> Result<Siblings> {
    let mut siblings = Siblings::new();
    for source in &request.sources {
        for sibling in siblings_of(&config.lattice, source, &request.to)? {
            siblings.entry(sibling).or_default().push(source.clone());
        }
    }
    if siblings.is_empty() {
        let to = request.to.iter().map(|(axis, value)| format!("{axis}={value}")).collect::<Vec<_>>().join(" ");
        bail!("`{to}` names only the points themselves: expected other values");
    }
    Ok(siblings)
}

/// The points with the coordinates of `source` except for those in `to`, and other than `source`.
fn siblings_of(lattice: &Lattice, source: &Point, to: &[(String, String)]) -> Result<Vec<Point>> {
    let mut selector = Selector::open(lattice);
    for (axis, value) in to {
        selector.choose(lattice, axis, value)?;
    }
    for (axis, own) in lattice.axes().iter().zip(lattice.texts(source)) {
        if to.iter().all(|(other, _)| other != axis.name.as_str()) {
            selector.choose(lattice, axis.name.as_str(), &own)?;
        }
    }
    let points = selector.expand(lattice)?;
    Ok(points.into_iter().filter(|point| point != source).collect())
}

fn port(planner: Planner<'_>, request: &Request, siblings: &Siblings) -> Result<Unwritten> {
    let (memory, config) = (planner.memory, planner.config);
    let is_new = |point: &&Point| planner.census.commit(point).is_none();
    let new: Vec<_> = siblings.keys().filter(is_new).map(|point| config.branch_of(point)).collect();
    let mut points: Vec<Point> = planner.population().points().chain(siblings.keys()).cloned().collect();
    points.sort_by_cached_key(Point::extension_key);
    points.dedup();
    let (names, identity) = (Names::near(memory, &new)?, memory.identity()?);
    let restack = Restack::of_moved(planner)?;
    let mut port = Port { restack, histories: Histories::new(memory, config), identity, names };
    for point in &points {
        if !request.no_restack {
            port.restack.look_at(point, false)?;
        }
        if let Some(sources) = siblings.get(point) {
            port.carry_all(sources, &config.name(point))?;
        }
    }
    Ok(port.restack.planner.finish())
}

struct Port<'a> {
    restack: Restack<'a>,
    histories: Histories<'a>,
    identity: Identity,
    /// The branches that may be in the way of new ones.
    names: Names,
}

impl<'a> Port<'a> {
    fn planner(&mut self) -> &mut Planner<'a> {
        &mut self.restack.planner
    }

    /// Plans to carry the changes of several points to a sibling, one after the other.
    fn carry_all(&mut self, sources: &[Point], sibling: &Named) -> Result<()> {
        for source in sources {
            if self.planner().left_out(&sibling.point).is_some() {
                return Ok(());
            }
            if let Some(reason) = self.carry(source, sibling)? {
                self.planner().leave_out(sibling.clone(), reason);
                return Ok(());
            }
        }
        self.planner().owe(sibling, &[PORT, POINT])?;
        self.planner().keep(sibling.clone());
        Ok(())
    }

    /// Plans to carry the changes of `source` to a sibling; otherwise returns why they cannot be carried.
    fn carry(&mut self, source: &Point, sibling: &Named) -> Result<Option<Reason>> {
        let versions = match self.versions(source, sibling)? {
            Ok(versions) => versions,
            Err(why) => return Ok(Some(Reason::Unusable(why))),
        };
        let Planner { memory, config, .. } = self.restack.planner;
        Ok(match merge::merge(memory, config, &versions)? {
            Merged::Unchanged => None,
            Merged::Conflict(paths) => Some(rejected(&versions, paths)),
            Merged::Unusable(why) => Some(Reason::Unusable(why)),
            Merged::Changed(ported) => match self.planner().in_use(sibling)? {
                None => {
                    self.commit(sibling, &versions, ported)?;
                    None
                }
                reason => reason,
            },
        })
    }

    /// What to merge; a sibling without a branch is made. Otherwise why it cannot be ported.
    fn versions(&mut self, source: &Point, sibling: &Named) -> Result<Result<Versions, String>> {
        let Planner { config, census, memory, .. } = self.restack.planner;
        let from = config.name(source);
        let commit = census.commit(source).ok_or_else(|| Cannot::no_point(config, source))?;
        let tip = match self.restack.planner.tip(&sibling.point) {
            Some(tip) => tip,
            None => match self.create(&from, commit, sibling)? {
                Ok(tip) => tip,
                Err(why) => return Ok(Err(why)),
            },
        };
        let has = self.histories.versions(sibling, tip)?;
        let base = self.histories.base(&from, commit, &has)?;
        let no_directory = |named: &Named| format!("`{}` has no `{}`", named.branch, named.dir);
        let Some(theirs) = Directory::read(memory, config, source, commit)? else {
            return Ok(Err(no_directory(&from)));
        };
        let Some(ours) = Directory::read(memory, config, &sibling.point, tip)? else {
            return Ok(Err(no_directory(sibling)));
        };
        Ok(Ok(Versions { base, theirs, ours, commit, tip }))
    }

    fn commit(&mut self, sibling: &Named, versions: &Versions, ported: Ported) -> Result<()> {
        let memory = self.restack.planner.memory;
        let from = &versions.theirs.named;
        let entry = Entry { name: String::new(), id: ported.tree, is_tree: true };
        let tree = memory.with_entries(memory.tree_of_commit(versions.tip)?, &[(sibling.dir.clone(), entry)])?;
        let mut trailers = vec![(PORT, versions.source())];
        if let Some((template, data)) = &ported.made {
            trailers.extend(generated::trailers(memory, *template, data)?);
        }
        let subject = format!("build(lattice): port {} to {}", from.spelled, sibling.spelled);
        let message = trailer::message(&subject, "", &trailers);
        let commit = memory.make_commit(&self.identity, &message, tree, &[versions.tip])?;
        let naming = ported.naming.iter().map(|file| {
            let (own, other) = (&sibling.spelled, &from.spelled);
            format!("new lines in `{file}` of `{own}` name the coordinates of `{other}`")
        });
        let naming: Vec<_> = naming.collect();
        let planner = self.planner();
        planner.move_to(sibling.clone(), commit, ported.files)?;
        if planner.tip(&sibling.point) == Some(commit) {
            planner.contain(&from.point);
            planner.warnings.extend(naming);
        }
        Ok(())
    }
}

/// The conflict, with the commands that make it in a worktree and record that it is solved.
fn rejected(versions: &Versions, paths: Vec<String>) -> Reason {
    let (from, to) = (&versions.theirs.named, &versions.ours.named);
    let paths = paths.into_iter().map(|path| to.path(&path)).collect();
    let theirs = short(versions.commit);
    let exclude = if versions.theirs.made_by.is_some() { format!(" ':!{}'", from.path(FLAKE)) } else { String::new() };
    let base = versions.base.at.as_ref().filter(|(_, named)| named.dir == from.dir);
    let apply = base.map(|(base, _)| {
        let (dir, to_dir) = (quote(&from.dir), quote(&to.dir));
        format!(
            "git switch {} && git diff --relative={dir} {} {theirs} -- {dir}{exclude} | git apply --3way --directory={to_dir}",
            quote(&to.branch),
            short(*base),
        )
    });
    let record = format!("git commit -a --trailer {}", quote(format!("{PORT}: {}", versions.source())));
    Reason::Rejected { paths, apply, record }
}
