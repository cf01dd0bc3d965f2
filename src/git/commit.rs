//! Commits: reading what they hold, making them from objects without index or worktree.

use gix::bstr::ByteSlice;

use super::identity::Identity;
use super::{Oid, Repo, Result, doing, reading};

/// What is read of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: Oid,
    /// Its tree.
    pub tree: Oid,
    /// Its parents in order.
    pub parents: Vec<Oid>,
    /// Its message.
    pub message: String,
    /// Who wrote it.
    pub author: String,
    /// When it was committed, in seconds since 1970.
    pub time: i64,
}

impl Repo {
    /// Reads a commit.
    ///
    /// # Errors
    /// When it is not there or is no commit.
    pub fn commit(&self, id: Oid) -> Result<Commit> {
        let commit = self.object(id, "commit")?.try_into_commit().map_err(reading(format!("commit {id}")))?;
        let decoded = commit.decode().map_err(reading(format!("commit {id}")))?;
        let author = decoded.author().map(|author| author.name.to_str_lossy().into_owned()).unwrap_or_default();
        Ok(Commit {
            id,
            tree: decoded.tree(),
            parents: decoded.parents().collect(),
            message: decoded.message.to_str_lossy().into_owned(),
            author,
            time: decoded.committer().ok().and_then(|committer| committer.time().ok()).map_or(0, |time| time.seconds),
        })
    }

    /// Returns the tree of a commit and its parents in order.
    ///
    /// # Errors
    /// When it is not there or is no commit.
    pub fn links(&self, id: Oid) -> Result<(Oid, Vec<Oid>)> {
        let commit = self.object(id, "commit")?.try_into_commit().map_err(reading(format!("commit {id}")))?;
        let tree = commit.tree_id().map_err(reading(format!("commit {id}")))?.detach();
        Ok((tree, commit.parent_ids().map(gix::Id::detach).collect()))
    }

    /// The tree of a commit.
    ///
    /// # Errors
    /// When it is not there or is no commit.
    pub fn tree_of_commit(&self, id: Oid) -> Result<Oid> {
        let commit = self.object(id, "commit")?.try_into_commit().map_err(reading(format!("commit {id}")))?;
        commit.tree_id().map(gix::Id::detach).map_err(reading(format!("commit {id}")))
    }

    /// Makes a commit, signed where the user signs commits (`commit.gpgSign`).
    ///
    /// # Errors
    /// When it cannot be signed or written.
    pub fn make_commit(&self, identity: &Identity, message: &str, tree: Oid, parents: &[Oid]) -> Result<Oid> {
        self.write_commit(&self.signed(unsigned(identity, message, tree, parents))?)
    }

    /// Makes a commit of notes: signed like any other, but where nobody can be asked for a passphrase (a build in the background)
    /// rather unsigned than not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn make_notes_commit(&self, identity: &Identity, message: &str, tree: Oid, parents: &[Oid]) -> Result<Oid> {
        let commit = unsigned(identity, message, tree, parents);
        self.write_commit(&self.signed(commit.clone()).unwrap_or(commit))
    }

    /// A commit whose id is a function of the tree alone: no parents, fixed names, dated `@0 +0000`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn make_synthetic_commit(&self, tree: Oid) -> Result<Oid> {
        let identity = Identity::of_program(gix::date::Time { seconds: 0, offset: 0 });
        self.write_commit(&unsigned(&identity, "what a build reads\n", tree, &[]))
    }

    /// A commit that does nothing but lead to others, so that they are kept.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn make_keeping_commit(&self, kept: &[Oid]) -> Result<Oid> {
        let tree = self.gix.write_object(gix::objs::Tree::empty()).map_err(doing("write the empty tree"))?.detach();
        let identity = Identity::of_program(gix::date::Time { seconds: 0, offset: 0 });
        self.write_commit(&unsigned(&identity, "what `git lattice undo` needs\n", tree, kept))
    }

    fn signed(&self, commit: gix::objs::Commit) -> Result<gix::objs::Commit> {
        match self.gix.commit_signing_options_if_enabled().map_err(doing("find out how to sign"))? {
            Some(options) => commit.sign(options).map_err(doing("sign the commit")),
            None => Ok(commit),
        }
    }

    fn write_commit(&self, commit: &gix::objs::Commit) -> Result<Oid> {
        self.gix.write_object(commit).map(gix::Id::detach).map_err(doing("write the commit"))
    }

    /// Whether `ancestor` can be reached from `commit` (or is it).
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn is_ancestor(&self, ancestor: Oid, commit: Oid) -> Result<bool> {
        if ancestor == commit || self.commit(commit)?.parents.contains(&ancestor) {
            return Ok(true);
        }
        let base = self.gix.merge_base(ancestor, commit).map_err(doing(format!("compare {ancestor} and {commit}")))?;
        Ok(base.is_some_and(|base| base.detach() == ancestor))
    }

    /// The best commit that two have in common; `None` when there is none.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn merge_base(&self, one: Oid, other: Oid) -> Result<Option<Oid>> {
        let bases = self.gix.merge_bases_many(one, &[other]).map_err(doing(format!("compare {one} and {other}")))?;
        Ok(bases.first().map(|base| base.detach()))
    }

    /// The shortest unambiguous form of an id, for people.
    pub fn short(&self, id: Oid) -> String {
        use gix::prelude::ObjectIdExt;
        id.attach(&self.gix).shorten_or_id().to_string()
    }
}

/// Now, in UTC, as RFC 3339 writes it: `2026-11-22T18:00:00Z`.
pub fn now() -> String {
    time_in(0)
}

/// The time in so many seconds, written like [`now`].
pub fn time_in(seconds: i64) -> String {
    time_at(gix::date::Time::now_utc().seconds + seconds)
}

/// So many seconds after 1970, written like [`now`].
pub fn time_at(seconds: i64) -> String {
    let format = gix::date::time::CustomFormat::new("%Y-%m-%dT%H:%M:%SZ");
    gix::date::Time { offset: 0, seconds }.format_or_unix(format)
}

fn unsigned(identity: &Identity, message: &str, tree: Oid, parents: &[Oid]) -> gix::objs::Commit {
    gix::objs::Commit {
        message: message.into(),
        tree,
        author: identity.author.clone(),
        committer: identity.committer.clone(),
        encoding: None,
        parents: parents.iter().copied().collect(),
        extra_headers: Vec::new(),
    }
}
