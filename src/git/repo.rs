//! An open repository: its paths, HEAD and configuration.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;

use super::bases::Bases;
use super::effort::Effort;
use super::exe::Git;
use super::listing::Head;
use super::names::{self, BranchName};
use super::shared::Shared;
use super::work::Notes;
use super::{Error, Result, doing, reading};
use crate::env;

/// Supported `extensions.*`; others may change the repository format (gitrepository-layout(5)).
const KNOWN_EXTENSIONS: [&str; 8] = [
    "compatobjectformat",
    "noop",
    "objectformat",
    "partialclone",
    "preciousobjects",
    "refstorage",
    "relativeworktrees",
    "worktreeconfig",
];

/// Ignore `refs/replace/*`: they can be fetched, and would substitute the content that builds and trust depend on.
const NO_REPLACEMENTS: &str = "core.useReplaceRefs=false";
/// The command that brings the history which a shallow clone lacks.
pub const UNSHALLOW: &str = "git fetch --unshallow";

/// The ref storage format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefFormat {
    /// Loose files and packed-refs, which gix reads.
    Files,
    /// Reftable: gix 0.90 sees an empty repository, so git reads it.
    Reftable,
}

/// An open repository.
pub struct Repo {
    pub(super) gix: gix::Repository,
    pub(super) git: Git,
    pub(super) format: RefFormat,
    pub(super) effort: Effort,
    /// git's commit-graph file, opened when it is needed.
    pub(super) commit_graph: OnceCell<Option<gix::commitgraph::Graph>>,
    common_dir: PathBuf,
    shared: Shared,
}

impl Repo {
    /// Open the repository at or above `cwd` like git, honouring `GIT_DIR` and similar variables.
    ///
    /// # Errors
    /// When there is none, another user owns it, or it has unsupported extensions.
    pub fn open(cwd: &Path, git: Git) -> Result<Self> {
        let options = |trust| {
            gix::open::Options::default()
                .bail_if_untrusted(true)
                .cli_overrides(env::git_config_parameters().into_iter().chain([NO_REPLACEMENTS.to_owned()]))
                .with(trust)
        };
        let trust = gix::sec::trust::Mapping {
            full: options(gix::sec::Trust::Full),
            reduced: options(gix::sec::Trust::Reduced),
        };
        let found = gix::ThreadSafeRepository::discover_with_environment_overrides_opts(
            cwd,
            gix::discover::upwards::Options { match_ceiling_dir_or_error: false, ..Default::default() },
            trust,
        );
        let mut gix = found.map_err(|error| not_opened(cwd, error))?.to_thread_local();
        // GIT_NAMESPACE applies only to serving fetches and pushes (gitnamespaces(7)); local git commands ignore it.
        gix.clear_namespace();
        gix.object_cache_size_if_unset(4 * 1024 * 1024);
        gix.objects.set_pack_cache(|| Box::new(Bases::default()));
        let format = ref_format(&gix)?;
        let common_dir = std::path::absolute(gix.common_dir()).unwrap_or_else(|_| gix.common_dir().to_owned());
        let common_dir = common_dir.canonicalize().unwrap_or(common_dir);
        let shared = Shared::of(&gix);
        let git = git.noting(Notes::of(&common_dir, shared));
        Ok(Self { gix, git, format, effort: Effort::default(), commit_graph: OnceCell::new(), common_dir, shared })
    }

    /// The git executable, run in this repository.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// The absolute path of the common dir of all worktrees.
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// The permissions for new files in the git directory.
    pub fn shared(&self) -> Shared {
        self.shared
    }

    /// The root of the worktree; `None` if the repository is bare.
    pub fn workdir(&self) -> Option<&Path> {
        self.gix.workdir()
    }

    /// Whether a path without symbolic links is inside a worktree or the git directory of this repository.
    pub fn surrounds(&self, path: &Path) -> bool {
        let roots = self.worktree_roots().chain([self.common_dir.clone()]);
        roots.into_iter().any(|root| path.starts_with(root.canonicalize().unwrap_or(root)))
    }

    /// The roots of all worktrees.
    pub(super) fn worktree_roots(&self) -> impl Iterator<Item = PathBuf> {
        let linked = self.gix.worktrees().unwrap_or_default().into_iter().filter_map(|worktree| worktree.base().ok());
        let main = self.common_dir.parent().filter(|_| self.common_dir.ends_with(".git")).map(Path::to_owned);
        linked.chain(main).chain(self.workdir().map(Path::to_owned))
    }

    /// Whether object ids are SHA-1.
    pub fn is_sha1(&self) -> bool {
        self.gix.object_hash() == gix::hash::Kind::Sha1
    }

    /// Whether this is a partial clone: git fetches missing objects on demand.
    pub(super) fn is_partial(&self) -> bool {
        let config = self.gix.config_snapshot();
        let is_promisor = |name: &String| config.boolean(format!("remote.{name}.promisor").as_str()) == Some(true);
        config.string("extensions.partialClone").is_some() || self.remotes().iter().any(is_promisor)
    }

    /// Read HEAD.
    ///
    /// # Errors
    /// When HEAD cannot be read.
    pub fn head(&self) -> Result<Head> {
        if self.format == RefFormat::Reftable {
            return self.git.head();
        }
        let head = self.gix.head().map_err(reading("HEAD"))?;
        let branch = head.referent_name().and_then(|name| BranchName::of_ref(&name.as_bstr().to_str_lossy()));
        Ok(Head { branch, commit: head.id().map(gix::Id::detach) })
    }

    /// Whether a rebase, `am` or bisect is in progress in this worktree.
    pub fn is_stepping(&self) -> bool {
        use gix::state::InProgress::{ApplyMailbox, ApplyMailboxRebase, Bisect, Rebase, RebaseInteractive};
        let state = self.gix.state();
        matches!(state, Some(ApplyMailbox | ApplyMailboxRebase | Bisect | Rebase | RebaseInteractive))
    }

    /// The value of a key in git's configuration.
    pub fn config(&self, key: &str) -> Option<String> {
        self.gix.config_snapshot().string(key).map(|value| value.to_str_lossy().into_owned())
    }

    /// A path in git's configuration, with `~` expanded; `None` if it is not set, or set in a file that is not trusted.
    pub fn config_path(&self, key: &str) -> Option<PathBuf> {
        let path = self.gix.config_snapshot().trusted_path(key).ok().flatten()?;
        (!path.as_os_str().is_empty()).then_some(path)
    }

    /// A boolean in git's configuration; `None` if it is not set or not a boolean.
    pub fn config_bool(&self, key: &str) -> Option<bool> {
        self.gix.config_snapshot().boolean(key)
    }

    /// All values of a key in git's configuration, in order.
    pub(super) fn config_all(&self, key: &str) -> Vec<String> {
        let snapshot = self.gix.config_snapshot();
        let values = snapshot.plumbing().strings(key).unwrap_or_default();
        values.iter().map(|value| value.to_str_lossy().into_owned()).collect()
    }

    /// Whether this is a shallow clone, with truncated history.
    pub fn is_shallow(&self) -> bool {
        self.gix.is_shallow().unwrap_or(false)
    }

    /// The names of the remotes.
    pub fn remotes(&self) -> Vec<String> {
        self.gix.remote_names().iter().map(|name| name.to_str_lossy().into_owned()).collect()
    }

    /// List the branches in use, each with its worktree: checked out, or temporarily detached by a rebase or bisect.
    ///
    /// # Errors
    /// When git fails.
    pub fn taken_branches(&self) -> Result<Vec<(BranchName, PathBuf)>> {
        Ok([self.checked_out()?, self.detached_branches()].concat())
    }

    /// List the branches that a rebase or bisect has temporarily detached, each with its worktree; with the git directory if git does not
    /// say where that is.
    pub fn detached_branches(&self) -> Vec<(BranchName, PathBuf)> {
        let linked = std::fs::read_dir(self.common_dir.join("worktrees")).into_iter().flatten().flatten();
        let mut detached = Vec::new();
        for dir in std::iter::once(self.common_dir.clone()).chain(linked.map(|entry| entry.path())) {
            for file in ["rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"] {
                let Ok(text) = std::fs::read_to_string(dir.join(file)) else { continue };
                // BISECT_START contains the short branch name.
                let place = self.worktree_of(&dir).unwrap_or_else(|| dir.clone());
                detached.push((BranchName::known(names::shown(text.trim())), place));
            }
        }
        detached
    }

    /// The worktree of a git directory: the main one, or a linked one, whose `.git` the file `gitdir` names (gitrepository-layout(5)).
    fn worktree_of(&self, git_dir: &Path) -> Option<PathBuf> {
        if git_dir == self.common_dir {
            return self.gix.main_repo().ok()?.workdir().map(Path::to_owned);
        }
        let text = std::fs::read_to_string(git_dir.join("gitdir")).ok()?;
        git_dir.join(text.trim_end()).parent().map(Path::to_owned)
    }

    /// A view of the repository that reads at most `bytes` bytes of objects and then fails with [`Error::Effort`]. Each object costs
    /// 4 KiB more, each byte of TOML costs 64, and each program run costs 512 KiB.
    #[must_use]
    pub fn reading_at_most(&self, bytes: u64) -> Self {
        Self { effort: self.effort.at_most(bytes), ..self.with_gix(self.gix.clone()) }
    }

    /// Whether this view has reached its read limit.
    pub fn is_exhausted(&self) -> bool {
        self.effort.is_exhausted()
    }

    /// The same repository through another handle.
    pub(super) fn with_gix(&self, gix: gix::Repository) -> Self {
        Self {
            gix,
            git: self.git.clone(),
            format: self.format,
            effort: self.effort.clone(),
            commit_graph: OnceCell::new(),
            common_dir: self.common_dir.clone(),
            shared: self.shared,
        }
    }
}

fn not_opened(cwd: &Path, error: gix::Error) -> Error {
    let text = format!("{error:#} {error:?}");
    if text.contains("untrusted") || text.contains("Untrusted") || text.contains("unsafe") {
        let root = cwd.ancestors().find(|dir| dir.join(".git").exists()).unwrap_or(cwd);
        Error::Untrusted(root.to_owned())
    } else if error.is_not_found() || text.contains("git repository") {
        Error::NotARepository(env::git_dir().unwrap_or_else(|| cwd.to_owned()))
    } else {
        doing("open the repository")(error)
    }
}

fn ref_format(gix: &gix::Repository) -> Result<RefFormat> {
    let config = gix.config_snapshot();
    for section in config.plumbing().sections_by_name("extensions").into_iter().flatten() {
        for name in section.body().value_names() {
            let name = name.to_lowercase();
            if !KNOWN_EXTENSIONS.contains(&name.as_str()) {
                return Err(Error::Extension(name));
            }
        }
    }
    match config.string("extensions.refStorage") {
        Some(value) if value.eq_ignore_ascii_case(b"reftable") => Ok(RefFormat::Reftable),
        Some(value) if !value.eq_ignore_ascii_case(b"files") => Err(Error::Extension(format!("refStorage={value}"))),
        _ => Ok(RefFormat::Files),
    }
}
