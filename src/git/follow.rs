//! Worktrees whose branch an operation moves: git would show the difference as the user's changes, so the files are updated too.
//!
//! The branch moves first, then the files. A note of the work exists from before until after both, so that the next command in the
//! worktree updates the files if this process is killed in between.

use std::time::SystemTime;

use super::work::{Noted, Switch, Work};
use super::{Repo, Result};
use crate::process::Cmd;

impl Repo {
    /// Check that git can update the files of a worktree: no untracked file is in the way.
    ///
    /// # Errors
    /// With git's message if it cannot.
    pub fn check_follow(&self, follow: &Switch) -> Result<()> {
        self.read_tree(follow).arg("--dry-run").args(ids(follow)).read()?;
        Ok(())
    }

    /// Note that the files of a worktree are going to be updated.
    pub fn note_follow(&self, follow: &Switch) -> Option<Noted> {
        self.git.notes.as_ref().map(|notes| notes.begin(&Work::Follow(follow.clone())))
    }

    /// Update index and files of a worktree whose branch has moved.
    ///
    /// # Errors
    /// When git fails.
    pub fn follow(&self, follow: &Switch) -> Result<()> {
        self.read_tree(follow).args(ids(follow)).read()?;
        Ok(())
    }

    /// Update the files of this worktree if its branch moved and a killed process did not update them.
    ///
    /// # Errors
    /// When the files cannot be read or written.
    pub fn finish_follow(&self, follow: &Switch, since: SystemTime) -> Result<()> {
        let head = self.head()?;
        if head.commit != Some(follow.to) || head.branch.as_ref() != Some(&follow.branch) {
            return Ok(());
        }
        self.take_back_files(follow, since)?;
        self.follow(follow)
    }

    fn read_tree(&self, follow: &Switch) -> Cmd {
        let cmd = self.git.read().without_git_env().env("GIT_NO_REPLACE_OBJECTS", "1").cwd(&follow.worktree);
        cmd.args(["read-tree", "-m", "-u"])
    }
}

/// The command that updates the files of a worktree by hand.
pub fn by_hand(follow: &Switch) -> String {
    let [from, to] = ids(follow);
    format!("git -C {} read-tree -m -u {from} {to}", crate::process::quote(&follow.worktree))
}

fn ids(follow: &Switch) -> [String; 2] {
    [follow.from, follow.to].map(|id| id.to_string())
}
