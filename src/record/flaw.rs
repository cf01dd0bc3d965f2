//! What makes a line of a note count for nothing.

/// Why a note or a line of one is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Flaw {
    /// There is something else than a text where a note should be.
    #[error("no note, or one that cannot be read")]
    NoText,
    /// The whole note is too long.
    #[error("a note that is larger than what is read (limit `lattice.limit.note`)")]
    HugeNote,
    /// A line is too long.
    #[error("a line of more than 64 KiB")]
    HugeLine,
    /// Not a JSON object with a record's fields.
    #[error("no record")]
    NoRecord,
    /// Copied from elsewhere, by `notes.rewriteRef` or by hand.
    #[error("a record of another key")]
    OtherKey,
    /// The key is that of another point.
    #[error("a record of another point")]
    OtherPoint,
    /// No system double.
    #[error("a system that is none")]
    System,
    /// No object id.
    #[error("a commit that is none")]
    Commit,
    /// No store path.
    #[error("a store path that is none")]
    StorePath,
    /// Characters that would do something to a terminal.
    #[error("control characters")]
    Controls,
    /// A time that is none, or is still to come.
    #[error("a time that is none or is still to come")]
    Time,
    /// A duration that is none.
    #[error("a duration that is none")]
    Seconds,
}
