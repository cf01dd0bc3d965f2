//! The pre-commit hook.

use anyhow::Result;

use crate::context::Context;
use crate::error;
use crate::lint::{self, Severity, Verdict};
use crate::ops::lint as ops;
use crate::ui::lint::{human, warn_of_unknown};
use crate::ui::{Ui, terminal_safe};

/// Lints the staged files; findings stop the commit. Changes nothing.
pub(super) fn before_commit(ui: &Ui, context: &Context) -> Result<u8> {
    let gathered = ops::staged(&context.repo)?;
    if gathered.sources.is_empty() {
        return Ok(error::OK);
    }
    let settings = ops::settings(Some(context)).unwrap_or_else(|failure| {
        // This commit may repair lattice.toml.
        ui.warn(format!("lattice.toml is invalid, so its `[lint]` is ignored: {failure:#}"));
        lint::Settings::default()
    });
    warn_of_unknown(ui, &settings);
    let mut report = ops::look(Some(context), &gathered, settings)?;
    let (hints, findings): (Vec<_>, Vec<_>) =
        std::mem::take(&mut report.findings).into_iter().partition(|finding| finding.severity == Severity::Hint);
    hints.iter().for_each(|hint| ui.say(terminal_safe(&hint.to_string())));
    report.findings = findings;
    human::findings(&report, &gathered.sources, ui.err).iter().for_each(|line| ui.quote(line));
    let verdict = report.verdict();
    let is_clean = verdict == Verdict::Clean;
    let unchecked = ops::news(Some(&context.repo), &report, is_clean);
    for unchecked in unchecked.into_iter().filter(|unchecked| is_clean || unchecked.required) {
        ui.say(format!("git-lattice: {}", terminal_safe(&unchecked.to_string())));
    }
    if verdict != Verdict::Clean {
        let why = if verdict == Verdict::Findings { "have findings" } else { "could not be checked" };
        ui.error(format!("the commit was stopped: the staged Nix files {why}"));
        ui.hint("fix them and `git add` them again; `SKIP=lattice git commit` commits anyway");
    }
    Ok(if verdict == Verdict::Clean { error::OK } else { error::NO })
}
