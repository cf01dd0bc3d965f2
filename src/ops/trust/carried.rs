//! Directories that a command moved: what was made here counts as made here at its new place.
//!
//! A branch that gets another name loses its reflog, and the new branch begins with a commit of this program. So the directories are
//! listed in a file of the clone, one per line: the id of the tree, and the path. Like a reflog, no remote can write it.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use super::part::Part;
use crate::git::size::read_at_most;
use crate::git::{Oid, Repo};

/// The most bytes that are read: some forty thousand directories. Beyond that, none counts.
const MAX_BYTES: u64 = 4 << 20;

/// A directory at its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ops) struct Placed {
    /// The path from the root.
    pub(in crate::ops) path: String,
    /// The tree.
    pub(in crate::ops) tree: Oid,
}

impl Placed {
    fn line(&self) -> String {
        format!("{} {}\n", self.tree, self.path)
    }
}

/// Lists directories that were made here before a command moved them. Errors are ignored: then background builds of them need trust.
pub(in crate::ops) fn carry(repo: &Repo, placed: &BTreeSet<Placed>) {
    let known = read(repo);
    let new: String = placed.iter().map(Placed::line).filter(|line| !has_line(&known, line)).collect();
    if new.is_empty() {
        return;
    }
    let (file, shared) = (file(repo), repo.shared());
    let append = || {
        shared.create_dir_all(file.parent().unwrap_or(&file))?;
        let mut file = shared.open(OpenOptions::new().append(true).create(true), &file)?;
        // A killed process may have left an incomplete line.
        file.write_all(format!("\n{new}").as_bytes())
    };
    append().ok();
}

/// Whether a command moved this directory here, and it was made here before.
pub(super) fn has(repo: &Repo, part: &Part) -> bool {
    let placed = Placed { path: part.path.clone(), tree: part.entry.id };
    part.entry.is_tree && has_line(&read(repo), &placed.line())
}

fn has_line(text: &str, line: &str) -> bool {
    text.split_inclusive('\n').any(|known| known == line)
}

fn read(repo: &Repo) -> String {
    let bytes = fs::File::open(file(repo)).and_then(|file| read_at_most(&file, MAX_BYTES));
    let bytes = bytes.ok().and_then(std::result::Result::ok).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

fn file(repo: &Repo) -> PathBuf {
    repo.common_dir().join("lattice").join("made-here")
}
