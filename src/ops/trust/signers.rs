//! Accepted signatures, and the commits that they must be on.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::ledger::Ledger;
use super::part::{Part, writer};
use crate::env;
use crate::git::signature::{AllowedSigners, Kind, Signature};
use crate::git::{Oid, Repo, trailer};
use crate::ops::generated::{AXIS, MOVE, PORT, REGENERATE};
use crate::process::{self, Cmd};

/// How many parts are verified together.
const BATCH_SIZE: usize = 8;

/// The accepted signers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Signers {
    allowed: AllowedSigners,
    /// Fingerprints in the ledger.
    authors: Vec<String>,
}

impl Signers {
    /// The user's allowed signers, and the authors of the ledger.
    pub(super) fn of(repo: &Repo, ledger: &Ledger) -> Self {
        let authors = ledger.authors.iter().map(|author| author.key.clone()).collect();
        let (file, revoked) =
            (user_file(repo, "gpg.ssh.allowedSignersFile"), user_file(repo, "gpg.ssh.revocationFile"));
        let allowed = match (file, revoked) {
            (Ok(file), Ok(revoked)) => AllowedSigners { file, revoked },
            // Ignore an allowed-signers file that a branch can contain, or whose revocation file is unusable.
            _ => AllowedSigners::default(),
        };
        Self { allowed, authors }
    }

    /// Whether no signature can be accepted.
    pub(super) fn is_empty(&self) -> bool {
        self.allowed.file.is_none() && self.authors.is_empty()
    }

    /// The first of `parts` that was written by a commit without an accepted signature.
    pub(super) fn unsigned<'a>(&self, repo: &Repo, parts: &'a [Part]) -> Result<Option<&'a Part>> {
        if self.is_empty() {
            return Ok(parts.first());
        }
        // Each signature costs a process and the checkout waits: stop at the first invalid one.
        let mut right = BTreeSet::new();
        for some in parts.chunks(BATCH_SIZE) {
            let mut written = Vec::new();
            for part in some {
                match writer(repo, part)? {
                    Some(commit) if right.contains(&commit) => {}
                    Some(commit) if self.may_count(repo, commit)? => written.push((part, commit)),
                    _ => return Ok(Some(part)),
                }
            }
            if written.is_empty() {
                continue;
            }
            let commits: BTreeSet<_> = written.iter().map(|(_, commit)| *commit).collect();
            let found = repo.signatures(&commits.into_iter().collect::<Vec<_>>(), &self.allowed)?;
            if let Some((part, _)) = written.iter().find(|(_, commit)| !self.counts(&found, *commit)) {
                return Ok(Some(part));
            }
            right.extend(written.into_iter().map(|(_, commit)| commit));
        }
        Ok(None)
    }

    fn counts(&self, right: &[Signature], commit: Oid) -> bool {
        let mut of_it = right.iter().filter(|signature| signature.commit == commit);
        of_it.any(|signature| signature.is_allowed || signature.keys.iter().any(|key| self.authors.contains(key)))
    }

    /// Whether a signature can be accepted. OpenPGP signatures are only checked if the ledger has an OpenPGP key:
    /// looking one up may access the network.
    fn may_count(&self, repo: &Repo, commit: Oid) -> Result<bool> {
        if is_made_by_a_change(repo, commit)? {
            return Ok(false);
        }
        let is_named = || self.authors.iter().any(|author| !author.starts_with(SSH));
        Ok(match repo.signed_with(commit)? {
            Some(Kind::Ssh) => true,
            Some(Kind::Other) => is_named(),
            None => false,
        })
    }
}

/// Whether a command changed existing points by this commit: it writes directories that its author need not have looked at.
fn is_made_by_a_change(repo: &Repo, commit: Oid) -> Result<bool> {
    let message = repo.commit(commit)?.message;
    Ok(trailer::parse(&message).iter().any(|(key, _)| [MOVE, AXIS, PORT, REGENERATE].contains(key)))
}

/// A file named in the user's configuration, outside of the repository.
fn user_file(repo: &Repo, key: &str) -> Result<Option<PathBuf>, UnusableFile> {
    let Some(text) = repo.user_config(key).filter(|text| !text.is_empty()) else { return Ok(None) };
    let path = match text.strip_prefix("~/") {
        Some(rest) => env::home().ok_or(UnusableFile)?.join(rest),
        None => PathBuf::from(text),
    };
    let real = path.canonicalize().map_err(|_| UnusableFile)?;
    if path.is_absolute() && !repo.surrounds(&real) { Ok(Some(real)) } else { Err(UnusableFile) }
}

/// The file does not exist or is inside the repository.
struct UnusableFile;

/// The prefix of an ssh key's fingerprint.
const SSH: &str = "SHA256:";
const SSH_DIGITS: usize = 43;

/// The argument is not a key.
#[derive(Debug, thiserror::Error)]
pub enum NotAKey {
    /// Neither a fingerprint nor a public key.
    #[error(
        "`{0}` is not a key: expected an ssh public key, its fingerprint (`SHA256:...`), or an OpenPGP fingerprint of 40 digits"
    )]
    Neither(String),
    /// It looks like a private key.
    #[error("that is a private key: expected the public one, which ends in `.pub`")]
    Private,
    /// The file cannot be read.
    #[error("could not read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// ssh-keygen could not be run.
    #[error(transparent)]
    Keygen(#[from] process::Error),
}

/// The fingerprint and comment of a key, given as fingerprint, ssh public key, or a file with one.
///
/// # Errors
/// When the argument is none of these.
pub fn key(text: &str) -> Result<(String, String), NotAKey> {
    let text = text.trim();
    let is_hex = |text: &str| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if is_hex(&bare) {
        return Ok((bare.to_uppercase(), String::new()));
    }
    let of_base64 = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    if text.strip_prefix(SSH).is_some_and(|digits| digits.len() == SSH_DIGITS && digits.chars().all(of_base64)) {
        return Ok((text.to_owned(), String::new()));
    }
    let path = Path::new(text);
    if !path.is_file() {
        return fingerprint(text);
    }
    let read = std::fs::read_to_string(path);
    fingerprint(&read.map_err(|source| NotAKey::Unreadable { path: path.to_owned(), source })?)
}

/// Parses `256 SHA256:... comment (ED25519)`, as ssh-keygen(1) prints it.
fn fingerprint(public: &str) -> Result<(String, String), NotAKey> {
    if public.contains("PRIVATE KEY") {
        return Err(NotAKey::Private);
    }
    let neither = || NotAKey::Neither(public.lines().next().unwrap_or_default().chars().take(60).collect());
    let one = public.trim();
    if one.is_empty() || one.contains('\n') {
        return Err(neither());
    }
    let output = Cmd::new("ssh-keygen").args(["-l", "-f", "-"]).stdin(format!("{one}\n")).output()?;
    let said = output.text();
    let key =
        said.split(' ').nth(1).filter(|key| output.status.success() && key.starts_with(SSH)).ok_or_else(neither)?;
    let comment = one.splitn(3, ' ').nth(2).unwrap_or_default();
    Ok((key.to_owned(), comment.to_owned()))
}
