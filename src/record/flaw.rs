//! Reasons why a line of a note is rejected.

/// Why a note or one of its lines is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Flaw {
    /// The note is not a blob with text.
    #[error("not a note, or an unreadable one")]
    NoText,
    /// The note is too large.
    #[error("a note larger than the limit `lattice.limit.note`")]
    HugeNote,
    /// The line is too long.
    #[error("a line of more than 64 KiB")]
    HugeLine,
    /// The line is not a JSON object with a record's fields.
    #[error("not a record")]
    NoRecord,
    /// The record was copied from another note, by `notes.rewriteRef` or by hand.
    #[error("a record of another key")]
    OtherKey,
    /// The key belongs to another point.
    #[error("a record of another point")]
    OtherPoint,
    /// The name of the point cannot be that of a point.
    #[error("an invalid name of a point")]
    Point,
    /// The system is not a system double.
    #[error("an invalid system")]
    System,
    /// The commit is not an object id.
    #[error("an invalid commit id")]
    Commit,
    /// A path is not a store path.
    #[error("an invalid store path")]
    StorePath,
    /// A text has characters that are unsafe on a terminal.
    #[error("control characters")]
    Controls,
    /// The time is invalid or in the future.
    #[error("an invalid time, or one in the future")]
    Time,
    /// The duration is invalid.
    #[error("an invalid duration")]
    Seconds,
}
