//! One repository, opened once: where it is, what HEAD is, its configuration.

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

/// `extensions.*` that change nothing for us; anything else may (gitrepository-layout(5)).
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

/// What is in an object decides what is built and whose it is; `refs/replace/*` can be fetched and would show another in its place.
const NO_REPLACEMENTS: &str = "core.useReplaceRefs=false";

/// Where refs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefFormat {
    /// Files and packed-refs, which gix reads.
    Files,
    /// Reftable, which gix 0.90 takes for an empty repository: git reads it.
    Reftable,
}

/// An open repository.
pub struct Repo {
    pub(super) gix: gix::Repository,
    pub(super) git: Git,
    pub(super) format: RefFormat,
    pub(super) effort: Effort,
    common_dir: PathBuf,
    shared: Shared,
}

impl Repo {
    /// Opens the repository at or above `cwd` as git would, honouring `GIT_DIR` and its like.
    ///
    /// # Errors
    /// When there is none, it belongs to somebody else, or has extensions that are not known here.
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
        // gitnamespaces(7): GIT_NAMESPACE is for what serves fetches and pushes. git itself reads and writes the refs as they are.
        gix.clear_namespace();
        gix.object_cache_size_if_unset(4 * 1024 * 1024);
        gix.objects.set_pack_cache(|| Box::new(Bases::default()));
        let format = ref_format(&gix)?;
        let common_dir = std::path::absolute(gix.common_dir()).unwrap_or_else(|_| gix.common_dir().to_owned());
        let common_dir = common_dir.canonicalize().unwrap_or(common_dir);
        let shared = Shared::of(&gix);
        let git = git.noting(Notes::of(&common_dir, shared));
        Ok(Self { gix, git, format, effort: Effort::default(), common_dir, shared })
    }

    /// The git executable, run where this repository is.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// The directory that all worktrees share, absolute.
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// The permissions of what is created in the git directory.
    pub fn shared(&self) -> Shared {
        self.shared
    }

    /// The root of the worktree; `None` when the repository is bare.
    pub fn workdir(&self) -> Option<&Path> {
        self.gix.workdir()
    }

    /// Whether a path, given without links, is in one of the repository's worktrees or in its git directory.
    pub fn surrounds(&self, path: &Path) -> bool {
        let linked = self.gix.worktrees().unwrap_or_default().into_iter().filter_map(|worktree| worktree.base().ok());
        let main = self.common_dir.parent().filter(|_| self.common_dir.ends_with(".git")).map(Path::to_owned);
        let roots = linked.chain(main).chain(self.workdir().map(Path::to_owned)).chain([self.common_dir.clone()]);
        roots.into_iter().any(|root| path.starts_with(root.canonicalize().unwrap_or(root)))
    }

    /// Whether object ids are SHA-1.
    pub fn is_sha1(&self) -> bool {
        self.gix.object_hash() == gix::hash::Kind::Sha1
    }

    /// Whether some objects are only on a remote, from which git fetches them when it needs them.
    pub(super) fn is_partial(&self) -> bool {
        let config = self.gix.config_snapshot();
        let is_promisor = |name: &String| config.boolean(format!("remote.{name}.promisor").as_str()) == Some(true);
        config.string("extensions.partialClone").is_some() || self.remotes().iter().any(is_promisor)
    }

    /// Where HEAD is.
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

    /// Whether a rebase, an `am` or a bisection is under way in this worktree.
    pub fn is_stepping(&self) -> bool {
        use gix::state::InProgress::{ApplyMailbox, ApplyMailboxRebase, Bisect, Rebase, RebaseInteractive};
        let state = self.gix.state();
        matches!(state, Some(ApplyMailbox | ApplyMailboxRebase | Bisect | Rebase | RebaseInteractive))
    }

    /// A value of git's configuration.
    pub fn config(&self, key: &str) -> Option<String> {
        self.gix.config_snapshot().string(key).map(|value| value.to_str_lossy().into_owned())
    }

    /// A path in git's configuration, with `~` filled in; `None` when it is not set, or set by somebody who is not trusted.
    pub fn config_path(&self, key: &str) -> Option<PathBuf> {
        let path = self.gix.config_snapshot().trusted_path(key).ok().flatten()?;
        (!path.as_os_str().is_empty()).then_some(path)
    }

    /// A truth value of git's configuration; `None` when it is not set or is none.
    pub fn config_bool(&self, key: &str) -> Option<bool> {
        self.gix.config_snapshot().boolean(key)
    }

    /// All values of a key in git's configuration, in order.
    pub(super) fn config_all(&self, key: &str) -> Vec<String> {
        let snapshot = self.gix.config_snapshot();
        let values = snapshot.plumbing().strings(key).unwrap_or_default();
        values.iter().map(|value| value.to_str_lossy().into_owned()).collect()
    }

    /// Whether history ends here before its beginning: nothing is known of what was before.
    pub fn is_shallow(&self) -> bool {
        self.gix.is_shallow().unwrap_or(false)
    }

    /// The names of the remotes.
    pub fn remotes(&self) -> Vec<String> {
        self.gix.remote_names().iter().map(|name| name.to_str_lossy().into_owned()).collect()
    }

    /// The branches that some worktree has, each with that worktree or its git directory: checked out, or detached from for the time
    /// of a rebase or bisect.
    ///
    /// # Errors
    /// When git fails.
    pub fn taken_branches(&self) -> Result<Vec<(BranchName, PathBuf)>> {
        let mut taken = self.git.checked_out()?;
        let linked = std::fs::read_dir(self.common_dir.join("worktrees")).into_iter().flatten().flatten();
        for dir in std::iter::once(self.common_dir.clone()).chain(linked.map(|entry| entry.path())) {
            for file in ["rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"] {
                let Ok(text) = std::fs::read_to_string(dir.join(file)) else { continue };
                // BISECT_START has the branch without its folder.
                taken.push((BranchName::known(names::shown(text.trim())), dir.clone()));
            }
        }
        Ok(taken)
    }

    /// A view of the repository that reads so many bytes of objects, and fails from there on with [`Error::Effort`]. Each object counts
    /// 4 KiB more, each byte of TOML 64, each program that is run for it 512 KiB.
    #[must_use]
    pub fn reading_at_most(&self, bytes: u64) -> Self {
        Self { effort: self.effort.at_most(bytes), ..self.with_gix(self.gix.clone()) }
    }

    /// Whether this view failed to read something because of its limit.
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
