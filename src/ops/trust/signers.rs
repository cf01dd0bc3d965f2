//! Whose signatures count, and on what.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::ledger::Ledger;
use super::parts::Part;
use crate::env;
use crate::git::signature::{AllowedSigners, Kind, Signature};
use crate::git::tree::Entry;
use crate::git::{Oid, Repo};
use crate::process::{self, Cmd};

/// How far back the commit that wrote something is looked for.
const COMMITS: usize = 1000;
/// How many parts are looked at together.
const AT_ONCE: usize = 8;

/// Those whose signatures count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Signers {
    allowed: AllowedSigners,
    /// Fingerprints that the user's ledger holds.
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
            // Nobody is allowed by a list that others can write, nor by one without its revocations.
            _ => AllowedSigners::default(),
        };
        Self { allowed, authors }
    }

    /// The first of `parts` that was written by a commit without a signature that counts.
    pub(super) fn unsigned<'a>(&self, repo: &Repo, tip: Oid, parts: &'a [Part]) -> Result<Option<&'a Part>> {
        if self.allowed.file.is_none() && self.authors.is_empty() {
            return Ok(parts.first());
        }
        // A stranger's thousand signatures would cost a thousand programs, and a checkout waits: the first wrong one ends it.
        let mut right = BTreeSet::new();
        for some in parts.chunks(AT_ONCE) {
            let mut written = Vec::new();
            for part in some {
                match writer(repo, tip, &part.path, &part.entry)? {
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

    /// An OpenPGP key is never asked about where none is named: looking one up can reach for the network.
    fn may_count(&self, repo: &Repo, commit: Oid) -> Result<bool> {
        let is_named = || self.authors.iter().any(|author| !author.starts_with(SSH));
        Ok(match repo.signed_with(commit)? {
            Some(Kind::Ssh) => true,
            Some(Kind::Other) => is_named(),
            None => false,
        })
    }
}

/// The commit that wrote what is at `path`: going back through the parents that have the same, the first none of whose parents does.
/// `None` when that is too far back, or beyond where history was cut off.
pub(super) fn writer(repo: &Repo, tip: Oid, path: &str, entry: &Entry) -> Result<Option<Oid>> {
    let mut at = tip;
    for _ in 0..COMMITS {
        let mut same = None;
        for parent in repo.commit(at)?.parents {
            let Ok(tree) = repo.tree_of_commit(parent) else { return Ok(None) };
            if repo.holds(tree, path, entry)? {
                same = Some(parent);
                break;
            }
        }
        match same {
            Some(parent) => at = parent,
            None => return Ok(Some(at)),
        }
    }
    Ok(None)
}

/// A file that the user's configuration names and that no branch can hold.
fn user_file(repo: &Repo, key: &str) -> Result<Option<PathBuf>, Unfit> {
    let Some(text) = repo.user_config(key).filter(|text| !text.is_empty()) else { return Ok(None) };
    let path = match text.strip_prefix("~/") {
        Some(rest) => env::home().ok_or(Unfit)?.join(rest),
        None => PathBuf::from(text),
    };
    let real = path.canonicalize().map_err(|_| Unfit)?;
    if path.is_absolute() && !repo.surrounds(&real) { Ok(Some(real)) } else { Err(Unfit) }
}

/// The file is not there, or is one that comes with a branch.
struct Unfit;

/// How the fingerprint of an ssh key begins.
const SSH: &str = "SHA256:";
const SSH_DIGITS: usize = 43;

/// What was given is no key.
#[derive(Debug, thiserror::Error)]
pub enum NotAKey {
    /// Neither a fingerprint nor a public key.
    #[error(
        "`{0}` is no key: expected an ssh public key, its fingerprint (`SHA256:...`), or an OpenPGP fingerprint of 40 digits"
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
        /// What the system said.
        source: io::Error,
    },
    /// ssh-keygen could not be run.
    #[error(transparent)]
    Keygen(#[from] process::Error),
}

/// The fingerprint of what somebody named: a fingerprint, an ssh public key, or a file that holds one; and its comment.
///
/// # Errors
/// When it is none of these.
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

/// `256 SHA256:... comment (ED25519)`, as ssh-keygen(1) prints it.
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
