//! Comparing the sources of points with what their URLs return.

use std::collections::HashMap;

use anyhow::Result;

use super::committed::{OfPoint, of_points};
use crate::config::{Config, Input, InputKind, Named, ensure_source_url};
use crate::context::Context;
use crate::lattice::Point;
use crate::nix::Nix;
use crate::ops::{Cannot, limits};
use crate::points::census::Census;
use crate::sha256::Sha256;

/// A source, and what its URLs return.
#[derive(Debug)]
pub struct CheckedSource {
    /// The point.
    pub point: Named,
    /// Its name.
    pub name: String,
    /// The URL; `None` if it has none.
    pub url: Option<String>,
    /// What was found.
    pub state: SourceState,
}

/// What a URL returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceState {
    /// A file with the hash in `config.toml`.
    Good,
    /// Another file.
    Other {
        /// The hash in `config.toml`, if it has one.
        expected: Option<Sha256>,
        /// The hash of what came.
        got: Sha256,
    },
    /// Nothing.
    Unreachable(String),
    /// There is no URL to ask.
    NoUrl,
}

/// Fetches all sources of the points, each URL once.
///
/// # Errors
/// When a point has no branch, objects cannot be read, a table is no input, or Nix is missing.
pub fn check_sources(
    context: &Context,
    config: &Config,
    census: &Census,
    points: &[Point],
) -> Result<Vec<CheckedSource>> {
    let (nix, still) = (Nix::find()?, limits::network(&context.repo)?);
    let mut fetched: HashMap<String, Result<Sha256, String>> = HashMap::new();
    let mut fetch = |url: &str, name: &str| {
        let fetch = || {
            ensure_source_url(url).map_err(|bad| bad.to_string())?;
            nix.fetch_file(url, name, still).map(|it| it.hash).map_err(|error| error.to_string())
        };
        fetched.entry(url.to_owned()).or_insert_with(fetch).clone()
    };
    let mut checked = Vec::new();
    for point in points {
        let commit = census.commit(point).ok_or_else(|| Cannot::no_point(config, point))?;
        let all = of_points(&context.repo, config, context.repo.tree_of_commit(commit)?, point)?;
        let own = all.into_iter().find(|OfPoint { named, .. }| named.point == *point);
        let Some(OfPoint { named, inputs }) = own else { continue };
        for input in inputs.into_iter().filter(|input| input.kind == InputKind::Source) {
            checked.extend(states(&input, &mut fetch).into_iter().map(|(url, state)| CheckedSource {
                point: named.clone(),
                name: input.name.clone(),
                url,
                state,
            }));
        }
    }
    Ok(checked)
}

/// What each URL of a source returns.
fn states(
    input: &Input,
    fetch: &mut impl FnMut(&str, &str) -> Result<Sha256, String>,
) -> Vec<(Option<String>, SourceState)> {
    if input.urls.is_empty() {
        return vec![(None, SourceState::NoUrl)];
    }
    let mut state = |url: &String| match fetch(url, &input.name) {
        Ok(got) if input.hash == Some(got) => SourceState::Good,
        Ok(got) => SourceState::Other { expected: input.hash, got },
        Err(why) => SourceState::Unreachable(why),
    };
    input.urls.iter().map(|url| (Some(url.clone()), state(url))).collect()
}
