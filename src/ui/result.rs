//! The result of a build.

use super::table::Cell;
use super::{Tone, Ui, terminal_safe};
use crate::ops::builds::{Done, Undecided};
use crate::record::Verdict;

/// The word for a build that did not start because a source or seed is not in the store. It has no record.
pub const MISSING: &str = "missing-source";

/// Such a build as a row of a table.
pub fn missing_row(undecided: &Undecided) -> Vec<Cell> {
    let Undecided { point, system, .. } = undecided;
    vec![Cell::new(MISSING, Tone::Odd), point.as_str().into(), system.as_str().into()]
}

/// Prints the last lines of the log of a failed build, and where the log is.
pub fn log_end(ui: &Ui, done: &Done) {
    for line in &done.tail {
        ui.quote(format!("  {}", terminal_safe(line)));
    }
    if let (Some(log), false) = (&done.log, done.record.verdict.is_good()) {
        ui.say(format!("full log: {}", ui.path(log)));
    }
}

/// A build without a builder as a row of a table, below one with the same reason.
pub fn same_reason_row(done: &Done) -> Vec<Cell> {
    let mut row = row(done);
    row.pop();
    row.push(Cell::prose("for the same reason"));
    row
}

/// The result as a row of a table.
pub fn row(done: &Done) -> Vec<Cell> {
    let record = &done.record;
    let tone = match record.verdict {
        Verdict::Built | Verdict::Reproduced => Tone::Good,
        Verdict::Failed | Verdict::Differs => Tone::Bad,
        Verdict::NoBuilder | Verdict::Cancelled => Tone::Odd,
    };
    let place = match (record.outputs.get("out"), &record.error) {
        (_, Some(error)) => Cell::prose(error.as_str()),
        (Some(out), None) => out.path.as_str().into(),
        (None, None) => "".into(),
    };
    let when = match (done.fresh, record.took()) {
        (false, _) => format!("started {}", record.started),
        (true, Some(seconds)) => format!("{seconds:.1} s"),
        (true, None) if record.verdict.is_good() && !done.has_run => "no build needed".to_owned(),
        (true, None) => String::new(),
    };
    let word = Cell::new(record.verdict.word(), tone);
    let mut row = vec![word, record.point.as_str().into(), record.system.as_str().into()];
    row.extend([when.into(), place].into_iter().filter(|cell| !cell.is_blank()));
    row
}
