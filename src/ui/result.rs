//! The result of a build.

use super::{Tone, harmless, paint};
use crate::ops::builds::Done;
use crate::record::Verdict;

/// The result in one line.
pub fn line(done: &Done, color: bool) -> String {
    let record = &done.record;
    let word = record.verdict.word();
    let tone = match record.verdict {
        Verdict::Built | Verdict::Reproduced => Tone::Good,
        Verdict::Failed | Verdict::Differs => Tone::Bad,
        Verdict::NoBuilder | Verdict::Cancelled => Tone::Odd,
    };
    let place = match (record.outputs.get("out"), &record.error) {
        (_, Some(error)) => error.clone(),
        (Some(out), None) => out.path.to_string(),
        (None, None) => String::new(),
    };
    let when = match (done.fresh, record.took()) {
        (false, _) => format!("recorded {}  ", record.started),
        (true, Some(seconds)) => format!("{seconds:.1} s  "),
        (true, None) if record.verdict.is_good() => "no build needed  ".to_owned(),
        (true, None) => String::new(),
    };
    let text = harmless(&format!("{}  {}  {when}{place}", record.point, record.system));
    format!("{}  {}", paint(word, tone, color), text.trim_end())
}
