//! What is to be linted: files of the worktree, stdin, the index, or commits.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::context::Context;
use crate::git::size::{Kind, TooLarge, read_at_most};
use crate::git::{self, Oid, Repo};

/// statix' configuration, at the root of a project.
const STATIX_TOML: &str = "statix.toml";

/// Where the files come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Files and folders; without any, the whole worktree.
    Paths(Vec<PathBuf>),
    /// These bytes, under this name.
    Stdin {
        /// How it is called in the findings.
        name: PathBuf,
        /// What came in.
        bytes: Vec<u8>,
    },
    /// What the next commit would change.
    Staged,
    /// What a commit has that another one has not, or has otherwise.
    Between {
        /// The older.
        from: String,
        /// The newer.
        to: String,
    },
    /// All of HEAD.
    All,
}

/// One text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// How it is called in the findings.
    pub path: PathBuf,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Whether it is a file that may be written.
    pub is_file: bool,
}

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path on the command line is nothing.
    #[error("`{}` does not exist", .0.display())]
    NoFile(PathBuf),
    /// A file or folder cannot be read.
    #[error("could not read `{}`", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A revision on the command line is no commit.
    #[error("`{0}` names no commit")]
    NoCommit(String),
    /// Only a worktree can be looked at without a name.
    #[error("there is no worktree here: expected paths, `-`, `--all` or `--from-ref`")]
    NoWorktree,
}

/// The texts, and the project's configuration of statix from the same place.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The texts, in the order of their paths.
    pub sources: Vec<Source>,
    /// What is in `statix.toml`, where there is one.
    pub statix_toml: Option<Vec<u8>>,
}

/// Reads what is to be linted; without a repository only paths and stdin can be.
///
/// # Errors
/// When something that is named cannot be read.
pub fn gather(context: Option<&Context>, cwd: &Path, what: &What) -> Result<Gathered> {
    match (what, context) {
        (What::Paths(paths), _) => {
            let sources = files(context, cwd, paths)?;
            Ok(Gathered { sources, statix_toml: worktree_toml(context, cwd)? })
        }
        (What::Stdin { name, bytes }, _) => {
            let source = Source { path: name.clone(), bytes: bytes.clone(), is_file: false };
            Ok(Gathered { sources: vec![source], statix_toml: worktree_toml(context, cwd)? })
        }
        (_, None) => Err(crate::git::Error::NotARepository(cwd.to_owned()).into()),
        (What::Staged, Some(context)) => staged(&context.repo),
        (What::Between { from, to }, Some(context)) => committed(&context.repo, to, Some(from)),
        (What::All, Some(context)) => committed(&context.repo, "HEAD", None),
    }
}

/// The `.nix` files that the next commit would change, as they are in the index.
pub(super) fn staged(repo: &Repo) -> Result<Gathered> {
    let files = repo.staged(".nix")?;
    if files.is_empty() {
        return Ok(Gathered::default());
    }
    Ok(Gathered { sources: blobs(repo, files)?, statix_toml: repo.staged_file(STATIX_TOML)? })
}

fn committed(repo: &Repo, name: &str, unlike: Option<&str>) -> Result<Gathered> {
    let find = |name: &str| {
        Ok::<_, anyhow::Error>(repo.git().commit_of(name)?.ok_or_else(|| Error::NoCommit(name.to_owned()))?)
    };
    let commit = find(name)?;
    let files = repo.git().files_of(commit, unlike.map(find).transpose()?)?;
    let files = files.into_iter().filter(|(path, _)| is_nix(path)).collect();
    let statix_toml = repo.file_at(repo.tree_of_commit(commit)?, STATIX_TOML)?;
    Ok(Gathered { sources: blobs(repo, files)?, statix_toml })
}

fn blobs(repo: &Repo, files: Vec<(PathBuf, Oid)>) -> Result<Vec<Source>> {
    let source = |(path, id): (PathBuf, Oid)| {
        Ok(Source { bytes: repo.bounded_blob(id, &path.to_string_lossy(), Kind::File)?, path, is_file: false })
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

/// The files that are named as they are; of folders those whose names end in `.nix`.
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
            (None, _) => folders.push(PathBuf::from(".")),
        }
    }
    if let (Some(context), false) = (context, tracked.is_empty()) {
        let all = context.repo.git().files_below(&tracked)?;
        found.extend(all.into_iter().filter(|path| is_nix(path) && is_regular(&cwd.join(path))));
    }
    folders.iter().try_for_each(|folder| walk(cwd, folder, &mut found))?;
    found.sort();
    found.dedup();
    let limit = context.map_or(Ok(Kind::File.usual()), |context| context.repo.size_limit(Kind::File))?;
    let read = |path: PathBuf| {
        let file = fs::File::open(cwd.join(&path)).map_err(unreadable(&path))?;
        let bytes = read_at_most(&file, limit).map_err(unreadable(&path))?;
        let too_large = |size| TooLarge { what: path.display().to_string(), size, limit, kind: Kind::File };
        let bytes = bytes.map_err(|size| git::Error::from(too_large(size)))?;
        Ok(Source { path, bytes, is_file: true })
    };
    found.into_iter().map(read).collect()
}

fn is_inside(folder: &Path, root: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = real(folder);
    // git lists nothing of its own folder, nor of a submodule's.
    folder.starts_with(real(root))
        && !folder.ancestors().any(|dir| dir != real(root) && dir.starts_with(real(root)) && dir.join(".git").exists())
}

fn is_nix(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b".nix")
}

/// Links lead to files that are looked at where they are, or that are nobody's business here.
fn is_regular(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
}

/// Where git does not say what belongs to the project: everything but hidden folders.
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
