//! Checks of the programs on this machine: git, Nix, linters.

use super::Line;
use crate::env::Environment;
use crate::git::GitVersion;
use crate::git::Repo;
use crate::git::exe::Git;
use crate::lint::Engine;
use crate::nix::{Account, Capability, Concern, NO_BUILD_USERS, NO_SHELL, Nix, Sandbox, Settings, concerns};
use crate::ops::{lint, private_store};
use crate::process::quote;

/// The oldest git version that is supported.
const OLDEST_GIT: (u64, u64) = (2, 36);

pub(super) fn git(environment: &Environment, repo: Option<&Repo>) -> Vec<Line> {
    let git = match repo.map_or_else(|| Git::find(&environment.cwd), |repo| Ok(repo.git().clone())) {
        Ok(git) => git,
        Err(error) => return vec![Line::error("git", error.to_string()).remedy("install git, or set GIT_LATTICE_GIT")],
    };
    let place = git.program().display().to_string();
    let output = git.read().arg("version").output().map(|output| output.text()).unwrap_or_default();
    let Some(version) = numbers(&output) else {
        return vec![Line::error("git", format!("`{place}` does not report its version"))];
    };
    let text = format!("{} ({place})", output.trim_start_matches("git version "));
    let reads_config = GitVersion::parse(&output).is_some_and(GitVersion::reads_config_hooks);
    let way = if reads_config { "it reads hooks from its configuration" } else { "hooks are files in a folder" };
    vec![if version < OLDEST_GIT {
        Line::error("git", text).remedy(format!("git {}.{} or newer is needed", OLDEST_GIT.0, OLDEST_GIT.1))
    } else {
        Line::ok("git", format!("{text}; {way}"))
    }]
}

/// Parses `git version 2.47.3` or `git version 2.39.5 (Apple Git-154)`.
fn numbers(output: &str) -> Option<(u64, u64)> {
    let mut parts = output.strip_prefix("git version ")?.split(['.', ' ']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

pub(super) fn nix() -> Vec<Line> {
    let nix = match Nix::find() {
        Ok(nix) => nix,
        Err(error) => {
            let line = Line::warning("nix", format!("nothing can be built here: {error}"));
            return vec![error.hint().map_or(line.clone(), |hint| line.remedy(hint))];
        }
    };
    let mut lines = vec![Line::ok("nix", format!("{} ({})", nix.version().as_str(), nix.program().display()))];
    lines.push(store(&nix));
    match nix.settings() {
        Ok(settings) => lines.extend(of_settings(&settings)),
        Err(error) => lines.push(Line::error("nix", format!("its settings cannot be read: {error}"))),
    }
    lines
}

fn store(nix: &Nix) -> Line {
    let error = match nix.open_store() {
        Ok(None) => return Line::ok("store", "can be used"),
        Ok(Some(warning)) => {
            return Line::warning("store", format!("nothing can be built here: {warning}")).remedy(NO_BUILD_USERS);
        }
        Err(error) => error,
    };
    let output = error.to_string();
    let why =
        output.lines().rev().find_map(|line| line.split_once("error:")).map_or(output.as_str(), |(_, why)| why.trim());
    let remedy = if why.contains("SQLite") || why.contains("schema") || why.contains("corrupt") {
        "`nix-store --verify --repair` repairs what it can; otherwise restore `db` from a backup, or create the store again"
            .to_owned()
    } else {
        error.hint().unwrap_or_else(|| "`nix store ping` shows what Nix says".to_owned())
    };
    Line::error("store", format!("Nix cannot use it: {why}")).remedy(remedy)
}

/// Reports the private store, if it exists: its garbage is not collected automatically.
pub(super) fn private_store_line(repo: &Repo) -> Option<Line> {
    let store = private_store::existing(repo)?;
    let command = format!("nix-store --store {} --gc", quote(store.as_str()));
    Some(Line::ok("store", format!("a private store holds inputs of untrusted branches: `{command}` empties it")))
}

fn of_settings(settings: &Settings) -> Vec<Line> {
    let capability = Capability::of(settings);
    let mut lines = vec![Line::ok("features", "flakes are enabled for every call, independent of nix.conf")];
    lines.push(match (settings.sandbox, settings.sandbox_fallback) {
        (Sandbox::On, false) => Line::ok("sandbox", "on"),
        (Sandbox::On, true) => Line::warning("sandbox", "on, but builds run without it if the kernel refuses it")
            .remedy("`sandbox-fallback = false` in nix.conf"),
        (Sandbox::Relaxed, _) => {
            Line::warning("sandbox", "relaxed: a build can opt out of it").remedy("`sandbox = true` in nix.conf")
        }
        (Sandbox::Off, _) => Line::warning("sandbox", "off: a build can do everything that you can do")
            .remedy("`sandbox = true` in nix.conf"),
    });
    if settings.sandbox != Sandbox::Off && !settings.has_sandbox_shell() {
        lines.push(Line::warning("sandbox", "has no `/bin/sh`: builders that are shell scripts fail").remedy(NO_SHELL));
    }
    lines.extend(host_paths(settings));
    lines.extend(concerns(settings, &Account::here()).into_iter().filter_map(|concern| {
        let name = match concern {
            Concern::TrustedUser { .. } => "trusted-users",
            Concern::AcceptFlakeConfig => "accept-flake-config",
            // The sandbox has a line above.
            Concern::NoSandbox | Concern::RelaxedSandbox | Concern::SandboxFallback => return None,
        };
        Some(Line::warning(name, concern.sentence()).remedy(concern.remedy()))
    }));
    let here: Vec<_> = capability.here.iter().map(ToString::to_string).collect();
    lines.push(Line::ok("systems", format!("this machine builds for {}", or_none(&here.join(", ")))));
    lines.extend(capability.machines.iter().map(|machine| {
        let systems: Vec<_> = machine.systems.iter().map(ToString::to_string).collect();
        let jobs = if machine.max_jobs == 0 { " (0 jobs: out of service)" } else { "" };
        Line::ok("builders", format!("{} builds for {}{jobs}", machine.uri, systems.join(", ")))
    }));
    lines.extend(capability.problems.into_iter().map(|problem| Line::warning("builders", problem)));
    lines
}

/// Warns of paths of this machine that builds can read: what they take from there leaves no trace in a derivation.
fn host_paths(settings: &Settings) -> Option<Line> {
    let paths = settings.host_paths();
    if settings.sandbox == Sandbox::Off || paths.is_empty() {
        return None;
    }
    let paths: Vec<_> = paths.iter().map(|path| format!("`{path}`")).collect();
    let message = format!("lets builds read {}; their records say so (`impure`)", paths.join(", "));
    let remedy = "remove them from `sandbox-paths` in nix.conf; `git lattice seed add` puts a toolchain into the store";
    Some(Line::warning("sandbox", message).remedy(remedy))
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "nothing (max-jobs is 0)" } else { text }
}

pub(super) fn linters(repo: Option<&Repo>) -> Vec<Line> {
    let tools = match lint::on_this_machine(repo) {
        Ok(tools) => tools,
        Err(error) => return vec![Line::error("linters", format!("{error:#}"))],
    };
    let embedded = "rnix, the rules of git-lattice and the format of nixfmt are built in".to_owned();
    let line = |(name, found): (&str, Result<Engine, &str>)| match found {
        Ok(Engine { version: Some(version), .. }) => Line::ok("linters", format!("{name} {version}")),
        Ok(_) => Line::ok("linters", format!("{name} (unknown version)")),
        Err(why) => Line::warning("linters", format!("{name} is not used: {why}")),
    };
    std::iter::once(Line::ok("linters", embedded)).chain(tools.external().map(line)).collect()
}
