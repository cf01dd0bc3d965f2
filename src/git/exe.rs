//! The git executable: for operations that run hooks, use remotes or change the worktree.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::listing::{Head, Listing};
use super::names::{self, BranchName};
use super::work::{Ending, Notes, Work};
use super::{Oid, Result, parse_oid};
use crate::env;
use crate::process::{self, Cmd};

/// Retries for the lock of git's configuration: two seconds in total.
const LOCK_TRIES: usize = 100;
const LOCK_WAIT: Duration = Duration::from_millis(20);

/// The options that git gives to pagers, unless the user has chosen some (`core.pager` in git-config(1)).
const PAGER_DEFAULTS: [(&str, &str); 2] = [("LESS", "FRX"), ("LV", "-c")];
/// The status of a shell that does not find the program (POSIX, 2.8.2).
const NOT_FOUND: i32 = 127;

/// The git on PATH, run in one directory.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
    cwd: PathBuf,
    /// Where work is recorded; `None` outside a repository.
    pub(super) notes: Option<Notes>,
}

impl Git {
    /// Find git: the program named by the environment, else on PATH.
    ///
    /// # Errors
    /// When git is not found.
    pub fn find(cwd: &Path) -> Result<Self> {
        let program = match env::git() {
            Some(path) => path,
            None => which::which("git").map_err(|_| process::Error::NotFound { program: "git".to_owned() })?,
        };
        Ok(Self { program, cwd: cwd.to_owned(), notes: None })
    }

    /// The path of the executable.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A git command whose output is parsed: English messages, no pager, no prompt, no replaced objects.
    pub fn read(&self) -> Cmd {
        let cmd = Cmd::new(&self.program).cwd(&self.cwd).env("LC_ALL", "C").env("LANGUAGE", "");
        cmd.env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_REPLACE_OBJECTS", "1")
    }

    /// The same git with its work recorded in `notes`.
    pub(super) fn noting(self, notes: Notes) -> Self {
        Self { notes: Some(notes), ..self }
    }

    /// Run a git command that may leave files behind if it is killed, with a note of the work.
    pub(super) fn during<T: Ending>(
        &self,
        work: &Work,
        run: impl FnOnce() -> process::Result<T>,
    ) -> process::Result<T> {
        match &self.notes {
            Some(notes) => notes.during(work, run),
            None => run(),
        }
    }

    /// A git command that writes to the user's terminal.
    pub fn shown(&self) -> Cmd {
        Cmd::new(&self.program).cwd(&self.cwd)
    }

    /// The user's editor, as a command for a shell (`git var GIT_EDITOR`).
    ///
    /// # Errors
    /// When git knows none, because the terminal is dumb.
    pub fn editor(&self) -> Result<String> {
        Ok(self.read().args(["var", "GIT_EDITOR"]).read()?.text())
    }

    /// Show text in the user's pager, as git does (`core.pager` in git-config(1)). Returns `false` if the user has none.
    ///
    /// # Errors
    /// When git cannot be run, or the pager cannot be started.
    pub fn page(&self, text: impl AsRef<[u8]>) -> Result<bool> {
        let pager = self.shown().args(["var", "GIT_PAGER"]).read()?.text();
        if pager.is_empty() || pager == "cat" {
            return Ok(false);
        }
        let defaults = PAGER_DEFAULTS.into_iter().filter(|(name, _)| !env::has(name));
        let pager = Cmd::new("sh").cwd(&self.cwd).args(["-c", &pager]);
        let pager = defaults.fold(pager, |pager, (name, value)| pager.env(name, value));
        Ok(pager.feed(text.as_ref())?.code() != Some(NOT_FOUND))
    }

    /// The full name of the previously checked-out branch.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn previous_branch(&self) -> Result<Option<String>> {
        let output = self.read().args(["rev-parse", "-q", "--verify", "--symbolic-full-name", "@{-1}"]).answer()?;
        Ok(Some(output.text()).filter(|name| output.status.success() && names::short(name).is_some()))
    }

    /// The checked-out branches of all worktrees, each with its worktree.
    ///
    /// # Errors
    /// When git fails.
    pub(super) fn checked_out(&self) -> Result<Vec<(BranchName, PathBuf)>> {
        let output = self.read().args(["worktree", "list", "--porcelain", "-z"]).read()?;
        let (mut found, mut path) = (Vec::new(), PathBuf::new());
        for field in String::from_utf8_lossy(&output.stdout).split('\0') {
            if let Some(worktree) = field.strip_prefix("worktree ") {
                path = worktree.into();
            } else if let Some(branch) = field.strip_prefix("branch ").and_then(BranchName::of_ref) {
                found.push((branch, path.clone()));
            }
        }
        Ok(found)
    }

    /// The full name of a symbolic ref's target; `None` if it is not a symbolic ref.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn symbolic_ref(&self, name: &str) -> Result<Option<String>> {
        let output = self.read().args(["symbolic-ref", "-q", name]).answer()?;
        Ok(output.status.success().then(|| output.text()))
    }

    /// Resolve a revision to a commit; `None` if there is none.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn commit_of(&self, revision: &str) -> Result<Option<Oid>> {
        let revision = format!("{revision}^{{commit}}");
        self.id(&["rev-parse", "-q", "--verify", "--end-of-options", &revision])
    }

    /// List the regular files of a commit, without symbolic links and submodules: paths from the root, each with its blob. With
    /// `unlike`, only files that are missing or different in that commit.
    ///
    /// # Errors
    /// When git fails.
    pub fn files_of(&self, commit: Oid, unlike: Option<Oid>) -> Result<Vec<(PathBuf, Oid)>> {
        let commit = commit.to_string();
        let output = match unlike {
            None => self.read().args(["ls-tree", "-r", "-z", "--full-tree", &commit]).read()?,
            Some(other) => {
                let args = ["diff-tree", "-r", "-z", "--no-renames", "--diff-filter=d", &other.to_string(), &commit];
                self.read().args(args).read()?
            }
        };
        let mut fields = output.stdout.split(|byte| *byte == 0).filter(|field| !field.is_empty());
        let mut found = Vec::new();
        while let Some(field) = fields.next() {
            // `MODE blob ID \t PATH`, or `:MODE MODE ID ID LETTER` with the path in a field of its own.
            let (facts, path) = match unlike {
                None => field.split_at(field.iter().position(|byte| *byte == b'\t').unwrap_or(field.len())),
                Some(_) => (field, fields.next().unwrap_or_default()),
            };
            let facts = String::from_utf8_lossy(facts);
            let facts: Vec<&str> = facts.trim_start_matches(':').split(' ').collect();
            let (mode, id) =
                if unlike.is_some() { (facts.get(1), facts.get(3)) } else { (facts.first(), facts.get(2)) };
            if let (Some(&("100644" | "100755")), Some(id)) = (mode, id) {
                let path = path.strip_prefix(b"\t").unwrap_or(path);
                found.push((PathBuf::from(OsStr::from_bytes(path)), parse_oid(id)?));
            }
        }
        Ok(found)
    }

    /// List the tracked and untracked files below some directories, without ignored ones; paths are relative to the current
    /// directory.
    ///
    /// # Errors
    /// When git fails.
    pub fn files_below(&self, folders: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"];
        let output = self.read().env("GIT_LITERAL_PATHSPECS", "1").args(args).args(folders).read()?;
        let paths = output.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty());
        let mut paths: Vec<PathBuf> = paths.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
        paths.sort();
        // A file in conflict is listed three times.
        paths.dedup();
        Ok(paths)
    }

    /// List the paths in a directory, from the root, that differ between worktree and HEAD, including untracked files.
    ///
    /// # Errors
    /// When git fails.
    pub fn uncommitted(&self, dir: &str) -> Result<Vec<String>> {
        let args = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--"];
        // Otherwise git takes the lock of the index to refresh it.
        let cmd = self.read().env("GIT_OPTIONAL_LOCKS", "0").args(args);
        let output = cmd.arg(format!(":(top,literal){dir}")).read()?;
        let lines = output.stdout.split(|byte| *byte == 0).filter_map(|line| line.get(3..));
        Ok(lines.map(|path| String::from_utf8_lossy(path).into_owned()).collect())
    }

    /// The current values of a key in the repository's own configuration, in file order.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn local_config(&self, key: &str) -> Result<Vec<String>> {
        let output = self.read().args(["config", "--local", "--get-all", key]).answer()?;
        Ok(output.text().lines().map(str::to_owned).collect())
    }

    /// Append a value to a key in the repository's own configuration.
    ///
    /// # Errors
    /// When git fails.
    pub fn add_config(&self, key: &str, value: &str) -> Result<()> {
        self.edit_config(&["--add", key, value])
    }

    /// Set a key in the repository's own configuration, replacing all its values.
    ///
    /// # Errors
    /// When git fails.
    pub fn set_config(&self, key: &str, value: &str) -> Result<()> {
        self.edit_config(&["--replace-all", key, value])
    }

    /// Add a value to a key in the repository's own configuration, unless the key has it.
    ///
    /// # Errors
    /// When git fails.
    pub fn ensure_config(&self, key: &str, value: &str) -> Result<()> {
        let is_special = |c: char| !(c.is_ascii_alphanumeric() || "/:_-".contains(c));
        let escaped = |c: char| if is_special(c) { format!("\\{c}") } else { c.to_string() };
        let pattern: String = value.chars().map(escaped).collect();
        // Without a match, git adds the value.
        self.edit_config(&["--replace-all", key, value, &format!("^{pattern}$")])
    }

    /// Remove one value from the repository's own configuration; it must have no special regex characters.
    ///
    /// # Errors
    /// When git fails.
    pub fn unset_config(&self, key: &str, value: &str) -> Result<()> {
        self.edit_config(&["--unset", key, &format!("^{value}$")])
    }

    /// Edit the configuration and retry while it is locked: git does not wait for that lock (config.c).
    fn edit_config(&self, args: &[&str]) -> Result<()> {
        let mut tried = 0;
        loop {
            match self.during(&Work::Configure, || self.read().args(["config", "--local"]).args(args).read()) {
                Err(process::Error::Failed { stderr, .. }) if tried < LOCK_TRIES && is_locked(&stderr) => tried += 1,
                result => return Ok(result.map(drop)?),
            }
            std::thread::sleep(LOCK_WAIT);
        }
    }

    /// Let git fetch an object that a partial clone omitted; returns whether it exists now.
    pub(super) fn fetch_object(&self, id: Oid) -> bool {
        let cmd = self.remote_command("origin", process::DEFAULT_STALL_LIMIT).env("GIT_TERMINAL_PROMPT", "0");
        cmd.args(["cat-file", "-e", &id.to_string()]).output().is_ok_and(|output| output.status.success())
    }

    /// Read HEAD, for ref stores that gix does not support.
    pub(super) fn head(&self) -> Result<Head> {
        let branch = self.read().args(["symbolic-ref", "-q", "--short", "HEAD"]).answer()?;
        let commit = self.find_ref("HEAD")?;
        Ok(Head { branch: branch.status.success().then(|| BranchName::known(&branch.text())), commit })
    }

    /// Read one ref by its full name, for ref stores that gix does not support. `rev-parse` would also accept a tag of that name.
    pub(super) fn find_ref(&self, name: &str) -> Result<Option<Oid>> {
        self.id(&["show-ref", "--verify", "--hash", "--", name])
    }

    /// The id that a command prints; `None` if it fails.
    fn id(&self, args: &[&str]) -> Result<Option<Oid>> {
        let output = self.read().args(args).answer()?;
        if output.status.success() { parse_oid(&output.text()).map(Some) } else { Ok(None) }
    }

    /// List refs by prefix, for ref stores that gix does not support.
    pub(super) fn list_refs(&self, prefixes: &[String]) -> Result<Listing> {
        listing(&self.read().args(["for-each-ref", REF_LINES]).args(prefixes).read()?.text())
    }

    /// Like [`Self::list_refs`] for one prefix; `None` if there are more than `most`.
    pub(super) fn list_few_refs(&self, prefix: &str, most: usize) -> Result<Option<Listing>> {
        let count = format!("--count={}", most + 1);
        let output = self.read().args(["for-each-ref", &count, REF_LINES, prefix]).read()?;
        if output.text().lines().count() > most {
            return Ok(None);
        }
        listing(&output.text()).map(Some)
    }

    /// Read the last `most` lines of a reflog, for ref stores that gix does not support.
    pub(super) fn reflog(&self, name: &str, most: usize) -> Result<Vec<(Oid, String)>> {
        let output = self.read().args(["log", "-g", "--format=%H %gs", &format!("-{most}"), name, "--"]).answer()?;
        let line = |line: &str| line.split_once(' ').map(|(id, message)| Ok((parse_oid(id)?, message.to_owned())));
        output.text().lines().filter_map(line).collect()
    }
}

/// Prints id and name of a ref, and an empty line for a symbolic ref.
const REF_LINES: &str = "--format=%(if)%(symref)%(then)%(else)%(objectname) %(refname)%(end)";

fn listing(text: &str) -> Result<Listing> {
    let line = |line: &str| line.split_once(' ').map(|(id, name)| Ok((name.to_owned(), parse_oid(id)?)));
    let mut refs = text.lines().filter_map(line).collect::<Result<Vec<_>>>()?;
    refs.sort();
    Ok(Listing { refs, broken: Vec::new() })
}

fn is_locked(stderr: &[u8]) -> bool {
    String::from_utf8_lossy(stderr).contains("could not lock config file")
}
