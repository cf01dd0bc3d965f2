//! Warnings about refs and points that a list of points lacks.

use crate::config::Config;
use crate::lattice::Point;
use crate::ui::{Ui, terminal_safe};

/// Warns of refs that could not be read, and of points whose branch could not.
pub(in crate::commands) fn warn(ui: &Ui, config: &Config, broken: &[String], unreadable: &[(Point, anyhow::Error)]) {
    broken.iter().for_each(|broken| ui.warn(format!("a ref was left out: {}", terminal_safe(broken))));
    for (point, error) in unreadable {
        let branch = config.branch_of(point);
        ui.warn(format!("`{branch}` was left out: {}", terminal_safe(&format!("{error:#}"))));
    }
}
