//! What the hooks do: decide quickly, and leave the work to somebody else.

use anyhow::Result;

use super::build;
use super::queue::{self, Ask, Manner};
use super::trust::{self, Judgement};
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
        Judgement::Permitted(permit) => match plan.jobs.first() {
            Some(job) => Reaction::Build {
                ask: Ask { point: spelled, key: job.key, commit: permit.commit() },
                supersede: config.build.supersede,
            },
            None => Reaction::Nothing,
        },
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
        match Verdicts::of(&records.of(job.key)?).get(&job.system) {
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

/// Whether hooks are switched off for this repository in git's configuration.
pub fn is_off(context: &Context) -> bool {
    context.repo.config_bool("lattice.hooks") == Some(false)
}
