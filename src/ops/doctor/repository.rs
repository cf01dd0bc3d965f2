//! This repository: lattice.toml, hooks, remote, refspecs, writer.

use std::time::Duration;

use anyhow::Result;

use super::{Line, Repair};
use crate::config::Config;
use crate::context::Context;
use crate::hooks::{self, State, dir};
use crate::process;
use crate::record::Records;
use crate::record::store::NOTES;

/// How long the remote may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn examine(context: &Context, offline: bool) -> Vec<Line> {
    let mut lines = vec![];
    match context.config() {
        Ok(config) => lines.extend(of_config(context, &config, offline)),
        Err(error) => {
            let line = Line::error("lattice.toml", error.to_string());
            lines.push(line.remedy("`git lattice init` writes one, with comments"));
        }
    }
    lines.extend(hooks(context));
    lines.extend(refspecs(context));
    lines.push(writer(context));
    lines.push(records(context));
    lines
}

fn of_config(context: &Context, config: &Config, offline: bool) -> Vec<Line> {
    let axes = config.lattice.shape();
    let mut lines = vec![match context.base_tip(config) {
        Ok(Some(_)) => Line::ok("lattice.toml", format!("base `{}`, axes {axes}", config.base)),
        Ok(None) => Line::error("lattice.toml", format!("its base `{}` does not exist here", config.base))
            .remedy(format!("`git fetch` brings it, or `base` names another; axes {axes}")),
        Err(error) => Line::error("lattice.toml", error.to_string()),
    }];
    lines.extend(config.unknown.iter().map(|key| {
        Line::warning("lattice.toml", format!("`{key}` means nothing to this version")).remedy("look for a misspelling")
    }));
    match &config.remote {
        None => lines.push(Line::ok("remote", "none is wanted")),
        Some(_) if offline => lines.push(Line::ok("remote", "not asked (--offline)")),
        Some(remote) => lines.push(reachable(context, remote)),
    }
    lines
}

fn reachable(context: &Context, remote: &str) -> Line {
    if !context.repo.remotes().iter().any(|name| name == remote) {
        return Line::error("remote", format!("there is no remote `{remote}`"))
            .remedy(format!("`git remote add {remote} URL`, or `remote = \"\"` in lattice.toml for nowhere"));
    }
    let asked = context.repo.git().read().args(["ls-remote", "--heads", "--quiet", remote, "lattice-doctor"]);
    let mut said = Vec::new();
    let answer = asked.stream_within(Some(PATIENCE), |line| {
        said.extend_from_slice(line);
        process::Clock::Run
    });
    let check = format!("`git ls-remote {remote}` shows what git says");
    match answer {
        Ok((status, _)) if status.success() => Line::ok("remote", format!("`{remote}` answers")),
        Ok(_) => {
            let said = String::from_utf8_lossy(&said);
            let why = said.lines().next().unwrap_or("git says nothing").to_owned();
            Line::warning("remote", format!("`{remote}` does not answer: {why}")).remedy(check)
        }
        Err(error) => Line::warning("remote", format!("`{remote}` does not answer: {error}")).remedy(check),
    }
}

fn hooks(context: &Context) -> Vec<Line> {
    let folder = match dir::find(context.repo.git().program().as_os_str(), &context.environment.cwd) {
        Ok(folder) => folder,
        Err(error) => return vec![Line::warning("hooks", error.to_string())],
    };
    let states = match hooks::status(&folder.path) {
        Ok(states) => states,
        Err(error) => return vec![Line::error("hooks", format!("{error}"))],
    };
    let place = folder.path.display();
    let line = |(kind, state): &(hooks::Kind, State)| match state {
        State::Installed { current: true, edited: false, .. } => Line::ok("hooks", format!("{kind}: ours, in {place}")),
        State::Installed { edited: true, .. } => {
            Line::warning("hooks", format!("{kind}: ours, changed by hand, in {place}"))
                .remedy("`git lattice hooks install` after moving the change away")
        }
        State::Installed { .. } => {
            Line::warning("hooks", format!("{kind}: ours, of another version, in {place}")).repair(Repair::InstallHooks)
        }
        State::Foreign => Line::warning("hooks", format!("{kind}: somebody else's alone, in {place}"))
            .remedy("`git lattice hooks install` adds ours; theirs goes on running"),
        State::NotInstalled => {
            Line::ok("hooks", format!("{kind}: not installed (`git lattice hooks install` installs it)"))
        }
    };
    states.iter().map(line).collect()
}

pub(super) fn install_hooks(context: &Context) -> Result<()> {
    let folder = dir::find(context.repo.git().program().as_os_str(), &context.environment.cwd)?;
    hooks::plan_install(&folder.path, std::env::current_exe().ok().as_deref())?.apply()?;
    Ok(())
}

/// A refspec that fetches all notes by force throws away those that were not pushed yet.
fn refspecs(context: &Context) -> Vec<Line> {
    let mut lines = Vec::new();
    for remote in context.repo.remotes() {
        let key = format!("remote.{remote}.fetch");
        let all = context.repo.git().local_config(&key).unwrap_or_default();
        for refspec in all.iter().filter(|refspec| overwrites_notes(refspec)) {
            let message = format!("`{key}` has `{refspec}`: a fetch throws away records that were not pushed yet");
            let pattern = format!("^{}$", refspec.replace(['+', '*', '.', '^'], "."));
            let remedy =
                format!("`git config --unset {key} '{pattern}'`; `git lattice sync` fetches records without it");
            lines.push(Line::error("refspecs", message).remedy(remedy));
        }
    }
    if lines.is_empty() { vec![Line::ok("refspecs", "none overwrites records")] } else { lines }
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

fn records(context: &Context) -> Line {
    match Records::open(&context.repo) {
        Ok(records) if records.broken().is_empty() => {
            Line::ok("records", format!("{} writers", records.writers().len()))
        }
        Ok(records) => Line::warning("records", format!("left out: {}", records.broken().join("; "))),
        Err(error) => Line::error("records", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::overwrites_notes;

    #[test]
    fn only_forced_refspecs_onto_our_notes_are_dangerous() {
        for bad in ["+refs/notes/*:refs/notes/*", "+refs/*:refs/*", "+refs/notes/lattice/*:refs/notes/lattice/*"] {
            assert!(overwrites_notes(bad), "{bad}");
        }
        for good in ["+refs/heads/*:refs/remotes/origin/*", "refs/notes/*:refs/notes/*", "+refs/notes/*:refs/notes/o/*"]
        {
            assert!(!overwrites_notes(good), "{good}");
        }
    }
}
