//! The configuration of branches, `branch.NAME.*`. When a branch is deleted, its section goes, as with `git branch -d`.
//!
//! `git config --remove-section` removes one section per process, and rewrites the whole file each time.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::config_lock::ConfigLock;
use super::names::BranchName;
use super::work::{Noted, Work};
use super::{Error, Repo, Result, doing};

impl Repo {
    /// Note that these branches are going to be deleted, if one has a section in the configuration.
    pub fn note_deletion(&self, branches: &[BranchName]) -> Option<Noted> {
        let text = fs::read(self.own_config()).ok()?;
        if without_sections(&text, branches).len() == text.len() {
            return None;
        }
        self.git.notes.as_ref().map(|notes| notes.begin(&Work::Delete(branches.to_vec())))
    }

    /// Remove the sections of those of these branches that do not exist.
    ///
    /// # Errors
    /// When refs or the configuration cannot be read or written, or another process holds the lock of the configuration.
    pub fn remove_branch_sections(&self, branches: &[BranchName]) -> Result<()> {
        let mut gone = Vec::new();
        for branch in branches {
            if self.branch_tip(branch)?.is_none() {
                gone.push(branch.clone());
            }
        }
        let path = self.own_config();
        // Like git, follow a symbolic link rather than replace it.
        let path = path.canonicalize().unwrap_or(path);
        let is_done = edit(&path, &gone).map_err(doing("remove the configuration of deleted branches"))?;
        let locked = || Error::Malformed(format!("`{}` exists", ConfigLock::path_of(&path).display()));
        is_done.then_some(()).ok_or_else(locked)
    }

    fn own_config(&self) -> PathBuf {
        self.common_dir().join("config")
    }
}

/// Removes the sections of these branches from a file; `false` if another process holds its lock.
fn edit(path: &Path, gone: &[BranchName]) -> io::Result<bool> {
    let Some(lock) = ConfigLock::take(path)? else { return Ok(false) };
    let text = fs::read(path)?;
    let kept = without_sections(&text, gone);
    if kept.len() < text.len() {
        lock.replace(path, &kept)?;
    }
    Ok(true)
}

/// The text of a configuration file without the sections of these branches. Like git (`git_config_copy_or_rename_section_in_file`), it
/// looks at the lines that begin with `[`.
fn without_sections(text: &[u8], branches: &[BranchName]) -> Vec<u8> {
    let gone: HashSet<&str> = branches.iter().map(BranchName::as_str).collect();
    let (mut kept, mut is_gone) = (Vec::with_capacity(text.len()), false);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii_start().first() == Some(&b'[') {
            is_gone = str::from_utf8(line).ok().and_then(branch_of).is_some_and(|branch| gone.contains(branch));
        }
        if !is_gone {
            kept.extend_from_slice(line);
        }
    }
    kept
}

/// The branch of a line `[branch "NAME"]`. The names of points have no characters that must be escaped.
fn branch_of(line: &str) -> Option<&str> {
    let (section, rest) = line.trim_ascii_start().strip_prefix('[')?.split_once('"')?;
    let (branch, _) = rest.split_once("\"]")?;
    section.trim_ascii_end().eq_ignore_ascii_case("branch").then_some(branch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sections_of_deleted_branches_go() {
        let text = "[core]\n\tbare = false\n[branch \"f/a\"]\n\tremote = origin\n\tmerge = refs/heads/f/a\n# a comment\n\
                    [branch \"f/ab\"]\n\tremote = origin\n[Branch \"f/b\"] remote = x\n[remote \"f/a\"]\n\turl = y\n";
        let branches = ["f/a", "f/b", "f/c"].map(BranchName::known);
        let kept = String::from_utf8(without_sections(text.as_bytes(), &branches)).unwrap();
        assert_eq!(kept, "[core]\n\tbare = false\n[branch \"f/ab\"]\n\tremote = origin\n[remote \"f/a\"]\n\turl = y\n");
        assert_eq!(without_sections(text.as_bytes(), &[]), text.as_bytes());
    }
}
