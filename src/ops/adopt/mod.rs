//! Adopting existing branches: a `lattice.toml` is proposed of which they are points.
//!
//! An *outline* such as `feature/*/*/*/*` takes the names of branches apart. The texts on each of its axes tell what kind of axis it
//! is. The proposed file is then read as any other, and a branch counts as a point only if that file says so.

mod axes;
mod branch;
mod directory;
mod guess;
mod misfit;
mod natural;
mod request;

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use self::axes::Found;
use self::branch::{Branch, Reading};
pub use self::directory::Standing;
pub use self::guess::Shape;
pub use self::misfit::Misfit;
pub use self::request::Request;
use super::{Cannot, init};
use crate::config::document::{AxisDraft, Draft};
use crate::config::{self, Config, Document, Named};
use crate::context::Context;
use crate::git::Repo;
use crate::git::names::{self, HEADS};
use crate::lattice::Outline;
use crate::system::System;

/// A proposed `lattice.toml`.
pub struct Proposal {
    /// The outline of the branches.
    pub from: Outline,
    /// The settings of the file.
    pub draft: Draft,
    /// The file.
    pub text: String,
    /// The file, read.
    pub config: Config,
    /// The branches that are points of it, in table order.
    pub points: Vec<Adopted>,
    /// The branches with the prefix of the outline that are no points of it.
    pub left_out: Vec<Misfit>,
    /// All other branches, except the base branch.
    pub others: Vec<String>,
    /// Other outlines that fit some branches, if the outline was guessed.
    pub shapes: Vec<Shape>,
}

/// A branch that is a point of the proposed lattice.
#[derive(Debug, Clone)]
pub struct Adopted {
    /// The point.
    pub named: Named,
    /// What its directory holds.
    pub standing: Standing,
}

/// Proposes a `lattice.toml` for existing branches. Nothing is written.
///
/// # Errors
/// When no branch fits, the axes cannot be named or read back, or refs cannot be read.
pub fn propose(context: &Context, request: &Request) -> Result<Proposal> {
    let repo = &context.repo;
    let remote = request.remote.clone().or_else(|| init::detect_remote(repo)).unwrap_or_default();
    let base = match &request.base {
        Some(base) => base.clone(),
        None => init::detect_base(repo, Some(remote.as_str()).filter(|remote| !remote.is_empty()))?
            .ok_or(Cannot::UnknownBase)?,
    };
    let branches = branches(repo, &remote, &base)?;
    let (from, shapes) = match &request.from {
        Some(from) => (from.clone(), Vec::new()),
        None => guess::outline(branches.keys()).ok_or(Cannot::NothingToAdopt { from: None })?,
    };
    let mut sorted = Sorted::of(&branches, &from);
    let found = axes::find(&from, &sorted.readings, request)?;
    let draft = draft(repo, (base, remote), &from, &found, &sorted.readings, request)?;
    let document = Document::starter(config::FILE, &draft);
    let config = document.config()?;
    let points = sorted.points(repo, &config, &found);
    if points.is_empty() {
        return Err(Cannot::NothingToAdopt { from: Some(from.to_string()) }.into());
    }
    let Sorted { mut left_out, others, .. } = sorted;
    misfit::propose_names(&from, &config, &draft, &branches, &mut left_out);
    Ok(Proposal { text: document.to_string(), from, draft, config, points, left_out, others, shapes })
}

/// All branches but the base branch.
fn branches(repo: &Repo, remote: &str, base: &str) -> Result<BTreeMap<String, Branch>> {
    let tracking = Some(names::tracking_under(remote, "")).filter(|_| !remote.is_empty());
    let prefixes: Vec<_> = std::iter::once(HEADS.to_owned()).chain(tracking).collect();
    let mut branches = BTreeMap::new();
    // Local branches come first.
    for (name, tip) in repo.list_refs(&prefixes)?.refs {
        let local = names::short(&name);
        let branch = local.or_else(|| names::short_tracking(&name, remote)).filter(|branch| *branch != base);
        branch.map(|branch| branches.entry(branch.to_owned()).or_insert(Branch { tip, is_local: local.is_some() }));
    }
    Ok(branches)
}

fn draft(
    repo: &Repo,
    (base, remote): (String, String),
    from: &Outline,
    found: &[Found],
    readings: &[Reading<'_>],
    request: &Request,
) -> Result<Draft> {
    let braces: Vec<_> = found.iter().map(|axis| format!("{{{}}}", axis.name)).collect();
    let flake = match &request.flake {
        Some(flake) => flake.clone(),
        None => directory::pattern(repo, readings, &braces),
    };
    let arch = found.iter().find(|axis| axis.is_arch);
    Ok(Draft {
        base,
        remote,
        branch: from.with(&braces),
        flake,
        axes: found.iter().map(|axis| (axis.name.to_string(), axis.draft())).collect(),
        systems: systems(arch, &request.systems)?,
        system_axis: arch.map(|axis| axis.name.to_string()).filter(|name| name != config::ARCH),
    })
}

/// The system of each architecture; without such an axis, that of all points.
fn systems(arch: Option<&Found>, given: &[String]) -> Result<Vec<(String, String)>> {
    if let Some(AxisDraft::Set(archs)) = arch.map(Found::draft) {
        return init::systems(&archs, given, &[]);
    }
    let system = match given {
        [] => System::of_arch(std::env::consts::ARCH).map_or("x86_64-linux".to_owned(), |system| system.to_string()),
        [one] => System::parse(one.strip_prefix("*=").unwrap_or(one))?.to_string(),
        _ => bail!("no axis has architectures, so all points have the same system: give one `--system CPU-OS`"),
    };
    Ok(vec![("*".to_owned(), system)])
}

/// A branch whose name is a folder of this one: one of them exists only on the remote, and git cannot hold both here.
fn blocking<'n>(branches: &'n BTreeMap<String, Branch>, branch: &str) -> Option<&'n String> {
    branch.match_indices('/').find_map(|(end, _)| branches.get_key_value(&branch[..end])).map(|(other, _)| other)
}

/// The branches, sorted by whether the outline can read them.
struct Sorted<'n> {
    readings: Vec<Reading<'n>>,
    left_out: Vec<Misfit>,
    others: Vec<String>,
}

impl<'n> Sorted<'n> {
    fn of(branches: &'n BTreeMap<String, Branch>, from: &Outline) -> Self {
        let mut sorted = Self { readings: Vec::new(), left_out: Vec::new(), others: Vec::new() };
        for (branch, Branch { tip, .. }) in branches {
            match from.texts(branch) {
                Some(texts) => match blocking(branches, branch) {
                    Some(other) => sorted.left_out.push(Misfit::beside(branch, other)),
                    None => sorted.readings.push(Reading { branch, tip: *tip, texts }),
                },
                None if branch.starts_with(from.prefix()) => sorted.left_out.push(Misfit::of_form(branch, from)),
                None => sorted.others.push(branch.clone()),
            }
        }
        sorted
    }

    /// The branches that the proposed file calls points; the rest of the readings is left out.
    fn points(&mut self, repo: &Repo, config: &Config, found: &[Found]) -> Vec<Adopted> {
        let (mut points, mut tips) = (Vec::new(), Vec::new());
        for Reading { branch, tip, texts } in &self.readings {
            match config.branch.read(&config.lattice, branch) {
                Some(Ok(point)) => {
                    points.push(config.name(&point));
                    tips.push(*tip);
                }
                Some(Err(error)) => self.left_out.push(Misfit::of_value(branch, texts, found, &error)),
                None => self.left_out.push(Misfit::of_pattern(branch, &config.branch)),
            }
        }
        let named: Vec<_> = points.into_iter().zip(tips).collect();
        let mut adopted = Vec::with_capacity(named.len());
        for ((named, _), standing) in named.iter().zip(directory::standings(repo, &named)) {
            match standing {
                Ok(standing) => adopted.push(Adopted { named: named.clone(), standing }),
                Err(error) => self.left_out.push(Misfit::unreadable(&named.branch, &error)),
            }
        }
        adopted.sort_by(|a, b| a.named.point.cmp(&b.named.point));
        self.left_out.sort_by(|a, b| a.branch.cmp(&b.branch));
        adopted
    }
}
