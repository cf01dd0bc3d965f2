//! How a flake is named on nix' command line.

use std::fmt::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::system::System;

/// The name of a flake: a commit of a repository here, or a plain directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlakeRef {
    url: String,
    cwd: Option<PathBuf>,
}

/// The parts do not make a flake ref.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlakeRefError {
    /// The repository or the directory is not given from the root.
    #[error("`{}` is no absolute path", .0.display())]
    NotAbsolute(PathBuf),
    /// The commit is not named by its whole id.
    #[error("`{0}` is no commit id: expected 40 or 64 hexadecimal digits")]
    NotACommit(String),
    /// The flake's directory is not inside the repository.
    #[error("`{}` is no directory inside a repository", .0.display())]
    NotInside(PathBuf),
}

impl FlakeRef {
    /// The flake in `dir` (empty: the root) as of commit `rev` of `repo`, an absolute path to a git directory or a worktree.
    ///
    /// No ref needs to lead to the commit, and the state of the worktree does not matter.
    pub fn commit(repo: impl AsRef<Path>, rev: &str, dir: impl AsRef<Path>) -> Result<Self, FlakeRefError> {
        let (repo, dir) = (repo.as_ref(), dir.as_ref());
        if !repo.is_absolute() {
            return Err(FlakeRefError::NotAbsolute(repo.to_owned()));
        }
        if !matches!(rev.len(), 40 | 64) || !rev.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(FlakeRefError::NotACommit(rev.to_owned()));
        }
        if !dir.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(FlakeRefError::NotInside(dir.to_owned()));
        }
        let mut url = format!("git+file://{}?rev={rev}", encoded(repo));
        if !dir.as_os_str().is_empty() {
            url += "&dir=";
            url += &encoded(dir);
        }
        Ok(Self { url, cwd: None })
    }

    /// The same, saying that the branch `name` leads to the commit.
    ///
    /// Nix 2.8 takes a repository whose path it has to decode (a blank is enough) for a remote one, and fetches by name.
    pub fn on_branch(mut self, name: &str) -> Self {
        self.url += "&ref=";
        self.url += &encoded(Path::new(name));
        self
    }

    /// The same from a shallow clone, which nix otherwise refuses.
    pub fn shallow(mut self) -> Self {
        self.url += "&shallow=1";
        self
    }

    /// The flake in the directory `dir` (an absolute path) as it is now, whether or not a repository surrounds it.
    ///
    /// Nix 2.8 does not decode `path:` URLs, so nix runs in the directory instead: every name works there.
    pub fn directory(dir: impl Into<PathBuf>) -> Result<Self, FlakeRefError> {
        let dir = dir.into();
        if dir.is_absolute() {
            Ok(Self { url: "path:.".to_owned(), cwd: Some(dir) })
        } else {
            Err(FlakeRefError::NotAbsolute(dir))
        }
    }

    /// What to build of it for `system`.
    pub fn installable(&self, system: &System) -> String {
        format!("{}#packages.{system}.default", self.url)
    }

    /// Where nix must be run to understand it; anywhere when `None`.
    pub fn cwd(&self) -> Option<&Path> {
        self.cwd.as_deref()
    }
}

impl fmt::Display for FlakeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// All but RFC 3986's unreserved characters and `/` percent-encoded: raw `#`, `%`, `&` and non-ASCII break differently in each version.
pub(super) fn encoded(path: &Path) -> String {
    path.as_os_str().as_bytes().iter().fold(String::new(), |mut text, &byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").ok();
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REV: &str = "66d87dad6a2fdde04ae956097af06394cef1d940";

    #[test]
    fn every_name_is_encoded() {
        let flake = FlakeRef::commit("/home/ada/r p#a&%é", REV, "flakes/aarch64+x86_64/a@b").unwrap();
        let system = System::parse("aarch64-linux").unwrap();
        assert_eq!(
            flake.shallow().installable(&system),
            format!(
                "git+file:///home/ada/r%20p%23a%26%25%C3%A9?rev={REV}&dir=flakes/aarch64%2Bx86_64/a%40b&shallow=1\
                 #packages.aarch64-linux.default"
            )
        );
        assert_eq!(FlakeRef::commit("/r", REV, "").unwrap().to_string(), format!("git+file:///r?rev={REV}"));
    }

    #[test]
    fn parts_that_are_none_are_refused() {
        assert!(matches!(FlakeRef::commit("r", REV, ""), Err(FlakeRefError::NotAbsolute(_))));
        assert!(matches!(FlakeRef::directory("r"), Err(FlakeRefError::NotAbsolute(_))));
        for rev in ["", "HEAD", &REV[1..], "66D87DAD6A2FDDE04AE956097AF06394CEF1D940"] {
            assert!(matches!(FlakeRef::commit("/r", rev, ""), Err(FlakeRefError::NotACommit(_))), "`{rev}`");
        }
        for dir in ["/a", "../a", "a/../b", "."] {
            assert!(matches!(FlakeRef::commit("/r", REV, dir), Err(FlakeRefError::NotInside(_))), "`{dir}`");
        }
    }
}
