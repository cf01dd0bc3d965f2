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

/// What may still be read, in bytes; shared by the views that were made from one.
#[derive(Debug, Clone, Default)]
pub(super) struct Effort {
    left: Option<Arc<AtomicU64>>,
}

impl Effort {
    /// At most so many bytes.
    pub(super) fn at_most(bytes: u64) -> Self {
        Self { left: Some(Arc::new(AtomicU64::new(bytes))) }
    }

    pub(super) fn is_limited(&self) -> bool {
        self.left.is_some()
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.left.as_ref().is_some_and(|left| left.load(Ordering::Relaxed) == 0)
    }

    /// Counts what is going to be read.
    pub(super) fn charge(&self, cost: u64) -> Result<()> {
        let Some(left) = &self.left else { return Ok(()) };
        let rest = left.load(Ordering::Relaxed).saturating_sub(cost);
        left.store(rest, Ordering::Relaxed);
        if rest == 0 { Err(Error::Effort) } else { Ok(()) }
    }
}
