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
#[error("`{}` is {what}", path.display())]
pub struct NotOurs {
    /// The file.
    path: PathBuf,
    /// What it is.
    what: &'static str,
}

impl NotOurs {
    /// For a link that may lead out of the repository.
    pub fn link(path: PathBuf) -> Self {
        Self { path, what: "a symbolic link" }
    }

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
    if folder.symlink_metadata().is_ok() && !folder.is_dir() {
        return Err(NotOurs { path: folder.to_owned(), what: "not a folder" }.into());
    }
    let path = folder.join(FILE);
    if let Some(what) = obstacle(&path) {
        return Err(NotOurs { path, what }.into());
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

/// What is there, unless it is an older page or nothing. Only a regular file is opened: a pipe would make us wait.
fn obstacle(path: &Path) -> Option<&'static str> {
    let meta = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        meta => meta.ok(),
    };
    if !meta.is_some_and(|meta| meta.is_file()) {
        return Some("not a regular file");
    }
    let mut start = vec![0; MARK.len()];
    let is_page = File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == MARK;
    (!is_page).then_some("not a page of git-lattice")
}
