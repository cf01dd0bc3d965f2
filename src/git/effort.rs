//! How much a view of a repository may read: git waits for a hook, and a branch can hold anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Error, Result};

/// What finding one object costs, in bytes read.
pub(super) const OBJECT: u64 = 4 << 10;
/// What parsing one byte of TOML costs: 128 KiB of it take some 25 ms.
pub(super) const TOML: u64 = 64;
/// What running one program costs.
pub(super) const PROGRAM: u64 = 512 << 10;

/// What may still be read, in bytes; shared by the views that were made from one. What is read in a view of a limited view counts for
/// both.
#[derive(Debug, Clone, Default)]
pub(super) struct Effort {
    /// By each limit, that of the innermost view last.
    left: Vec<Arc<AtomicU64>>,
}

impl Effort {
    /// Returns the effort of a view of this one, in which at most so many bytes are read.
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

    /// Counts what is going to be read.
    pub(super) fn charge(&self, cost: u64) -> Result<()> {
        let is_too_much = |left: &&Arc<AtomicU64>| left.load(Ordering::Relaxed) <= cost;
        if let Some(left) = self.left.iter().rev().find(is_too_much) {
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
    fn reading_counts_for_the_outer_limit_too() {
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
