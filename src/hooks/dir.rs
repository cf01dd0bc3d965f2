//! Finds the hooks folder of a repository and who configured it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::process::{self, Cmd};

/// The folder from which git runs the hooks of this repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HooksDir {
    /// Its absolute path; it need not exist.
    pub path: PathBuf,
    /// Who chose this folder.
    pub owner: Owner,
}

/// Who chose the hooks folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// git: the default folder in the common directory, shared by all worktrees.
    Git,
    /// `core.hooksPath` of this repository or worktree.
    Config {
        /// The value as written; a relative one is a different folder in each worktree.
        value: String,
    },
}

/// Why there is no folder to install hooks into.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `core.hooksPath` belongs to more than this repository.
    #[error(
        "`core.hooksPath` is `{value}` in the {scope} configuration ({origin}), which other repositories share; \
         set one for this repository with `git config --local core.hooksPath \"$(git rev-parse --git-common-dir)/hooks\"`"
    )]
    Shared {
        /// The scope as git names it: `global`, `system` or `command`.
        scope: String,
        /// The origin, such as `file:/etc/gitconfig`.
        origin: String,
        /// The folder.
        value: String,
    },
    /// `core.hooksPath` is empty: git runs no hooks.
    #[error(
        "`core.hooksPath` is empty ({origin}), so git runs no hooks; `git config --unset core.hooksPath` enables them"
    )]
    Off {
        /// The origin, such as `file:/etc/gitconfig`.
        origin: String,
    },
    /// `core.hooksPath` is relative to the worktree, and there is no worktree here.
    #[error("`core.hooksPath` is `{value}`, relative to a worktree; run this inside one")]
    NoWorktree {
        /// The value as written.
        value: String,
    },
    /// `core.hooksPath` is relative and the folder is missing. git-lattice creates no folder among the user's files.
    #[error("`core.hooksPath` is `{value}`, and this worktree has no such folder")]
    Absent {
        /// The value as written.
        value: String,
    },
    /// git failed: no repository, a broken configuration, or git is missing.
    #[error("could not ask git for the hooks folder")]
    Git(#[from] process::Error),
    /// git printed something unexpected.
    #[error("`{command}` printed `{answer}`, which was not expected")]
    UnexpectedOutput {
        /// The command.
        command: String,
        /// Its output.
        answer: String,
    },
}

impl HooksDir {
    /// The folder, for writing hooks into it.
    ///
    /// # Errors
    /// When the folder would have to be created in the worktree.
    pub fn to_fill(&self) -> Result<&Path, Error> {
        match &self.owner {
            Owner::Config { value } if is_relative(value) && !self.path.exists() => {
                Err(Error::Absent { value: value.clone() })
            }
            _ => Ok(&self.path),
        }
    }
}

/// Asks `git` for the hooks folder of the repository at `cwd`.
///
/// # Errors
/// When the folder is shared with other repositories, hooks are disabled, or git fails.
pub fn find(git: &OsStr, cwd: &Path) -> Result<HooksDir, Error> {
    let setting = Setting::read(git, cwd)?;
    let owner = setting.as_ref().map_or(Ok(Owner::Git), Setting::owner)?;
    let place = CurrentDir::read(git, cwd)?;
    let path = match &owner {
        Owner::Config { value } if is_relative(value) => place.relative(value)?,
        _ => place.hooks,
    };
    Ok(HooksDir { path, owner })
}

/// Whether the path is relative. git expands `~` and `%(prefix)` at the start of a path.
fn is_relative(value: &str) -> bool {
    !value.starts_with(['/', '~']) && !value.starts_with("%(")
}

/// `core.hooksPath` with its origin.
struct Setting {
    scope: String,
    origin: String,
    value: String,
}

impl Setting {
    fn read(git: &OsStr, cwd: &Path) -> Result<Option<Self>, Error> {
        let cmd = ask(git, cwd).args(["config", "--show-scope", "--show-origin", "-z", "--get", "core.hooksPath"]);
        let command = cmd.to_string();
        let output = match cmd.read() {
            // git-config(1): exit status 1 if the key is not set.
            Err(process::Error::Failed { status, stderr, .. }) if status.code() == Some(1) && stderr.is_empty() => {
                return Ok(None);
            }
            other => other?,
        };
        let answer = output.text();
        let fields: Vec<&str> = answer.split('\0').collect();
        let &[scope, origin, value, ""] = fields.as_slice() else {
            return Err(Error::UnexpectedOutput { command, answer });
        };
        Ok(Some(Self { scope: scope.to_owned(), origin: origin.to_owned(), value: value.to_owned() }))
    }

    fn owner(&self) -> Result<Owner, Error> {
        let Self { scope, origin, value } = self;
        match (scope.as_str(), value.as_str()) {
            (_, "") => Err(Error::Off { origin: origin.clone() }),
            ("local" | "worktree", _) => Ok(Owner::Config { value: value.clone() }),
            _ => Err(Error::Shared { scope: scope.clone(), origin: origin.clone(), value: value.clone() }),
        }
    }
}

/// The current directory's place in the repository.
struct CurrentDir {
    in_worktree: bool,
    is_bare: bool,
    git_dir: PathBuf,
    hooks: PathBuf,
}

impl CurrentDir {
    fn read(git: &OsStr, cwd: &Path) -> Result<Self, Error> {
        // A path may contain line breaks and rev-parse has no other separator, so each call prints one path, as the last item.
        let cmd =
            ask(git, cwd).args(["rev-parse", "--is-inside-work-tree", "--is-bare-repository", "--absolute-git-dir"]);
        let command = cmd.to_string();
        let stdout = cmd.read()?.stdout;
        let lines: Vec<&[u8]> = stdout.splitn(3, |&b| b == b'\n').collect();
        let &[in_worktree, is_bare, git_dir] = lines.as_slice() else {
            return Err(Error::UnexpectedOutput { command, answer: String::from_utf8_lossy(&stdout).into_owned() });
        };
        let hooks = ask(git, cwd).args(["rev-parse", "--path-format=absolute", "--git-path", "hooks"]).read()?.stdout;
        let (in_worktree, is_bare) = (in_worktree == b"true", is_bare == b"true");
        Ok(Self { in_worktree, is_bare, git_dir: path(git_dir), hooks: path(&hooks) })
    }

    /// Resolves a relative value. git-config(1): it is relative to the folder where hooks run, which is the top of the worktree
    /// or the bare repository.
    fn relative(self, value: &str) -> Result<PathBuf, Error> {
        match (self.in_worktree, self.is_bare) {
            (true, _) => Ok(self.hooks),
            (false, true) => Ok(self.git_dir.join(value)),
            (false, false) => Err(Error::NoWorktree { value: value.to_owned() }),
        }
    }
}

fn ask(git: &OsStr, cwd: &Path) -> Cmd {
    Cmd::new(git).env("LC_ALL", "C").cwd(cwd)
}

/// The path that git printed, without the final line break.
fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(OsString::from_vec(bytes.strip_suffix(b"\n").unwrap_or(bytes).to_vec()))
}
