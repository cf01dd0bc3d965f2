//! Installs texts that git-lattice generates, the man page and completion scripts, into the user's folders.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::temporary;

/// A text and the file that it belongs into.
#[derive(Debug, Clone)]
pub struct Installable {
    /// The file.
    pub path: PathBuf,
    /// The text.
    pub text: String,
    /// What every version of the text contains and no other file does.
    pub mark: &'static str,
}

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It was written.
    Written,
    /// It was removed.
    Removed,
    /// It was already like that.
    Unchanged,
}

/// The file comes from elsewhere.
#[derive(Debug, thiserror::Error)]
#[error("`{}` was not written by git-lattice", .0.display())]
pub struct Foreign(PathBuf);

/// The file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write `{}`", path.display())]
pub struct Unwritten {
    path: PathBuf,
    source: io::Error,
}

impl Unwritten {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        "without `--install` the command prints the text, which you can write elsewhere".to_owned()
    }
}

impl Foreign {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        "look at it first; `--force` replaces or removes it".to_owned()
    }
}

impl Installable {
    /// Writes the file; creates its folder if it is missing. Another version of the text is replaced.
    ///
    /// # Errors
    /// [`Foreign`] if the file has other content and `force` is not set, [`Unwritten`] when it cannot be written.
    pub fn install(&self, force: bool) -> Result<Done> {
        match self.present()? {
            Some(old) if old == self.text.as_bytes() => return Ok(Done::Unchanged),
            Some(old) if !force => self.ensure_own(&old)?,
            _ => {}
        }
        let write = || {
            fs::create_dir_all(self.path.parent().unwrap_or(Path::new("/")))?;
            // The file may be a link into a folder of the user's settings.
            let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
            path.parent().into_iter().for_each(temporary::sweep);
            temporary::replace(&path, |new| fs::File::create_new(new)?.write_all(self.text.as_bytes()))
        };
        write().map_err(|source| Unwritten { path: self.path.clone(), source })?;
        Ok(Done::Written)
    }

    /// Removes the file.
    ///
    /// # Errors
    /// [`Foreign`] if the file has other content and `force` is not set, or when it cannot be removed.
    pub fn uninstall(&self, force: bool) -> Result<Done> {
        match self.present()? {
            None => return Ok(Done::Unchanged),
            Some(old) if !force => self.ensure_own(&old)?,
            Some(_) => {}
        }
        fs::remove_file(&self.path).with_context(|| format!("could not remove `{}`", self.path.display()))?;
        Ok(Done::Removed)
    }

    fn present(&self) -> Result<Option<Vec<u8>>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("could not read `{}`", self.path.display())),
        }
    }

    fn ensure_own(&self, old: &[u8]) -> Result<()> {
        if String::from_utf8_lossy(old).contains(self.mark) { Ok(()) } else { Err(Foreign(self.path.clone()).into()) }
    }
}
