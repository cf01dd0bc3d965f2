//! Read limits of a repository view. A hook delays git, so it must not read without bound what a branch contains.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Error, Result};

/// The cost of finding one object, in bytes.
pub(super) const OBJECT: u64 = 4 << 10;
/// The cost of parsing one byte of TOML: 128 KiB take about 25 ms.
pub(super) const TOML: u64 = 64;
/// The cost of running one program.
pub(super) const PROGRAM: u64 = 512 << 10;

/// The remaining budget in bytes, shared by all clones of a view. Reads in a nested view are charged to the outer limits too.
#[derive(Debug, Clone, Default)]
pub(super) struct Effort {
    /// The rest of each limit; the innermost view's is last.
    left: Vec<Arc<AtomicU64>>,
}

impl Effort {
    /// Add a limit of `bytes` for a nested view.
    pub(super) fn at_most(&self, bytes: u64) -> Self {
        let own = Arc::new(AtomicU64::new(bytes));
        Self { left: self.left.iter().cloned().chain([own]).collect() }
    }

    pub(super) fn is_limited(&self) -> bool {
        !self.left.is_empty()
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.left.last().is_some_and(|left| left.load(Ordering::Relaxed) == 0)
    }

    /// Charge the cost of a read to all limits; an exceeded limit is set to zero.
    pub(super) fn charge(&self, cost: u64) -> Result<()> {
        let is_exceeded = |left: &&Arc<AtomicU64>| left.load(Ordering::Relaxed) <= cost;
        if let Some(left) = self.left.iter().rev().find(is_exceeded) {
            left.store(0, Ordering::Relaxed);
            return Err(Error::Effort);
        }
        for left in &self.left {
            left.fetch_sub(cost, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::git::Repo;
    use crate::git::exe::Git;

    #[test]
    fn nested_views_charge_the_outer_limit() {
        let dir = tempfile::tempdir().unwrap();
        gix::init(dir.path()).unwrap();
        let repo = Repo::open(dir.path(), Git::find(dir.path()).unwrap()).unwrap();
        let views = |outer, inner| {
            let outer = repo.reading_at_most(outer);
            let inner = outer.reading_at_most(inner);
            (outer, inner)
        };
        let (outer, inner) = views(100, 1000);
        assert!(inner.effort.charge(60).is_ok());
        assert!(inner.effort.charge(60).is_err());
        assert!(outer.is_exhausted() && !inner.is_exhausted(), "the outer limit was reached");
        let (outer, inner) = views(100, 50);
        assert!(inner.effort.charge(60).is_err());
        assert!(!outer.is_exhausted() && inner.is_exhausted(), "only the inner limit was reached");
        assert!(outer.effort.charge(60).is_ok());
    }
}
