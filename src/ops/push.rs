//! Pushing branches, all or none, and saying what became of each.

use std::time::Duration;

use crate::git::exe::Pushed;
use crate::git::{self, Repo, Result};
use crate::process;

/// What became of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The remote has everything.
    Done,
    /// There was nothing to push, or nobody wanted to.
    Nothing,
    /// The remote has none of it.
    Refused {
        /// Why, branch by branch or at all.
        reasons: Vec<String>,
        /// What to do about it.
        hint: Option<String>,
    },
}

/// How often a push is tried while others push to the same place.
const TRIES: usize = 3;
/// By these words git tells that another push holds what this one needs (receive-pack.c, refs.c).
const BUSY: [&str; 4] = ["atomic transaction failed", "failed to update ref", "failed to lock", "cannot lock ref"];

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
        let hint = format!("`git remote add {remote} URL` adds it; `remote = \"\"` in lattice.toml means nowhere");
        return Ok(Outcome::Refused { reasons: vec![format!("there is no remote `{remote}`")], hint: Some(hint) });
    }
    let mut tried = 1;
    loop {
        let reasons = refusals(repo, remote, branches)?;
        let is_busy = reasons.iter().any(|reason| BUSY.iter().any(|word| reason.contains(word)));
        if reasons.is_empty() {
            return Ok(Outcome::Done);
        }
        if !is_busy || tried == TRIES {
            return Ok(Outcome::Refused { hint: hint(remote, &branches[0], &reasons), reasons });
        }
        // When the other one pushed the same, the next try finds everything up to date.
        std::thread::sleep(Duration::from_millis(100));
        tried += 1;
    }
}

/// Why the remote did not take the branches; empty when it has them now.
fn refusals(repo: &Repo, remote: &str, branches: &[String]) -> Result<Vec<String>> {
    let report = match repo.git().push(remote, branches) {
        Ok(report) => report,
        Err(git::Error::Exe(process::Error::Failed { stderr, status, .. })) => {
            let text = String::from_utf8_lossy(&stderr);
            let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
            return Ok(if lines.is_empty() { vec![format!("`git push` ended with {status}")] } else { lines });
        }
        Err(error) => return Err(error),
    };
    let refusal = |Pushed { name, refused }: Pushed| {
        let branch = name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned();
        refused.map(|why| {
            format!("`{branch}`: {}", why.trim_start_matches("[rejected] ").trim_start_matches("[remote rejected] "))
        })
    };
    let mut refused: Vec<_> = report.refs.into_iter().filter_map(refusal).collect();
    if !refused.is_empty() {
        refused.extend(report.said.into_iter().map(|line| format!("the remote said: {line}")));
    }
    Ok(refused)
}

fn hint(remote: &str, branch: &str, reasons: &[String]) -> Option<String> {
    let went_ahead = |reason: &String| reason.contains("fetch first") || reason.contains("non-fast-forward");
    reasons.iter().any(went_ahead).then(|| {
        format!("`git fetch {remote}` brings what is there; `git log {branch}...{remote}/{branch}` shows what differs")
    })
}
