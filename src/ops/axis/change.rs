//! Changes of an axis in `lattice.toml`, as values.

use std::fmt;

use crate::config::{Config, Document, Result};
use crate::lattice;

/// A change of an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The axis gets another name.
    RenameAxis {
        /// Its name.
        axis: String,
        /// Its new name.
        new: String,
    },
    /// A value gets another name.
    RenameValue {
        /// The axis.
        axis: String,
        /// The value, or the pattern of numbered ones.
        value: String,
        /// Its new name.
        new: String,
    },
    /// The axis, which has one value, goes.
    RemoveAxis {
        /// The axis.
        axis: String,
    },
    /// Values go.
    RemoveValues {
        /// The axis.
        axis: String,
        /// The values.
        values: Vec<String>,
    },
    /// The values are put in another order.
    Reorder {
        /// The axis.
        axis: String,
        /// The values in the new order.
        values: Vec<String>,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RenameAxis { axis, new } => write!(f, "rename {axis} to {new}"),
            Self::RenameValue { axis, value, new } => write!(f, "rename {value} of {axis} to {new}"),
            Self::RemoveAxis { axis } => write!(f, "remove {axis}"),
            Self::RemoveValues { axis, values } => write!(f, "remove {} from {axis}", values.join(", ")),
            Self::Reorder { axis, .. } => write!(f, "reorder {axis}"),
        }
    }
}

impl Change {
    /// The axis before the change.
    pub fn axis(&self) -> &str {
        match self {
            Self::RenameAxis { axis, .. }
            | Self::RenameValue { axis, .. }
            | Self::RemoveAxis { axis }
            | Self::RemoveValues { axis, .. }
            | Self::Reorder { axis, .. } => axis,
        }
    }

    /// The trailer of commits on points that keep their names.
    pub(super) fn trailer(&self) -> Option<String> {
        match self {
            Self::RenameAxis { axis, new } => Some(format!("{axis} -> {new}")),
            _ => None,
        }
    }

    /// The document after the change.
    pub(super) fn edit(&self, document: &Document) -> Result<Document> {
        let (mut edited, config) = (document.clone(), document.config()?);
        match self {
            Self::RenameAxis { axis, new } => {
                edited.rename_axis(&config, axis, new)?;
            }
            Self::RenameValue { axis, value, new } => edited.rename_value(&config, axis, value, new)?,
            Self::RemoveAxis { axis } => edited.remove_axis(&config, axis)?,
            Self::RemoveValues { axis, values } => edited.remove_values(&config, axis, values)?,
            Self::Reorder { axis, values } => edited.reorder(&config, axis, values)?,
        }
        Ok(edited)
    }

    /// The change back; `None` if it cannot be told from the new document.
    pub(super) fn inverse(&self) -> Option<Self> {
        match self.clone() {
            Self::RenameAxis { axis, new } => Some(Self::RenameAxis { axis: new, new: axis }),
            Self::RenameValue { axis, value, new } => Some(Self::RenameValue { axis, value: new, new: value }),
            _ => None,
        }
    }

    /// Whether all points keep their positions on all axes.
    pub(super) fn keeps_positions(&self) -> bool {
        matches!(self, Self::RenameAxis { .. } | Self::RenameValue { .. })
    }

    /// The position of the axis that goes.
    pub(super) fn removed(&self, old: &Config) -> Option<usize> {
        let Self::RemoveAxis { axis } = self else { return None };
        old.lattice.axis_index(axis).ok()
    }

    /// Checks the new names.
    ///
    /// # Errors
    /// When one is not a valid name.
    pub fn check_names(&self) -> lattice::Result<()> {
        match self {
            Self::RenameAxis { new, .. } => lattice::AxisName::parse(new).map(drop),
            Self::RenameValue { new, .. } if !new.contains("{n}") => lattice::Value::parse(new).map(drop),
            _ => Ok(()),
        }
    }
}
