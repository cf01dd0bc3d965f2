//! Commits: reading them, and creating them from objects without index or worktree.

use std::collections::HashSet;

use gix::bstr::ByteSlice;

use super::identity::Identity;
use super::{Oid, Repo, Result, doing, parse_oid, reading_object};

/// The fields of a commit.
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
    /// The author's name.
    pub author: String,
    /// The commit time, in seconds since 1970.
    pub time: i64,
}

impl Repo {
    /// Read a commit.
    ///
    /// # Errors
    /// When it does not exist or is not a commit.
    pub fn commit(&self, id: Oid) -> Result<Commit> {
        let commit = self.object(id, "commit")?.try_into_commit().map_err(reading_object("commit", id))?;
        let decoded = commit.decode().map_err(reading_object("commit", id))?;
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

    /// Get the tree of a commit and its parents in order.
    ///
    /// # Errors
    /// When it does not exist or is not a commit.
    pub fn links(&self, id: Oid) -> Result<(Oid, Vec<Oid>)> {
        let commit = self.object(id, "commit")?.try_into_commit().map_err(reading_object("commit", id))?;
        let tree = commit.tree_id().map_err(reading_object("commit", id))?.detach();
        Ok((tree, commit.parent_ids().map(gix::Id::detach).collect()))
    }

    /// Get the tree of a commit.
    ///
    /// # Errors
    /// When it does not exist or is not a commit.
    pub fn tree_of_commit(&self, id: Oid) -> Result<Oid> {
        let commit = self.object(id, "commit")?.try_into_commit().map_err(reading_object("commit", id))?;
        commit.tree_id().map(gix::Id::detach).map_err(reading_object("commit", id))
    }

    /// Create a commit, signed if `commit.gpgSign` is set.
    ///
    /// # Errors
    /// When it cannot be signed or written.
    pub fn make_commit(&self, identity: &Identity, message: &str, tree: Oid, parents: &[Oid]) -> Result<Oid> {
        self.write_commit(&self.signed(unsigned(identity, message, tree, parents))?)
    }

    /// Create a commit of notes. It is signed like any other commit if possible; a background build cannot ask for a passphrase and
    /// leaves it unsigned.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn make_notes_commit(&self, identity: &Identity, message: &str, tree: Oid, parents: &[Oid]) -> Result<Oid> {
        let commit = unsigned(identity, message, tree, parents);
        self.write_commit(&self.signed(commit.clone()).unwrap_or(commit))
    }

    /// Create a commit whose id depends on the tree alone: no parents, fixed names, dated `@0 +0000`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn make_synthetic_commit(&self, tree: Oid) -> Result<Oid> {
        let identity = Identity::of_program(gix::date::Time { seconds: 0, offset: 0 });
        self.write_commit(&unsigned(&identity, "what a build reads\n", tree, &[]))
    }

    /// Create a commit whose parents are `kept`, to protect them from garbage collection.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn make_keeping_commit(&self, kept: &[Oid]) -> Result<Oid> {
        let tree = self.gix.write_object(gix::objs::Tree::empty()).map_err(doing("write the empty tree"))?.detach();
        let identity = Identity::of_program(gix::date::Time { seconds: 0, offset: 0 });
        self.write_commit(&unsigned(&identity, "what `git lattice undo` needs\n", tree, kept))
    }

    fn signed(&self, commit: gix::objs::Commit) -> Result<gix::objs::Commit> {
        match self.gix.commit_signing_options_if_enabled().map_err(doing("read the signing configuration"))? {
            Some(options) => commit.sign(options).map_err(doing("sign the commit")),
            None => Ok(commit),
        }
    }

    fn write_commit(&self, commit: &gix::objs::Commit) -> Result<Oid> {
        self.gix.write_object(commit).map(gix::Id::detach).map_err(doing("write the commit"))
    }

    /// Whether `ancestor` is reachable from `commit`, or equal to it.
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

    /// The commits that are reachable from `tips` and not from `known`. Missing tips are left out.
    ///
    /// The walk of gix with hidden tips (`gix_traverse` 0.64) also finds commits that are reachable from `known`, if they are as old as
    /// others.
    ///
    /// # Errors
    /// When git fails.
    pub fn lacking(&self, tips: &[Oid], known: &[Oid]) -> Result<HashSet<Oid>> {
        let lines: Vec<String> =
            tips.iter().map(Oid::to_string).chain(known.iter().map(|id| format!("^{id}"))).collect();
        let cmd = self.git.read().args(["rev-list", "--ignore-missing", "--stdin"]);
        let output = cmd.stdin(lines.join("\n") + "\n").read()?;
        output.text().lines().map(parse_oid).collect()
    }

    /// The best common ancestor of two commits; `None` if they have none.
    ///
    /// # Errors
    /// When history cannot be read.
    pub fn merge_base(&self, one: Oid, other: Oid) -> Result<Option<Oid>> {
        let bases = self.gix.merge_bases_many(one, &[other]).map_err(doing(format!("compare {one} and {other}")))?;
        Ok(bases.first().map(|base| base.detach()))
    }

    /// Abbreviate an id to its shortest unambiguous form.
    pub fn short(&self, id: Oid) -> String {
        use gix::prelude::ObjectIdExt;
        id.attach(&self.gix).shorten_or_id().to_string()
    }
}

/// The current time in UTC as in RFC 3339: `2026-11-22T18:00:00Z`.
pub fn now() -> String {
    time_in(0)
}

/// The time `seconds` from now, formatted like [`now`].
pub fn time_in(seconds: i64) -> String {
    time_at(gix::date::Time::now_utc().seconds + seconds)
}

/// The time `seconds` after 1970, formatted like [`now`].
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
