//! Which of our hooks there are in a repository, and putting them there and away.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::git::GitVersion;
use crate::git::Repo;
use crate::hooks::config::{self, Entry};
use crate::hooks::found::Chained;
use crate::hooks::manager::Manager;
use crate::hooks::{self, HooksDir, Kind, Skip, State, Way, config_file, dir};

/// What there is, event by event.
#[derive(Debug)]
pub struct Survey {
    /// The git in force, as far as it told its version.
    pub git: Option<GitVersion>,
    /// The hooks folder, or why there is none for us.
    pub folder: Result<HooksDir, dir::Error>,
    /// The configuration file that all worktrees share.
    pub config: PathBuf,
    /// One for each event, in order.
    pub rows: Vec<Row>,
}

/// What there is for one event.
#[derive(Debug)]
pub struct Row {
    /// The event.
    pub kind: Kind,
    /// What stands in the hooks folder.
    pub shim: State,
    /// Our section in the configuration.
    pub section: Option<Entry>,
    /// Why it does nothing here.
    pub skip: Option<Skip>,
}

/// What was asked to be installed.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The way, where it is not to be chosen by what is there and by git's version.
    pub way: Option<Way>,
    /// Events besides the usual ones.
    pub more: Vec<Kind>,
}

/// What was done, in lines to be shown.
#[derive(Debug, Default)]
pub struct Done {
    /// What was done.
    pub said: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

/// Something that does not work as it looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What it is.
    pub what: String,
    /// The command that mends it, and how.
    pub remedy: Option<&'static str>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.remedy.map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

/// Looks at everything that decides about hooks here.
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

/// Why the hook for an event does nothing here.
pub fn skip(context: &Context, kind: Kind) -> Option<Skip> {
    let environment = &context.environment;
    Skip::find(kind, environment.skip, environment.ci, |key| context.repo.config_bool(key))
}

/// Installs the usual hooks and those asked for; what is there already stays and is brought up to date.
///
/// # Errors
/// When there is no place for them, something is in the way, or it cannot be written.
pub fn install(context: &Context, wish: &Wish) -> Result<Done> {
    let survey = survey(context)?;
    let mut done = Done::default();
    // The new comes before the old goes, so that at no time there is none.
    match survey.plan(context, wish)? {
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

/// Gives our hooks the permissions that the repository asks for; a folder elsewhere is not the repository's.
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

/// Makes sure that the hooks can be installed; writes nothing.
///
/// # Errors
/// Those of [`install`].
pub fn ensure_installable(context: &Context, wish: &Wish) -> Result<()> {
    survey(context)?.plan(context, wish).map(drop)
}

/// What will be done to install hooks, by either way.
enum Plan {
    Config(config_file::Plan),
    Shim(hooks::Plan, Vec<Kind>),
}

/// Removes our hooks, wherever they are, and leaves everything as it was before.
///
/// # Errors
/// When one was changed by hand, or it cannot be written.
pub fn uninstall(context: &Context) -> Result<Done> {
    let survey = survey(context)?;
    let mut done = Done::default();
    survey.remove_sections(&mut done)?;
    survey.remove_shims(&mut done)?;
    if done.said.is_empty() {
        done.said.push("no hooks of ours are here".to_owned());
    }
    Ok(done)
}

impl Done {
    fn say(&mut self, plan: &impl ToString) {
        self.said.extend(plan.to_string().lines().map(str::to_owned));
    }
}

impl Survey {
    /// Whether the git in force runs hooks from its configuration.
    pub fn reads_config(&self) -> bool {
        self.git.is_some_and(GitVersion::reads_config_hooks)
    }

    /// The way that fits: what is installed stays as long as the git in force knows it.
    fn way(&self) -> Way {
        let has_shims = self.rows.iter().any(|row| matches!(row.shim, State::Installed { .. }));
        let has_sections = self.rows.iter().any(|row| row.section.is_some());
        if self.reads_config() && (has_sections || !has_shims) { Way::Config } else { Way::Shim }
    }

    fn plan(&self, context: &Context, wish: &Wish) -> Result<Plan> {
        let program = std::env::current_exe().ok();
        let there = self.rows.iter().filter(|row| row.is_installed()).map(|row| row.kind);
        let kinds: Vec<Kind> = Kind::USUAL.into_iter().chain(wish.more.iter().copied()).chain(there).collect();
        Ok(match wish.way.unwrap_or_else(|| self.way()) {
            Way::Config => Plan::Config(config_file::plan_install(&self.config, &kinds, program.as_deref())?),
            Way::Shim => {
                let folder = dir::find(context.repo.git().program().as_os_str(), &context.environment.cwd)?;
                Plan::Shim(hooks::plan_install(folder.to_fill()?, &kinds, program.as_deref())?, kinds)
            }
        })
    }

    /// The folder that git takes without `core.hooksPath`.
    fn own_folder(&self) -> PathBuf {
        self.config.with_file_name("hooks")
    }

    /// From git's own folder too: a manager may have set `core.hooksPath` since.
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

    /// What does not work as it looks; for `hooks` and `doctor`.
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
            let remedy = Some("`git lattice hooks install` mends it");
            return Some(Warning { what: format!("{kind} is installed twice"), remedy });
        }
        if row.is_passed_over() && !(row.section.is_some() && self.reads_config()) {
            let remedy = Some("`git lattice hooks install` makes it so");
            return Some(Warning {
                what: format!("{kind}: our hook is not executable, so git passes over it"),
                remedy,
            });
        }
        let State::Foreign(manager) = row.shim else { return None };
        let whose = manager.map_or("somebody else".to_owned(), |manager| manager.to_string());
        let remedy = Some("`git lattice hooks install` puts ours behind it");
        (row.section.is_none() && self.is_missing(kind))
            .then(|| Warning { what: format!("{kind}: {whose}'s hook stands there"), remedy })
    }

    /// Whether our hook should be there: others of ours are, or something of it is left.
    fn is_missing(&self, kind: Kind) -> bool {
        let in_force = self.folder.as_ref().ok().map(|folder| folder.path.clone());
        // A manager may have set `core.hooksPath` after ours were installed.
        let mut folders = in_force.into_iter().chain([self.own_folder()]);
        folders.any(|folder| hooks::found::has_traces(&folder, kind))
            || (Kind::USUAL.contains(&kind) && self.rows.iter().any(Row::is_installed))
    }
}

impl Row {
    /// Whether a hook of ours stands in the hooks folder that git passes over, since it is not executable.
    pub fn is_passed_over(&self) -> bool {
        matches!(self.shim, State::Installed { runs: false, .. })
    }

    /// Whether ours is there.
    pub fn is_installed(&self) -> bool {
        self.section.is_some() || matches!(self.shim, State::Installed { .. })
    }

    /// The hook of somebody else's that runs as well; `Some(None)` when nothing is known of it.
    pub fn beside(&self) -> Option<Option<Manager>> {
        match &self.shim {
            State::Installed { called_by: Some(manager), .. } => Some(Some(*manager)),
            State::Installed { chained: Some(Chained { runs: true, manager }), .. } | State::Foreign(manager) => {
                Some(*manager)
            }
            _ => None,
        }
    }

    /// Whether what is installed is what this program would write.
    pub fn is_current(&self) -> bool {
        let section = self.section.is_none_or(|entry| entry.version == config::VERSION);
        section && !matches!(self.shim, State::Installed { current: false, .. })
    }

    /// Whether somebody changed what is installed by hand.
    pub fn is_edited(&self) -> bool {
        self.section.is_some_and(|entry| entry.edited) || matches!(self.shim, State::Installed { edited: true, .. })
    }
}
