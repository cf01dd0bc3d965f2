//! Disputes in words.

use crate::nix::StorePath;
use crate::record::{Attributed, Dispute, Side};
use crate::text::terminal_safe;

/// The system and the disputed output as `SYSTEM: OUTPUT`, and a line for each side with its records.
pub fn lines(records: &[Attributed], dispute: &Dispute) -> (String, Vec<String>) {
    let drv = dispute.drv.as_ref().map_or("an unknown derivation", StorePath::as_str);
    let line = |side: &Side| {
        let by = |Attributed { writer, record }: &Attributed| {
            format!("{}@{} ({writer}, {})", record.user, record.host, record.started)
        };
        let by: Vec<_> = side.records.iter().filter_map(|i| records.get(*i)).map(by).collect();
        terminal_safe(&format!("{} by {}", side.nar_hash.as_deref().unwrap_or("a rebuild differs"), by.join(", ")))
    };
    let output = dispute.output.as_deref().map(|output| format!("output `{output}` of ")).unwrap_or_default();
    let head = terminal_safe(&format!("{}: {output}{drv}", dispute.system));
    (head, dispute.sides.iter().map(line).collect())
}
