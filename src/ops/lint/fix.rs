//! `--fix`: rewrites files of the worktree, each one atomically.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Source;
use crate::lint::{self, Settings};
use crate::temporary;

/// The result of `--fix`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fixed {
    /// The files that were rewritten.
    pub changed: Vec<PathBuf>,
    /// The files that could not be fixed, each with the reason.
    pub left: Vec<(PathBuf, String)>,
}

/// Applies all safe fixes, to the files and to `sources`.
pub fn fix(cwd: &Path, sources: &mut [Source], settings: &Settings) -> Fixed {
    let mut fixed = Fixed::default();
    for source in sources.iter_mut().filter(|source| source.is_file) {
        let text = match lint::fixed(&source.path, &source.bytes, settings) {
            Ok(text) if text.as_bytes() == source.bytes => continue,
            Ok(text) => text,
            Err(why) => {
                fixed.left.push((source.path.clone(), why.to_string()));
                continue;
            }
        };
        match write(&cwd.join(&source.path), &source.bytes, text.as_bytes()) {
            Ok(()) => {
                source.bytes = text.into_bytes();
                fixed.changed.push(source.path.clone());
            }
            Err(error) => fixed.left.push((source.path.clone(), error.to_string())),
        }
    }
    fixed
}

/// Replaces a file, following a link; keeps its mode.
fn write(path: &Path, old: &[u8], new: &[u8]) -> io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().ok_or_else(|| io::Error::other("it has no parent directory"))?;
    temporary::sweep(folder);
    temporary::replace(&path, |file| {
        fs::write(file, new)?;
        fs::set_permissions(file, fs::metadata(&path)?.permissions())?;
        let is_same = fs::read(&path)? == old;
        if is_same { Ok(()) } else { Err(io::Error::other("another process changed it in the meantime")) }
    })
}
