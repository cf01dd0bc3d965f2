//! The algebra: axes, points, their order, and the text form of points. Uses no git, files or terminal.
//!
//! An *axis* is a chain (ordered) or a set (unordered). A *point* has one value on each chain axis and a non-empty set of
//! values on each set axis. `p <= q` if p's sets are contained in q's and p's chain values are lexicographically at or
//! before q's. With a bottom below all points (the base branch) this is a lattice: a product of power sets and one chain.
//!
//! The *population* is the set of points that have a branch; covers and "below" refer to the population ([`hasse`]).

pub mod axis;
pub mod branch;
mod glob;
pub mod hasse;
mod number;
mod offer;
pub mod order;
pub mod outline;
pub mod point;
pub mod select;
mod shape;
pub mod spelled;
pub mod value;

pub use axis::{Axis, AxisName, Chain, Kind, Lattice};
pub use branch::Pattern;
pub use hasse::Population;
pub use number::Numbered;
pub use offer::Offer;
pub use order::Next;
pub use outline::Outline;
pub use point::{Coordinate, Point};
pub use select::Selector;
pub use spelled::Spelled;
pub use value::Value;

/// Why a text is not an axis, value, point or pattern of this lattice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text breaks a syntax rule of values.
    #[error("invalid value `{}`: {why}", shorten(text))]
    BadValue {
        /// What was given.
        text: String,
        /// The rule that it breaks, with the character.
        why: String,
    },
    /// The axis does not have this value.
    #[error("unknown value `{}` for axis `{axis}`", shorten(value))]
    UnknownValue {
        /// The axis.
        axis: String,
        /// What was given.
        value: String,
        /// The values of the axis, for the message.
        known: String,
        /// Whether the values are numbered, so that none can be added.
        is_numbered: bool,
        /// The most similar value.
        near: Option<Box<str>>,
    },
    /// The name of a point in another spelling than the canonical one.
    #[error("`{}` must be spelled `{}`", shorten(name), shorten(own))]
    OtherSpelling {
        /// What was given.
        name: String,
        /// The canonical name of that point.
        own: String,
    },
    /// There is no axis of that name.
    #[error("unknown axis `{axis}`")]
    UnknownAxis {
        /// What was given.
        axis: String,
        /// All axes.
        known: Vec<String>,
    },
    /// Several values were given for a chain axis.
    #[error("axis `{axis}` is a chain: a point has one value on it, not `{}`", shorten(text))]
    NotASet {
        /// The axis.
        axis: String,
        /// What was given.
        text: String,
    },
    /// The text does not have the form of a point.
    #[error("`{}` is not a point: {why}", shorten(text))]
    NotAPoint {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: Box<str>,
        /// The shape of a point here.
        shape: Box<str>,
        /// A point that the user may have meant.
        example: Box<str>,
    },
    /// Several values with commas, but without braces, in a point.
    #[error("`{}` is not a value of axis `{axis}`: several values need braces", shorten(text))]
    BareList {
        /// The axis.
        axis: String,
        /// What was given.
        text: String,
        /// Whether the axis is a set, on which a point can have several values.
        is_set: bool,
    },
    /// No value was given for an axis, and there is no default.
    #[error("axis `{axis}` needs a value, one of: {known}")]
    Open {
        /// The axis.
        axis: String,
        /// The values of the axis, for the message.
        known: String,
    },
    /// A `*` on an open chain, where it would match infinitely many values.
    #[error("`{}` matches infinitely many values: axis `{axis}` is an open chain", shorten(pattern))]
    Endless {
        /// The axis.
        axis: String,
        /// What was given.
        pattern: String,
    },
    /// More points than one command may create or select.
    #[error("`{}` selects too many points: the maximum is {most}", shorten(text))]
    TooMany {
        /// What was given.
        text: String,
        /// The maximum.
        most: usize,
    },
    /// An invalid axis.
    #[error("axis `{axis}`: {why}")]
    BadAxis {
        /// The axis.
        axis: String,
        /// What is wrong with it.
        why: String,
    },
    /// A pattern that cannot give each point a branch.
    #[error("pattern `{}`: {why}", shorten(pattern))]
    BadPattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
}

/// `Result` with the algebra's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Shortens a text and escapes its control characters, for use in a message.
fn shorten(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    let printable = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let head: String = text.chars().take(MAX_CHARS).map(printable).collect();
    if text.chars().count() > MAX_CHARS { format!("{head}…") } else { head }
}

/// The candidate most similar to `text`, if one is similar enough to be suggested.
pub(crate) fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(text, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, candidate)| candidate.to_owned())
}
