//! Long text on a terminal, in git's pager.

use crate::commands::Session;
use crate::ui::Ui;

/// Prints lines: in git's pager if they are more than the terminal has, otherwise as they are.
pub(in crate::commands) fn print(session: &Session, lines: &[String]) {
    let ui = &session.ui;
    if !is_paged(session, ui, lines) {
        lines.iter().for_each(|line| ui.data(line));
    }
}

fn is_paged(session: &Session, ui: &Ui, lines: &[String]) -> bool {
    if ui.out.height().is_none_or(|height| lines.len() < height) {
        return false;
    }
    let Ok(context) = session.context() else { return false };
    let text: String = lines.iter().map(|line| ui.paged(line) + "\n").collect();
    context.repo.git().page(text).unwrap_or(false)
}
