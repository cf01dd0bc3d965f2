//! What every command needs, opened once: the environment, the repository, and `lattice.toml`.

use std::cell::RefCell;
use std::rc::Rc;

use crate::config::{self, Config, Document};
use crate::env::Environment;
use crate::git::names::BranchName;
use crate::git::{self, Head, Oid, Repo, exe::Git};
use crate::lattice::Point;

mod policy;

pub use policy::BASE_KEY;

/// The open repository and the environment that the process was started in.
pub struct Context {
    /// What the process was started with.
    pub environment: Environment,
    /// The repository.
    pub repo: Repo,
    /// What the user should be told besides the answer, line by line: an interrupted command was finished.
    pub notices: RefCell<Vec<String>>,
    config: Known,
    policy: Known,
}

/// A `lattice.toml` that was read.
type Known = RefCell<Option<Rc<Config>>>;

/// Reads a `lattice.toml` where it is not known yet.
fn once(known: &Known, read: impl FnOnce() -> Result<Rc<Config>, Error>) -> Result<Rc<Config>, Error> {
    let found = known.borrow().clone();
    let config = found.map_or_else(read, Ok)?;
    Ok(known.borrow_mut().insert(config).clone())
}

/// Why there is no usable `lattice.toml`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error("there is no `{}` here", config::FILE)]
    Missing,
    /// Which branch is the base is known from nothing but branches that anybody may have pushed.
    #[error("it is not known which branch is the base")]
    NoBase,
    /// There is one, and it cannot be used.
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
        Ok(Self { environment, repo, notices: RefCell::default(), config: Known::default(), policy: Known::default() })
    }

    /// `lattice.toml`, read once: the worktree's own where the user edited it, else the base branch's ([`Self::policy`]).
    ///
    /// On a point's branch the committed file is as old as the branch, and a stranger may have written it; the base branch has what
    /// the project agreed on. An edit that is not committed is the user trying something, so what it says of the lattice counts; what
    /// it says of machines, promotions and hooks does not ([`Config::ruled_by`]). HEAD's counts only where no base is known, and then
    /// it proposes nothing.
    ///
    /// # Errors
    /// When there is none, or it is not usable.
    pub fn config(&self) -> Result<Rc<Config>, Error> {
        once(&self.config, || self.read_config())
    }

    /// Lets `lattice.toml` be read again: an interrupted command was put right, which may have moved the base branch.
    pub fn forget_config(&self) {
        self.config.take();
        self.policy.take();
    }

    fn read_config(&self) -> Result<Rc<Config>, Error> {
        if let Some(bytes) = self.repo.edited_file(config::FILE)? {
            let edited = Config::parse(config::FILE, &bytes)?;
            return Ok(edited.ruled_by(self.policy().ok().as_deref()).into());
        }
        let fault = match self.policy() {
            Err(fault @ (Error::NoBase | Error::Missing | Error::Config(_))) => fault,
            known => return known,
        };
        // Only now: a stranger may have written HEAD's, of any size.
        let committed = self.repo.head()?.commit.map(|commit| self.committed(commit)).transpose()?.flatten();
        let is_here = || self.repo.workdir().is_some_and(|root| root.join(config::FILE).exists());
        let origin = || if is_here() { config::FILE.to_owned() } else { format!("HEAD:{}", config::FILE) };
        match (fault, committed) {
            // The same fault in a file that can be edited at once is named there.
            (Error::Config(fault), Some(bytes)) => Err(Config::parse(&origin(), &bytes).err().unwrap_or(fault).into()),
            (fault @ Error::Config(_), None) => Err(fault),
            (_, None) => Err(Error::Missing),
            (_, Some(bytes)) => {
                let config = Config::parse(&origin(), &bytes)?;
                Ok(self.of_base(&config)?.unwrap_or(config).ruled_by(None).into())
            }
        }
    }

    /// The base branch's `lattice.toml`, if it has one.
    fn of_base(&self, seen: &Config) -> Result<Option<Config>, Error> {
        let Some(tip) = self.base_tip(seen)? else { return Ok(None) };
        let origin = format!("{}:{}", seen.base, config::FILE);
        Ok(self.committed(tip)?.map(|bytes| Config::parse(&origin, &bytes)).transpose()?)
    }

    fn committed(&self, commit: Oid) -> git::Result<Option<Vec<u8>>> {
        self.repo.file_at(self.repo.tree_of_commit(commit)?, config::FILE)
    }

    /// Where the base branch is: here, else on the remote as last fetched.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn base_tip(&self, config: &Config) -> git::Result<Option<Oid>> {
        self.branch_tip(config, &config.base)
    }

    /// Where a branch is: here, else on the remote as last fetched.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn branch_tip(&self, config: &Config, branch: &BranchName) -> git::Result<Option<Oid>> {
        self.repo.tip_of(branch, config.remote.as_deref())
    }

    /// The point whose branch HEAD is on.
    ///
    /// # Errors
    /// When HEAD cannot be read.
    pub fn head_point(&self, config: &Config) -> git::Result<Option<Point>> {
        let Head { branch, .. } = self.repo.head()?;
        Ok(branch.and_then(|branch| config.branch.decode(&config.lattice, &branch)))
    }

    /// The document in the worktree, to be edited.
    ///
    /// # Errors
    /// When there is none, or it is not TOML.
    pub fn document(&self) -> Result<Document, Error> {
        let bytes = self.repo.worktree_file(config::FILE)?.ok_or(Error::Missing)?;
        Ok(Document::parse(config::FILE, &bytes)?)
    }
}
