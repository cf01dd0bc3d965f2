//! Detection of worktree files that the user changed, as `git status` sees them.
//!
//! Comparing bytes with HEAD's blob is not enough: line endings, `ident`, filters and `working-tree-encoding` make a checkout
//! differ from its blob, as the `.gitattributes` of the checked-out branch define.

use super::exe::Git;
use super::{Oid, Repo, Result};

impl Repo {
    /// Read a worktree file that has uncommitted changes or is not in HEAD; `None` if git reports it unchanged, or if it equals what
    /// a checkout of HEAD writes.
    ///
    /// The second condition is needed because attributes can make a fresh checkout look modified, such as
    /// `working-tree-encoding=ASCII//TRANSLIT` with an umlaut. No process is started if the bytes equal HEAD's blob.
    ///
    /// # Errors
    /// When the file exists and cannot be read, or git fails.
    pub fn edited_file(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let bytes = match self.worktree_file(path) {
            // Unreadable content of the branch is not an edit: a link, a link to itself, a submodule, a file over the size limit.
            Err(_) if !self.git.is_changed(path)? => return Ok(None),
            read => read?,
        };
        let Some(bytes) = bytes else { return Ok(None) };
        let head = self.head()?.commit;
        let committed = head.map(|commit| self.file_at(self.tree_of_commit(commit)?, path)).transpose()?.flatten();
        if committed.as_ref() == Some(&bytes) || !self.git.is_changed(path)? {
            return Ok(None);
        }
        let as_checked_out = match head.filter(|_| committed.is_some()) {
            Some(commit) => self.git.as_checked_out(commit, path)?,
            None => None,
        };
        Ok(Some(bytes).filter(|bytes| as_checked_out.as_ref() != Some(bytes)))
    }
}

/// These commands keep the user's locale: the results of iconv, and so of a checkout, depend on it.
impl Git {
    /// Whether `git status` lists the file at `path` from the worktree's root: modified, staged, in conflict, untracked or ignored.
    fn is_changed(&self, path: &str) -> Result<bool> {
        let only = format!(":(top,literal){path}");
        let status = ["status", "--porcelain=v2", "-z", "--untracked-files=all", "--ignored", "--", &only];
        let output = self.shown().env("GIT_OPTIONAL_LOCKS", "0").args(status).read()?;
        Ok(!output.stdout.is_empty())
    }

    /// The bytes that a checkout of a committed file writes; `None` if a filter fails.
    fn as_checked_out(&self, commit: Oid, path: &str) -> Result<Option<Vec<u8>>> {
        let output = self.shown().args(["cat-file", "--filters", &format!("{commit}:{path}")]).output()?;
        Ok(output.status.success().then_some(output.stdout))
    }
}
