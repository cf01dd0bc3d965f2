//! Sources to lint: files of the worktree, stdin, the index, or commits.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::context::Context;
use crate::git::size::{Kind, TooLarge, read_at_most};
use crate::git::{self, Oid, Repo};
use crate::lint::Reading;

/// The configuration of statix, at the root of a project.
const STATIX_TOML: &str = "statix.toml";

/// Where the sources come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Files and directories; if empty, the whole worktree.
    Paths(Vec<PathBuf>),
    /// Bytes from stdin.
    Stdin {
        /// The name in findings.
        name: PathBuf,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The staged files.
    Staged,
    /// Files of a commit that are new or changed since another.
    Between {
        /// The older commit.
        from: String,
        /// The newer commit.
        to: String,
    },
    /// All files of HEAD.
    All,
}

/// One text to lint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name in findings.
    pub path: PathBuf,
    /// The content.
    pub bytes: Vec<u8>,
    /// Whether it is a file of the worktree, which may be fixed.
    pub is_file: bool,
    /// The reading of the bytes, if they were read before.
    pub reading: Option<Reading>,
}

/// Why the sources cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path on the command line does not exist.
    #[error("`{}` does not exist", .0.display())]
    NoFile(PathBuf),
    /// A file or directory cannot be read.
    #[error("could not read `{}`", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A revision on the command line is not a commit.
    #[error("`{0}` is not a commit")]
    NoCommit(String),
    /// Without paths, a worktree is needed.
    #[error("there is no worktree here: expected paths, `-`, `--all` or `--from-ref`")]
    NoWorktree,
    /// Without paths, a repository is needed.
    #[error("not inside a git repository: name the files or folders to check")]
    NoRepository,
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoRepository => {
                Some("to check the .nix files of this folder and of those below: `git lattice lint .`")
            }
            _ => None,
        }
    }
}

/// The sources, with the statix configuration from the same place.
#[derive(Debug, Default)]
pub struct SourceSet {
    /// The sources, ordered by path.
    pub sources: Vec<Source>,
    /// The content of `statix.toml`, if it exists.
    pub statix_toml: Option<Vec<u8>>,
}

/// Reads the sources; without a repository, only paths and stdin are possible.
///
/// # Errors
/// When a source cannot be read.
pub fn collect_sources(context: Option<&Context>, cwd: &Path, what: &Target) -> Result<SourceSet> {
    match (what, context) {
        (Target::Paths(paths), _) => {
            let sources = files(context, cwd, paths)?;
            Ok(SourceSet { sources, statix_toml: worktree_toml(context, cwd)? })
        }
        (Target::Stdin { name, bytes }, _) => {
            let source = Source { path: name.clone(), bytes: bytes.clone(), is_file: false, reading: None };
            Ok(SourceSet { sources: vec![source], statix_toml: worktree_toml(context, cwd)? })
        }
        (_, None) => Err(crate::git::Error::NotARepository(cwd.to_owned()).into()),
        (Target::Staged, Some(context)) => staged(&context.repo),
        (Target::Between { from, to }, Some(context)) => committed(&context.repo, to, Some(from)),
        (Target::All, Some(context)) => committed(&context.repo, "HEAD", None),
    }
}

/// The staged `.nix` files, with their content in the index.
pub(super) fn staged(repo: &Repo) -> Result<SourceSet> {
    let files = repo.staged(".nix")?;
    if files.is_empty() {
        return Ok(SourceSet::default());
    }
    Ok(SourceSet { sources: blobs(repo, files)?, statix_toml: repo.staged_file(STATIX_TOML)? })
}

fn committed(repo: &Repo, name: &str, unlike: Option<&str>) -> Result<SourceSet> {
    let find = |name: &str| {
        Ok::<_, anyhow::Error>(repo.git().commit_of(name)?.ok_or_else(|| Error::NoCommit(name.to_owned()))?)
    };
    let commit = find(name)?;
    let files = repo.git().files_of(commit, unlike.map(find).transpose()?)?;
    let files = files.into_iter().filter(|(path, _)| is_nix(path)).collect();
    let statix_toml = repo.file_at(repo.tree_of_commit(commit)?, STATIX_TOML)?;
    Ok(SourceSet { sources: blobs(repo, files)?, statix_toml })
}

fn blobs(repo: &Repo, files: Vec<(PathBuf, Oid)>) -> Result<Vec<Source>> {
    let source = |(path, id): (PathBuf, Oid)| {
        Ok(Source {
            bytes: repo.bounded_blob(id, &path.to_string_lossy(), Kind::File)?,
            path,
            is_file: false,
            reading: None,
        })
    };
    files.into_iter().map(source).collect()
}

fn worktree_toml(context: Option<&Context>, cwd: &Path) -> Result<Option<Vec<u8>>> {
    match context {
        Some(context) => Ok(context.repo.worktree_file(STATIX_TOML)?),
        None => match fs::read(cwd.join(STATIX_TOML)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(unreadable(Path::new(STATIX_TOML))(source).into())
            }
            read => Ok(read.ok()),
        },
    }
}

/// Reads the named files, and the `.nix` files in named directories.
fn files(context: Option<&Context>, cwd: &Path, paths: &[PathBuf]) -> Result<Vec<Source>> {
    let root = context.and_then(|context| context.repo.workdir());
    let (mut found, mut tracked, mut folders) = (Vec::new(), Vec::new(), Vec::new());
    for path in paths {
        let meta = fs::metadata(cwd.join(path)).map_err(|_| Error::NoFile(path.clone()))?;
        match root {
            _ if !meta.is_dir() => found.push(path.clone()),
            Some(root) if is_inside(&cwd.join(path), root) => tracked.push(path.clone()),
            _ => folders.push(path.clone()),
        }
    }
    if paths.is_empty() {
        match (context, root) {
            (Some(_), Some(root)) => tracked.push(root.to_owned()),
            (Some(_), None) => return Err(Error::NoWorktree.into()),
            (None, _) => return Err(Error::NoRepository.into()),
        }
    }
    if let (Some(context), false) = (context, tracked.is_empty()) {
        let all = context.repo.git().files_below(&tracked)?;
        found.extend(all.into_iter().filter(|path| is_nix(path) && is_regular(&cwd.join(path))));
    }
    folders.iter().try_for_each(|folder| walk(cwd, folder, &mut found))?;
    found.sort();
    found.dedup();
    let limit = context.map_or(Ok(Kind::File.default_limit()), |context| context.repo.size_limit(Kind::File))?;
    let read = |path: PathBuf| {
        let file = fs::File::open(cwd.join(&path)).map_err(unreadable(&path))?;
        let bytes = read_at_most(&file, limit).map_err(unreadable(&path))?;
        let too_large = |size| TooLarge { what: path.display().to_string(), size, limit, kind: Kind::File };
        let bytes = bytes.map_err(|size| git::Error::from(too_large(size)))?;
        Ok(Source { path, bytes, is_file: true, reading: None })
    };
    found.into_iter().map(read).collect()
}

fn is_inside(folder: &Path, root: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = real(folder);
    // git lists no files of `.git` and of submodules.
    folder.starts_with(real(root))
        && !folder.ancestors().any(|dir| dir != real(root) && dir.starts_with(real(root)) && dir.join(".git").exists())
}

fn is_nix(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b".nix")
}

/// Whether a path is a regular file. Links are skipped: their target is linted at its own path, or is outside the
/// project.
fn is_regular(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
}

/// Finds `.nix` files outside of git: everything except hidden directories.
fn walk(cwd: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    for entry in fs::read_dir(cwd.join(folder)).map_err(unreadable(folder))? {
        let entry = entry.map_err(unreadable(folder))?;
        let path = folder.join(entry.file_name());
        let path = path.strip_prefix(".").map(Path::to_owned).unwrap_or(path);
        let kind = entry.file_type().map_err(unreadable(&path))?;
        if kind.is_dir() && !entry.file_name().as_bytes().starts_with(b".") {
            walk(cwd, &path, found)?;
        } else if kind.is_file() && is_nix(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Unreadable { path, source }
}
