//! Which hooks folder is in force, and whose it is: the one home of this question.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::process::{self, Cmd};

/// The folder in which git looks for this repository's hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HooksDir {
    /// Its absolute path; it need not exist.
    pub path: PathBuf,
    /// Whose folder it is.
    pub owner: Owner,
}

/// Who decided where hooks live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Nobody: it is git's own folder in the common directory, one for all worktrees.
    Git,
    /// `core.hooksPath` of this repository or worktree.
    Config {
        /// The value as it is written there; a relative one is another folder in each worktree.
        value: String,
    },
}

/// There is no folder that hooks may be put into.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `core.hooksPath` belongs to more than this repository.
    #[error(
        "`core.hooksPath` is `{value}` in the {scope} configuration ({origin}), which other repositories share; \
         give this one a folder of its own with `git config --local core.hooksPath \"$(git rev-parse --git-common-dir)/hooks\"`"
    )]
    Shared {
        /// git's word: `global`, `system` or `command`.
        scope: String,
        /// Where it is written, such as `file:/etc/gitconfig`.
        origin: String,
        /// The folder.
        value: String,
    },
    /// `core.hooksPath` is empty, so that git runs no hooks.
    #[error(
        "`core.hooksPath` is empty ({origin}), so git runs no hooks; `git config --unset core.hooksPath` ends that"
    )]
    Off {
        /// Where it is written.
        origin: String,
    },
    /// A relative `core.hooksPath` means a folder in the worktree, and there is none here.
    #[error("`core.hooksPath` is `{value}`, relative to a worktree; run this inside one")]
    NoWorktree {
        /// The value as it is written.
        value: String,
    },
    /// A relative `core.hooksPath` names a folder of this worktree that is not there, and we make none among the user's files.
    #[error("`core.hooksPath` is `{value}`, and this worktree has no such folder")]
    Absent {
        /// The value as it is written.
        value: String,
    },
    /// git could not say: no repository, a broken configuration, no git.
    #[error("could not ask git where hooks live")]
    Git(#[from] process::Error),
    /// git said something that it never says.
    #[error("`{command}` answered `{answer}`, which was not expected")]
    Answer {
        /// What was asked.
        command: String,
        /// What it said.
        answer: String,
    },
}

impl HooksDir {
    /// The folder, for something to be put into it.
    ///
    /// # Errors
    /// When it would have to be made in the worktree.
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
/// When the folder is shared with other repositories, hooks are switched off, or git cannot say.
pub fn find(git: &OsStr, cwd: &Path) -> Result<HooksDir, Error> {
    let setting = Setting::read(git, cwd)?;
    let owner = setting.as_ref().map_or(Ok(Owner::Git), Setting::owner)?;
    let place = Place::read(git, cwd)?;
    let path = match &owner {
        Owner::Config { value } if is_relative(value) => place.relative(value)?,
        _ => place.hooks,
    };
    Ok(HooksDir { path, owner })
}

/// git expands `~` and `%(prefix)` at the start of a path, so those are not relative.
fn is_relative(value: &str) -> bool {
    !value.starts_with(['/', '~']) && !value.starts_with("%(")
}

/// `core.hooksPath` as it is written somewhere.
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
            // git-config(1): 1 when the key is not there.
            Err(process::Error::Failed { status, stderr, .. }) if status.code() == Some(1) && stderr.is_empty() => {
                return Ok(None);
            }
            other => other?,
        };
        let answer = output.text();
        let fields: Vec<&str> = answer.split('\0').collect();
        let &[scope, origin, value, ""] = fields.as_slice() else { return Err(Error::Answer { command, answer }) };
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

/// Where we are in the repository.
struct Place {
    in_worktree: bool,
    is_bare: bool,
    git_dir: PathBuf,
    hooks: PathBuf,
}

impl Place {
    fn read(git: &OsStr, cwd: &Path) -> Result<Self, Error> {
        // A path may hold line breaks, and git has no other separator here: each call gives one path, at its end.
        let cmd =
            ask(git, cwd).args(["rev-parse", "--is-inside-work-tree", "--is-bare-repository", "--absolute-git-dir"]);
        let command = cmd.to_string();
        let stdout = cmd.read()?.stdout;
        let lines: Vec<&[u8]> = stdout.splitn(3, |&b| b == b'\n').collect();
        let &[in_worktree, is_bare, git_dir] = lines.as_slice() else {
            return Err(Error::Answer { command, answer: String::from_utf8_lossy(&stdout).into_owned() });
        };
        let hooks = ask(git, cwd).args(["rev-parse", "--path-format=absolute", "--git-path", "hooks"]).read()?.stdout;
        let (in_worktree, is_bare) = (in_worktree == b"true", is_bare == b"true");
        Ok(Self { in_worktree, is_bare, git_dir: path(git_dir), hooks: path(&hooks) })
    }

    /// git-config(1): relative to the folder in which hooks run, which is the worktree's top or the bare repository.
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

/// What git printed, without the line break that ends it.
fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(OsString::from_vec(bytes.strip_suffix(b"\n").unwrap_or(bytes).to_vec()))
}
