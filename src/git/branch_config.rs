//! The configuration of branches, `branch.NAME.*`. When a branch is deleted, its section goes, as with `git branch -d`; when it gets
//! another name, the section does too, as with `git branch -m`.
//!
//! `git config --remove-section` changes one section per process, and rewrites the whole file each time.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::config_lock::ConfigLock;
use super::names::BranchName;
use super::work::{Noted, Section, Work};
use super::{Error, Repo, Result, doing};

impl Repo {
    /// Note that the configuration of these branches is going to change, if one has any.
    pub fn note_sections(&self, sections: &[Section]) -> Option<Noted> {
        let text = fs::read(self.own_config()).ok()?;
        if edited(&text, sections) == text {
            return None;
        }
        self.git.notes.as_ref().map(|notes| notes.begin(&Work::Sections(sections.to_vec())))
    }

    /// Change the configuration of those of these branches that do not exist any more.
    ///
    /// # Errors
    /// When refs or the configuration cannot be read or written, or another process holds the lock of the configuration.
    pub fn change_sections(&self, sections: &[Section]) -> Result<()> {
        let mut gone = Vec::new();
        for section in sections {
            if self.branch_tip(&section.branch)?.is_none() {
                gone.push(section.clone());
            }
        }
        let path = self.own_config();
        // Like git, follow a symbolic link rather than replace it.
        let path = path.canonicalize().unwrap_or(path);
        let is_done = edit(&path, &gone).map_err(doing("change the configuration of branches"))?;
        let locked = || Error::Malformed(format!("`{}` exists", ConfigLock::path_of(&path).display()));
        is_done.then_some(()).ok_or_else(locked)
    }

    fn own_config(&self) -> PathBuf {
        self.common_dir().join("config")
    }
}

/// Changes the sections in a file; `false` if another process holds its lock.
fn edit(path: &Path, sections: &[Section]) -> io::Result<bool> {
    let Some(lock) = ConfigLock::take(path)? else { return Ok(false) };
    let text = fs::read(path)?;
    let new = edited(&text, sections);
    if new != text {
        lock.replace(path, &new)?;
    }
    Ok(true)
}

/// The text of a configuration file with these sections changed. Like git (`git_config_copy_or_rename_section_in_file`), it looks at
/// the lines that begin with `[`.
fn edited(text: &[u8], sections: &[Section]) -> Vec<u8> {
    let changed: HashMap<&str, &Section> = sections.iter().map(|section| (section.branch.as_str(), section)).collect();
    let (mut new, mut section) = (Vec::with_capacity(text.len()), None);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii_start().first() == Some(&b'[') {
            section = str::from_utf8(line).ok().and_then(branch_of).and_then(|branch| changed.get(branch));
        }
        match section.map(|section| (section, &section.new)) {
            None => new.extend_from_slice(line),
            Some((section, Some(name))) => {
                new.extend_from_slice(renamed(&String::from_utf8_lossy(line), &section.branch, name).as_bytes());
            }
            Some((_, None)) => {}
        }
    }
    new
}

/// The branch of a line `[branch "NAME"]`. The names of points have no characters that must be escaped.
fn branch_of(line: &str) -> Option<&str> {
    let (section, rest) = line.trim_ascii_start().strip_prefix('[')?.split_once('"')?;
    let (branch, _) = rest.split_once("\"]")?;
    section.trim_ascii_end().eq_ignore_ascii_case("branch").then_some(branch)
}

/// A line of a section whose branch gets another name, which the remote's branch gets as well.
fn renamed<'l>(line: &'l str, old: &BranchName, new: &BranchName) -> Cow<'l, str> {
    if branch_of(line).is_some() {
        return line.replacen(old.as_str(), new, 1).into();
    }
    match line.split_once('=') {
        Some((key, value)) if key.trim() == "merge" && value.trim() == old.full_ref() => {
            line.replacen(&old.full_ref(), &new.full_ref(), 1).into()
        }
        _ => line.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[core]\n\tbare = false\n[branch \"f/a\"]\n\tremote = origin\n\tmerge = refs/heads/f/a\n# a comment\n\
                        [branch \"f/ab\"]\n\tmerge = refs/heads/f/a\n[Branch \"f/b\"] remote = x\n[remote \"f/a\"]\n\turl = y\n";

    fn changed(sections: &[(&str, Option<&str>)]) -> String {
        let section = |(branch, new): &(&str, Option<&str>)| Section {
            branch: BranchName::known(branch),
            new: new.map(BranchName::known),
        };
        String::from_utf8(edited(TEXT.as_bytes(), &sections.iter().map(section).collect::<Vec<_>>())).unwrap()
    }

    #[test]
    fn only_sections_of_deleted_branches_go() {
        assert_eq!(
            changed(&[("f/a", None), ("f/b", None), ("f/c", None)]),
            "[core]\n\tbare = false\n[branch \"f/ab\"]\n\tmerge = refs/heads/f/a\n[remote \"f/a\"]\n\turl = y\n"
        );
        assert_eq!(changed(&[]), TEXT);
    }

    #[test]
    fn sections_of_renamed_branches_keep_their_keys() {
        let own = "[branch \"f/a\"]\n\tremote = origin\n\tmerge = refs/heads/f/a\n# a comment\n";
        assert_eq!(changed(&[("f/a", Some("g/a"))]), TEXT.replacen(own, &own.replace("f/a", "g/a"), 1));
    }
}
