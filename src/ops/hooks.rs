//! Git hooks of git-lattice in a repository: status, installation and removal.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::git::GitVersion;
use crate::git::Repo;
use crate::hooks::config::{self, Entry};
use crate::hooks::inspect::Chained;
use crate::hooks::manager::Manager;
use crate::hooks::{self, HooksDir, Kind, Skip, State, Way, config_file, dir};

/// The installed hooks, by event.
#[derive(Debug)]
pub struct Survey {
    /// The version of git, if known.
    pub git: Option<GitVersion>,
    /// The hooks folder, or why it cannot be used.
    pub folder: Result<HooksDir, dir::Error>,
    /// The configuration file shared by all worktrees.
    pub config: PathBuf,
    /// One row for each event, in order.
    pub rows: Vec<Row>,
}

/// The installed hook for one event.
#[derive(Debug)]
pub struct Row {
    /// The event.
    pub kind: Kind,
    /// The state of the hook in the hooks folder.
    pub shim: State,
    /// Our section in the git configuration.
    pub section: Option<Entry>,
    /// Why the hook is skipped here, if it is.
    pub skip: Option<Skip>,
}

/// What to install.
#[derive(Debug, Clone, Default)]
pub struct InstallOptions {
    /// The way to install; by default, chosen by the installed hooks and git's version.
    pub way: Option<Way>,
    /// Events in addition to the usual ones.
    pub more: Vec<Kind>,
}

/// The result of an installation or removal.
#[derive(Debug, Default)]
pub struct Done {
    /// What was done, line by line.
    pub lines: Vec<String>,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
}

/// A problem with installed hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The problem.
    pub what: String,
    /// The command that repairs it, and what it does.
    pub remedy: Option<&'static str>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.remedy.map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

/// Reads the state of all hooks.
///
/// # Errors
/// When the hooks folder or the configuration cannot be read.
pub fn survey(context: &Context) -> Result<Survey> {
    let git = context.repo.git().program().as_os_str();
    let folder = dir::find(git, &context.environment.cwd);
    let config = context.repo.common_dir().join("config");
    let sections = config_file::status(&config)?;
    let shims = match &folder {
        Ok(folder) => hooks::status(&folder.path)?,
        Err(_) => Kind::ALL.map(|kind| (kind, State::NotInstalled)).to_vec(),
    };
    let row = |(kind, shim)| {
        let section = sections.iter().find(|(of, _)| *of == kind).map(|(_, entry)| *entry);
        Row { kind, shim, section, skip: skip(context, kind) }
    };
    Ok(Survey { git: GitVersion::ask(git)?, folder, config, rows: shims.into_iter().map(row).collect() })
}

/// Why the hook for an event is skipped here, if it is.
pub fn skip(context: &Context, kind: Kind) -> Option<Skip> {
    let environment = &context.environment;
    Skip::find(kind, environment.skip, environment.ci, |key| context.repo.config_bool(key))
}

/// Installs the usual hooks and those in `options`; installed hooks are kept and updated.
///
/// # Errors
/// When there is no usable folder, another file is in the way, or a hook cannot be written.
pub fn install(context: &Context, options: &InstallOptions) -> Result<Done> {
    let survey = survey(context)?;
    let mut done = Done::default();
    // Install the new hooks before removing the old ones, so that there is always one.
    match survey.plan(context, options)? {
        Plan::Config(plan) => {
            plan.apply()?;
            done.say(&plan);
            survey.remove_shims(&mut done)?;
        }
        Plan::Shim(plan, kinds) => {
            let is_new = !plan.folder.exists();
            plan.apply()?;
            share(&context.repo, &plan.folder, is_new, &kinds)?;
            done.say(&plan);
            survey.remove_sections(&mut done)?;
        }
    }
    done.warnings = self::survey(context)?.warnings();
    Ok(done)
}

/// Gives the hooks the permissions of `core.sharedRepository`, if the folder is inside the repository.
fn share(repo: &Repo, folder: &Path, is_new: bool, kinds: &[Kind]) -> Result<()> {
    if !folder.starts_with(repo.common_dir()) {
        return Ok(());
    }
    let hooks = kinds.iter().map(|kind| folder.join(kind.as_str()));
    for path in hooks.chain(is_new.then(|| folder.to_owned())) {
        repo.shared()
            .adjust(&path)
            .with_context(|| format!("could not change the permissions of `{}`", path.display()))?;
    }
    Ok(())
}

/// Checks that the hooks can be installed; writes nothing.
///
/// # Errors
/// Those of [`install`].
pub fn ensure_installable(context: &Context, options: &InstallOptions) -> Result<()> {
    survey(context)?.plan(context, options).map(drop)
}

/// The steps of an installation, by either way.
enum Plan {
    Config(config_file::Plan),
    Shim(hooks::Plan, Vec<Kind>),
}

/// Removes our hooks from both places and restores what was there before.
///
/// # Errors
/// When one was changed by hand, or a file cannot be written.
pub fn uninstall(context: &Context) -> Result<Done> {
    let survey = survey(context)?;
    let mut done = Done::default();
    survey.remove_sections(&mut done)?;
    survey.remove_shims(&mut done)?;
    if done.lines.is_empty() {
        done.lines.push("no hooks of git-lattice are installed".to_owned());
    }
    Ok(done)
}

impl Done {
    fn say(&mut self, plan: &impl ToString) {
        self.lines.extend(plan.to_string().lines().map(str::to_owned));
    }
}

impl Survey {
    /// Whether this git runs hooks from its configuration.
    pub fn reads_config(&self) -> bool {
        self.git.is_some_and(GitVersion::reads_config_hooks)
    }

    /// The default way: the installed one, as long as this git supports it.
    fn way(&self) -> Way {
        let has_shims = self.rows.iter().any(|row| matches!(row.shim, State::Installed { .. }));
        let has_sections = self.rows.iter().any(|row| row.section.is_some());
        if self.reads_config() && (has_sections || !has_shims) { Way::Config } else { Way::Shim }
    }

    fn plan(&self, context: &Context, options: &InstallOptions) -> Result<Plan> {
        let program = std::env::current_exe().ok();
        let there = self.rows.iter().filter(|row| row.is_installed()).map(|row| row.kind);
        let kinds: Vec<Kind> = Kind::USUAL.into_iter().chain(options.more.iter().copied()).chain(there).collect();
        Ok(match options.way.unwrap_or_else(|| self.way()) {
            Way::Config => Plan::Config(config_file::plan_install(&self.config, &kinds, program.as_deref())?),
            Way::Shim => {
                let folder = dir::find(context.repo.git().program().as_os_str(), &context.environment.cwd)?;
                Plan::Shim(hooks::plan_install(folder.to_fill()?, &kinds, program.as_deref())?, kinds)
            }
        })
    }

    /// The folder that git uses without `core.hooksPath`.
    fn own_folder(&self) -> PathBuf {
        self.config.with_file_name("hooks")
    }

    /// Also removes hooks from git's own folder: a hook manager may have set `core.hooksPath` since.
    fn remove_shims(&self, done: &mut Done) -> Result<()> {
        let in_force = self.folder.as_ref().ok().map(|folder| folder.path.clone());
        let own = Some(self.own_folder()).filter(|own| in_force.as_ref() != Some(own));
        for folder in in_force.into_iter().chain(own) {
            let plan = hooks::plan_uninstall(&folder)?;
            if !plan.steps.is_empty() {
                plan.apply()?;
                done.say(&plan);
            }
        }
        Ok(())
    }

    fn remove_sections(&self, done: &mut Done) -> Result<()> {
        let plan = config_file::plan_uninstall(&self.config)?;
        if !plan.is_unchanged() {
            plan.apply()?;
            done.say(&plan);
        }
        Ok(())
    }

    /// Problems of the installed hooks, for `hooks` and `doctor`.
    pub fn warnings(&self) -> Vec<Warning> {
        let has_sections = self.rows.iter().any(|row| row.section.is_some());
        let ignored = (has_sections && !self.reads_config()).then(|| self.ignored());
        let no_folder = self.folder.as_ref().err().filter(|_| !has_sections);
        let no_folder = no_folder.map(|error| Warning { what: error.to_string(), remedy: None });
        let of_rows = self.rows.iter().filter_map(|row| self.of_row(row));
        ignored.into_iter().chain(no_folder).chain(of_rows).collect()
    }

    fn ignored(&self) -> Warning {
        let version = self.git.map(|version| format!(" {version}")).unwrap_or_default();
        let (config, first) = (self.config.display(), GitVersion::WITH_CONFIG_HOOKS);
        Warning {
            what: format!("git{version} does not run the hooks in {config}: that began with {first}"),
            remedy: Some("`git lattice hooks install` puts them into the hooks folder"),
        }
    }

    fn of_row(&self, row: &Row) -> Option<Warning> {
        let kind = row.kind;
        let is_shim = matches!(row.shim, State::Installed { .. });
        if is_shim && row.section.is_some() && self.reads_config() {
            let remedy = Some("`git lattice hooks install` repairs it");
            return Some(Warning { what: format!("{kind} is installed twice"), remedy });
        }
        if row.is_ignored() && !(row.section.is_some() && self.reads_config()) {
            let remedy = Some("`git lattice hooks install` makes it executable");
            return Some(Warning { what: format!("{kind}: our hook is not executable, so git ignores it"), remedy });
        }
        let State::Foreign(manager) = row.shim else { return None };
        let whose = manager.map_or("another program".to_owned(), |manager| manager.to_string());
        let remedy = Some("`git lattice hooks install` adds ours after it");
        (row.section.is_none() && self.is_missing(kind))
            .then(|| Warning { what: format!("{kind}: {whose}'s hook is there"), remedy })
    }

    /// Whether our hook is missing: others of ours are installed, or traces of it are left.
    fn is_missing(&self, kind: Kind) -> bool {
        let in_force = self.folder.as_ref().ok().map(|folder| folder.path.clone());
        // A hook manager may have set `core.hooksPath` after ours were installed.
        let mut folders = in_force.into_iter().chain([self.own_folder()]);
        folders.any(|folder| hooks::inspect::has_traces(&folder, kind))
            || (Kind::USUAL.contains(&kind) && self.rows.iter().any(Row::is_installed))
    }
}

impl Row {
    /// Whether git ignores our hook in the hooks folder because it is not executable.
    pub fn is_ignored(&self) -> bool {
        matches!(self.shim, State::Installed { runs: false, .. })
    }

    /// Whether our hook is installed.
    pub fn is_installed(&self) -> bool {
        self.section.is_some() || matches!(self.shim, State::Installed { .. })
    }

    /// The other hook that runs as well; `Some(None)` when its manager is unknown.
    pub fn beside(&self) -> Option<Option<Manager>> {
        match &self.shim {
            State::Installed { called_by: Some(manager), .. } => Some(Some(*manager)),
            State::Installed { chained: Some(Chained { runs: true, manager }), .. } | State::Foreign(manager) => {
                Some(*manager)
            }
            _ => None,
        }
    }

    /// Whether the installed hook is what this version would write.
    pub fn is_current(&self) -> bool {
        let section = self.section.is_none_or(|entry| entry.version == config::VERSION);
        section && !matches!(self.shim, State::Installed { current: false, .. })
    }

    /// Whether the installed hook was changed by hand.
    pub fn is_edited(&self) -> bool {
        self.section.is_some_and(|entry| entry.edited) || matches!(self.shim, State::Installed { edited: true, .. })
    }
}
