//! Search for existing branches that conflict with new ones, without listing all branches.
//!
//! Two branches conflict if one is a directory of the other (git-update-ref(1)), and on case-insensitive file systems also if they
//! differ only in case. So only the ancestor directories of a new name, and the directory of that name, are read, ignoring case:
//! for loose and for packed refs.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use gix::bstr::ByteSlice as _;

use super::names::{BranchName, HEADS, short};
use super::packed::Packed;
use super::repo::RefFormat;
use super::{Repo, Result, doing};

impl Repo {
    /// List the branches that equal one of `names`, are an ancestor directory of one, or lie inside one, ignoring case. Branches with
    /// a damaged file are included, since they conflict too.
    ///
    /// # Errors
    /// When the refs cannot be read.
    pub fn branches_near(&self, names: &[BranchName]) -> Result<Vec<String>> {
        let near = Near::new(names.iter().map(BranchName::as_str));
        let mut found = Vec::new();
        if self.format == RefFormat::Reftable {
            let listed = self.git.list_refs(&[HEADS.to_owned()])?.refs;
            let branches = listed.iter().filter_map(|(name, _)| short(name));
            found.extend(branches.filter(|branch| near.has(branch)).map(str::to_owned));
            return Ok(found);
        }
        self.packed_near(&near, &mut found)?;
        loose_near(&self.common_dir().join(HEADS), "", &near, &mut found).map_err(doing("list the branches"))?;
        found.sort();
        found.dedup();
        Ok(found)
    }

    fn packed_near(&self, near: &Near, found: &mut Vec<String>) -> Result<()> {
        let packed = self.gix.refs.cached_packed_buffer().map_err(doing("open packed-refs"))?;
        let Some(packed) = packed else { return Ok(()) };
        packed_near(&Packed::new((**packed).as_ref()), "", near, found);
        Ok(())
    }
}

/// Search packed refs, only in directories that can contain conflicting branches.
fn packed_near(packed: &Packed<'_>, path: &str, near: &Near, found: &mut Vec<String>) {
    let dir = format!("{HEADS}{path}");
    for (name, is_dir) in packed.children(dir.as_bytes()) {
        let Ok(name) = name.to_str() else { continue };
        let path = format!("{path}{name}");
        match near.has(&path) {
            true if is_dir => packed_near(packed, &format!("{path}/"), near, found),
            true => found.push(path),
            false => {}
        }
    }
}

/// Search loose refs, only in directories that can contain conflicting branches.
fn loose_near(dir: &Path, path: &str, near: &Near, found: &mut Vec<String>) -> io::Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if path.is_empty() { name } else { format!("{path}/{name}") };
        if !near.has(&path) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            loose_near(&entry.path(), &path, near, found)?;
        } else if Path::new(&path).extension().is_none_or(|extension| extension != "lock") {
            found.push(path);
        }
    }
    Ok(())
}

/// Matches names that conflict with the new ones.
struct Near {
    /// The new names in lower case.
    ends: HashSet<String>,
    /// The ancestor directories of the new names in lower case.
    ways: HashSet<String>,
    /// The common prefix of all new names in lower case: rejects most other names quickly.
    common: String,
}

impl Near {
    fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let ends: HashSet<String> = names.into_iter().map(str::to_ascii_lowercase).collect();
        let ways = ends.iter().flat_map(|end| folders(end).map(str::to_owned)).collect();
        let common = ends.iter().cloned().reduce(|a, b| common_prefix(&a, &b).to_owned()).unwrap_or_default();
        Self { ends, ways, common }
    }

    fn has(&self, name: &str) -> bool {
        let shared = name.len().min(self.common.len());
        if !name.as_bytes()[..shared].eq_ignore_ascii_case(&self.common.as_bytes()[..shared]) {
            return false;
        }
        let folded = name.to_ascii_lowercase();
        self.ways.contains(&folded)
            || self.ends.contains(&folded)
            || folders(&folded).any(|dir| self.ends.contains(dir))
    }
}

/// The ancestor directories of a name: `a` and `a/b` of `a/b/c`.
fn folders(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}

fn common_prefix<'a>(a: &'a str, b: &str) -> &'a str {
    let same = a.char_indices().zip(b.chars()).find(|((_, a), b)| a != b).map(|((at, _), _)| at);
    &a[..same.unwrap_or_else(|| a.len().min(b.len()))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_only_conflicting_names() {
        let near = Near::new(["f/c/A", "f/d/a"]);
        for name in ["f", "F", "f/c", "f/D", "f/c/a", "f/C/A/b/c", "f/d/a"] {
            assert!(near.has(name), "{name}");
        }
        for name in ["g", "f/e", "f/c/b", "f/c/ab", "f/c-a", "f/", "", "main"] {
            assert!(!near.has(name), "{name}");
        }
        assert!(!Near::new([]).has("f"));
    }

    #[test]
    fn common_prefix_ends_at_a_character_boundary() {
        assert_eq!(common_prefix("äb", "äc"), "ä");
        assert_eq!(common_prefix("ab", "abc"), "ab");
        assert_eq!(common_prefix("ä", "ö"), "");
    }
}
