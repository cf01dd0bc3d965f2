//! The author and committer of commits.

use gix::bstr::ByteSlice as _;

use super::{Error, Repo, Result};

/// Names, addresses and dates of author and committer.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(super) author: gix::actor::Signature,
    pub(super) committer: gix::actor::Signature,
}

impl Identity {
    /// The name and the address of the author.
    pub fn author(&self) -> (String, String) {
        (self.author.name.to_str_lossy().into_owned(), self.author.email.to_str_lossy().into_owned())
    }

    /// The identity of git-lattice itself.
    pub(super) fn of_program(time: gix::date::Time) -> Self {
        let signature =
            gix::actor::Signature { name: "git-lattice".into(), email: "git-lattice@localhost".into(), time };
        Self { author: signature.clone(), committer: signature }
    }
}

impl Repo {
    /// Get the identity that `git commit` would use (`GIT_AUTHOR_*`, `user.*`), dated now.
    ///
    /// # Errors
    /// [`Error::Identity`], with the missing key, when git would refuse too.
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

    /// Get the user's identity, or `git-lattice` if it is not configured, so that records can always be written.
    pub fn identity_or_fallback(&self) -> Identity {
        self.identity().unwrap_or_else(|_| Identity::of_program(gix::date::Time::now_utc()))
    }
}
