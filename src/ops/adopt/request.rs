//! What the user asks for.

use crate::lattice::{AxisName, Outline};

/// What to adopt.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The outline of the branches; guessed from their names if `None`.
    pub from: Option<Outline>,
    /// The names of the axes; guessed from their values if empty.
    pub axes: Vec<AxisName>,
    /// The axes whose values are ordered, in addition to those that are recognized as ordered.
    pub chains: Vec<String>,
    /// The pattern of directories; guessed from the trees of the branches if `None`.
    pub flake: Option<String>,
    /// The base branch; guessed if `None`.
    pub base: Option<String>,
    /// The remote; guessed if `None`.
    pub remote: Option<String>,
    /// The systems of architectures, as `ARCH=SYSTEM`.
    pub systems: Vec<String>,
}
