//! Limits how much of the records is read during a checkout, which waits for it.

use std::cell::Cell;

/// How many writers' refs are read during a checkout; if there are more, only this clone's own is.
pub(super) const WRITERS: usize = 256;
/// How many bytes of trees and notes are read during a checkout.
const BYTES: u64 = 2 << 20;

/// The bytes that may still be read.
#[derive(Debug)]
pub(super) struct Budget {
    /// `None` means no limit.
    left: Option<Cell<u64>>,
    is_whole: Cell<bool>,
}

impl Budget {
    /// Creates a budget without limit.
    pub(super) fn endless() -> Self {
        Self { left: None, is_whole: Cell::new(true) }
    }

    /// Creates the budget of a checkout; `is_whole` says whether all writers' refs are read.
    pub(super) fn of_checkout(is_whole: bool) -> Self {
        Self { left: Some(Cell::new(BYTES)), is_whole: Cell::new(is_whole) }
    }

    pub(super) fn is_endless(&self) -> bool {
        self.left.is_none()
    }

    /// Takes `size` bytes from the budget; returns false if they are not left.
    pub(super) fn take(&self, size: u64) -> bool {
        let Some(left) = &self.left else { return true };
        let rest = left.get().checked_sub(size);
        match rest {
            Some(rest) => left.set(rest),
            None => self.is_whole.set(false),
        }
        rest.is_some()
    }

    /// Returns whether everything was read so far.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole.get()
    }
}
