//! How much of the records is read where a checkout waits for it.

use std::cell::Cell;

/// How many writers' refs are looked at during a checkout; where there are more, only this clone's own.
pub(super) const WRITERS: usize = 256;
/// How many bytes of trees and notes are read during a checkout.
const BYTES: u64 = 2 << 20;

/// The bytes that may still be read.
#[derive(Debug)]
pub(super) struct Budget {
    /// `None`: as many as there are.
    left: Option<Cell<u64>>,
    is_whole: Cell<bool>,
}

impl Budget {
    /// All is read.
    pub(super) fn endless() -> Self {
        Self { left: None, is_whole: Cell::new(true) }
    }

    /// What a checkout reads; `is_whole` tells whether all writers are among it.
    pub(super) fn of_checkout(is_whole: bool) -> Self {
        Self { left: Some(Cell::new(BYTES)), is_whole: Cell::new(is_whole) }
    }

    pub(super) fn is_endless(&self) -> bool {
        self.left.is_none()
    }

    /// Whether so many bytes may be read, which counts them.
    pub(super) fn take(&self, size: u64) -> bool {
        let Some(left) = &self.left else { return true };
        let rest = left.get().checked_sub(size);
        match rest {
            Some(rest) => left.set(rest),
            None => self.is_whole.set(false),
        }
        rest.is_some()
    }

    /// Whether nothing was passed over.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole.get()
    }
}
