//! Signatures of commits, verified by git itself with nothing but the user's own configuration.

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

/// A signature that is right: it was made over this commit by the owner of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The commit.
    pub commit: Oid,
    /// Whether an ssh key made it that is among the allowed signers.
    pub is_allowed: bool,
    /// The fingerprints of the key, and of the primary key where it is a subkey.
    pub keys: Vec<String>,
}

/// Who may sign, by the user's own configuration of git.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedSigners {
    /// `gpg.ssh.allowedSignersFile`.
    pub file: Option<PathBuf>,
    /// `gpg.ssh.revocationFile`.
    pub revoked: Option<PathBuf>,
}

/// The programs that verify: the configuration key, its value unless the user has another.
const PROGRAMS: [(&str, &str); 4] = [
    ("gpg.program", "gpg"),
    ("gpg.openpgp.program", "gpg"),
    ("gpg.x509.program", "gpgsm"),
    ("gpg.ssh.program", "ssh-keygen"),
];

/// How the signature begins for which git calls ssh-keygen and not gpg (gpg-interface.c).
const SSH: &[u8] = b"-----BEGIN SSH SIGNATURE-----";

impl Repo {
    /// A value of git's configuration from the user's or the machine's files: what the repository's own say does not count.
    pub fn user_config(&self, key: &str) -> Option<String> {
        use gix::config::Source::{Git, GitInstallation, System, User};
        let is_the_users =
            |meta: &gix::config::file::Metadata| matches!(meta.source, GitInstallation | System | Git | User);
        let config = self.gix.config_snapshot();
        config.plumbing().string_filter(key, is_the_users).map(|value| value.to_str_lossy().into_owned())
    }

    /// How a commit is signed, if it is; whether the signature is right is another question.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn signed_with(&self, commit: Oid) -> Result<Option<Kind>> {
        let commit = self.object(commit, "commit")?.try_into_commit().map_err(reading("a commit"))?;
        let decoded = commit.decode().map_err(reading("a commit"))?;
        let signature = decoded.extra_headers().pgp_signature();
        Ok(signature.map(|text| if text.starts_with(SSH) { Kind::Ssh } else { Kind::Other }))
    }

    /// The right signatures among those of `commits`. One git looks at all of them.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn signatures(&self, commits: &[Oid], allowed: &AllowedSigners) -> Result<Vec<Signature>> {
        self.effort.charge(PROGRAM.saturating_mul(commits.len() as u64))?;
        let cmd = self.verifier(allowed).args(commits.iter().map(ToString::to_string)).arg("--");
        let said = cmd.output()?.text();
        Ok(said.lines().filter_map(|line| signature(line, allowed.file.is_some())).collect())
    }

    /// `git log` with each setting that verification reads pinned: no configuration of the repository's and no file of the worktree
    /// has a say in who signed what.
    fn verifier(&self, allowed: &AllowedSigners) -> Cmd {
        let programs = PROGRAMS.map(|(key, usual)| {
            // A relative path would be one in the worktree.
            let is_fixed = |program: &String| !program.contains('/') || Path::new(program).is_absolute();
            (key, self.user_config(key).filter(is_fixed).unwrap_or_else(|| usual.to_owned()))
        });
        // Without a file git would not look at ssh signatures at all.
        let nobody = Path::new("/dev/null");
        let path = |path: &Option<PathBuf>| path.as_deref().unwrap_or(nobody).display().to_string();
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

/// `%H %G? %GF %GP` of git-log(1). `U` is a right signature of a key about which nothing is known; for OpenPGP `G` says only that
/// the key belongs to whom it says, so that such a key counts by its fingerprint alone.
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
