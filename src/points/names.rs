//! The points that have a branch, by the names of refs alone. Unlike the [census](super::census), this reads no ref and no object;
//! completion asks for it at each press of the Tab key.

use std::collections::HashMap;

use super::census::directory_of;
use crate::config::Config;
use crate::git::names::{self, BranchName};
use crate::git::{Repo, Result};

/// Names of branches that have the form of a point's branch, sorted. Their coordinates are not checked.
#[derive(Debug, Default)]
pub struct Names(Vec<String>);

impl Names {
    /// List the local branches and those of the remote. `text` fixes the text of an axis and so saves reading the others; `None`
    /// leaves the axis open.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn list<'t>(repo: &Repo, config: &'t Config, text: impl Fn(usize) -> Option<&'t str>) -> Result<Self> {
        let prefix = config.branch.prefix_with(text);
        let mut names = without(names::HEADS, repo.ref_names(&names::heads_under(&prefix))?);
        if let Some(remote) = &config.remote {
            let mut there = repo.ref_names(&names::tracking_under(remote, &prefix))?;
            hide_renamed(repo, remote, &prefix, &mut there)?;
            if !there.is_empty() {
                names.extend(without(&names::tracking_under(remote, ""), there));
                names.sort_unstable();
                names.dedup();
            }
        }
        Ok(Self(names))
    }

    /// List branches that show how the points go on whose first texts are `heads` and whose next one begins with `tail`, and say
    /// whether these are all. If not, there is at least one for each text of the next axis on which they differ.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn next(repo: &Repo, config: &Config, most: usize, heads: &[&str], tail: &str) -> Result<(Self, bool)> {
        let text = |axis: usize| heads.get(axis).copied();
        let prefix = config.branch.prefix_with(text) + tail;
        let renamed = config.remote.as_ref().map(|remote| repo.ref_names(&names::renamed_under(remote, "")));
        if !config.branch.differ_next_on(heads.len()) || renamed.transpose()?.is_some_and(|names| !names.is_empty()) {
            return Ok((Self::list(repo, config, text)?, true));
        }
        let is_point =
            |name: Option<&str>| name.is_some_and(|name| config.branch.decode(&config.lattice, name).is_some());
        let fits = |name: &str| is_point(names::short(name));
        let (here, mut is_all) = repo.next_ref_names(&names::heads_under(&prefix), most, &fits)?;
        let mut found = without(names::HEADS, here);
        if let Some(remote) = &config.remote {
            let fits = |name: &str| is_point(names::short_tracking(name, remote));
            let (there, is_all_there) = repo.next_ref_names(&names::tracking_under(remote, &prefix), most, &fits)?;
            found.extend(without(&names::tracking_under(remote, ""), there));
            found.sort_unstable();
            found.dedup();
            is_all &= is_all_there;
        }
        Ok((Self(found), is_all))
    }

    /// The texts of each branch, one per axis.
    pub fn texts<'n>(&'n self, config: &'n Config) -> impl Iterator<Item = Vec<&'n str>> {
        self.0.iter().filter_map(|name| config.branch.texts(&config.lattice, name))
    }
}

/// Leaves out the remote's branches under a prefix that have another name here, and no local branch, as the census does.
///
/// # Errors
/// When refs cannot be read.
pub fn hide_renamed(repo: &Repo, remote: &str, prefix: &str, there: &mut Vec<String>) -> Result<()> {
    // Nearly always there is none, and no ref must be read.
    if there.is_empty() || repo.ref_names(&names::renamed_under(remote, prefix))?.is_empty() {
        return Ok(());
    }
    let dir = directory_of(prefix);
    let prefixes = [names::renamed_under(remote, dir), names::tracking_under(remote, dir), names::heads_under(dir)];
    let listed: HashMap<_, _> = repo.list_refs(&prefixes)?.refs.into_iter().collect();
    there.retain(|name| {
        let Some(branch) = names::short_tracking(name, remote).map(BranchName::known) else { return true };
        let marker = listed.get(&branch.renamed(remote));
        marker.is_none() || marker != listed.get(name) || listed.contains_key(&branch.full_ref())
    });
    Ok(())
}

/// The rest of each name after `prefix`, which all have.
fn without(prefix: &str, mut names: Vec<String>) -> Vec<String> {
    names.iter_mut().for_each(|name| drop(name.drain(..prefix.len().min(name.len()))));
    names
}
