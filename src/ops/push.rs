//! Pushing branches, all or none, and saying what became of each.

use crate::git::exe::Pushed;
use crate::git::{Repo, Result};

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The remote has everything.
    Done,
    /// There was nothing to push, or nobody wanted to.
    Nothing,
    /// The remote has none of it; why, branch by branch or at all.
    Refused(Vec<String>),
}

impl Outcome {
    /// Whether the remote has what it should have.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

/// Pushes `branches` to `remote`.
///
/// # Errors
/// Only when git cannot be run; an unreachable remote is an [`Outcome::Refused`].
pub fn push(repo: &Repo, remote: &str, branches: &[String]) -> Result<Outcome> {
    if branches.is_empty() {
        return Ok(Outcome::Nothing);
    }
    if !repo.remotes().iter().any(|name| name == remote) {
        return Ok(Outcome::Refused(vec![format!("there is no remote `{remote}`")]));
    }
    let said = match repo.git().push(remote, branches) {
        Ok(pushed) => pushed,
        Err(crate::git::Error::Exe(crate::process::Error::Failed { stderr, .. })) => {
            let text = String::from_utf8_lossy(&stderr);
            return Ok(Outcome::Refused(
                text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect(),
            ));
        }
        Err(error) => return Err(error),
    };
    let refusal = |Pushed { name, refused }: Pushed| {
        let branch = name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned();
        refused.map(|why| {
            format!("`{branch}`: {}", why.trim_start_matches("[rejected] ").trim_start_matches("[remote rejected] "))
        })
    };
    let refused: Vec<_> = said.into_iter().filter_map(refusal).collect();
    Ok(if refused.is_empty() { Outcome::Done } else { Outcome::Refused(refused) })
}
