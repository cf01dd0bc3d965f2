//! The views of disputes.

use serde_json::{Value, json};

use crate::nix::StorePath;
use crate::record::{Attributed, Dispute, Side};
use crate::ui::terminal_safe;

/// A record with its writer.
pub(in crate::commands) fn attributed_json(attributed: &Attributed) -> Value {
    let mut value = json!(attributed.record);
    value["writer"] = json!(attributed.writer);
    value
}

/// A dispute with the records of each side.
pub(in crate::commands) fn dispute_json(records: &[Attributed], dispute: &Dispute) -> Value {
    let side = |side: &Side| {
        let by = side.records.iter().filter_map(|i| records.get(*i)).map(attributed_json).collect::<Vec<_>>();
        json!({ "narHash": side.nar_hash, "records": by })
    };
    json!({
        "system": dispute.system.as_str(), "drv": dispute.drv.as_ref().map(StorePath::as_str), "output": dispute.output,
        "sides": dispute.sides.iter().map(side).collect::<Vec<_>>(),
    })
}

/// The disputed output, and a line for each side with its records.
pub(in crate::commands) fn dispute_lines(records: &[Attributed], dispute: &Dispute) -> Vec<String> {
    let drv = dispute.drv.as_ref().map_or("an unknown derivation", StorePath::as_str);
    let line = |side: &Side| {
        let by = |attributed: &Attributed| {
            format!(
                "{}@{} ({}, {})",
                attributed.record.user, attributed.record.host, attributed.writer, attributed.record.started
            )
        };
        let by: Vec<_> = side.records.iter().filter_map(|i| records.get(*i)).map(by).collect();
        let what = side.nar_hash.as_deref().unwrap_or("a rebuild differs");
        format!("  {what} by {}", by.join(", "))
    };
    let output = dispute.output.as_deref().map(|output| format!("output `{output}` of ")).unwrap_or_default();
    let head = format!("{}: {output}{drv}", dispute.system);
    std::iter::once(head).chain(dispute.sides.iter().map(line)).map(|line| terminal_safe(&line)).collect()
}
