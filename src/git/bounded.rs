//! Reading whole files from objects and from the worktree, within size limits.

use super::effort::TOML;
use super::size::{Kind, TooLarge, read_at_most};
use super::{Error, Oid, Repo, Result, reading};

impl Repo {
    /// Get the size limit in bytes for a kind, from git's configuration or the default.
    ///
    /// # Errors
    /// When the configured value is not a size.
    pub fn size_limit(&self, kind: Kind) -> Result<u64> {
        let key = kind.key();
        let set = self.gix.config_snapshot().try_integer(key);
        if matches!(set, Ok(None)) {
            return Ok(kind.default_limit());
        }
        let limit = set.ok().flatten().and_then(|size| u64::try_from(size).ok()).filter(|size| *size > 0);
        limit.ok_or_else(|| {
            let value = self.config(key).unwrap_or_default();
            Error::Malformed(format!(
                "`{key}` in git's configuration is `{value}`: expected a size such as `500k` or `4M`, greater than zero"
            ))
        })
    }

    /// Check a size against the limit of its kind; `what` names the file in the error.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub fn check_size(&self, what: &str, size: u64, kind: Kind) -> Result<()> {
        let limit = self.size_limit(kind)?;
        if size <= limit {
            return Ok(());
        }
        Err(TooLarge { what: what.to_owned(), size, limit, kind }.into())
    }

    /// Read a blob within the limit of its kind; `what` names it in the error.
    ///
    /// # Errors
    /// [`Error::TooLarge`], or when it cannot be read or is not a blob.
    pub fn bounded_blob(&self, id: Oid, what: &str, kind: Kind) -> Result<Vec<u8>> {
        // In a partial clone, fetch a missing object first.
        let size = match self.size_of(id) {
            None => self.object(id, "blob").map(|_| self.size_of(id))?,
            known => known,
        };
        self.check_size(what, size.unwrap_or(0), kind)?;
        if matches!(kind, Kind::LatticeToml | Kind::ConfigToml) {
            self.effort.charge(TOML.saturating_mul(size.unwrap_or(0)))?;
        }
        self.blob(id)
    }

    /// Read the file at `path` in the worktree; `None` if it does not exist or the repository is bare.
    ///
    /// # Errors
    /// When it exists and cannot be read, is too large, or is not a regular file inside the worktree: a branch can contain a link to
    /// a device or a pipe, which would never end.
    pub fn worktree_file(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let Some(root) = self.workdir() else { return Ok(None) };
        let real = root.join(path).canonicalize();
        if let Ok(real) = &real
            && !(real.is_file() && root.canonicalize().is_ok_and(|root| real.starts_with(root)))
        {
            return Err(Error::Malformed(format!("`{path}` is not a regular file inside this worktree")));
        }
        let (kind, limit) = (Kind::of(path), self.size_limit(Kind::of(path))?);
        match real.and_then(std::fs::File::open).and_then(|file| read_at_most(&file, limit)) {
            Ok(Ok(bytes)) => Ok(Some(bytes)),
            Ok(Err(size)) => Err(TooLarge { what: path.to_owned(), size, limit, kind }.into()),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(error) => Err(reading(format!("`{path}`"))(error)),
        }
    }
}
