//! Writing and editing `lattice.toml` in the worktree.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::config::document::{AxisDraft, Draft};
use crate::config::{self, Config, Document};
use crate::context::Context;
use crate::git::Repo;
use crate::git::names::{self, BranchName};
use crate::lock;
use crate::ops::{Cannot, refspec};
use crate::system::System;
use crate::temporary;

/// How long to wait while another git-lattice edits lattice.toml.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Guesses the base branch: the remote's default branch, else one of the usual names, else HEAD's branch.
///
/// # Errors
/// When git fails.
pub fn detect_base(repo: &Repo, remote: Option<&str>) -> Result<Option<String>> {
    if let Some(remote) = remote {
        let target = repo.git().symbolic_ref(&names::remote_head(remote))?;
        if let Some(branch) = target.as_deref().and_then(|target| names::short_tracking(target, remote)) {
            return Ok(Some(branch.to_owned()));
        }
    }
    for branch in ["main", "master", "trunk"].map(BranchName::known) {
        if repo.branch_tip(&branch)?.is_some() {
            return Ok(Some(branch.to_string()));
        }
    }
    Ok(repo.head()?.branch.map(|branch| branch.to_string()))
}

/// Guesses the remote: `origin`, else the first one.
pub fn detect_remote(repo: &Repo) -> Option<String> {
    let remotes = repo.remotes();
    remotes.iter().find(|name| *name == "origin").or(remotes.first()).cloned()
}

/// The system of each architecture: from `given` (`ARCH=SYSTEM`), else derived from the name. Architectures in `known`
/// are skipped.
///
/// # Errors
/// When an entry is malformed, or the system of an architecture is unknown.
pub fn systems(archs: &[String], given: &[String], known: &[String]) -> Result<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    for text in given {
        let Some((arch, system)) = text.split_once('=') else {
            bail!("`--system {text}` must be ARCH=SYSTEM, as in `arm=armv7l-linux`")
        };
        if !archs.iter().any(|a| a == arch) {
            bail!("`--system {text}` is for `{arch}`, which is not one of the architectures: {}", archs.join(", "));
        }
        pairs.push((arch.to_owned(), System::parse(system)?.to_string()));
    }
    for arch in archs {
        if known.contains(arch) || pairs.iter().any(|(named, _)| named == arch) {
            continue;
        }
        match System::of_arch(arch) {
            Some(system) => pairs.push((arch.clone(), system.to_string())),
            None => {
                bail!(
                    "the Nix system of `{arch}` is unknown: name it with `--system {arch}=CPU-OS`, such as `x86_64-linux`"
                )
            }
        }
    }
    Ok(pairs)
}

/// A valid `lattice.toml` to be written.
pub struct Plan<'a> {
    root: &'a Path,
    document: Document,
    /// The configuration in the file.
    pub config: Config,
    _held: File,
}

/// Plans a `lattice.toml` from `draft`. An existing one is changed only with `force`; its comments are kept.
///
/// # Errors
/// When the repository is bare or has no commit, the file exists, the draft is not a valid lattice, or there is no such base branch.
pub fn plan<'a>(context: &'a Context, draft: &Draft, force: bool) -> Result<Plan<'a>> {
    let root = worktree(context)?;
    if context.repo.head()?.commit.is_none() {
        return Err(Cannot::NoCommit.into());
    }
    let held = lock_file(&context.repo)?;
    let document = match context.repo.worktree_file(config::FILE)? {
        Some(_) if !force => return Err(Cannot::Exists { file: config::FILE }.into()),
        Some(bytes) => {
            let mut document = Document::parse(config::FILE, &bytes)?;
            document.apply(draft);
            document
        }
        None => Document::starter(config::FILE, draft),
    };
    let config = document.config()?;
    check_base(&context.repo, &config)?;
    Ok(Plan { root, document, config, _held: held })
}

/// Checks that the base branch exists, here or on a remote as last fetched.
fn check_base(repo: &Repo, config: &Config) -> Result<()> {
    let base = &config.base;
    let tracking = repo.remotes().into_iter().map(|remote| base.tracking(&remote));
    for name in std::iter::once(base.full_ref()).chain(tracking) {
        if repo.find_ref(&name)?.is_some() {
            return Ok(());
        }
    }
    Err(Cannot::NoSuchBase { base: base.to_string(), known: other_branches(repo, config)? }.into())
}

/// Some branches that are no points, here and on remotes as last fetched.
fn other_branches(repo: &Repo, config: &Config) -> Result<Vec<String>> {
    const MAX: usize = 5;
    let remotes = repo.remotes();
    let short = |full: &str| {
        let tracking = || remotes.iter().find_map(|remote| names::short_tracking(full, remote));
        names::short(full).or_else(tracking).map(str::to_owned)
    };
    let listing = repo.list_refs(&[names::HEADS.to_owned(), names::REMOTES.to_owned()])?;
    let all: BTreeSet<_> = listing.refs.iter().filter_map(|(name, _)| short(name)).collect();
    Ok(all.into_iter().filter(|name| config.branch.decode(&config.lattice, name).is_none()).take(MAX).collect())
}

/// What was written.
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// The refspec by which `git fetch` brings records, if it was added.
    pub refspec: Option<String>,
}

impl Plan<'_> {
    /// Stores the base branch in git's configuration, unless the remote's default says it, lets `git fetch` bring records, then
    /// writes the file. The file comes last: if it exists, all is done.
    ///
    /// # Errors
    /// When the base branch or the file cannot be written.
    pub fn apply(self, context: &Context) -> Result<Written> {
        context.remember_base(&self.config.base).context("could not store the base branch in git's configuration")?;
        let repo = &context.repo;
        let remote = self.config.remote.as_ref().filter(|remote| repo.remotes().contains(remote));
        // If it cannot be written, the first `sync` tries again.
        let refspec = remote.and_then(|remote| refspec::add_once(repo, remote).unwrap_or_default());
        Ok(Written { path: save(self.root, &self.document)?, refspec })
    }
}

/// Adds values to an axis; returns the new ones.
///
/// # Errors
/// When the axis does not exist or is not listed, or the result is not a valid lattice.
pub fn add_values(
    context: &Context,
    config: &Config,
    axis: &str,
    values: &[String],
    given: &[String],
) -> Result<Vec<String>> {
    let root = worktree(context)?;
    let _held = lock_file(&context.repo)?;
    let mut document = context.document()?;
    let index = config.lattice.axis_index(axis)?;
    let mut added = Vec::new();
    for value in values {
        crate::lattice::Value::parse(value)?;
        if document.add_value(axis, value)? {
            added.push(value.clone());
        }
    }
    if config.systems.axis() == Some(index) {
        for (arch, system) in systems(&added, given, &[])? {
            document.add_system(&arch, &system);
        }
    }
    if !added.is_empty() {
        save(root, &document)?;
    }
    Ok(added)
}

/// The root of the worktree.
///
/// # Errors
/// [`Cannot::Bare`] when there is no worktree.
pub fn worktree(context: &Context) -> Result<&Path> {
    context.repo.workdir().ok_or_else(|| Cannot::Bare { file: config::FILE }.into())
}

/// Locks lattice.toml against other git-lattice processes, from reading to writing, so that no edit is lost.
pub(super) fn lock_file(repo: &Repo) -> Result<File, lock::Error> {
    let dir = repo.common_dir().join("lattice");
    let path = dir.join("edit");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    let open = || repo.shared().create_dir_all(&dir).and_then(|()| repo.shared().open(&options, &path));
    lock::acquire(open().map_err(|source| lock::Error::Io { path: path.clone(), source })?, &path, LOCK_TIMEOUT)
}

/// Checks the document, then replaces the file atomically.
pub(super) fn save(root: &Path, document: &Document) -> Result<PathBuf> {
    document.config()?;
    let path = root.join(config::FILE);
    temporary::rewrite(&path, document.to_string().as_bytes())
        .with_context(|| format!("could not write `{}`", path.display()))?;
    Ok(path)
}

/// The axis that the flags describe: listed values, or an open chain.
pub fn axis_draft(values: &[String], ordered: bool, open: (&str, u64)) -> AxisDraft {
    match (values.is_empty(), ordered) {
        (true, _) => AxisDraft::Open(open.0.to_owned(), open.1),
        (false, true) => AxisDraft::Closed(values.to_vec()),
        (false, false) => AxisDraft::Set(values.to_vec()),
    }
}
