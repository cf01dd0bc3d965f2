//! Decisions of the hooks. Git waits for a hook, so anything slow is left to the background worker.
//!
//! During a checkout at most 8 MiB are read ([`crate::git::Repo::reading_at_most`]):
//! - git's configuration, HEAD, and single refs;
//! - the `lattice.toml` of the base branch, at most 128 KiB;
//! - the trees of the commit down to the directories of the point and of those below it, at most 1 MiB;
//! - the records on the build key, of at most 256 writers and 2 MiB ([`Records::for_checkout`]);
//! - the files, commits and reflogs that trust depends on, at most 4 MiB and eight signatures, and at most 512 KiB of
//!   the trust ledger ([`trust::judge_for_checkout`]).
//!
//! Beyond the total limit, a background process makes the whole decision ([`later`]). Beyond the limit for records or
//! trust, the build is queued and the worker decides: it reads everything first, and builds nothing that has a record.

use anyhow::Result;

use super::builds;
use super::limits;
use super::queue::{self, BuildRequest, RequestOptions};
use super::trust::{self, Denial, Judgement};
use crate::context::{self, Context};
use crate::nix::Nix;
use crate::points::content::Content;
use crate::queue::{Put, Queue, RequestedBy};
use crate::record::Records;

/// How many bytes of the repository a checkout reads in total.
const MAX_READ: u64 = 8 << 20;
/// How many bytes of trees a checkout reads: some thirty thousand names.
const MAX_TREES: u64 = 1 << 20;

/// The reaction to a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing: HEAD is on no point, or its result is known.
    Nothing,
    /// A background build.
    Build {
        /// What to build.
        request: BuildRequest,
        /// Whether to cancel the builds of older checkouts.
        supersede: bool,
        /// What exceeds a limit of the checkout, so that the worker decides whether to build.
        too_much: Option<&'static str>,
    },
    /// The total limit is exceeded: decide in the background.
    Later,
    /// Show a line.
    Say(String),
}

/// What happened to HEAD's branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchEvent {
    /// It was switched to, or has new commits.
    Switch,
    /// It was checked out into a new worktree, by clone or `worktree add`.
    Fresh,
}

impl BranchEvent {
    /// The argument of `hook later`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Fresh => "fresh",
        }
    }
}

/// Like [`after`], but reads a limited amount, because the checkout waits.
///
/// # Errors
/// Those of [`after`].
pub fn after_checkout(context: &mut Context, branch_event: BranchEvent) -> Result<Reaction> {
    context.repo = context.repo.reading_at_most(MAX_READ);
    let reaction = after(context, branch_event);
    if context.repo.is_exhausted() { Ok(Reaction::Later) } else { reaction }
}

/// Decides what to do after git changed HEAD's branch.
///
/// # Errors
/// When the repository or lattice.toml cannot be read.
pub fn after(context: &Context, branch_event: BranchEvent) -> Result<Reaction> {
    let head = context.repo.head()?;
    // Rebase and bisect pass through commits, and `bisect reset` only returns: do nothing.
    if context.repo.is_stepping() {
        return Ok(Reaction::Nothing);
    }
    let (Some(branch), Some(commit)) = (head.branch, head.commit) else { return Ok(Reaction::Nothing) };
    let config = match context.policy() {
        Ok(config) => config,
        Err(context::Error::Missing { .. }) => return Ok(Reaction::Nothing),
        Err(context::Error::NoBase) => return without_base(context, &branch),
        Err(error) => return Err(error.into()),
    };
    let Some(point) = config.branch.decode(&config.lattice, &branch) else { return Ok(Reaction::Nothing) };
    let spelled = config.spell(&point);
    let tree = context.repo.tree_of_commit(commit)?;
    if Content::find_within(&context.repo, &config, tree, &point, MAX_TREES)?.is_none() {
        return Ok(Reaction::Say(format!(
            "{spelled} is not built: there are too many directories to read during a checkout; `git lattice build` builds it"
        )));
    }
    let records = Records::for_checkout(&context.repo)?;
    let plan = builds::plan_at(context, &config, &records, &point, commit)?;
    if plan.is_done() {
        return Ok(Reaction::Nothing);
    }
    if let Some(why) = cannot_build(context, &records, &plan)? {
        return Ok(Reaction::Say(format!("{spelled} is not built: {why}")));
    }
    if branch_event == BranchEvent::Fresh && !config.hooks.on_worktree_add {
        return Ok(Reaction::Say(format!(
            "{spelled} is not built in a new worktree or clone (`[hooks] on-worktree-add`); `git lattice build` builds it"
        )));
    }
    let judgement = trust::judge_for_checkout(&context.repo, &config, &point, commit)?;
    if let Some(Judgement::Denied(denial)) = judgement {
        return Ok(denied(&spelled, denial));
    }
    let too_much = match judgement {
        None => Some("too much data for the trust check"),
        Some(_) => (!records.is_whole()).then_some("too many records"),
    };
    let Some(job) = plan.jobs.first() else { return Ok(Reaction::Nothing) };
    let request = BuildRequest { named: job.named.clone(), key: job.key, commit };
    Ok(Reaction::Build { request, supersede: config.build.supersede, too_much })
}

fn denied(point: &str, denial: Denial) -> Reaction {
    let Denial { point: below, why, look } = denial;
    let whose = if below == point { String::new() } else { format!("{below}: ") };
    Reaction::Say(format!("not built automatically, {whose}{why}; look: `{look}`, then: `git lattice trust`"))
}

/// Without a base branch only the branch itself says that it is a point, so it is not built; the user is told.
fn without_base(context: &Context, branch: &str) -> Result<Reaction> {
    let Ok(config) = context.config() else { return Ok(Reaction::Nothing) };
    Ok(match config.branch.decode(&config.lattice, branch) {
        Some(_) => Reaction::Say(
            "not built automatically, the base branch is unknown: `git config lattice.base BRANCH` sets it".to_owned(),
        ),
        None => Reaction::Nothing,
    })
}

/// Why a background build would fail, as far as is known without starting a process.
fn cannot_build(context: &Context, records: &Records<'_>, plan: &builds::Plan) -> Result<Option<String>> {
    if !context.repo.is_sha1() {
        return Ok(Some("Nix cannot fetch from a SHA-256 repository".to_owned()));
    }
    if !Nix::is_on_path() {
        return Ok(Some("there is no `nix` on PATH".to_owned()));
    }
    // A record that was not read may be newer.
    let known_failure = plan.known_failure(records)?.filter(|_| records.is_whole()).map(str::to_owned);
    Ok(known_failure.or_else(|| at_limit(context, plan)))
}

/// The limit that ended the last background build of this content and would end the next one too.
fn at_limit(context: &Context, plan: &builds::Plan) -> Option<String> {
    let ended = Queue::of(&context.repo).aside(plan.jobs.first()?.key)?.limit?;
    let limit = limits::still_reached(&context.repo, &ended)?;
    Some(format!("{limit} the last time; `git lattice build` tries again, and {}", limit.hint()))
}

/// Queues the build and returns at once; `None` when the queue is locked, and a background process queues it later.
///
/// # Errors
/// When the queue cannot be written, or this program cannot be started a second time.
pub fn start(context: &Context, request: BuildRequest, supersede: bool) -> Result<Option<Put>> {
    match queue::try_put(context, &[request], options(supersede))? {
        Some(put) => Ok(put.first().copied()),
        None => start_later(context, BranchEvent::Switch).map(|()| None),
    }
}

/// Decides and queues in the background, without limits.
///
/// # Errors
/// Those of [`after`] and [`queue::put`].
pub fn later(context: &Context, branch_event: BranchEvent) -> Result<()> {
    if let Reaction::Build { request, supersede, .. } = after(context, branch_event)? {
        queue::put(context, &[request], options(supersede))?;
    }
    Ok(())
}

/// Starts [`later`] in the background.
///
/// # Errors
/// When this program cannot be started a second time.
pub fn start_later(context: &Context, branch_event: BranchEvent) -> Result<()> {
    let worktree = context.repo.workdir().unwrap_or(context.repo.common_dir());
    queue::start_background(&context.repo, &["later", branch_event.word()], worktree)
}

fn options(supersede: bool) -> RequestOptions {
    RequestOptions { asked: RequestedBy::Checkout, again: false, supersede }
}
