//! What the hooks decide: quickly, for git waits for them. What takes longer is left to the background worker.
//!
//! A checkout reads 8 MiB at most in all ([`crate::git::Repo::reading_at_most`]), and of that, each up to a limit:
//! - git's configuration, HEAD, and single refs;
//! - the `lattice.toml` of the base branch, 128 KiB at most;
//! - the trees of the commit down to the directories of the point and of those below it, 1 MiB at most;
//! - the records on the build key, of 256 writers and 2 MiB at most ([`Records::for_checkout`]);
//! - the files, commits and branches' logs that trust rests on, 4 MiB at most, eight signatures at most, and 512 KiB of what the
//!   user trusts ([`trust::judge_for_checkout`]).
//!
//! Where there is more in all, the whole decision is left to a process in the background ([`later`]); where there is more of the other
//! things, the worker decides: it reads everything before it builds, and builds nothing that has a record.

use anyhow::Result;

use super::builds;
use super::limits;
use super::queue::{self, Ask, Manner};
use super::trust::{self, Denial, Judgement};
use crate::context::{self, Context};
use crate::nix::Nix;
use crate::points::content::Content;
use crate::queue::{Asked, Put, Queue};
use crate::record::Records;

/// How much a checkout reads in all, of what a repository holds.
const MOST_READ: u64 = 8 << 20;
/// How many bytes of directories a checkout reads: some thirty thousand names.
const MOST_TREES: u64 = 1 << 20;

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
        /// What there is too much of to be looked at during a checkout: then the worker decides whether it is built.
        too_much: Option<&'static str>,
    },
    /// There is more to read than a checkout waits for.
    Later,
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

impl Occasion {
    /// As an argument of `hook later`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Fresh => "fresh",
        }
    }
}

/// [`after`] for a checkout, which waits: reads a limited amount.
///
/// # Errors
/// Those of [`after`].
pub fn after_checkout(context: &mut Context, occasion: Occasion) -> Result<Reaction> {
    context.repo = context.repo.reading_at_most(MOST_READ);
    let reaction = after(context, occasion);
    if context.repo.is_exhausted() { Ok(Reaction::Later) } else { reaction }
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
    let spelled = config.spell(&point);
    let tree = context.repo.tree_of_commit(commit)?;
    if Content::find_within(&context.repo, &config, tree, &point, MOST_TREES)?.is_none() {
        return Ok(Reaction::Say(format!(
            "{spelled} is not built: there are too many directories to look at during a checkout; `git lattice build` builds it"
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
    if occasion == Occasion::Fresh && !config.hooks.on_worktree_add {
        return Ok(Reaction::Say(format!(
            "{spelled} is not built in a new worktree or clone (`[hooks] on-worktree-add`); `git lattice build` builds it"
        )));
    }
    let judgement = trust::judge_for_checkout(&context.repo, &config, &point, commit)?;
    if let Some(Judgement::Denied(denial)) = judgement {
        return Ok(denied(&spelled, denial));
    }
    let too_much = match judgement {
        None => Some("too much that trust rests on"),
        Some(_) => (!records.is_whole()).then_some("too many records"),
    };
    let Some(job) = plan.jobs.first() else { return Ok(Reaction::Nothing) };
    let ask = Ask { named: job.named.clone(), key: job.key, commit };
    Ok(Reaction::Build { ask, supersede: config.build.supersede, too_much })
}

fn denied(point: &str, denial: Denial) -> Reaction {
    let Denial { point: below, why, look } = denial;
    let whose = if below == point { String::new() } else { format!("{below}: ") };
    Reaction::Say(format!("not built by itself, {whose}{why}; look: {look}, then: git lattice trust"))
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
fn cannot_build(context: &Context, records: &Records<'_>, plan: &builds::Plan) -> Result<Option<String>> {
    if !context.repo.is_sha1() {
        return Ok(Some("Nix cannot fetch from a SHA-256 repository".to_owned()));
    }
    if !Nix::is_on_path() {
        return Ok(Some("there is no `nix` on PATH".to_owned()));
    }
    // A later record that was passed over may say otherwise.
    let hopeless = plan.hopeless(records)?.filter(|_| records.is_whole()).map(str::to_owned);
    Ok(hopeless.or_else(|| at_limit(context, plan)))
}

/// The limit that ended the last background build of this content, and would end the next.
fn at_limit(context: &Context, plan: &builds::Plan) -> Option<String> {
    let ended = Queue::of(&context.repo).aside(plan.jobs.first()?.key)?.limit?;
    let limit = limits::still_reached(&context.repo, &ended)?;
    Some(format!("{limit} the last time; `git lattice build` tries again, and {}", limit.hint()))
}

/// Puts the build into the queue and returns at once; `None` where the queue would have to be waited for: then it is put in later.
///
/// # Errors
/// When the queue cannot be written, or this program cannot be started a second time.
pub fn start(context: &Context, ask: Ask, supersede: bool) -> Result<Option<Put>> {
    match queue::put_soon(context, &[ask], manner(supersede))? {
        Some(put) => Ok(put.first().copied()),
        None => start_later(context, Occasion::Switch).map(|()| None),
    }
}

/// Does in the background what a checkout did not wait for.
///
/// # Errors
/// Those of [`after`] and [`queue::put`].
pub fn later(context: &Context, occasion: Occasion) -> Result<()> {
    if let Reaction::Build { ask, supersede, .. } = after(context, occasion)? {
        queue::put(context, &[ask], manner(supersede))?;
    }
    Ok(())
}

/// Starts [`later`] in the background.
///
/// # Errors
/// When this program cannot be started a second time.
pub fn start_later(context: &Context, occasion: Occasion) -> Result<()> {
    let worktree = context.repo.workdir().unwrap_or(context.repo.common_dir());
    queue::start_background(&context.repo, &["later", occasion.word()], worktree)
}

fn manner(supersede: bool) -> Manner {
    Manner { asked: Asked::Checkout, again: false, supersede }
}
