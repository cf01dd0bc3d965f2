//! Flake references on nix's command line.

use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::remote_url;
use crate::system::System;
use crate::text::percent_encoded;

/// A reference to a flake: a commit of a local repository, or a plain directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlakeRef {
    url: String,
    cwd: Option<PathBuf>,
}

/// The parts do not form a flake reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlakeRefError {
    /// The path of the repository or directory is not absolute.
    #[error("`{}` is not an absolute path", .0.display())]
    NotAbsolute(PathBuf),
    /// The commit id is not a full id.
    #[error("`{0}` is not a commit id: expected 40 or 64 hexadecimal digits")]
    NotACommit(String),
    /// The flake's directory is not inside the repository.
    #[error("`{}` is not a directory inside a repository", .0.display())]
    NotInside(PathBuf),
}

impl FlakeRef {
    /// References the flake in `dir` (empty: the root) at commit `rev` of `repo`, the absolute path of a git directory or worktree.
    ///
    /// The commit need not be reachable from a ref, and the state of the worktree does not matter.
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

    /// References the flake in `dir` at commit `rev` of a repository that git knows by `url`: an http(s), ssh or file URL,
    /// `USER@HOST:PATH`, or an absolute path; `None` for other URLs.
    pub fn remote(url: &str, rev: &str, dir: &str) -> Option<Self> {
        if url.starts_with('/') {
            return Self::commit(url, rev, dir).ok();
        }
        if url.contains(['?', '#', ' ']) {
            return None;
        }
        let url = match url.split_once("://") {
            Some((scheme @ ("https" | "http" | "ssh"), rest)) => {
                format!("git+{scheme}://{}", remote_url::without_login(rest, scheme == "ssh")?)
            }
            Some(("file", _)) => format!("git+{url}"),
            Some(_) => return None,
            None => {
                let (host, path) = url
                    .split_once(':')
                    .filter(|(host, path)| !host.contains('/') && !path.starts_with(':') && !path.contains('@'))?;
                format!("git+ssh://{host}/{}", path.trim_start_matches('/'))
            }
        };
        Some(Self { url: format!("{url}?rev={rev}&dir={}", encoded(Path::new(dir))), cwd: None })
    }

    /// Adds that the commit is on the branch `name`.
    ///
    /// Nix 2.8 treats a repository whose path is percent-encoded (a blank is enough) as remote and fetches by branch name.
    pub fn on_branch(mut self, name: &str) -> Self {
        self.url += "&ref=";
        self.url += &encoded(Path::new(name));
        self
    }

    /// Allows a shallow clone, which nix otherwise refuses.
    pub fn shallow(mut self) -> Self {
        self.url += "&shallow=1";
        self
    }

    /// References the flake in the directory `dir` (an absolute path) as it is now, inside a repository or not.
    ///
    /// Nix 2.8 does not decode `path:` URLs, so nix runs in the directory instead, which works with any name.
    pub fn directory(dir: impl Into<PathBuf>) -> Result<Self, FlakeRefError> {
        let dir = dir.into();
        if dir.is_absolute() {
            Ok(Self { url: "path:.".to_owned(), cwd: Some(dir) })
        } else {
            Err(FlakeRefError::NotAbsolute(dir))
        }
    }

    /// Returns the installable for `system`.
    pub fn installable(&self, system: &System) -> String {
        format!("{}#packages.{system}.default", self.url)
    }

    /// Returns the directory in which nix must run; `None` means any.
    pub fn cwd(&self) -> Option<&Path> {
        self.cwd.as_deref()
    }
}

impl fmt::Display for FlakeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters and `/`: versions of Nix read raw `#`, `%`, `&` and non-ASCII differently.
pub(super) fn encoded(path: &Path) -> String {
    percent_encoded(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REV: &str = "66d87dad6a2fdde04ae956097af06394cef1d940";

    #[test]
    fn encodes_every_name() {
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
    fn refuses_invalid_parts() {
        assert!(matches!(FlakeRef::commit("r", REV, ""), Err(FlakeRefError::NotAbsolute(_))));
        assert!(matches!(FlakeRef::directory("r"), Err(FlakeRefError::NotAbsolute(_))));
        for rev in ["", "HEAD", &REV[1..], "66D87DAD6A2FDDE04AE956097AF06394CEF1D940"] {
            assert!(matches!(FlakeRef::commit("/r", rev, ""), Err(FlakeRefError::NotACommit(_))), "`{rev}`");
        }
        for dir in ["/a", "../a", "a/../b", "."] {
            assert!(matches!(FlakeRef::commit("/r", REV, dir), Err(FlakeRefError::NotInside(_))), "`{dir}`");
        }
    }

    #[test]
    fn urls_of_git_become_flake_references() {
        let of = |url: &str| FlakeRef::remote(url, REV, "flakes/a+b").map(|flake| flake.to_string());
        let end = format!("?rev={REV}&dir=flakes/a%2Bb");
        for (url, start) in [
            ("https://example.org/a.git", "git+https://example.org/a.git"),
            ("https://ada:secret@example.org/a.git", "git+https://example.org/a.git"),
            ("ssh://git@example.org/a", "git+ssh://git@example.org/a"),
            ("ssh://git:secret@example.org:22/a", "git+ssh://git@example.org:22/a"),
            ("git@example.org:ada/a.git", "git+ssh://git@example.org/ada/a.git"),
            ("/srv/a b.git", "git+file:///srv/a%20b.git"),
        ] {
            assert_eq!(of(url), Some(format!("{start}{end}")), "{url}");
        }
        for url in [
            "https://u:SEC/RET@example.org/a",
            "u:SECRET@example.org:a",
            "../a.git",
            "ext::sh -c x",
            "codecommit::x://y",
            "https://example.org/a?b",
        ] {
            assert_eq!(of(url), None, "{url}");
        }
    }
}
