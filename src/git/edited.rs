//! Which files of the worktree the user changed, by git's own judgement.
//!
//! Bytes that differ from HEAD's blob prove nothing: line endings, `ident`, filters and `working-tree-encoding` make a checkout
//! differ from its blob, and the branch that is checked out brings the `.gitattributes` that say so.

use super::exe::Git;
use super::{Oid, Repo, Result};

impl Repo {
    /// The bytes of a file of the worktree that has changes which are not committed, or is not in HEAD at all; `None` when git
    /// calls it unchanged, or when it is exactly what a checkout of HEAD's writes.
    ///
    /// The second condition is needed too: attributes can make a fresh checkout look modified for ever, such as
    /// `working-tree-encoding=ASCII//TRANSLIT` with an umlaut. Where the bytes are HEAD's no process is started.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or git fails.
    pub fn edited_file(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let bytes = match self.worktree_file(path) {
            // What the branch has there is no edit: a link, one that leads to itself, a submodule, a file that is too large.
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

/// In the user's own language, unlike all else that is read: iconv's answers depend on it, and so does what git's checkout wrote.
impl Git {
    /// Whether `git status` shows the file at `path`, from the root of the worktree: modified, staged, in conflict, or untracked.
    fn is_changed(&self, path: &str) -> Result<bool> {
        let only = format!(":(top,literal){path}");
        let status = ["status", "--porcelain=v2", "-z", "--untracked-files=all", "--ignored", "--", &only];
        let output = self.shown().env("GIT_OPTIONAL_LOCKS", "0").args(status).read()?;
        Ok(!output.stdout.is_empty())
    }

    /// The bytes that a checkout of a committed file writes; `None` when git cannot tell, for a filter fails.
    fn as_checked_out(&self, commit: Oid, path: &str) -> Result<Option<Vec<u8>>> {
        let output = self.shown().args(["cat-file", "--filters", &format!("{commit}:{path}")]).output()?;
        Ok(output.status.success().then_some(output.stdout))
    }
}
