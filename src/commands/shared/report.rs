//! Error output.

use crate::error;
use crate::git::Repo;
use crate::ops::limits;
use crate::queue::FailedJob;
use crate::ui::{Ui, terminal_safe};

/// Prints an error with its causes and hints; returns the exit code.
pub(in crate::commands) fn report(ui: &Ui, failure: &anyhow::Error) -> u8 {
    ui.progress("");
    // Messages contain names of branches, files and users.
    let printable =
        |text: &dyn std::fmt::Display| text.to_string().lines().map(terminal_safe).collect::<Vec<_>>().join("\n");
    let mut previous = printable(failure);
    ui.error(&previous);
    for cause in failure.chain().skip(1) {
        let text = printable(&cause);
        // Skip the message of a source that its wrapper repeats.
        if !previous.contains(&text) {
            ui.say(format!("caused by: {text}"));
        }
        previous = text;
    }
    error::excerpt(failure).iter().for_each(|line| ui.quote(terminal_safe(line)));
    for hint in error::hints(failure) {
        ui.hint(printable(&hint));
    }
    error::exit_code(failure)
}

/// Prints why the last background build of a point did not succeed.
pub(in crate::commands) fn report_aside(ui: &Ui, repo: &Repo, point: &str, aside: &FailedJob) {
    ui.error(format!("`{}` could not be built: {}", terminal_safe(point), terminal_safe(&aside.why)));
    let hints = match &aside.limit {
        Some(ended) => limits::still_reached(repo, ended).map(|limit| limit.hint()).into_iter().collect(),
        None => aside.hints.clone(),
    };
    hints.iter().for_each(|hint| ui.hint(terminal_safe(hint)));
}
