//! `git lattice switch`

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use serde_json::json;

use super::Session;
use super::complete::Slot;
use super::shared::points::{self, POINTS, Selection};
use super::shared::switching;
use crate::config::Config;
use crate::env::Terminal;
use crate::error;
use crate::git::Repo;
use crate::git::linked::Lock;
use crate::git::names::BranchName;
use crate::lattice::{self, Point};
use crate::ops::switch::{self, Destination, Word};
use crate::ops::{Cannot, Refusal};
use crate::points::census::Census;
use crate::points::status;
use crate::record::State;
use crate::ui::pick::{self, Item};

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("switch")
        .about("Switch to a point: by its name, by one axis, or by a word such as `next`")
        .long_about(
            "Switch to a point: by its name, by one axis, or by a word such as `next`. `git switch` does it, so that hooks run, and \
             changes that would be overwritten are refused. No point is made; one that only the remote has gets a local branch.\n\n\
             Coordinates that are not given are those of HEAD's point: `--arch aarch64` goes to the same step of this architecture.\n\n\
             The words, seen from HEAD's point, mean existing points:\n\
             \x20 up     the point directly above; from the base branch, the first point above it\n\
             \x20 down   the point directly below, or the base branch\n\
             \x20 next   the next step of the chain, also into the next phase\n\
             \x20 prev   the step before in the chain\n\
             \x20 first  the first step of the phase\n\
             \x20 last   the last step of the phase\n\
             \x20 -      the branch that was checked out before\n\n\
             A chain has the same values on all axes that are sets, such as component and arch. If several points are directly \
             above or below, they are listed. A word takes precedence over a value or a branch of the same name: a flag names the \
             value, `git switch` the branch.\n\n\
             Without an argument, on a terminal, you pick the point by typing parts of its name and of its state.",
        )
        .arg(flag("failed", "Go to the next failed point in table order; after the last one, to the first").conflicts_with(POINTS))
        .arg(
            Arg::new("worktree")
                .long("worktree")
                .value_name("DIR")
                .value_hint(ValueHint::DirPath)
                // The value of an unset shell variable must not mean this worktree.
                .value_parser(NonEmptyStringValueParser::new())
                .help("Make or reuse the linked worktree DIR for the point and print its path; this worktree stays"),
        )
        .arg(flag("json", "Print JSON"));
    points::add_args(command, axes, false).mut_arg(POINTS, |arg| {
        Slot::Destination
            .of(arg.help("A point, as component/arch/phase/step or by its branch; another branch; or a word"))
    })
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    session.recover()?;
    let named = args.contains_id(POINTS) || args.get_flag("failed") || points::has_flags(session.config()?, args);
    if !named {
        let is_alone = !args.get_flag("json") && !args.contains_id("worktree");
        return if is_alone && session.ui.interactive { picked(session) } else { Err(no_destination().into()) };
    }
    let to = destination(session, args)?;
    let worktree = match args.get_one::<String>("worktree") {
        Some(dir) => in_worktree(session, &to.branch, &session.environment.cwd.join(dir))?,
        None => here(session, &to.branch)?,
    };
    let Some(worktree) = worktree else { return Ok(error::NO) };
    let path = worktree.to_string_lossy();
    if args.get_flag("json") {
        let commit = session.context()?.repo.branch_tip(&to.branch)?.map(|tip| tip.to_string());
        session.ui.json(json!({ "point": to.point, "branch": to.branch, "commit": commit, "worktree": path }));
    } else if args.contains_id("worktree") {
        session.ui.data(path);
    }
    Ok(error::OK)
}

/// The branch that the command line names.
fn destination(session: &Session, args: &ArgMatches) -> Result<Destination> {
    let (context, config) = (session.context()?, session.config()?);
    let text = args.get_one::<String>(POINTS).map(String::as_str);
    if let Some((text, word)) = text.and_then(|text| Some((text, Word::parse(text)?))) {
        if points::has_flags(config, args) {
            bail!("`{text}` goes from HEAD's point: it takes no flag of an axis");
        }
        return word.find(context, config);
    }
    if let Some(text) = text
        && let Err(error) = expanded(session, config, args)
    {
        if let Some(branch) = switch::branch(context, config, text)? {
            return Ok(branch);
        }
        let is_word = !text.contains(['/', '*', '{']) && config.lattice.axes().len() > 1;
        if is_word && !error.is::<Cannot>() {
            return Err(unknown(text).into());
        }
    }
    let named = Selection::read(config, args)?;
    if args.get_flag("failed") {
        let census = Census::take(&context.repo, config)?;
        let points = named.filter(config, &census)?;
        let among = (!named.is_empty()).then(|| named.describe());
        return switch::failed(context, config, &census, points, among.as_deref());
    }
    let census = named.census(session, config)?;
    Ok(Destination::of_point(config, &named.one(session, config, &census)?))
}

/// The points that the command line names, which need not exist.
fn expanded(session: &Session, config: &Config, args: &ArgMatches) -> Result<Vec<Point>> {
    let head = session.context()?.head_point(config)?;
    Selection::read(config, args)?.expand(config, head.as_ref())
}

fn words() -> String {
    Word::ALL.map(|(name, _)| format!("`{name}`")).join(", ")
}

fn no_destination() -> Cannot {
    Cannot::NoDestination { words: words() }
}

fn unknown(text: &str) -> Cannot {
    let near = lattice::nearest(text, Word::ALL.map(|(name, _)| name));
    Cannot::UnknownDestination { text: text.to_owned(), words: words(), near }
}

/// Switches this worktree; returns its root, or `None` if git refuses.
fn here(session: &Session, branch: &BranchName) -> Result<Option<PathBuf>> {
    let repo = &session.context()?.repo;
    let Some(root) = repo.workdir().map(Path::to_owned) else { return Err(Cannot::NoWorktreeToSwitch.into()) };
    refuse_unfinished(repo, &root)?;
    if repo.head()?.branch.as_ref() == Some(branch) {
        session.ui.say(format!("already on `{branch}`"));
        return Ok(Some(root));
    }
    refuse_if_used(repo, branch, Some(&root))?;
    Ok(switching::to(session, branch)?.then_some(root))
}

/// Makes or reuses the worktree `dir`; returns its root, or `None` if git refuses.
fn in_worktree(session: &Session, branch: &BranchName, dir: &Path) -> Result<Option<PathBuf>> {
    let repo = &session.context()?.repo;
    let existing = repo.worktree_at(dir);
    let own = repo.workdir().and_then(|root| root.canonicalize().ok());
    if existing.is_some() && existing == own {
        return here(session, branch);
    }
    existing.as_deref().map_or(Ok(()), |root| refuse_unfinished(repo, root))?;
    if refuse_if_used(repo, branch, existing.as_deref())? {
        session.ui.say(format!("already on `{branch}`"));
        return Ok(existing);
    }
    let origin = switching::origin(session, branch)?;
    let (remote, track) = origin.map_or((None, false), |origin| (Some(origin.remote), origin.tracks));
    let is_done = match &existing {
        Some(worktree) => repo.switch_in(worktree, branch, remote, track)?,
        None => repo.add_worktree(dir, branch, remote, track)?,
    };
    let root = existing.or_else(|| dir.canonicalize().ok()).unwrap_or_else(|| dir.to_owned());
    Ok(is_done.then_some(root))
}

/// Refuses a branch that another worktree than `worktree` has checked out; returns whether `worktree` has it.
fn refuse_if_used(repo: &Repo, branch: &BranchName, worktree: Option<&Path>) -> Result<bool> {
    let taken = repo.taken_branches()?;
    let Some((_, place)) = taken.into_iter().find(|(used, _)| used == branch) else { return Ok(false) };
    if worktree.is_some_and(|root| root.canonicalize().ok() == place.canonicalize().ok()) {
        return Ok(true);
    }
    refuse_unfinished(repo, &place)?;
    let is_locked = repo.worktree_lock(&place).is_some();
    Err(Refusal::UsedElsewhere { branch: branch.to_string(), worktree: place, is_locked }.into())
}

/// Refuses a worktree in which `git worktree add` is at work, or was killed: only the user knows which.
fn refuse_unfinished(repo: &Repo, worktree: &Path) -> Result<()> {
    match repo.worktree_lock(worktree) {
        Some(Lock::Adding) => Err(Refusal::UnfinishedWorktree { worktree: worktree.to_owned() }.into()),
        Some(Lock::User) | None => Ok(()),
    }
}

/// Switches to the point that the user picks.
fn picked(session: &Session) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, session.ui);
    let (census, head) = (Census::take(&context.repo, config)?, context.head_point(config)?);
    let points: Vec<&Point> = census.population().points().collect();
    if points.is_empty() || !ui.out.is_terminal || session.environment.terminal == Terminal::Dumb {
        return list(session);
    }
    let at = head.and_then(|head| points.binary_search(&&head).ok()).unwrap_or(0);
    let states: HashMap<Point, State> = status::states(context, config, &census, None)?
        .points
        .into_iter()
        .map(|status| (status.named.point, status.state))
        .collect();
    let state = |point: &Point| states.get(point).copied();
    let items: Vec<_> =
        points.iter().map(|point| Item { name: config.spell(point).into(), state: state(point) }).collect();
    let Some(picked) = pick::pick(ui, &items, at, "git lattice switch")? else { return Ok(error::NO) };
    let to = Destination::of_point(config, points[picked]);
    Ok(if here(session, &to.branch)?.is_some() { error::OK } else { error::NO })
}

/// Lists the commands that go to the points around HEAD's.
fn list(session: &Session) -> Result<u8> {
    const MAX_SHOWN: usize = 16;
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let (census, head) = (Census::take(&context.repo, config)?, context.head_point(config)?);
    let points: Vec<&Point> = census.population().points().collect();
    let at = head.as_ref().map_or(0, |head| points.partition_point(|point| *point < head));
    let first = at.saturating_sub(MAX_SHOWN / 2).min(points.len().saturating_sub(MAX_SHOWN));
    for point in points[first..].iter().take(MAX_SHOWN) {
        let mark = if head.as_ref() == Some(point) { '*' } else { ' ' };
        ui.data(format!("{mark} git lattice switch {}", config.spell(point)));
    }
    match points.len().saturating_sub(MAX_SHOWN) {
        0 if points.is_empty() => {
            ui.hint(format!("`{}` makes the first point", points::command_of_first(&config.lattice)));
        }
        0 => {}
        more => ui.tell(format!("and {more} more: `git lattice list` lists all points")),
    }
    Ok(error::OK)
}
