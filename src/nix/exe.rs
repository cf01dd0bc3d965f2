//! The `nix` program, and queries that need a single call.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::error::Error;
use super::options::Options;
use super::place::StoreUrl;
use super::store_path::StorePath;
use super::user_config::UserConfig;
use super::version::Version;
use crate::env;
use crate::nix::read::internal_json::plain;
use crate::nix::read::path_info::{self, PathInfo};
use crate::nix::read::settings::Settings;
use crate::process::Cmd;

/// Maximum number of store paths in one call (argument size limit, execve(2)).
pub(super) const PATHS_PER_CALL: usize = 8000;

/// Time limit for a query that does no work, such as the version; the store may be on a slow disk.
pub(super) const QUESTION: Duration = Duration::from_secs(30);

/// How long nix may be silent before its listener is told.
pub(super) const TICK: Duration = Duration::from_millis(250);

/// A `nix` whose version is known.
#[derive(Debug, Clone)]
pub struct Nix {
    program: PathBuf,
    version: Version,
    with_agent: bool,
    config: Option<Arc<UserConfig>>,
    pub(super) store: Option<StoreUrl>,
}

impl Nix {
    /// Finds the `nix` on PATH.
    pub fn find() -> Result<Self, Error> {
        Self::at(which::which("nix").map_err(|_| Error::Missing)?)
    }

    /// Returns whether `nix` is on PATH, without starting it.
    pub fn is_on_path() -> bool {
        which::which("nix").is_ok()
    }

    /// Opens the `nix` at this path.
    pub fn at(program: impl Into<PathBuf>) -> Result<Self, Error> {
        let program = program.into();
        let answer = Cmd::new(&program).only_env(env::for_nix(false)).arg("--version").within(QUESTION).output()?;
        let output = answer.text();
        let Some(version) = Version::parse(&output) else {
            if let Some(said) = error_in(&answer.error_text()) {
                return Err(Error::NotStarted { program, said });
            }
            return Err(Error::NotNix { program, printed: output.lines().next().unwrap_or_default().to_owned() });
        };
        if !version.at_least(2, 8) {
            return Err(Error::TooOld { program, version });
        }
        let config = UserConfig::write(&version).map_err(Error::UserConfig)?.map(Arc::new);
        Ok(Self { program, version, with_agent: false, config, store: None })
    }

    /// Passes the ssh agent, which remote builders and stores may need. Only for commands that the user typed.
    #[must_use]
    pub fn with_agent(self) -> Self {
        Self { with_agent: true, ..self }
    }

    /// Uses another store than the one in the user's settings, for everything.
    #[must_use]
    pub fn in_store(self, store: StoreUrl) -> Self {
        Self { store: Some(store), ..self }
    }

    /// Returns the store set by [`Self::in_store`].
    pub fn store(&self) -> Option<&StoreUrl> {
        self.store.as_ref()
    }

    /// Returns the program's path.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Returns the version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Returns a `nix` command independent of the user's environment: flakes are enabled (off by default), messages are in English,
    /// and it inherits only [`env::FOR_NIX`]. With git's variables, Nix 2.8, which runs git, would read this repository.
    pub fn cmd<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Cmd {
        self.cmd_of(&self.program).args(words)
    }

    /// Like [`Self::cmd`] for another program of Nix. Legacy commands take the store only as a setting, which `nix` accepts too.
    pub(super) fn cmd_of(&self, program: &Path) -> Cmd {
        let cmd = Cmd::new(program);
        // Without an agent, ssh may ask for a password.
        let cmd = if self.with_agent { cmd.may_ask() } else { cmd };
        let cmd = cmd.only_env(self.environment()).env("LC_ALL", "C.UTF-8");
        let cmd = cmd.args(["--extra-experimental-features", "nix-command flakes"]);
        match &self.store {
            Some(store) => cmd.args(["--option", "store", store.as_str()]),
            None => cmd,
        }
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut variables = env::for_nix(self.with_agent);
        if let Some(config) = &self.config {
            variables.retain(|(name, _)| name != env::NIX_USER_CONF_FILES);
            variables.push((env::NIX_USER_CONF_FILES.into(), config.files().to_owned()));
        }
        variables
    }

    /// Returns a `nix-store` command: the program beside `nix`, else the one on PATH.
    pub(super) fn store_cmd(&self) -> Result<Cmd, Error> {
        let beside = self.program.with_file_name("nix-store");
        let program = if beside.is_file() { beside } else { which::which("nix-store").map_err(|_| Error::NoStore)? };
        Ok(self.cmd_of(&program))
    }

    /// Reads the settings in force for this user.
    pub fn settings(&self) -> Result<Settings, Error> {
        let words: &[&str] = if self.version.has_config_show() { &["config", "show"] } else { &["show-config"] };
        let output = self.cmd(words.iter().copied()).arg("--json").within(QUESTION).read()?;
        Settings::parse(&output.stdout)
    }

    /// Checks that the store works: its database is in order, or its daemon answers. Returns the warning that this user can build
    /// nothing in it, if Nix prints one (`get_group` in libstore/lock.cc).
    ///
    /// # Errors
    /// With nix's message, if it does not.
    pub fn open_store(&self) -> Result<Option<String>, Error> {
        let stderr = self.cmd(["store", "ping"]).read()?.error_text();
        let mut warnings = stderr.lines().filter_map(|line| line.strip_prefix("warning: "));
        Ok(warnings.find(|warning| warning.contains("'build-users-group' does not exist")).map(str::to_owned))
    }

    /// Returns those of these valid paths whose contents differ from the hash in the store's database, or are missing.
    ///
    /// # Errors
    /// When nix could not be run.
    pub fn damaged(&self, paths: &[&StorePath]) -> Result<Vec<StorePath>, Error> {
        let is_sound = |some: &[&StorePath]| -> Result<bool, Error> {
            let cmd = self.store_cmd()?.arg("--verify-path").args(some.iter().map(|path| path.as_str()));
            Ok(cmd.output()?.status.success())
        };
        let mut damaged = Vec::new();
        for some in paths.chunks(PATHS_PER_CALL) {
            // Nix stops at the first missing path.
            if is_sound(some)? {
                continue;
            }
            for path in some {
                if !is_sound(&[path])? {
                    damaged.push((*path).clone());
                }
            }
        }
        Ok(damaged)
    }

    /// Returns what is known of valid store paths. Paths that are not valid are left out, even if a cache has them.
    pub(super) fn path_infos<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a StorePath>,
        options: &Options,
    ) -> Result<HashMap<StorePath, PathInfo>, Error> {
        let format: &[&str] = if self.version.has_json_format() { &["--json-format", "1"] } else { &[] };
        let paths: Vec<_> = paths.into_iter().map(StorePath::as_str).collect();
        let mut infos = HashMap::new();
        for some in paths.chunks(PATHS_PER_CALL) {
            let cmd = options.ask_store(self.cmd(["path-info", "--json", "--option", "substitute", "false"]));
            infos.extend(path_info::infos(&cmd.args(format).args(some).read()?.stdout)?);
        }
        Ok(infos)
    }
}

/// The first error that a program of Nix printed, without colours.
pub(super) fn error_in(stderr: &str) -> Option<String> {
    let text = plain(stderr);
    text.lines().find_map(|line| line.strip_prefix("error: ")).map(|error| error.trim().to_owned())
}
