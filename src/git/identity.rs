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
        let owned = |signature: gix::actor::SignatureRef<'_>| {
            let signature = signature.to_owned().map_err(super::reading("an identity"))?;
            cleaned(&signature).ok_or(Error::Identity("user.name"))
        };
        Ok(Identity { author: owned(author)?, committer: owned(committer)? })
    }

    /// Get the user's identity, or `git-lattice` if it is not configured, so that records can always be written.
    pub fn identity_or_fallback(&self) -> Identity {
        self.identity().unwrap_or_else(|_| Identity::of_program(gix::date::Time::now_utc()))
    }
}

/// Removes the characters that a commit cannot have in a name and an address, as git does (ident.c); `None` if a name is left empty.
fn cleaned(signature: &gix::actor::Signature) -> Option<gix::actor::Signature> {
    let is_possible = |byte: &u8| !b"\n<>".contains(byte);
    let clean = |text: &[u8]| {
        let possible: Vec<u8> = text.iter().copied().filter(is_possible).collect();
        gix::bstr::BString::from(possible.trim_ascii())
    };
    let (name, email) = (clean(&signature.name), clean(&signature.email));
    (!name.is_empty()).then_some(gix::actor::Signature { name, email, time: signature.time })
}
