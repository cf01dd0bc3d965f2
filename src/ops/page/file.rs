//! The file of a page.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use crate::template::page::MARK;
use crate::temporary;

/// The name of the file, which web servers show for its folder.
pub const FILE: &str = "index.html";

/// The file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write `{}`", path.display())]
pub struct Unwritable {
    /// The file.
    path: PathBuf,
    source: io::Error,
}

/// There is another file.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not a page of git-lattice", path.display())]
pub struct NotOurs {
    /// The file.
    path: PathBuf,
}

impl NotOurs {
    /// What the user can do.
    pub fn hint(&self) -> String {
        "`git lattice page DIR` writes into another folder".to_owned()
    }
}

/// Writes `index.html` into a folder, which is made if it does not exist. An older page is replaced when the new one is complete.
/// Returns the path of the file and its size.
///
/// # Errors
/// [`NotOurs`] if there is another file of this name, [`Unwritable`] if it cannot be written.
pub fn write(folder: &Path, page: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<(PathBuf, u64)> {
    let path = folder.join(FILE);
    if !is_free(&path) {
        return Err(NotOurs { path }.into());
    }
    let mut size = 0;
    let written = fs::create_dir_all(folder).and_then(|()| {
        temporary::rewrite_with(&path, |file| {
            let mut to = BufWriter::new(file);
            page(&mut to)?;
            to.flush()?;
            size = to.get_ref().metadata()?.len();
            Ok(())
        })
    });
    match written {
        Ok(()) => Ok((path, size)),
        Err(source) => Err(Unwritable { path, source }.into()),
    }
}

/// Whether there is no file, or an older page.
fn is_free(path: &Path) -> bool {
    let mut start = vec![0; MARK.len()];
    match File::open(path) {
        Err(error) => matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory),
        Ok(mut file) => file.read_exact(&mut start).is_ok() && start == MARK,
    }
}
