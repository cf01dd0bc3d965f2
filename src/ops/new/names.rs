//! Branch names that clash with a new branch.

use crate::git::names::BranchName;
use crate::git::{Repo, Result};
use crate::ops::Refusal;

/// Why two names clash.
const FOLDER: &str = "one of the two names is a folder in the other, which git does not allow";
const CASE: &str = "the names differ only in letter case, and some file systems hold only one of the two";

/// Existing branches, as pairs of lower-case name and name, sorted.
pub(in crate::ops) struct Names {
    sorted: Vec<(String, String)>,
}

impl Names {
    /// Reads the branches that may clash with one of `new`, including those that are not points.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub(in crate::ops) fn near(repo: &Repo, new: &[BranchName]) -> Result<Self> {
        Ok(Self::of(repo.branches_near(new)?.iter().map(String::as_str)))
    }

    fn of<'a>(branches: impl Iterator<Item = &'a str>) -> Self {
        let mut sorted: Vec<_> = branches.map(|branch| (branch.to_ascii_lowercase(), branch.to_owned())).collect();
        sorted.sort_unstable();
        Self { sorted }
    }

    /// Checks that `branch` can be made beside the existing ones.
    ///
    /// # Errors
    /// [`Refusal::InTheWay`], naming the other branch.
    pub(in crate::ops) fn check(&self, branch: &str) -> std::result::Result<(), Refusal> {
        let folded = branch.to_ascii_lowercase();
        let inside = format!("{folded}/");
        let folders = folded.match_indices('/').map(|(at, _)| &folded[..at]);
        let above = folders.flat_map(|folder| self.beginning_with(folder).take_while(move |(name, _)| name == folder));
        // Skip the branch itself: another process just made it. The ref transaction fails then, and the next attempt
        // finds it.
        let same =
            self.beginning_with(&folded).take_while(|(name, _)| *name == folded).filter(|(_, other)| other != branch);
        let below = self.beginning_with(&inside).take(1);
        let clashes: Vec<_> = above.chain(same).chain(below).map(|(_, other)| other).collect();
        let is_exact = |other: &&String| is_folder(other, branch) || is_folder(branch, other);
        let (other, why) = match (clashes.iter().copied().find(is_exact), clashes.first()) {
            (Some(other), _) => (other, FOLDER),
            (None, Some(other)) => (*other, CASE),
            (None, None) => return Ok(()),
        };
        Err(Refusal::InTheWay { branch: branch.to_owned(), other: other.clone(), why })
    }

    fn beginning_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a (String, String)> {
        let start = self.sorted.partition_point(|(name, _)| name.as_str() < prefix);
        self.sorted[start..].iter().take_while(move |(name, _)| name.starts_with(prefix))
    }
}

fn is_folder(folder: &str, of: &str) -> bool {
    of.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_clashes_by_folder_and_by_letter_case() {
        let check = |branches: &[&str]| match Names::of(branches.iter().copied()).check("f/c/a") {
            Err(Refusal::InTheWay { other, why, .. }) => Some((other, why)),
            _ => None,
        };
        assert_eq!(check(&["main", "f-", "f/c-a", "f/c/a-b", "f/c/ab", "f/cc"]), None);
        assert_eq!(check(&["f/b", "f/c", "f/d"]), Some(("f/c".to_owned(), FOLDER)));
        assert_eq!(
            check(&["F", "f/c/a/b"]),
            Some(("f/c/a/b".to_owned(), FOLDER)),
            "what git itself refuses comes first"
        );
        assert_eq!(check(&["f/c/a"]), None, "another process just made it");
        assert_eq!(check(&["F/c/a"]), Some(("F/c/a".to_owned(), CASE)));
        assert_eq!(check(&["f/C/A/b"]), Some(("f/C/A/b".to_owned(), CASE)));
        assert_eq!(check(&["F/c/b"]), None, "existing folders that differ only in case are no clash");
    }
}
