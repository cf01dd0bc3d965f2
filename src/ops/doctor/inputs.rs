//! Checks that the sources and seeds of HEAD's point are in the store, where Nix cannot fetch them.

use anyhow::Result;

use super::Line;
use crate::config::Named;
use crate::context::Context;
use crate::nix::{AbsentInput, Nix};
use crate::ops::inputs::{AtHead, at_head};

const TOPIC: &str = "inputs";

/// The lines about inputs; none without Nix or `lattice.toml`, which have lines of their own.
pub(super) fn examine(context: &Context) -> Vec<Line> {
    let (Ok(config), Ok(nix)) = (context.config(), Nix::find()) else { return Vec::new() };
    of_head(at_head(context, &config, &nix))
}

fn of_head(found: Result<AtHead>) -> Vec<Line> {
    match found {
        Ok(AtHead { count: 0, .. }) => Vec::new(),
        Ok(AtHead { count, absent }) if absent.is_empty() => {
            vec![Line::ok(
                TOPIC,
                format!("sources and seeds without URL that HEAD's point needs: {count}, all in the store"),
            )]
        }
        Ok(AtHead { absent, .. }) => absent.iter().map(|(named, absent)| of_absent(named, absent)).collect(),
        Err(error) => vec![Line::error(TOPIC, format!("{error:#}")).remedy("correct config.toml of that point")],
    }
}

fn of_absent(named: &Named, absent: &AbsentInput) -> Line {
    let AbsentInput { kind, name, has_hash } = absent;
    let message = if *has_hash {
        format!("{kind} `{name}` of `{}` is not in the store", named.spelled)
    } else {
        format!("config.toml of `{}` has no hash for {kind} `{name}`", named.spelled)
    };
    Line::warning(TOPIC, message).remedy(absent.hint())
}
