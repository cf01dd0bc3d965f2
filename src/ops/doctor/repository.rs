//! Checks of this repository: lattice.toml, hooks, remote, refspecs, records.

use anyhow::Result;

use super::{Line, Repair};
use crate::config::Config;
use crate::context::{self, BASE_KEY, Context};
use crate::git::names::{BranchName, HEADS, REMOTES};
use crate::hooks::Kind;
use crate::note::PointNotes;
use crate::ops::hooks::{self, InstallOptions, Row, Warning};
use crate::ops::limits::{self, Stalled};
use crate::ops::note;
use crate::ops::records;
use crate::ops::refspec;
use crate::ops::regenerate;
use crate::ops::remote_failure::missing_remote_hints;
use crate::ops::trust::Ledger;
use crate::points::census::Census;
use crate::points::status;
use crate::process;
use crate::record::Records;
use crate::record::store::{Examined, NOTES, Problem};
use crate::remote_url::without_secrets;
use crate::text::tally;

/// The names of lines.
const RECORDS: &str = "records";
const NOTES_LINE: &str = "notes";

pub(super) fn examine(context: &Context, offline: bool) -> Vec<Line> {
    let mut lines = vec![];
    match context.config() {
        Ok(config) => lines.extend(of_config(context, &config, offline)),
        Err(error) => {
            let line = match error {
                // A repository that has no lattice yet is not damaged.
                context::Error::Missing { on: Some(_) } => Line::warning("lattice.toml", error.to_string())
                    .remedy("`git switch` to the branch of the remote that has one"),
                context::Error::Missing { on: None } => Line::warning("lattice.toml", error.to_string())
                    .remedy("`git lattice init` writes one, with comments"),
                context::Error::NoBase => {
                    Line::error("lattice.toml", error.to_string()).remedy("`git config lattice.base BRANCH` names it")
                }
                _ => Line::error("lattice.toml", error.to_string())
                    .remedy("correct it, or discard uncommitted changes with `git restore lattice.toml`"),
            };
            lines.push(line);
        }
    }
    lines.extend(context.config().ok().and_then(|config| outdated(context, &config)));
    lines.extend(base(context));
    lines.extend(dead_branches(context));
    lines.push(trust(context));
    lines.extend(hooks(context));
    lines.extend(refspecs(context));
    lines.extend(context.config().ok().and_then(|config| fetches_records(context, &config)));
    lines.push(writer(context));
    lines.extend(records(context));
    lines.extend(point_notes(context));
    lines
}

/// Finds points whose `flake.nix` does not fit their `config.toml`. What cannot be read has a line of its own.
fn outdated(context: &Context, config: &Config) -> Option<Line> {
    let census = Census::take(&context.repo, config).ok()?;
    let points = census.population().points();
    let points: Vec<_> = points.filter_map(|point| Some((config.name(point), census.commit(point)?))).collect();
    let found = regenerate::outdated(&context.repo, config, points.iter().map(|(named, tip)| (named, *tip))).ok()?;
    let (first, others) = found.split_first()?;
    let more = if others.is_empty() { String::new() } else { format!(" and of {} more points", others.len()) };
    let message = format!("`flake.nix` of `{}`{more} does not fit `config.toml`", first.spelled);
    Some(Line::warning("flakes", message).remedy("`git lattice regenerate` updates them"))
}

/// Checks that the branch which `lattice.base` in git's configuration names exists; if it does not, another branch is
/// used.
fn base(context: &Context) -> Option<Line> {
    let repo = &context.repo;
    let base = repo.config(BASE_KEY)?;
    let is_there = |name: String| repo.find_ref(&name).ok().flatten().is_some_and(|id| repo.size_of(id).is_some());
    if let Ok(base) = BranchName::parse(&base) {
        let remotes = repo.remotes().into_iter().map(|remote| base.tracking(&remote));
        if std::iter::once(base.full_ref()).chain(remotes).any(is_there) {
            return None;
        }
    }
    let message = format!("`{BASE_KEY}` in git's configuration is `{base}`, and there is no such branch");
    let remedy = match context.config() {
        Ok(config) if config.base != *base => format!("`git config {BASE_KEY} {}`", process::quote(&config.base)),
        _ => format!("`git config --unset {BASE_KEY}`, or name the branch that has lattice.toml"),
    };
    Some(Line::error("lattice.base", message).remedy(remedy))
}

/// Finds local and remote branches that cannot be read or whose commit is missing.
fn dead_branches(context: &Context) -> Vec<Line> {
    /// The most lines shown: a damaged object store may have lost most commits.
    const MAX_LINES: usize = 10;
    let repo = &context.repo;
    let listing = match repo.list_refs(&[HEADS.to_owned(), REMOTES.to_owned()]) {
        Ok(listing) => listing,
        Err(error) => return vec![Line::error("branches", error.to_string()).remedy("`git fsck` shows details")],
    };
    let broken = listing.broken.iter().map(|why| Line::error("branches", why).remedy("`git fsck` shows details"));
    let dead = listing.refs.iter().filter(|(_, id)| repo.size_of(*id).is_none()).map(|(name, id)| {
        let message = format!("`{name}` is at {id}, which is missing");
        let command = format!("`git update-ref -d {} {id}`", process::quote(name));
        Line::error("branches", message).remedy(format!("{command}, then `git fetch` brings what the remote has"))
    });
    let mut lines: Vec<_> = broken.chain(dead).collect();
    if lines.len() > MAX_LINES {
        let more = lines.len() - MAX_LINES;
        lines.truncate(MAX_LINES);
        lines.push(Line::error("branches", format!("and {more} more")).remedy("`git lattice check` names all"));
    }
    if lines.is_empty() { vec![Line::ok("branches", "all commits are here")] } else { lines }
}

/// Checks the trust ledger: if it is invalid, nothing is built automatically.
fn trust(context: &Context) -> Line {
    match Ledger::read(&context.repo) {
        Ok(Ledger { content, authors, .. }) => {
            Line::ok("trust", format!("contents allowed: {}, keys of authors: {}", content.len(), authors.len()))
        }
        Err(error) => Line::error("trust", error.to_string()).remedy(error.hint()),
    }
}

fn of_config(context: &Context, config: &Config, offline: bool) -> Vec<Line> {
    let axes = config.lattice.shape();
    let mut lines = vec![match context.base_tip(config) {
        Ok(Some(_)) => Line::ok("lattice.toml", format!("base `{}`, axes {axes}", config.base)),
        Ok(None) => Line::error("lattice.toml", format!("its base `{}` does not exist here", config.base))
            .remedy(format!("{}set `base` in lattice.toml to another branch", fetch_hint(context, config))),
        Err(error) => Line::error("lattice.toml", error.to_string()),
    }];
    let unknown = |sentence| Line::warning("lattice.toml", sentence).remedy("correct the key, or remove it");
    lines.extend(config.unknown_keys().map(unknown));
    lines.extend(partial_fetch(context, config));
    match &config.remote {
        None => lines.push(Line::ok("remote", "none configured")),
        Some(_) if offline => lines.push(Line::ok("remote", "not contacted (--offline)")),
        Some(remote) => lines.push(reachable(context, remote)),
    }
    lines
}

/// The command that fetches the base branch, if there is a remote.
fn fetch_hint(context: &Context, config: &Config) -> String {
    let fetch = config.remote.as_ref().map(|remote| context.repo.fetch_command(remote, Some(&config.base)));
    fetch.map(|command| format!("`{command}` brings it, or ")).unwrap_or_default()
}

fn reachable(context: &Context, remote: &str) -> Line {
    let known = context.repo.remotes();
    if !known.iter().any(|name| name == remote) {
        return Line::error("remote", format!("there is no remote `{remote}`"))
            .remedy(missing_remote_hints(Some(remote), &known).join("; "));
    }
    let still = match limits::network(&context.repo) {
        Ok(still) => still,
        Err(error) => return Line::error("remote", error.to_string()).remedy(error.hint()),
    };
    let why = match context.repo.git().answers(remote, still) {
        Ok(()) => return Line::ok("remote", format!("`{remote}` answers")),
        Err(process::Error::Failed { stderr, .. }) => {
            let text = without_secrets(&String::from_utf8_lossy(&stderr));
            text.lines().next().unwrap_or("git gave no message").to_owned()
        }
        Err(process::Error::Stalled { limit, .. }) => Stalled { remote: remote.to_owned(), limit }.to_string(),
        Err(error) => error.to_string(),
    };
    Line::warning("remote", format!("`{remote}` does not answer: {why}"))
        .remedy(format!("`git ls-remote {remote}` shows what git says"))
}

fn hooks(context: &Context) -> Vec<Line> {
    let survey = match hooks::survey(context) {
        Ok(survey) => survey,
        Err(error) => return vec![Line::error("hooks", format!("{error:#}"))],
    };
    let warning = |warning: Warning| {
        let line = Line::warning("hooks", warning.what);
        if let Some(remedy) = warning.remedy { line.remedy(remedy) } else { line }
    };
    let rows = survey.rows.iter().filter(|row| row.is_installed() || Kind::USUAL.contains(&row.kind)).map(of_hook);
    rows.chain(survey.warnings().into_iter().map(warning)).collect()
}

fn of_hook(row: &Row) -> Line {
    let kind = row.kind;
    if !row.is_installed() {
        return Line::ok("hooks", format!("{kind}: not installed (`git lattice hooks install` installs it)"));
    }
    if row.is_ignored() && row.section.is_none() {
        let message = format!("{kind}: installed, but not executable, so git ignores it");
        return Line::error("hooks", message).repair(Repair::InstallHooks);
    }
    if row.is_edited() {
        return Line::warning("hooks", format!("{kind}: installed, and changed by hand since"))
            .remedy("`git lattice hooks install` after moving the change away");
    }
    if !row.is_current() {
        return Line::warning("hooks", format!("{kind}: installed by another version of git-lattice"))
            .repair(Repair::InstallHooks);
    }
    let skipped = row.skip.as_ref().map(|skip| format!(", skipped here: {skip}")).unwrap_or_default();
    Line::ok("hooks", format!("{kind}: installed{skipped}"))
}

pub(super) fn install_hooks(context: &Context) -> Result<()> {
    hooks::install(context, &InstallOptions::default()).map(drop)
}

/// Warns of a clone that fetches only some branches: it does not see points that others push.
fn partial_fetch(context: &Context, config: &Config) -> Option<Line> {
    let fetch = status::fetch_of_others(context, config)?;
    let message = "`git fetch` fetches only some of the remote's branches: points that others push are not seen";
    Some(Line::warning("refspecs", message).remedy(format!("`{fetch}`")))
}

/// Finds forced refspecs for notes: a fetch with one discards records that were not pushed.
fn refspecs(context: &Context) -> Vec<Line> {
    let mut lines = Vec::new();
    for remote in context.repo.remotes() {
        let key = format!("remote.{remote}.fetch");
        let all = context.repo.git().local_config(&key).unwrap_or_default();
        for refspec in all.iter().filter(|refspec| overwrites_notes(refspec)) {
            let message = format!("`{key}` has `{refspec}`: a fetch discards records that were not pushed yet");
            let pattern = format!("^{}$", refspec.replace(['+', '*', '.', '^'], "."));
            let remedy =
                format!("`git config --unset {key} '{pattern}'`; `git lattice sync` fetches records without it");
            lines.push(Line::error("refspecs", message).remedy(remedy));
        }
    }
    if lines.is_empty() { vec![Line::ok("refspecs", "no refspec overwrites records")] } else { lines }
}

/// Tells whether a plain `git fetch` brings records.
fn fetches_records(context: &Context, config: &Config) -> Option<Line> {
    let (repo, remote) = (&context.repo, config.remote.as_ref()?);
    if !repo.remotes().contains(remote) {
        return None;
    }
    Some(if refspec::is_there(repo, remote) {
        Line::ok("fetch", format!("`git fetch {}` brings records", process::quote(remote)))
    } else {
        let add = format!("git config --add remote.{remote}.fetch '{}'", refspec::of(remote));
        Line::ok("fetch", format!("`git lattice sync` brings records, `git fetch` does not (`{add}`)"))
    })
}

fn overwrites_notes(refspec: &str) -> bool {
    let Some((_, to)) = refspec.strip_prefix('+').and_then(|refspec| refspec.split_once(':')) else { return false };
    let under = to.split('*').next().unwrap_or_default();
    to.contains('*') && (NOTES.starts_with(under) || under.starts_with(NOTES))
}

fn writer(context: &Context) -> Line {
    match context.repo.config("lattice.writer") {
        Some(name) => Line::ok("writer", format!("records are written under `{NOTES}{name}`")),
        None => Line::ok("writer", "none yet: the first record makes it"),
    }
}

fn records(context: &Context) -> Vec<Line> {
    let writers = match Records::open(&context.repo) {
        Ok(records) => records.writers().len(),
        Err(error) => return vec![Line::error(RECORDS, error.to_string())],
    };
    match examine_records(context) {
        Ok(examined) => of_notes(RECORDS, writers, &examined),
        Err(error) => vec![Line::error(RECORDS, format!("{error:#}"))],
    }
}

/// Checks the notes on points, if there are any.
fn point_notes(context: &Context) -> Vec<Line> {
    let writers = match PointNotes::open(&context.repo) {
        Ok(notes) => notes.writers(),
        Err(error) => return vec![Line::error(NOTES_LINE, error.to_string())],
    };
    let lattice = context.config().ok();
    match note::examine(&context.repo, lattice.as_ref().map(|config| &*config.lattice)) {
        Ok(examined) if writers == 0 && examined.problems.is_empty() => Vec::new(),
        Ok(examined) => of_notes(NOTES_LINE, writers, &examined),
        Err(error) => vec![Line::error(NOTES_LINE, format!("{error:#}"))],
    }
}

/// Tells what was found in the records, or in the notes on points.
fn of_notes(what: &'static str, writers: usize, Examined { problems, elsewhere }: &Examined) -> Vec<Line> {
    /// The most lines shown: one writer may repeat a mistake in every note.
    const MAX_LINES: usize = 10;
    if problems.is_empty() {
        let whose = match writers {
            0 => "there are none yet".to_owned(),
            1 => format!("the {what} of one writer are valid"),
            many => format!("the {what} of {many} writers are valid"),
        };
        let elsewhere = match *elsewhere {
            0 => String::new(),
            count => format!("; {} that this lattice does not have", tally(count, "names a point", "name points")),
        };
        return vec![Line::ok(what, whose + &elsewhere)];
    }
    let mut lines: Vec<_> = problems.iter().take(MAX_LINES).map(|problem| invalid(what, problem)).collect();
    if problems.len() > MAX_LINES {
        lines.push(Line::warning(what, format!("and {} more that are invalid", problems.len() - MAX_LINES)));
    }
    lines
}

fn invalid(what: &'static str, problem: &Problem) -> Line {
    let line = Line::warning(what, format!("invalid, in `{}`: {problem}", problem.notes));
    let full = process::quote(&problem.notes);
    match (&problem.key, problem.notes.strip_prefix("refs/notes/").map(process::quote)) {
        (Some(key), Some(notes)) => {
            line.remedy(format!("`git notes --ref={notes} show {key}` shows it; it is ignored"))
        }
        (Some(_), None) => line.remedy(format!("`git log -p {full}` shows it; it is ignored")),
        (None, _) => line.remedy(format!("`git log {full}` shows who wrote it; it is ignored")),
    }
}

fn examine_records(context: &Context) -> Result<Examined> {
    match context.config() {
        Ok(config) => records::examine(context, &config, &Census::take(&context.repo, &config)?),
        // A missing lattice.toml is reported above.
        Err(_) => Ok(Records::open(&context.repo)?.examine(None, |_| None)),
    }
}

#[cfg(test)]
mod tests {
    use super::overwrites_notes;

    #[test]
    fn detects_forced_refspecs_onto_notes() {
        for bad in ["+refs/notes/*:refs/notes/*", "+refs/*:refs/*", "+refs/notes/lattice/*:refs/notes/lattice/*"] {
            assert!(overwrites_notes(bad), "{bad}");
        }
        for good in ["+refs/heads/*:refs/remotes/origin/*", "refs/notes/*:refs/notes/*", "+refs/notes/*:refs/notes/o/*"]
        {
            assert!(!overwrites_notes(good), "{good}");
        }
    }
}
