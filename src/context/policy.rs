//! Decides which `lattice.toml` counts as the policy.
//!
//! The file maps branches to points and says which directories a build reads and where results go. A contributor who could choose
//! it by pushing a branch could have other files built than those that were reviewed. So the file on the checked-out branch does not
//! count, and such a file cannot say which branch is the base. The *policy* is the `lattice.toml` of the base branch, and the base
//! branch is, in this order:
//!
//! 1. `lattice.base` in git's configuration, which cannot be pushed. `git lattice init` sets it when nothing else would name the base.
//! 2. the remote's main branch (`refs/remotes/origin/HEAD`, set by `git clone`), which pushing branches cannot change.
//! 3. a local branch whose `lattice.toml` names that branch as the base and was committed in this clone. HEAD's file may propose
//!    one; only that branch's reflog, which is local, confirms it.
//!
//! The policy file may name another branch as `base`; that is followed once. If the base exists both here and on the remote, the
//! local one counts: a fetch alone changes no policy, a pull does. An outdated policy is safe, since `lattice.toml` never permits
//! anything; it only says what is looked at.

use std::rc::Rc;

use super::{Context, Error, cached};
use crate::config::{self, Config};
use crate::git::names::{self, BranchName};
use crate::git::{self, Oid};

/// The git configuration key that names the base branch.
pub const BASE_KEY: &str = "lattice.base";
/// The name that `git clone` gives the remote.
const ORIGIN: &str = "origin";
/// Branches searched for a `lattice.toml` committed here, after the one that HEAD's file proposes.
const DEFAULT_BASES: [&str; 2] = ["main", "master"];

impl Context {
    /// Returns the policy, the base branch's `lattice.toml`, read once.
    ///
    /// # Errors
    /// [`Error::NoBase`] if the base branch is unknown, [`Error::Missing`] if it has no `lattice.toml`, or that file is invalid.
    pub fn policy(&self) -> Result<Rc<Config>, Error> {
        cached(&self.policy, || self.read_policy().map(Rc::new))
    }

    fn read_policy(&self) -> Result<Config, Error> {
        if let Some(base) = self.repo.config(BASE_KEY) {
            return self
                .policy_on(&BranchName::parse(&base).map_err(git::Error::from)?)?
                .ok_or(Error::Missing { on: None });
        }
        let by_remote = self.remote_base()?.map(|base| self.policy_on(&base)).transpose()?.flatten();
        match by_remote {
            Some(config) => Ok(config),
            None => self.policy_made_here()?.ok_or(Error::NoBase),
        }
    }

    /// Sets `base` as the base branch in git's configuration, unless git already knows it.
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

    /// Returns the remote that names the base: `origin`, else the only remote.
    fn origin(&self) -> Option<String> {
        let mut remotes = self.repo.remotes();
        if remotes.iter().any(|remote| remote == ORIGIN) {
            return Some(ORIGIN.to_owned());
        }
        if remotes.len() == 1 { remotes.pop() } else { None }
    }

    /// Returns the branch of the remote that has a `lattice.toml`, if HEAD has no commit, as after `git init` and `git fetch`.
    pub(super) fn base_before_first_commit(&self) -> git::Result<Option<BranchName>> {
        let head = self.repo.head()?;
        let (None, Some(remote)) = (head.commit, self.origin()) else { return Ok(None) };
        let usual = DEFAULT_BASES.iter().filter_map(|name| BranchName::parse(name).ok());
        for name in head.branch.into_iter().chain(usual) {
            let tip = self.repo.tip_of(&name, Some(&remote))?;
            if tip.map(|tip| self.committed(tip)).transpose()?.flatten().is_some() {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn remote_base(&self) -> git::Result<Option<BranchName>> {
        let Some(remote) = self.origin() else { return Ok(None) };
        let target = self.repo.symbolic_ref(&names::remote_head(&remote))?;
        Ok(target.and_then(|target| names::short_tracking(&target, &remote).map(BranchName::known)))
    }

    fn policy_made_here(&self) -> Result<Option<Config>, Error> {
        let proposed = self.repo.head()?.commit.and_then(|commit| self.config_at("HEAD", commit).ok().flatten());
        let names = proposed.into_iter().map(|config| config.base);
        let usual = self.repo.user_config("init.defaultBranch").into_iter().chain(DEFAULT_BASES.map(str::to_owned));
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
