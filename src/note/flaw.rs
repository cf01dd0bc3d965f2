//! Reasons why a line is rejected.

/// Why a git note or one of its lines is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(super) enum Flaw {
    /// It is not a blob that can be read.
    #[error("an unreadable note")]
    NoText,
    /// It is too large.
    #[error("a note larger than the limit `lattice.limit.note`")]
    Huge,
    /// The line is too long.
    #[error("a line of more than 64 KiB")]
    HugeLine,
    /// The line is not a JSON object with the fields of a note on a point.
    #[error("not a note on a point")]
    NoNote,
    /// It is kept under the name of another point.
    #[error("a note on another point")]
    OtherPoint,
    /// The name cannot be that of a point.
    #[error("an invalid name of a point")]
    Point,
    /// An id is invalid.
    #[error("an invalid id")]
    Id,
    /// The text is empty or too long, or nothing is removed.
    #[error("an invalid text")]
    Text,
    /// The time is invalid or in the future.
    #[error("an invalid time, or one in the future")]
    Time,
}
