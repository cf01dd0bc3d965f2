//! Error output.

use crate::error;
use crate::ui::{Ui, harmless};

/// Prints an error with its causes and hints; returns the exit code.
pub(in crate::commands) fn report(ui: &Ui, failure: &anyhow::Error) -> u8 {
    ui.progress("");
    // Messages contain names of branches, files and users.
    let words = |text: &dyn std::fmt::Display| text.to_string().lines().map(harmless).collect::<Vec<_>>().join("\n");
    let mut said = words(failure);
    ui.error(&said);
    for cause in failure.chain().skip(1) {
        let text = words(&cause);
        // Skip the message of a source that its wrapper repeats.
        if !said.contains(&text) {
            ui.say(format!("caused by: {text}"));
        }
        said = text;
    }
    for hint in error::hints(failure) {
        ui.hint(words(&hint));
    }
    error::exit_code(failure)
}
