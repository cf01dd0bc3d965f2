//! Differences of two trees on the user's terminal, as `git diff` of this user prints them.
//!
//! The trees are in memory, so git reads them from a temporary folder. Neither attributes of the checked-out branch nor programs of the
//! user take part: a branch could otherwise hide a difference, or choose which program runs.

use std::fmt::Write as _;
use std::path::Path;

use super::tree_diff::{FileChange, Leaf};
use super::{Oid, Repo, Result, doing};
use crate::process::{self, Cmd};
use crate::temporary;
use crate::text::is_terminal_unsafe;

/// How many bytes git searches for a zero byte, which makes a file binary (xdiff-interface.c).
const BINARY_PREFIX: usize = 8000;

/// What `git diff` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffFormat {
    /// The changed lines.
    Patch,
    /// How many lines changed in each file.
    Stat,
    /// The paths.
    NameOnly,
}

impl Repo {
    /// Print the changes of files in this view to stdout, with the colours of the user's git, and with its pager if `pages`. Characters
    /// that a terminal interprets are escaped.
    ///
    /// # Errors
    /// When objects cannot be read, or git fails.
    pub fn show_changes(&self, changes: &[FileChange], format: DiffFormat, color: bool, pages: bool) -> Result<()> {
        let folder = temporary::Folder::make().map_err(doing("make a temporary folder"))?;
        let mut shown = self.in_memory();
        let before = shown.shown_tree(self, changes, |change| change.before)?;
        let after = shown.shown_tree(self, changes, |change| change.after)?;
        let objects = folder.path().join("objects");
        // Objects that the repository has are not written again.
        std::fs::create_dir_all(objects.join("info"))
            .and_then(|()| std::fs::write(objects.join("info").join("alternates"), self.alternates()))
            .map_err(doing("write into a temporary folder"))?;
        shown.keep_objects_in(&objects)?;
        let cmd = self.git_diff(folder.path(), &objects, pages).args((!color).then_some("--no-color"));
        show(cmd.args(format.flag()).args([before, after].map(|id| id.to_string())).arg("--"))
    }

    /// Write a tree with one side of the changes, its files escaped.
    fn shown_tree(&self, from: &Self, changes: &[FileChange], side: fn(&FileChange) -> Option<Leaf>) -> Result<Oid> {
        let mut leaves = Vec::new();
        for change in changes {
            let Some(leaf) = side(change) else { continue };
            let id = if leaf.is_file() { self.write_blob(&escaped(from.blob(leaf.id)?))? } else { leaf.id };
            leaves.push((change.path.as_str(), Some(Leaf { id, ..leaf })));
        }
        self.with_leaves(self.empty_tree(), leaves)
    }

    fn git_diff(&self, folder: &Path, objects: &Path, pages: bool) -> Cmd {
        let cmd = self.git.shown().cwd(folder).without_git_env().env("GIT_DIR", self.common_dir());
        let cmd = cmd.env("GIT_WORK_TREE", folder).env("GIT_INDEX_FILE", folder.join("index"));
        let cmd = cmd.env("GIT_OBJECT_DIRECTORY", objects).env("GIT_NO_REPLACE_OBJECTS", "1");
        let cmd = cmd.args((!pages).then_some("--no-pager"));
        cmd.args(["-c", "core.quotePath=true", "diff", "--no-ext-diff", "--no-textconv"])
    }
}

impl DiffFormat {
    fn flag(self) -> Option<&'static str> {
        match self {
            Self::Patch => None,
            Self::Stat => Some("--stat"),
            Self::NameOnly => Some("--name-only"),
        }
    }
}

fn show(cmd: Cmd) -> Result<()> {
    let command = cmd.to_string();
    let status = cmd.page()?;
    // Without an exit code it was ended by a signal, as when the reader of the pipe is gone.
    if status.success() || status.code().is_none() {
        return Ok(());
    }
    Err(process::Error::Failed { command, status, stdout: Vec::new(), stderr: Vec::new() }.into())
}

/// The text with characters that a terminal interprets, and bytes that are not UTF-8, as `<U+1B>` and `<9B>`. Binary files stay as they
/// are: git does not print them.
fn escaped(bytes: Vec<u8>) -> Vec<u8> {
    if bytes.iter().take(BINARY_PREFIX).any(|byte| *byte == 0) {
        return bytes;
    }
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c != '\n' && is_terminal_unsafe(c) {
                write!(shown, "<U+{:02X}>", u32::from(c)).ok();
            } else {
                shown.push(c);
            }
        }
        for byte in chunk.invalid() {
            write!(shown, "<{byte:02X}>").ok();
        }
    }
    shown.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn escapes_text_and_leaves_binary_files() {
        assert_eq!(escaped(b"a\tb\n\x1b[31m\xe2\x80\xae\x9b\r\n".to_vec()), b"a\tb\n<U+1B>[31m<U+202E><9B><U+0D>\n");
        assert_eq!(escaped(b"\x00\x1b".to_vec()), b"\x00\x1b");
    }
}
