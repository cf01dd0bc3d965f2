//! Names of refs by prefix, without reading the refs: fast enough for each press of the Tab key.

use std::path::Path;

use gix::bstr::ByteSlice as _;

use super::packed::Packed;
use super::repo::RefFormat;
use super::{Repo, Result, doing};

impl Repo {
    /// List the full names of the refs that begin with `prefix` (`refs/heads/feature/a`), sorted. A damaged ref is listed too.
    ///
    /// # Errors
    /// When packed-refs or a reftable cannot be read.
    pub fn ref_names(&self, prefix: &str) -> Result<Vec<String>> {
        let dir = &prefix[..prefix.rfind('/').map_or(0, |at| at + 1)];
        let mut names = Vec::new();
        if self.format == RefFormat::Reftable {
            names.extend(self.git.list_refs(&[dir.to_owned()])?.refs.into_iter().map(|(name, _)| name));
            names.retain(|name| name.starts_with(prefix));
        } else {
            self.packed_names(prefix, &mut names)?;
            loose_names(&self.common_dir().join(dir), dir, prefix, &mut names);
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    fn packed_names(&self, prefix: &str, names: &mut Vec<String>) -> Result<()> {
        let packed = self.gix.refs.cached_packed_buffer().map_err(doing("open packed-refs"))?;
        let Some(packed) = packed else { return Ok(()) };
        let packed = Packed::new((**packed).as_ref());
        names.extend(packed.beginning_with(prefix.as_bytes()).filter_map(|name| name.to_str().ok().map(str::to_owned)));
        Ok(())
    }
}

/// Adds the loose refs in a folder, whose names begin with `dir`, which is empty or ends in `/`. Unreadable folders are skipped.
fn loose_names(folder: &Path, dir: &str, prefix: &str, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let mut path = String::with_capacity(dir.len() + name.len() + 1);
        path.extend([dir, name]);
        if !path.starts_with(prefix) {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            path.push('/');
            loose_names(&folder.join(name), &path, prefix, names);
        } else if Path::new(name).extension().is_none_or(|extension| extension != "lock") {
            names.push(path);
        }
    }
}
