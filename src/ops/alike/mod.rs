//! The directory of one point as it would be at another point's coordinates.
//!
//! A generated `flake.nix` is rendered for the other point. In other files a line that names the point's coordinates is replaced by the
//! line that names the other's, if the other point's file has that line; all other lines stay as they are.

mod names;

use anyhow::Result;

pub(super) use self::names::Translation;
use crate::config::{Config, Named};
use crate::git::size::Kind;
use crate::git::tree_diff::{FileChange, Leaf};
use crate::git::{self, Oid, Repo};
use crate::lattice::Point;
use crate::points::content::{self, Content, Step};
use crate::template::{Flake, FlakeInputs, Template};

/// The directory of a point in one commit.
pub(super) struct Directory {
    pub(super) named: Named,
    pub(super) content: Content,
    /// Its tree.
    pub(super) tree: Oid,
    pub(super) step: Step,
    /// The template that renders exactly its flake.nix.
    pub(super) made_by: Option<Template>,
}

impl Directory {
    /// Reads the directory; `None` if the commit does not have it.
    ///
    /// # Errors
    /// When objects cannot be read.
    pub(super) fn read(repo: &Repo, config: &Config, point: &Point, commit: Oid) -> Result<Option<Self>> {
        let content = Content::find(repo, config, repo.tree_of_commit(commit)?, point)?;
        let Some(tree) = content.own(point).map(|own| own.id) else { return Ok(None) };
        let step = Step::read(repo, &content, point)?;
        let made_by = content::generated_by(repo, config, &content, point, &step)?;
        Ok(Some(Self { named: config.name(point), content, tree, step, made_by }))
    }

    /// The values of its flake.nix with the inputs of other data.
    pub(super) fn values(&self, config: &Config, inputs: FlakeInputs) -> Flake {
        let point = &self.named.point;
        content::flake_of(config, point, &self.content.previous(point), inputs)
    }

    /// The inputs that its config.toml names.
    pub(super) fn inputs(&self) -> FlakeInputs {
        self.step.data().map(|data| data.flake_inputs.clone()).unwrap_or_default()
    }
}

/// Writes `tree`, a directory of the point that `names` translates from, with the lines replaced that `like`, the directory of the other
/// point, has in translation.
///
/// # Errors
/// When objects cannot be read or written.
pub(super) fn lines_like(repo: &Repo, names: &Translation, tree: Oid, like: Oid) -> git::Result<Oid> {
    let mut replaced = Vec::new();
    for change in repo.file_changes(tree, like)?.into_iter().filter(FileChange::has_exact_path) {
        let (Some(before), Some(after)) = (change.before, change.after) else { continue };
        let (Some(own), Some(other)) = (text(repo, before)?, text(repo, after)?) else { continue };
        let new = names.lines_like(&own, &other);
        if new != own {
            replaced.push((change.path, Leaf { id: repo.write_blob(new.as_bytes())?, ..before }));
        }
    }
    repo.with_leaves(tree, replaced.iter().map(|(path, leaf)| (path.as_str(), Some(*leaf))))
}

/// The content of a text file; `None` for other entries and for files above the size limit.
///
/// # Errors
/// When it cannot be read.
pub(super) fn text(repo: &Repo, leaf: Leaf) -> git::Result<Option<String>> {
    let is_small = || Ok::<_, git::Error>(repo.size_of(leaf.id).unwrap_or_default() <= repo.size_limit(Kind::File)?);
    if !leaf.is_file() || !is_small()? {
        return Ok(None);
    }
    Ok(String::from_utf8(repo.blob(leaf.id)?).ok().filter(|text| !text.contains('\0')))
}
