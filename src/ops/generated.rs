//! The trailers of commits that git-lattice generates: which template and which data made the files.

use crate::config::StepData;
use crate::git::{Oid, Repo, Result, trailer};
use crate::template::Template;

const TEMPLATE: &str = "Lattice-Template";
const CONFIG: &str = "Lattice-Config";
const GENERATOR: &str = "Lattice-Generator";

/// The trailer of the commit that made a point, which it names.
pub(super) const POINT: &str = "Lattice-Point";
/// The trailer that names what a merge commit brings in.
pub(super) const RESTACK: &str = "Lattice-Restack";
/// The trailer that names the regenerated point.
pub(super) const REGENERATE: &str = "Lattice-Regenerate";
/// The trailer that names the point whose changes a commit carries, and that point's commit.
pub(super) const PORT: &str = "Lattice-Port";

/// The trailer that names the old and the new name of a point: `OLD -> NEW`.
pub(super) const MOVE: &str = "Lattice-Move";
/// The trailer that names the old and the new name of an axis: `OLD -> NEW`.
pub(super) const AXIS: &str = "Lattice-Axis";

/// How many commits of a branch are searched for the template.
const MAX_COMMITS: usize = 1_000;

/// The trailers of a commit with files of this template.
///
/// # Errors
/// When the texts cannot be hashed.
pub(super) fn trailers(repo: &Repo, template: Template, data: &StepData) -> Result<[(&'static str, String); 3]> {
    let hash = |bytes: &[u8]| repo.blob_id(bytes).map(|id| id.to_hex_with_len(12).to_string());
    Ok([
        (TEMPLATE, format!("{}@{}", template.name(), hash(template.source().as_bytes())?)),
        (CONFIG, hash(data.bytes())?),
        (GENERATOR, concat!("git-lattice ", env!("CARGO_PKG_VERSION")).to_owned()),
    ])
}

/// The template that the newest commit with such trailers names, along first parents; `None` if there is none or this version does
/// not have it.
///
/// # Errors
/// When history cannot be read.
pub(super) fn recorded_template(repo: &Repo, tip: Oid) -> Result<Option<Template>> {
    let recorded = recorded(repo, tip, None)?;
    Ok(recorded.and_then(|(_, value)| Template::parse(value.split('@').next().unwrap_or_default()).ok()))
}

/// The trailer of that commit that names the template; with a point, `None` if the commit made another point.
///
/// # Errors
/// When history cannot be read.
pub(super) fn recorded(repo: &Repo, tip: Oid, point: Option<&str>) -> Result<Option<(&'static str, String)>> {
    let mut next = Some(tip);
    for _ in 0..MAX_COMMITS {
        // A shallow clone ends here.
        let Some(id) = next.filter(|id| repo.size_of(*id).is_some()) else { break };
        let commit = repo.commit(id)?;
        let trailers = trailer::parse(&commit.message);
        if let Some((_, value)) = trailers.iter().find(|(key, _)| *key == TEMPLATE) {
            let is_other = |(key, value): &(&str, &str)| *key == POINT && point.is_some_and(|it| it != *value);
            return Ok((!trailers.iter().any(is_other)).then(|| (TEMPLATE, (*value).to_owned())));
        }
        next = commit.parents.first().copied();
    }
    Ok(None)
}
