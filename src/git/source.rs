//! The repository that Nix reads: a tiny one under the common dir that borrows the objects of the real one as alternates.
//!
//! Nix fetches a commit without a ref only from a repository with a worktree (2.8 asks a bare one for a branch), cannot read
//! reftables, and refuses shallow clones. This repository avoids these limits, and keeps the trees and commits created for builds
//! out of the real one.

use std::path::{Path, PathBuf};

use super::names::HEADS;
use super::{Oid, Repo, Result, Shared, doing};
use crate::temporary;

/// The attributes of that repository. Nix 2.8 reads files with `git archive`, which would otherwise convert, omit or substitute
/// content as `.gitattributes` of the branch or `core.attributesFile` define, so that it differs from what the build key and the
/// permit cover. `$GIT_DIR/info/attributes` overrides both (gitattributes(5)).
const ATTRIBUTES: &[u8] = b"* -text !crlf !eol -ident !filter !working-tree-encoding -export-ignore -export-subst\n";

/// A repository for Nix.
pub struct Source {
    gix: gix::Repository,
    path: PathBuf,
    link: Option<Link>,
    shared: Shared,
}

/// A symbolic link with a plain path to a directory with special characters in its path; removed on drop.
///
/// Nix 2.8 treats a repository whose path it must decode (a space is enough) as remote and clones it; the attributes of the original
/// are then ignored.
struct Link {
    path: PathBuf,
    _folder: temporary::Folder,
}

/// A branch of the repository for Nix, removed on drop.
pub struct SourceBranch {
    file: PathBuf,
    name: String,
}

impl Source {
    /// The absolute path of its worktree, through a link with a plain path if one is needed and possible.
    pub fn path(&self) -> &Path {
        self.link.as_ref().map_or(&self.path, |link| &link.path)
    }

    /// Whether all versions of Nix read it in place. Old versions clone a repository whose path has special characters, and then
    /// ignore [`ATTRIBUTES`].
    pub fn has_plain_path(&self) -> bool {
        is_plain(self.path())
    }

    pub(super) fn gix(&self) -> &gix::Repository {
        &self.gix
    }

    /// Create a branch at `commit`, an existing object. Its name is unique to this process, so that no other process removes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn branch(&self, commit: Oid) -> Result<SourceBranch> {
        let name = format!("{commit}-{}", temporary::unique_name());
        let dir = self.path.join(".git").join(HEADS);
        let file = dir.join(&name);
        let text = format!("{commit}\n");
        temporary::sweep(&dir);
        let write = || self.shared.create_dir_all(&dir).and_then(|()| self.shared.write(&file, text.as_bytes()));
        write().map_err(doing(format!("write `{}`", file.display())))?;
        Ok(SourceBranch { file, name })
    }
}

impl Link {
    /// Create a link in the first writable temporary directory with a plain path.
    fn to(path: &Path) -> Option<Self> {
        let places = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into(), "/dev/shm".into()];
        places.into_iter().filter(|place| is_plain(place)).find_map(|place| {
            let folder = temporary::Folder::make_in(&place).ok()?;
            let link = folder.path().join("source");
            std::os::unix::fs::symlink(path, &link).ok()?;
            Some(Self { path: link, _folder: folder })
        })
    }
}

/// Whether a path needs no encoding in a URL.
fn is_plain(path: &Path) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
    path.as_os_str().as_encoded_bytes().iter().all(is_plain)
}

impl SourceBranch {
    /// The branch name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for SourceBranch {
    fn drop(&mut self) {
        std::fs::remove_file(&self.file).ok();
    }
}

impl Repo {
    /// Open the repository for Nix, and create it if it is missing.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn source(&self) -> Result<Source> {
        let path = self.common_dir().join("lattice").join("source");
        let git_dir = path.join(".git");
        let shared = self.shared();
        let make = || -> std::io::Result<()> {
            shared.create_dir_all(&git_dir.join("refs"))?;
            shared.create_dir_all(&git_dir.join("objects").join("info"))?;
            shared.create_dir_all(&git_dir.join("info"))?;
            write_if_other(shared, &git_dir.join("info").join("attributes"), ATTRIBUTES)?;
            write_if_other(
                shared,
                &git_dir.join("config"),
                b"[core]\n\trepositoryformatversion = 0\n\tbare = false\n",
            )?;
            write_if_other(shared, &git_dir.join("HEAD"), format!("ref: {HEADS}none\n").as_bytes())?;
            write_if_other(shared, &git_dir.join("objects").join("info").join("alternates"), &self.alternates())
        };
        make().map_err(doing(format!("make `{}`", path.display())))?;
        let gix = gix::open_opts(&git_dir, gix::open::Options::isolated())
            .map_err(doing(format!("open `{}`", path.display())))?;
        let link = if is_plain(&path) { None } else { Link::to(&path) };
        Ok(Source { gix, path, link, shared })
    }

    /// The content of `alternates`: one objects directory per line (gitrepository-layout(5)).
    pub(super) fn alternates(&self) -> Vec<u8> {
        use std::os::unix::ffi::OsStrExt;
        [self.common_dir().join("objects").as_os_str().as_bytes(), b"\n"].concat()
    }
}

fn write_if_other(shared: Shared, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    path.parent().into_iter().for_each(temporary::sweep);
    temporary::replace(path, |new| shared.write(new, bytes))
}
