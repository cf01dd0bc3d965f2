//! How a failure is told.

use crate::error;
use crate::ui::{Ui, harmless};

/// Says what went wrong, why, and what to do; gives the exit code.
pub(in crate::commands) fn report(ui: &Ui, failure: &anyhow::Error) -> u8 {
    ui.progress("");
    // Messages name what branches, files and people are called.
    let words = |text: &dyn std::fmt::Display| text.to_string().lines().map(harmless).collect::<Vec<_>>().join("\n");
    let mut said = words(failure);
    ui.error(&said);
    for cause in failure.chain().skip(1) {
        let text = words(&cause);
        // Wrappers that only pass their source's words on would say everything twice.
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
