//! What the hooks do: decide quickly, and leave the work to somebody else.

use anyhow::Result;

use super::build;
use super::queue::{self, Ask, Manner};
use super::trust::{self, Denial, Judgement};
use crate::context::{self, Context};
use crate::nix::Nix;
use crate::queue::{Asked, Put};
use crate::record::{Records, Verdict, Verdicts};

/// What a checkout leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing: no point's branch, or its result is known.
    Nothing,
    /// A background build.
    Build {
        /// Of what.
        ask: Ask,
        /// Whether the builds of older checkouts are cancelled.
        supersede: bool,
    },
    /// A line to be shown.
    Say(String),
}

/// What happened to the branch that HEAD is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// It was switched to, or has new commits.
    Switch,
    /// It was checked out where nothing was before: by clone or `worktree add`.
    Fresh,
}

/// Decides what is to be done for HEAD's branch after git changed it.
///
/// # Errors
/// When the repository or lattice.toml cannot be read.
pub fn after(context: &Context, occasion: Occasion) -> Result<Reaction> {
    let head = context.repo.head()?;
    // Rebase and bisect detach HEAD, and `bisect reset` only goes back: nothing happens then.
    if context.repo.is_stepping() {
        return Ok(Reaction::Nothing);
    }
    let (Some(branch), Some(commit)) = (head.branch, head.commit) else { return Ok(Reaction::Nothing) };
    let config = match context.policy() {
        Ok(config) => config,
        Err(context::Error::Missing) => return Ok(Reaction::Nothing),
        Err(context::Error::NoBase) => return without_base(context, &branch),
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
    if occasion == Occasion::Fresh && !config.hooks.on_worktree_add {
        return Ok(Reaction::Say(format!(
            "{spelled} is not built in a new worktree or clone (`[hooks] on-worktree-add`); `git lattice build` builds it"
        )));
    }
    Ok(match trust::judge(&context.repo, &config, &point, commit)? {
        Judgement::Permitted(permit) => match plan.jobs.first() {
            Some(job) => Reaction::Build {
                ask: Ask { point: spelled, key: job.key, commit: permit.commit() },
                supersede: config.build.supersede,
            },
            None => Reaction::Nothing,
        },
        Judgement::Denied(Denial { point: below, why, look }) => {
            let whose = if below == spelled { String::new() } else { format!("{below}: ") };
            Reaction::Say(format!("not built by itself, {whose}{why}; look: {look}, then: git lattice trust"))
        }
    })
}

/// A point by the word of its own branch alone is not built, and that is said once there is something that looks like one.
fn without_base(context: &Context, branch: &str) -> Result<Reaction> {
    let Ok(config) = context.config() else { return Ok(Reaction::Nothing) };
    Ok(match config.branch.decode(&config.lattice, branch) {
        Some(_) => Reaction::Say(
            "not built by itself, it is not known which branch is the base: `git config lattice.base BRANCH` says it"
                .to_owned(),
        ),
        None => Reaction::Nothing,
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

/// Puts the build into the queue and returns at once.
///
/// # Errors
/// When the queue cannot be written, or this program cannot be started a second time.
pub fn start(context: &Context, ask: Ask, supersede: bool) -> Result<Put> {
    let manner = Manner { asked: Asked::Checkout, again: false, supersede };
    let put = queue::put(context, &[ask], manner)?;
    Ok(put.first().copied().unwrap_or(Put::Queued))
}
