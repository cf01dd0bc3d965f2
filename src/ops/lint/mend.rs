//! `--fix`: files of the worktree are rewritten, each at once or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Source;
use crate::lint::{self, Settings};
use crate::temporary;

/// What became of the files.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// Those that were rewritten.
    pub changed: Vec<PathBuf>,
    /// Those that were left as they are though there is something to mend, each with the reason.
    pub left: Vec<(PathBuf, String)>,
}

/// Mends what can be mended safely, in the files and in `sources`.
pub fn mend(cwd: &Path, sources: &mut [Source], settings: &Settings) -> Mended {
    let mut mended = Mended::default();
    for source in sources.iter_mut().filter(|source| source.is_file) {
        let text = match lint::fixed(&source.path, &source.bytes, settings) {
            Ok(text) if text.as_bytes() == source.bytes => continue,
            Ok(text) => text,
            Err(why) => {
                mended.left.push((source.path.clone(), why.to_string()));
                continue;
            }
        };
        match write(&cwd.join(&source.path), &source.bytes, text.as_bytes()) {
            Ok(()) => {
                source.bytes = text.into_bytes();
                mended.changed.push(source.path.clone());
            }
            Err(error) => mended.left.push((source.path.clone(), error.to_string())),
        }
    }
    mended
}

/// Puts a new file in the place of the old one, which a link may lead to; its mode stays.
fn write(path: &Path, old: &[u8], new: &[u8]) -> io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().ok_or_else(|| io::Error::other("it is in no folder"))?;
    temporary::sweep(folder);
    temporary::replace(&path, |file| {
        fs::write(file, new)?;
        fs::set_permissions(file, fs::metadata(&path)?.permissions())?;
        let is_same = fs::read(&path)? == old;
        if is_same { Ok(()) } else { Err(io::Error::other("another process changed it in the meantime")) }
    })
}
