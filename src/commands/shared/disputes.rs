//! The JSON views of disputes.

use serde_json::{Value, json};

use crate::nix::StorePath;
use crate::record::{Attributed, Dispute, Side};

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
