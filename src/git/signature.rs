//! Commit signatures, verified by git with only the user's own configuration.

use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;

use super::effort::PROGRAM;
use super::exe::Git;
use super::{Oid, Repo, Result, parse_oid, reading};
use crate::env;
use crate::process::Cmd;

/// How a commit is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// With an ssh key.
    Ssh,
    /// With OpenPGP or X.509.
    Other,
}

/// A valid signature of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The commit.
    pub commit: Oid,
    /// Whether it was made with an ssh key of an allowed signer.
    pub is_allowed: bool,
    /// The fingerprints of the key and, for a subkey, of its primary key.
    pub keys: Vec<String>,
}

/// The allowed signers in the user's own git configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedSigners {
    /// `gpg.ssh.allowedSignersFile`.
    pub file: Option<PathBuf>,
    /// `gpg.ssh.revocationFile`.
    pub revoked: Option<PathBuf>,
}

/// The verification programs: configuration key and default value.
const PROGRAMS: [(&str, &str); 4] = [
    ("gpg.program", "gpg"),
    ("gpg.openpgp.program", "gpg"),
    ("gpg.x509.program", "gpgsm"),
    ("gpg.ssh.program", "ssh-keygen"),
];

/// The first line of an ssh signature, which git verifies with ssh-keygen and not gpg (gpg-interface.c).
const SSH: &[u8] = b"-----BEGIN SSH SIGNATURE-----";

impl Repo {
    /// A value of the user's or the system's git configuration, ignoring the repository's.
    pub fn user_config(&self, key: &str) -> Option<String> {
        use gix::config::Source::{Git, GitInstallation, System, User};
        let is_the_users =
            |meta: &gix::config::file::Metadata| matches!(meta.source, GitInstallation | System | Git | User);
        let config = self.gix.config_snapshot();
        config.plumbing().string_filter(key, is_the_users).map(|value| value.to_str_lossy().into_owned())
    }

    /// The kind of a commit's signature, if any, without verifying it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn signed_with(&self, commit: Oid) -> Result<Option<Kind>> {
        let commit = self.object(commit, "commit")?.try_into_commit().map_err(reading("a commit"))?;
        let decoded = commit.decode().map_err(reading("a commit"))?;
        let signature = decoded.extra_headers().pgp_signature();
        Ok(signature.map(|text| if text.starts_with(SSH) { Kind::Ssh } else { Kind::Other }))
    }

    /// Verify the signatures of `commits` with one git command, and return the valid ones.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn signatures(&self, commits: &[Oid], allowed: &AllowedSigners) -> Result<Vec<Signature>> {
        self.effort.charge(PROGRAM.saturating_mul(commits.len() as u64))?;
        let cmd = self.verifier(allowed).args(commits.iter().map(ToString::to_string)).arg("--");
        let output = cmd.output()?.text();
        Ok(output.lines().filter_map(|line| signature(line, allowed.file.is_some())).collect())
    }

    /// `git log` with all settings of signature verification pinned, so that neither the repository's configuration nor a worktree
    /// file can affect the result.
    fn verifier(&self, allowed: &AllowedSigners) -> Cmd {
        let programs = PROGRAMS.map(|(key, default)| {
            // A relative path would name a file of the worktree.
            let is_fixed = |program: &String| !program.contains('/') || Path::new(program).is_absolute();
            (key, self.user_config(key).filter(is_fixed).unwrap_or_else(|| default.to_owned()))
        });
        // Without a file git does not verify ssh signatures at all.
        let no_signers = Path::new("/dev/null");
        let path = |path: &Option<PathBuf>| path.as_deref().unwrap_or(no_signers).display().to_string();
        let mut settings = programs.to_vec();
        settings.push(("gpg.ssh.allowedSignersFile", path(&allowed.file)));
        settings.push((
            "gpg.ssh.revocationFile",
            allowed.revoked.as_ref().map_or_else(String::new, |file| file.display().to_string()),
        ));
        settings.push(("gpg.minTrustLevel", "undefined".to_owned()));
        verify(self.git(), self.common_dir(), &settings)
    }
}

fn verify(git: &Git, git_dir: &Path, settings: &[(&str, String)]) -> Cmd {
    let cmd = Cmd::new(git.program()).cwd(git_dir).only_env(env::for_verifying());
    let cmd = cmd.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_REPLACE_OBJECTS", "1");
    let cmd = cmd.arg("--no-pager").arg("--git-dir").arg(git_dir);
    settings.iter().fold(cmd, |cmd, (key, value)| cmd.arg("-c").arg(format!("{key}={value}"))).args([
        "log",
        "--no-walk=unsorted",
        "--no-show-signature",
        "--no-color",
        "--format=%H %G? %GF %GP",
    ])
}

/// Parse `%H %G? %GF %GP` of git-log(1); `None` unless the signature is valid. `U` is a valid signature by a key of unknown validity.
/// For OpenPGP, `G` only says that the key belongs to its user id, so such a key counts only by fingerprint.
fn signature(line: &str, has_file: bool) -> Option<Signature> {
    let mut words = line.split(' ');
    let (commit, status) = (parse_oid(words.next()?).ok()?, words.next()?);
    if !matches!(status, "G" | "U") {
        return None;
    }
    let keys: Vec<_> = words.filter(|key| !key.is_empty()).map(str::to_owned).collect();
    let is_ssh = keys.iter().any(|key| key.starts_with("SHA256:"));
    Some(Signature { commit, is_allowed: has_file && is_ssh && status == "G", keys })
}
