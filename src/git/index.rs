//! The index in force: what the next commit would hold.

use std::path::PathBuf;

use gix::bstr::ByteSlice;
use gix::index::entry::{Flags, Mode, Stage};

use super::{Oid, Repo, Result, doing};

impl Repo {
    /// The files whose names end in `suffix` and that the next commit would add or change, each with its blob.
    ///
    /// git names the index by `GIT_INDEX_FILE` (`commit PATH` uses a temporary one), and so does this. Symbolic links and
    /// submodules are no such files.
    ///
    /// # Errors
    /// When the index or HEAD cannot be read.
    pub fn staged(&self, suffix: &str) -> Result<Vec<(PathBuf, Oid)>> {
        let index = self.gix.index_or_empty().map_err(doing("read the index"))?;
        let head = self.head()?.commit.map(|commit| self.tree_of_commit(commit)).transpose()?;
        let mut found = Vec::new();
        for entry in index.entries() {
            let path = entry.path(&index);
            let is_file = matches!(entry.mode, Mode::FILE | Mode::FILE_EXECUTABLE);
            let is_real = entry.stage() == Stage::Unconflicted && !entry.flags.contains(Flags::INTENT_TO_ADD);
            if !(is_file && is_real && path.ends_with(suffix.as_bytes())) {
                continue;
            }
            let committed = head.map(|tree| self.entry_at(tree, &path.to_str_lossy())).transpose()?.flatten();
            if committed.is_none_or(|committed| committed.id != entry.id) {
                found.push((
                    gix::path::from_bstr(path).map_err(doing("read a path in the index"))?.into_owned(),
                    entry.id,
                ));
            }
        }
        Ok(found)
    }
}
