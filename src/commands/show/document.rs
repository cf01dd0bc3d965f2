//! The JSON document of a point.

use serde_json::{Value, json};

use crate::commands::shared::disputes::{attributed_json, dispute_json};
use crate::config::{Config, Input};
use crate::git::commit::time_at;
use crate::ops::reproduce::nix_build;
use crate::ops::show::{Details, Promotion, Times};
use crate::ui::point::PointView;

pub(super) fn of(config: &Config, details: &Details) -> Value {
    let mut value = json!(PointView::of(config, &details.status, &details.notes));
    value["next"] = details
        .actions
        .iter()
        .map(|action| {
            json!({
                "action": action, "command": action.command_in_show(config, &details.status),
            })
        })
        .collect();
    value["lacks"] = json!(details.lacks);
    value["may_lack"] = json!(details.may_lack);
    value["promotion"] = details.promotion.as_ref().map(promotion_json).into();
    value["tip"] = json!({
        "subject": details.tip.message.lines().next().unwrap_or_default(), "author": details.tip.author,
        "time": time_at(details.tip.time),
    });
    value["template"] = json!(details.template);
    value["config_hash"] = json!(details.config_hash);
    value["files"] = json!(details.files);
    value["below"] = json!(details.below);
    value["above"] = json!(details.above);
    value["inputs"] = details.configured.iter().map(input_json).collect();
    value["times"] = details.times.iter().map(times_json).collect();
    value["records"] = details.records.iter().map(attributed_json).collect();
    value["disputes"] = details.disputes.iter().map(|dispute| dispute_json(&details.records, dispute)).collect();
    value["logs"] = json!(details.logs);
    value["flake_ref"] = json!(details.flake.as_ref().map(ToString::to_string));
    value["nix_build"] = json!(nix_build(details.flake.as_ref(), &details.status));
    value
}

fn promotion_json(promotion: &Promotion) -> Value {
    let missing = promotion.missing.iter();
    json!({
        "to": promotion.targets, "done": promotion.is_done, "command": promotion.command,
        "missing": missing.map(|it| json!({ "point": it.point, "missing": it.what, "command": it.command })).collect::<Vec<_>>(),
    })
}

fn times_json(times: &Times) -> Value {
    json!({ "system": times.system.as_str(), "last": times.last, "usual": times.usual, "builds": times.builds })
}

fn input_json(input: &Input) -> Value {
    let hash = input.hash.map(|hash| hash.to_string());
    json!({ "kind": input.kind, "name": input.name, "hash": hash, "url": input.urls.first() })
}
