//! What is said of installed hooks.

use crate::ops::hooks::Done;
use crate::ui::Ui;

/// Says what installing or removing hooks did.
pub(in crate::commands) fn show(ui: &Ui, done: &Done) {
    done.said.iter().for_each(|line| ui.data(line));
    done.warnings.iter().for_each(|warning| ui.warn(warning.to_string()));
}
