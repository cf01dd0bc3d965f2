//! The refspec by which a plain `git fetch` brings the records of other clones.
//!
//! It fetches them to a namespace of their own, so that neither a forced update nor `--prune` can touch records that were not
//! pushed. `init` and the first `sync` of a clone add it: both are told to set up or use a remote. Other commands leave git's
//! configuration alone.

use crate::git::{Repo, Result};
use crate::record::store::{self, NOTES};

/// The key in git's configuration that says whether to add the refspec. It is set to `false` afterwards, so that a refspec which
/// the user removes is not added again.
pub const KEY: &str = "lattice.fetch-records";

/// The refspec for a remote.
pub fn of(remote: &str) -> String {
    format!("+{NOTES}*:{}*", store::fetched_under(remote))
}

/// Whether a plain `git fetch` brings records.
pub fn is_there(repo: &Repo, remote: &str) -> bool {
    repo.fetches(remote, &format!("{NOTES}0"))
}

/// Whether records of the remote were fetched once, or will be by the next `git fetch`.
pub fn is_settled(repo: &Repo, remote: &str) -> bool {
    let has_fetched = || repo.list_refs(&[store::fetched_under(remote)]).is_ok_and(|listing| !listing.refs.is_empty());
    is_there(repo, remote) || repo.config_bool(KEY).is_some() || has_fetched()
}

/// Adds the refspec, unless that was done before or the user does not want it. Returns the new refspec.
///
/// # Errors
/// When git's configuration cannot be written.
pub fn add_once(repo: &Repo, remote: &str) -> Result<Option<String>> {
    let (refspec, existing) = (of(remote), repo.fetch_refspecs(remote));
    // With a first refspec of its own, `git fetch` would no longer fetch HEAD: a bare clone has none.
    if repo.config_bool(KEY) == Some(false) || existing.is_empty() {
        return Ok(None);
    }
    let is_new = !is_there(repo, remote);
    if is_new {
        repo.git().ensure_config(&format!("remote.{remote}.fetch"), &refspec)?;
    }
    if is_new || existing.contains(&refspec) {
        repo.git().set_config(KEY, "false")?;
    }
    Ok(is_new.then_some(refspec))
}

/// The sentence that tells the user of a new refspec.
pub fn notice(remote: &str) -> String {
    format!("`git fetch` brings build records from now on (`remote.{remote}.fetch`)")
}
