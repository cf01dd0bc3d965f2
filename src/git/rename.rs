//! Worktrees whose branch gets another name.
//!
//! git cannot move HEAD from one branch to another in the transaction that deletes the first and creates the second, and a HEAD without a
//! branch has no commit. So HEAD is detached before, and put on the new branch after the transaction. A note exists from before until
//! after, so that the next command puts HEAD on the branch that exists if this process is killed in between.

use std::path::Path;
use std::time::SystemTime;

use super::names::BranchName;
use super::work::{Noted, Rename, Work};
use super::{Oid, Repo, Result, parse_oid};
use crate::process::Cmd;

/// The reflog message of HEAD.
const MESSAGE: &str = "lattice: rename the branch";

impl Repo {
    /// Note that the branch of a worktree is going to get another name.
    pub fn note_rename(&self, rename: &Rename) -> Option<Noted> {
        self.git.notes.as_ref().map(|notes| notes.begin(&Work::Rename(rename.clone())))
    }

    /// Detach HEAD of a worktree before its branch is deleted.
    ///
    /// # Errors
    /// When git fails; HEAD has other commits now.
    pub fn detach_head(&self, rename: &Rename) -> Result<()> {
        let from = rename.switch.from.to_string();
        let args = ["update-ref", "--no-deref", "-m", MESSAGE, "HEAD", &from, &from];
        Ok(self.in_worktree(&rename.switch.worktree).args(args).read().map(drop)?)
    }

    /// Put HEAD of a worktree on its branch: the new one if it exists, else the old one.
    ///
    /// # Errors
    /// When refs cannot be read, or git fails.
    pub fn attach_head(&self, Rename { switch, old }: &Rename) -> Result<()> {
        let is_new = self.branch_tip(&switch.branch)? == Some(switch.to);
        let branch = if is_new { &switch.branch } else { old };
        if self.branch_tip(branch)?.is_some() && self.head_of(&switch.worktree)? == (None, Some(switch.from)) {
            let args = ["symbolic-ref", "-m", MESSAGE, "HEAD", &branch.full_ref()];
            self.in_worktree(&switch.worktree).args(args).read()?;
        }
        Ok(())
    }

    /// Finish what a killed process began: put HEAD on its branch, and update the files if it is the new one.
    ///
    /// # Errors
    /// When refs or files cannot be read or written.
    pub fn finish_rename(&self, rename: &Rename, since: SystemTime) -> Result<()> {
        let Rename { switch, .. } = rename;
        if !switch.worktree.exists() {
            return Ok(());
        }
        self.attach_head(rename)?;
        if self.head_of(&switch.worktree)? != (Some(switch.branch.clone()), Some(switch.to)) {
            return Ok(());
        }
        self.take_back_files(switch, since)?;
        self.follow(switch)
    }

    /// The branch and the commit of a worktree's HEAD.
    fn head_of(&self, worktree: &Path) -> Result<(Option<BranchName>, Option<Oid>)> {
        let branch = self.in_worktree(worktree).args(["symbolic-ref", "-q", "HEAD"]).answer()?;
        let commit = self.in_worktree(worktree).args(["rev-parse", "-q", "--verify", "HEAD^{commit}"]).answer()?;
        Ok((BranchName::of_ref(&branch.text()), parse_oid(&commit.text()).ok()))
    }

    fn in_worktree(&self, worktree: &Path) -> Cmd {
        self.git.read().without_git_env().cwd(worktree)
    }
}
