//! The repository, its `lattice.toml` and the environment, opened once per command.

use std::cell::RefCell;
use std::rc::Rc;

use crate::config::{self, Config, Document};
use crate::env::Environment;
use crate::git::names::BranchName;
use crate::git::{self, Head, Oid, Repo, exe::Git};
use crate::lattice::Point;

mod policy;

pub use policy::BASE_KEY;

/// The open repository, its configuration and the environment.
pub struct Context {
    /// The environment of this process.
    pub environment: Environment,
    /// The repository.
    pub repo: Repo,
    /// Notices for the user, one line each, such as that an interrupted command was finished.
    pub notices: RefCell<Vec<String>>,
    config: CachedConfig,
    policy: CachedConfig,
}

/// A cached `lattice.toml`.
type CachedConfig = RefCell<Option<Rc<Config>>>;

/// Returns the cached `lattice.toml`; reads it the first time.
fn cached(known: &CachedConfig, read: impl FnOnce() -> Result<Rc<Config>, Error>) -> Result<Rc<Config>, Error> {
    let found = known.borrow().clone();
    let config = found.map_or_else(read, Ok)?;
    Ok(known.borrow_mut().insert(config).clone())
}

/// Why there is no usable `lattice.toml`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no file.
    #[error("there is no `{}` here", config::FILE)]
    Missing {
        /// The branch of the remote that has one, if HEAD has no commit.
        on: Option<BranchName>,
    },
    /// The base branch is unknown: only branches that any pusher could have written name one.
    #[error("the base branch is unknown")]
    NoBase,
    /// The file exists and is invalid.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// git failed.
    #[error(transparent)]
    Git(#[from] git::Error),
}

impl Context {
    /// Opens the repository at or above the current directory.
    ///
    /// # Errors
    /// When git is missing or there is no repository.
    pub fn open(environment: Environment) -> git::Result<Self> {
        let repo = Repo::open(&environment.cwd, Git::find(&environment.cwd)?)?;
        Ok(Self {
            environment,
            repo,
            notices: RefCell::default(),
            config: CachedConfig::default(),
            policy: CachedConfig::default(),
        })
    }

    /// Returns `lattice.toml`, read once: the worktree's if the user edited it, else the base branch's ([`Self::policy`]).
    ///
    /// The file committed on a point's branch is as old as the branch and may come from another contributor; the base branch holds
    /// what the project agreed on. An uncommitted edit is the user's own, so its lattice counts; what it says about machines,
    /// promotions and hooks does not ([`Config::with_policy`]). HEAD's file is used only where no base is known, and then without
    /// those settings.
    ///
    /// # Errors
    /// When there is none, or it is not usable.
    pub fn config(&self) -> Result<Rc<Config>, Error> {
        cached(&self.config, || self.read_config())
    }

    /// Drops the cached `lattice.toml`: finishing an interrupted command may have moved the base branch.
    pub fn forget_config(&self) {
        self.config.take();
        self.policy.take();
    }

    fn read_config(&self) -> Result<Rc<Config>, Error> {
        if let Some(bytes) = self.repo.edited_file(config::FILE)? {
            let edited = Config::parse(config::FILE, &bytes)?;
            return Ok(edited.with_policy(self.policy().ok().as_deref()).into());
        }
        let fault = match self.policy() {
            Err(fault @ (Error::NoBase | Error::Missing { .. } | Error::Config(_))) => fault,
            known => return known,
        };
        // Read HEAD's file only now: another contributor may have written it, and it may be of any size.
        let committed = self.repo.head()?.commit.map(|commit| self.committed(commit)).transpose()?.flatten();
        let is_here = || self.repo.workdir().is_some_and(|root| root.join(config::FILE).exists());
        let origin = || if is_here() { config::FILE.to_owned() } else { format!("HEAD:{}", config::FILE) };
        match (fault, committed) {
            // Report the same error for the file that the user can edit at once.
            (Error::Config(fault), Some(bytes)) => Err(Config::parse(&origin(), &bytes).err().unwrap_or(fault).into()),
            (fault @ Error::Config(_), None) => Err(fault),
            (_, None) => Err(Error::Missing { on: self.base_before_first_commit()? }),
            (_, Some(bytes)) => {
                let config = Config::parse(&origin(), &bytes)?;
                Ok(self.of_base(&config)?.unwrap_or(config).with_policy(None).into())
            }
        }
    }

    /// Reads the base branch's `lattice.toml`, if it has one.
    fn of_base(&self, seen: &Config) -> Result<Option<Config>, Error> {
        let Some(tip) = self.base_tip(seen)? else { return Ok(None) };
        let origin = format!("{}:{}", seen.base, config::FILE);
        Ok(self.committed(tip)?.map(|bytes| Config::parse(&origin, &bytes)).transpose()?)
    }

    fn committed(&self, commit: Oid) -> git::Result<Option<Vec<u8>>> {
        self.repo.file_at(self.repo.tree_of_commit(commit)?, config::FILE)
    }

    /// Returns the tip of the base branch: the local branch, else the remote's as last fetched.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn base_tip(&self, config: &Config) -> git::Result<Option<Oid>> {
        self.branch_tip(config, &config.base)
    }

    /// Returns the tip of a branch: the local branch, else the remote's as last fetched.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn branch_tip(&self, config: &Config, branch: &BranchName) -> git::Result<Option<Oid>> {
        self.repo.tip_of(branch, config.remote.as_deref())
    }

    /// Returns the point whose branch is checked out.
    ///
    /// # Errors
    /// When HEAD cannot be read.
    pub fn head_point(&self, config: &Config) -> git::Result<Option<Point>> {
        let Head { branch, .. } = self.repo.head()?;
        Ok(branch.and_then(|branch| config.branch.decode(&config.lattice, &branch)))
    }

    /// Reads the `lattice.toml` of the base branch, which is edited by committing to that branch; `None` if there is none.
    ///
    /// # Errors
    /// When it is not TOML, or git fails.
    pub fn base_document(&self) -> Result<Option<Document>, Error> {
        let base = match self.policy() {
            Err(Error::NoBase | Error::Missing { .. }) => return Ok(None),
            policy => policy?,
        };
        let Some(tip) = self.base_tip(&base)? else { return Ok(None) };
        let origin = format!("{}:{}", base.base, config::FILE);
        Ok(self.committed(tip)?.map(|bytes| Document::parse(&origin, &bytes)).transpose()?)
    }

    /// Reads the worktree's `lattice.toml` for editing.
    ///
    /// # Errors
    /// When there is none, or it is not TOML.
    pub fn document(&self) -> Result<Document, Error> {
        let bytes = self.repo.worktree_file(config::FILE)?.ok_or(Error::Missing { on: None })?;
        Ok(Document::parse(config::FILE, &bytes)?)
    }
}
