//! The points that have a branch, by the names of refs alone. Unlike the [census](super::census), this reads no ref and no object;
//! completion asks for it at each press of the Tab key.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::git::{Repo, Result, names};

/// Names of branches that have the form of a point's branch. Their coordinates are not checked.
#[derive(Debug, Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// List the local branches and those of the remote. `text` fixes the text of an axis and so saves reading the others; `None`
    /// leaves the axis open.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn list<'t>(repo: &Repo, config: &'t Config, text: impl Fn(usize) -> Option<&'t str>) -> Result<Self> {
        let prefix = config.branch.prefix_with(text);
        let mut found = BTreeSet::new();
        for name in repo.ref_names(&names::heads_under(&prefix))? {
            found.extend(names::short(&name).map(str::to_owned));
        }
        if let Some(remote) = &config.remote {
            for name in repo.ref_names(&names::tracking_under(remote, &prefix))? {
                found.extend(names::short_tracking(&name, remote).map(str::to_owned));
            }
        }
        Ok(Self(found))
    }

    /// The texts of each branch, one per axis.
    pub fn texts<'n>(&'n self, config: &'n Config) -> impl Iterator<Item = Vec<&'n str>> {
        self.0.iter().filter_map(|name| config.branch.texts(&config.lattice, name))
    }
}
