//! Output about installed hooks.

use crate::ops::hooks::Done;
use crate::ui::Ui;

/// Shows the result of installing or removing hooks.
pub(in crate::commands) fn show(ui: &Ui, done: &Done) {
    done.lines.iter().for_each(|line| ui.tell(line));
    done.warnings.iter().for_each(|warning| ui.warn(warning.to_string()));
}
