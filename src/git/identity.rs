//! Who commits.

use super::{Error, Repo, Result};

/// Names and dates of author and committer as git writes them.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(super) author: gix::actor::Signature,
    pub(super) committer: gix::actor::Signature,
}

impl Identity {
    /// git-lattice itself, at a time.
    pub(super) fn nobody(time: gix::date::Time) -> Self {
        let nobody = gix::actor::Signature { name: "git-lattice".into(), email: "git-lattice@localhost".into(), time };
        Self { author: nobody.clone(), committer: nobody }
    }
}

impl Repo {
    /// The author and committer as `git commit` would have them (`GIT_AUTHOR_*`, `user.*`), dated now.
    ///
    /// # Errors
    /// [`Error::Identity`] when git would refuse too, naming what is not set.
    pub fn identity(&self) -> Result<Identity> {
        let missing = || {
            let name = if self.config("user.name").is_none() { "user.name" } else { "user.email" };
            Error::Identity(name)
        };
        let author = self.gix.author().ok_or_else(missing)?.map_err(super::reading("the author's date"))?;
        let committer = self.gix.committer().ok_or_else(missing)?.map_err(super::reading("the committer's date"))?;
        let owned =
            |signature: gix::actor::SignatureRef<'_>| signature.to_owned().map_err(super::reading("an identity"));
        Ok(Identity { author: owned(author)?, committer: owned(committer)? })
    }

    /// The same, or `git-lattice` where git does not know who that is: a record is worth keeping all the same.
    pub fn identity_or_nobody(&self) -> Identity {
        self.identity().unwrap_or_else(|_| Identity::nobody(gix::date::Time::now_utc()))
    }
}
