//! Long text on a terminal, in git's pager.

use crate::commands::Session;
use crate::ui::Ui;

/// Prints lines: in git's pager if they are more than the terminal has, otherwise as they are.
pub(in crate::commands) fn print(session: &Session, lines: &[String]) {
    print_or(session, lines, || lines.to_vec());
}

/// Like [`print`], with the lines of `paged` in the pager: it shows the first of them, and the terminal alone the last.
pub(in crate::commands) fn print_or(session: &Session, lines: &[String], paged: impl FnOnce() -> Vec<String>) {
    let ui = &session.ui;
    let is_long = ui.out.height().is_some_and(|height| lines.len() >= height);
    if !is_long || !is_paged(session, ui, &paged()) {
        lines.iter().for_each(|line| ui.data(line));
    }
}

fn is_paged(session: &Session, ui: &Ui, lines: &[String]) -> bool {
    let Ok(context) = session.context() else { return false };
    let text: String = lines.iter().map(|line| ui.paged(line) + "\n").collect();
    context.repo.git().page(text).unwrap_or(false)
}
