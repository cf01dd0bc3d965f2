//! How much a view of a repository may read: git waits for a hook, and a branch can hold anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Error, Repo, Result};

/// What finding one object costs, in bytes read.
const OBJECT: u64 = 4 << 10;
/// What parsing one byte of TOML costs: 128 KiB of it take some 25 ms.
pub(super) const TOML: u64 = 64;
/// What running one program costs.
pub(super) const PROGRAM: u64 = 512 << 10;

/// What may still be read, in bytes; shared by the views that were made from one.
#[derive(Debug, Clone, Default)]
pub(super) struct Effort {
    left: Option<Arc<AtomicU64>>,
}

impl Repo {
    /// A view of the repository that reads so many bytes of objects, and fails from there on with [`Error::Effort`]. Each object counts
    /// 4 KiB more, each byte of TOML 64, each program that is run for it 512 KiB.
    #[must_use]
    pub fn reading_at_most(&self, bytes: u64) -> Self {
        let mut view = self.with_gix(self.gix.clone());
        view.effort = Effort { left: Some(Arc::new(AtomicU64::new(bytes))) };
        view
    }

    /// Whether this view failed to read something because of its limit.
    pub fn is_exhausted(&self) -> bool {
        self.effort.left.as_ref().is_some_and(|left| left.load(Ordering::Relaxed) == 0)
    }

    pub(super) fn is_limited(&self) -> bool {
        self.effort.left.is_some()
    }

    /// Counts an object of this size.
    pub(super) fn charge_object(&self, size: u64) -> Result<()> {
        self.charge(size.saturating_add(OBJECT))
    }

    /// Counts what is going to be read.
    pub(super) fn charge(&self, cost: u64) -> Result<()> {
        let Some(left) = &self.effort.left else { return Ok(()) };
        let rest = left.load(Ordering::Relaxed).saturating_sub(cost);
        left.store(rest, Ordering::Relaxed);
        if rest == 0 { Err(Error::Effort) } else { Ok(()) }
    }
}
