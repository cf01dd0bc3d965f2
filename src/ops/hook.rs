//! What the hooks do: decide quickly, and leave the work to somebody else.

use std::path::PathBuf;

use anyhow::Result;

use super::build::{self, Done, How};
use super::trust::{self, Judgement};
use crate::config::Config;
use crate::context::{self, Context};
use crate::git::Oid;
use crate::lattice::Point;
use crate::nix::{Limits, Nix};
use crate::process::Cmd;
use crate::record::{Records, Verdict, Verdicts};

/// What a checkout leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing: no point's branch, or its result is known.
    Nothing,
    /// A background build.
    Build {
        /// The point as it is written.
        point: String,
        /// The commit.
        commit: Oid,
    },
    /// A line to be shown.
    Say(String),
}

/// Decides what a switch to HEAD's branch leads to.
///
/// # Errors
/// When the repository or lattice.toml cannot be read.
pub fn after_checkout(context: &Context) -> Result<Reaction> {
    let head = context.repo.head()?;
    // Rebase and bisect detach HEAD: nothing happens then.
    let (Some(branch), Some(commit)) = (head.branch, head.commit) else { return Ok(Reaction::Nothing) };
    let config = match context.config() {
        Ok(config) => config,
        Err(context::Error::Missing) => return Ok(Reaction::Nothing),
        Err(error) => return Err(error.into()),
    };
    let Some(point) = config.branch.decode(&config.lattice, &branch) else { return Ok(Reaction::Nothing) };
    let spelled = config.lattice.spell(&point);
    let plan = build::plan_at(context, &config, &point, commit)?;
    if plan.jobs.iter().all(|job| job.known.is_some()) {
        return Ok(Reaction::Nothing);
    }
    if let Some(why) = cannot_build(context, &plan)? {
        return Ok(Reaction::Say(format!("{spelled} is not built: {why}")));
    }
    Ok(match trust::judge(&context.repo, &config, &point, commit)? {
        Judgement::Permitted(_) => Reaction::Build { point: spelled, commit },
        Judgement::Denied { point: below, why } => {
            let whose = if below == spelled { String::new() } else { format!("{below}: ") };
            Reaction::Say(format!("not built by itself, {whose}{why}; `git lattice build` builds it"))
        }
    })
}

/// Why a background build would come to nothing, as far as that is seen without starting anything.
fn cannot_build(context: &Context, plan: &build::Plan) -> Result<Option<&'static str>> {
    if !context.repo.is_sha1() {
        return Ok(Some("Nix cannot fetch from a SHA-256 repository"));
    }
    if !Nix::is_on_path() {
        return Ok(Some("there is no `nix` on PATH"));
    }
    let records = Records::open(&context.repo)?;
    for job in plan.jobs.iter().filter(|job| job.known.is_none()) {
        match Verdicts::of(&records.of(job.key, &job.point)?).get(&job.system) {
            Some(Verdict::Failed) => return Ok(Some("this content failed before; `git lattice build` tries again")),
            Some(Verdict::NoBuilder) => {
                return Ok(Some("no builder was found for it; `git lattice build` looks again"));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Starts the background build and returns at once.
///
/// # Errors
/// When this program cannot be started a second time.
pub fn start(context: &Context, point: &str, commit: Oid) -> Result<()> {
    let program = std::env::current_exe()?;
    let log = worker_log(context)?;
    let cwd = context.repo.workdir().unwrap_or(context.repo.common_dir());
    Cmd::new(program).args(["hook", "build", point, &commit.to_string()]).cwd(cwd).spawn_detached(Some(&log))?;
    Ok(())
}

/// The background build itself. It judges once more: what was permitted a moment ago may have moved.
///
/// # Errors
/// When it may not be built, is being built already, or Nix cannot be used.
pub fn build_in_background(context: &Context, point: &str, commit: &str) -> Result<Vec<Done>> {
    let config = context.config()?;
    let (point, commit) = (config.lattice.parse_point(point)?, crate::git::Repo::oid(commit)?);
    let permit = match trust::judge(&context.repo, &config, &point, commit)? {
        Judgement::Permitted(permit) => permit,
        Judgement::Denied { point, why } => anyhow::bail!("`{point}` may not be built by itself: {why}"),
    };
    let mut plan = build::plan_at(context, &config, &point, permit.commit())?;
    let _only = only_one(context, &config, &point, &plan)?;
    build::run(context, &mut plan, &How::automatic(permit, Limits::default()), &mut |_| {})
}

/// One background build of a key at a time: the lock goes with the process, however it ends.
fn only_one(context: &Context, config: &Config, point: &Point, plan: &build::Plan) -> Result<std::fs::File> {
    let Some(job) = plan.jobs.first() else { anyhow::bail!("`{}` builds for no system", config.lattice.spell(point)) };
    let dir = folder(context)?;
    let file = std::fs::File::create(dir.join(format!("{}.lock", job.key)))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => anyhow::bail!("`{}` is being built already", job.point),
    }
}

fn worker_log(context: &Context) -> Result<PathBuf> {
    Ok(folder(context)?.join("background.log"))
}

fn folder(context: &Context) -> Result<PathBuf> {
    let dir = context.repo.common_dir().join("lattice").join("log");
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Whether hooks are switched off for this repository in git's configuration.
pub fn is_off(context: &Context) -> bool {
    context.repo.config_bool("lattice.hooks") == Some(false)
}
