//! Trees of files that are not committed.

use super::{Oid, Repo, Result, doing, parse_oid};
use crate::temporary::Folder;

impl Repo {
    /// The tree of `commit` with some directories as this worktree has them: what `git add --all` would stage, so without ignored
    /// files and through the filters that `.gitattributes` names. Writes objects; the index does not change.
    ///
    /// # Errors
    /// When git fails, for example because a file cannot be read.
    pub fn tree_of_worktree(&self, commit: Oid, dirs: &[String]) -> Result<Oid> {
        let folder = Folder::make().map_err(doing("make a folder"))?;
        let index = folder.path().join("index");
        let git = |args: &[&str]| self.git.read().env("GIT_INDEX_FILE", &index).args(args);
        // With -m, it leaves out what a sparse checkout leaves out.
        git(&["read-tree", "-m", &commit.to_string()]).read()?;
        git(&["add", "--all", "--"]).args(dirs.iter().map(|dir| format!(":(top,literal){dir}"))).read()?;
        parse_oid(&git(&["write-tree"]).read()?.text())
    }
}
