//! Whose `lattice.toml` counts.
//!
//! It says which branch is which point, which directories a build reads and where results go. Whoever could choose it by what he
//! pushes could have other files built than those that were judged. So neither the file on a branch that happens to be checked out
//! counts, nor *which branch is the base* by the word of such a file. The *policy* is the `lattice.toml` of the base branch, and the
//! base branch is, in this order:
//!
//! 1. what git's configuration says in `lattice.base`: nobody can push configuration. `git lattice init` writes it where nothing else
//!    would tell.
//! 2. what the remote says is its main branch (`refs/remotes/origin/HEAD`, set by `git clone`): whoever can push branches
//!    cannot change that.
//! 3. a branch here whose `lattice.toml` names itself as the base and was committed in this clone. HEAD's file may propose one: only
//!    the log of that branch, which is written here, can confirm it.
//!
//! Such a file may hand over to another branch with its `base`, once. Where the base is here and on the remote, the one here counts: a
//! fetch alone changes no policy, the user does, by pulling. A stale one harms nobody, since no `lattice.toml` can permit
//! anything: it only says what is looked at.

use std::rc::Rc;

use super::{Context, Error, once};
use crate::config::{self, Config};
use crate::git::names::{self, BranchName};
use crate::git::{self, Oid};

/// git's configuration key for the base branch.
pub const BASE_KEY: &str = "lattice.base";
/// The remote that `git clone` makes.
const ORIGIN: &str = "origin";
/// Where a `lattice.toml` that was committed here is looked for, besides what HEAD's proposes.
const USUAL_BASES: [&str; 2] = ["main", "master"];

impl Context {
    /// The policy, read once: the base branch's `lattice.toml`.
    ///
    /// # Errors
    /// [`Error::NoBase`] when it is not known which branch that is, [`Error::Missing`] when it has none, or it is not usable.
    pub fn policy(&self) -> Result<Rc<Config>, Error> {
        once(&self.policy, || self.read_policy().map(Rc::new))
    }

    fn read_policy(&self) -> Result<Config, Error> {
        if let Some(base) = self.repo.config(BASE_KEY) {
            return self.policy_on(&BranchName::parse(&base).map_err(git::Error::from)?)?.ok_or(Error::Missing);
        }
        let by_remote = self.remote_base()?.map(|base| self.policy_on(&base)).transpose()?.flatten();
        match by_remote {
            Some(config) => Ok(config),
            None => self.policy_made_here()?.ok_or(Error::NoBase),
        }
    }

    /// Writes down that `base` is the base branch, where what the remote says does not tell.
    ///
    /// # Errors
    /// When git's configuration cannot be written.
    pub fn remember_base(&self, base: &str) -> git::Result<()> {
        let by_remote = || self.remote_base().map(|base| base.map(|base| base.to_string()));
        let known = self.repo.config(BASE_KEY).map_or_else(by_remote, |base| Ok(Some(base)))?;
        if known.as_deref() == Some(base) { Ok(()) } else { self.repo.git().set_config(BASE_KEY, base) }
    }

    fn policy_on(&self, branch: &BranchName) -> Result<Option<Config>, Error> {
        let Some(config) = self.config_on(branch, self.origin().as_deref())? else { return Ok(None) };
        let next = if config.base == *branch { None } else { self.config_on(&config.base, config.remote.as_deref())? };
        Ok(Some(next.unwrap_or(config)))
    }

    fn config_on(&self, branch: &BranchName, remote: Option<&str>) -> Result<Option<Config>, Error> {
        match self.repo.tip_of(branch, remote)? {
            Some(tip) => self.config_at(branch, tip),
            None => Ok(None),
        }
    }

    fn config_at(&self, name: &str, commit: Oid) -> Result<Option<Config>, Error> {
        let origin = format!("{name}:{}", config::FILE);
        Ok(self.committed(commit)?.map(|bytes| Config::parse(&origin, &bytes)).transpose()?)
    }

    /// The remote that says what the base is: `origin`, else the only one.
    fn origin(&self) -> Option<String> {
        let mut remotes = self.repo.remotes();
        if remotes.iter().any(|remote| remote == ORIGIN) {
            return Some(ORIGIN.to_owned());
        }
        if remotes.len() == 1 { remotes.pop() } else { None }
    }

    fn remote_base(&self) -> git::Result<Option<BranchName>> {
        let Some(remote) = self.origin() else { return Ok(None) };
        let target = self.repo.symbolic_ref(&names::remote_head(&remote))?;
        Ok(target.and_then(|target| names::short_tracking(&target, &remote).map(BranchName::known)))
    }

    fn policy_made_here(&self) -> Result<Option<Config>, Error> {
        let proposed = self.repo.head()?.commit.and_then(|commit| self.config_at("HEAD", commit).ok().flatten());
        let names = proposed.into_iter().map(|config| config.base);
        let usual = self.repo.user_config("init.defaultBranch").into_iter().chain(USUAL_BASES.map(str::to_owned));
        for name in names.chain(usual.filter_map(|name| BranchName::parse(&name).ok())) {
            let Some(tip) = self.repo.branch_tip(&name)? else { continue };
            let tree = self.repo.tree_of_commit(tip)?;
            let Some(file) = self.repo.entry_at(tree, config::FILE)? else { continue };
            if !self.repo.was_made_here(&name.full_ref(), config::FILE, &file)? {
                continue;
            }
            if let Some(config) = self.config_at(&name, tip)?.filter(|config| config.base == name) {
                return Ok(Some(config));
            }
        }
        Ok(None)
    }
}
