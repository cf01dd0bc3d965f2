//! Reading files whole, from objects and from the worktree, as far as their size allows.

use super::effort::TOML;
use super::size::{Kind, TooLarge, read_at_most};
use super::{Error, Oid, Repo, Result, reading};

impl Repo {
    /// How many bytes of a kind are read, by git's configuration.
    ///
    /// # Errors
    /// When something else is set than a size.
    pub fn size_limit(&self, kind: Kind) -> Result<u64> {
        let key = kind.key();
        let set = self.gix.config_snapshot().try_integer(key);
        if matches!(set, Ok(None)) {
            return Ok(kind.usual());
        }
        let limit = set.ok().flatten().and_then(|size| u64::try_from(size).ok()).filter(|size| *size > 0);
        limit.ok_or_else(|| {
            let value = self.config(key).unwrap_or_default();
            Error::Malformed(format!(
                "`{key}` in git's configuration is `{value}`: expected a size such as `500k` or `4M`, greater than zero"
            ))
        })
    }

    /// Refuses a size that is above the limit of its kind.
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

    /// The bytes of a blob that is `what`, unless they are too many.
    ///
    /// # Errors
    /// [`Error::TooLarge`], or when it cannot be read or is no blob.
    pub fn bounded_blob(&self, id: Oid, what: &str, kind: Kind) -> Result<Vec<u8>> {
        // What a partial clone left out is fetched first.
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

    /// The bytes of the file at `path` in the worktree; `None` when bare or not there.
    ///
    /// # Errors
    /// When it is there and cannot be read, is too large, or leads out of the worktree: a branch can hold a link to anything, and reading a device
    /// or a pipe never ends.
    pub fn worktree_file(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let Some(root) = self.workdir() else { return Ok(None) };
        let real = root.join(path).canonicalize();
        if let Ok(real) = &real
            && !(real.is_file() && root.canonicalize().is_ok_and(|root| real.starts_with(root)))
        {
            return Err(Error::Malformed(format!("`{path}` is no file of this worktree")));
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
