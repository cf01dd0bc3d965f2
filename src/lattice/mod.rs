//! The algebra: axes, points, their order, and how points are spelled; free of git, files and terminal.
//!
//! An *axis* is a chain (ordered) or a set (unordered). A *point* has one value on each chain axis and a non-empty set of
//! values on each set axis. `p <= q` when p's sets are contained in q's and p's chain values are lexicographically at or
//! before q's. With a bottom below everything (the base branch) that is a lattice: a product of power sets and one chain.
//!
//! The *population* is the points that have a branch; covers and "below" are those of the population ([`hasse`]).

pub mod axis;
pub mod branch;
mod glob;
pub mod hasse;
mod number;
pub mod order;
pub mod point;
pub mod select;
pub mod spelled;
pub mod value;

pub use axis::{Axis, AxisName, Chain, Kind, Lattice};
pub use branch::Pattern;
pub use hasse::Population;
pub use number::Numbered;
pub use order::Next;
pub use point::{Coordinate, Point};
pub use select::Selector;
pub use spelled::Spelled;
pub use value::Value;

/// Why a text is no axis, value, point or pattern of this lattice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not spelled as a value may be spelled.
    #[error("`{}` is no value: {why}", shorten(text))]
    BadValue {
        /// What was given.
        text: String,
        /// The rule that it breaks, naming the character.
        why: String,
    },
    /// Spelled well, but the axis does not have it.
    #[error("unknown value `{}` for axis `{axis}`", shorten(value))]
    UnknownValue {
        /// The axis.
        axis: String,
        /// What was given.
        value: String,
        /// What the axis has, for the reader.
        known: String,
        /// Whether its values are counted: then none can be added.
        is_counted: bool,
        /// The nearest that there is.
        near: Option<Box<str>>,
    },
    /// The name of a point, spelled in another way than its own.
    #[error("`{}` is spelled `{}`", shorten(name), shorten(own))]
    OtherSpelling {
        /// What was given.
        name: String,
        /// How that point's name is spelled.
        own: String,
    },
    /// No axis of that name.
    #[error("unknown axis `{axis}`")]
    UnknownAxis {
        /// What was given.
        axis: String,
        /// The axes that there are.
        known: Vec<String>,
    },
    /// A chain axis takes one value.
    #[error("axis `{axis}` is a chain: a point has one value on it, not `{}`", shorten(text))]
    NotASet {
        /// The axis.
        axis: String,
        /// What was given.
        text: String,
    },
    /// The number of coordinates differs from that of the axes.
    #[error("`{}` is no point: expected {expected}", shorten(text))]
    NotAPoint {
        /// What was given.
        text: String,
        /// The shape of a point here.
        expected: String,
    },
    /// An axis was left open and nothing says what it should be.
    #[error("axis `{axis}` is left open and has more than one value: {known}")]
    Open {
        /// The axis.
        axis: String,
        /// What the axis has, for the reader.
        known: String,
    },
    /// A `*` over a chain without end.
    #[error("`{}` on axis `{axis}` has no end: the chain is open", shorten(pattern))]
    Endless {
        /// The axis.
        axis: String,
        /// What was given.
        pattern: String,
    },
    /// More points than one command should make or look for.
    #[error("`{}` stands for too many points: {most} is the most", shorten(text))]
    TooMany {
        /// What was given.
        text: String,
        /// The most that it may stand for.
        most: usize,
    },
    /// An axis that cannot be.
    #[error("axis `{axis}`: {why}")]
    BadAxis {
        /// The axis.
        axis: String,
        /// What is wrong with it.
        why: String,
    },
    /// A pattern that cannot name every point by a branch of its own.
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

/// Long hostile texts do not belong in a message.
fn shorten(text: &str) -> String {
    const MOST: usize = 60;
    let printable = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let head: String = text.chars().take(MOST).map(printable).collect();
    if text.chars().count() > MOST { format!("{head}…") } else { head }
}

/// The candidate nearest to `text`, when one is near enough to be what was meant.
fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(text, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, candidate)| candidate.to_owned())
}
