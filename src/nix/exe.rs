//! The `nix` program and the few questions that need no more than one call.

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
use crate::nix::read::path_info;
use crate::nix::read::settings::Settings;
use crate::process::Cmd;

/// More store paths than this in one call might be more than the system passes on (execve(2)).
pub(super) const AT_ONCE: usize = 8000;

/// Time for a question that needs no work, such as which version it is; a store on a slow disk may be asleep.
pub(super) const QUESTION: Duration = Duration::from_secs(30);

/// A `nix` that was found and has said which one it is.
#[derive(Debug, Clone)]
pub struct Nix {
    program: PathBuf,
    version: Version,
    with_agent: bool,
    config: Option<Arc<UserConfig>>,
    pub(super) store: Option<StoreUrl>,
}

impl Nix {
    /// The `nix` on PATH.
    pub fn find() -> Result<Self, Error> {
        Self::at(which::which("nix").map_err(|_| Error::Missing)?)
    }

    /// Whether there is a `nix` on PATH; it is not started.
    pub fn is_on_path() -> bool {
        which::which("nix").is_ok()
    }

    /// The `nix` at this path.
    pub fn at(program: impl Into<PathBuf>) -> Result<Self, Error> {
        let program = program.into();
        let said = Cmd::new(&program).only_env(env::for_nix(false)).arg("--version").within(QUESTION).output()?.text();
        let Some(version) = Version::parse(&said) else {
            return Err(Error::NotNix { program, said: said.lines().next().unwrap_or_default().to_owned() });
        };
        if !version.at_least(2, 8) {
            return Err(Error::TooOld { program, version });
        }
        let config = UserConfig::write(&version).map_err(Error::UserConfig)?.map(Arc::new);
        Ok(Self { program, version, with_agent: false, config, store: None })
    }

    /// The same for what somebody typed: it may use the ssh agent, by which remote builders and stores are reached.
    #[must_use]
    pub fn with_agent(self) -> Self {
        Self { with_agent: true, ..self }
    }

    /// The same with another store in place of the one that the user's settings name, for all that it does.
    #[must_use]
    pub fn in_store(self, store: StoreUrl) -> Self {
        Self { store: Some(store), ..self }
    }

    /// The store in place of the user's, if there is one.
    pub fn store(&self) -> Option<&StoreUrl> {
        self.store.as_ref()
    }

    /// Where it is.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Which one it is.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// A `nix` command that does not depend on the surroundings: flakes switched on (a fresh Nix has none), C's messages, and of our
    /// environment only what Nix needs ([`env::FOR_NIX`]). With git's variables Nix 2.8, which runs git, would read this repository.
    pub fn cmd<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Cmd {
        self.cmd_of(&self.program).args(words)
    }

    /// The same for another program of Nix'. Legacy commands know the store as a setting only; `nix` takes it so as well.
    pub(super) fn cmd_of(&self, program: &Path) -> Cmd {
        let cmd = Cmd::new(program);
        // Without an agent ssh may want to ask for a password itself.
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

    /// A `nix-store` command: the one beside `nix`, else the one on PATH.
    pub(super) fn store_cmd(&self) -> Result<Cmd, Error> {
        let beside = self.program.with_file_name("nix-store");
        let program = if beside.is_file() { beside } else { which::which("nix-store").map_err(|_| Error::NoStore)? };
        Ok(self.cmd_of(&program))
    }

    /// The settings in force for this user here.
    pub fn settings(&self) -> Result<Settings, Error> {
        let words: &[&str] = if self.version.has_config_show() { &["config", "show"] } else { &["show-config"] };
        let said = self.cmd(words.iter().copied()).arg("--json").within(QUESTION).read()?;
        Settings::parse(&said.stdout)
    }

    /// Makes sure that the store can be used: its database is in order, or its daemon answers.
    ///
    /// # Errors
    /// With what nix says, when it cannot.
    pub fn open_store(&self) -> Result<(), Error> {
        Ok(self.cmd(["store", "ping"]).read().map(drop)?)
    }

    /// Which of these valid paths are not what the store has written down of them any more: changed, or gone.
    ///
    /// # Errors
    /// When nix could not be run.
    pub fn damaged(&self, paths: &[&StorePath]) -> Result<Vec<StorePath>, Error> {
        let is_sound = |some: &[&StorePath]| -> Result<bool, Error> {
            let cmd = self.store_cmd()?.arg("--verify-path").args(some.iter().map(|path| path.as_str()));
            Ok(cmd.output()?.status.success())
        };
        let mut damaged = Vec::new();
        for some in paths.chunks(AT_ONCE) {
            // Nix stops at the first one that is gone.
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

    /// The NAR hashes of valid store paths, as SRI; paths that are not valid are left out, even if a cache has them.
    pub fn nar_hashes<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a StorePath>,
        options: &Options,
    ) -> Result<HashMap<StorePath, String>, Error> {
        let format: &[&str] = if self.version.has_json_format() { &["--json-format", "1"] } else { &[] };
        let paths: Vec<_> = paths.into_iter().map(StorePath::as_str).collect();
        let mut hashes = HashMap::new();
        for some in paths.chunks(AT_ONCE) {
            let cmd = options.ask_store(self.cmd(["path-info", "--json", "--option", "substitute", "false"]));
            hashes.extend(path_info::nar_hashes(&cmd.args(format).args(some).read()?.stdout)?);
        }
        Ok(hashes)
    }
}
