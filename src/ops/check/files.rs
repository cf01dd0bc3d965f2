//! Checks of the files in a point's directory: their modes, and files that nothing reads.
//!
//! `flake.nix` and `config.toml` are generated as regular files. `step.nix`, `flake.lock` and files named in a .nix
//! file or in config.toml are allowed. Any other file changes the build key although nothing reads it.

use anyhow::Result;

use super::finding::{Code, Finding};
use super::subject::{Subject, is_nix};
use crate::git::Repo;
use crate::git::tree::Entry;
use crate::points::content::{CONFIG, FLAKE, STEP};
use crate::process;

const LOCK: &str = "flake.lock";

/// Finds generated files that are executable or symbolic links: the mode changes the tree and so the build key.
pub(super) fn modes(repo: &Repo, subject: &Subject<'_>, own: &Entry) -> Result<Vec<Finding>> {
    let odd = repo.odd_files(own.id)?.into_iter().filter(|(name, _)| [FLAKE, CONFIG].contains(&name.as_str()));
    let finding = |(name, is_executable): (String, bool)| {
        let place = format!("{}/{name}", subject.named.dir);
        let path = process::quote(&place);
        let (what, command) = if is_executable {
            ("is executable, but generated files are not", format!("git update-index --chmod=-x {path}"))
        } else {
            (
                "is a symbolic link, but generated files are regular files",
                format!("git log -p {} -- {path}", subject.named.branch),
            )
        };
        Finding::new(Code::Mode, place, what).repaired_by(command)
    };
    Ok(odd.map(finding).collect())
}

/// Finds files that no .nix file and no config.toml of the directory names.
pub(super) fn unread(repo: &Repo, subject: &Subject<'_>, entries: &[Entry]) -> Result<Vec<Finding>> {
    let more: Vec<_> =
        entries.iter().filter(|entry| ![FLAKE, CONFIG, STEP, LOCK].contains(&entry.name.as_str())).collect();
    if more.is_empty() {
        return Ok(Vec::new());
    }
    let is_text = |entry: &&Entry| !entry.is_tree && (is_nix(&entry.name) || entry.name == CONFIG);
    let mut texts = Vec::new();
    for entry in entries.iter().filter(is_text) {
        texts.push((&entry.name, String::from_utf8_lossy(&repo.blob(entry.id)?).into_owned()));
    }
    let is_read = |entry: &Entry| texts.iter().any(|(name, text)| **name != entry.name && reads(text, &entry.name));
    let finding = |entry: &Entry| {
        let place = format!("{}/{}", subject.named.dir, entry.name);
        let command = format!("git log -p {} -- {}", subject.named.branch, process::quote(&place));
        Finding::new(Code::Unread, place, "is not read by anything here, but changes the build key")
            .repaired_by(command)
    };
    Ok(more.into_iter().filter(|entry| !is_read(entry)).map(finding).collect())
}

/// Whether a text may read a file: it contains its name or the whole directory (`./.`).
fn reads(text: &str, name: &str) -> bool {
    text.contains(name) || text.contains("./.")
}

#[cfg(test)]
mod tests {
    use super::reads;

    #[test]
    fn finds_reads_by_name_or_directory() {
        assert!(reads("builtins.readFile ./a.patch", "a.patch"));
        assert!(reads("src = ./.;", "a.patch") && reads("./. + \"/x\"", "a.patch"));
        assert!(!reads("import ../step1/flake.nix", "a.patch"));
    }
}
