//! Signatures: whose count, on which commits, and which configuration decides.

use std::fs;

use super::victim::{FileChange, Victim};
use crate::story::{at, branch, dir};

const STEP: &str = "its step.nix was not written here";
const SIGNED: &str = "git-lattice: building";

/// Makes an ssh key in the sandbox and returns the path of its public half.
fn ssh_key(victim: &Victim, name: &str) -> String {
    let key = victim.sandbox.path(name);
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(&key)
        .status();
    assert!(made.unwrap().success(), "ssh-keygen is needed for this test (Debian: openssh-client)");
    format!("{}.pub", key.display())
}

fn signer_line(public: &str) -> String {
    format!("ada@example.com {}", fs::read_to_string(public).unwrap())
}

/// Lets a clone sign all its commits.
fn sign_commits(victim: &Victim, clone: &str, public: &str) {
    for (key, value) in [("gpg.format", "ssh"), ("user.signingKey", public), ("commit.gpgSign", "true")] {
        victim.sandbox.git_in(clone, &["config", key, value]);
    }
}

/// Writes the user's allowed signers file.
fn allow_signers(victim: &Victim, lines: &str) {
    let file = victim.sandbox.path("home/signers");
    fs::write(&file, lines).unwrap();
    victim.sandbox.git(&["config", "--global", "gpg.ssh.allowedSignersFile", file.to_str().unwrap()]);
}

/// An attacker's point of template `step`, signed with the attacker's key; and that key.
fn with_signed_branch() -> (Victim, String) {
    let victim = Victim::new(None);
    let key = ssh_key(&victim, "ada");
    victim.receives_branch_with("step", &[("step.nix", FileChange::Text("{ ... }: 1\n".to_owned()))], |clone| {
        sign_commits(&victim, clone, &key);
    });
    (victim, key)
}

#[track_caller]
fn assert_switch_builds(victim: &Victim) {
    victim.sandbox.git(&["switch", "-q", "main"]);
    let said = victim.switch(&branch(&at("phase0/step1")));
    assert!(said.starts_with(SIGNED), "{said}");
}

#[test]
fn content_of_an_allowed_signer_is_built() {
    let (victim, key) = with_signed_branch();
    victim.assert_switch_explains(STEP);
    victim.sandbox.git(&["switch", "-q", "main"]);
    let other = ssh_key(&victim, "bob");
    allow_signers(&victim, &signer_line(&other));
    victim.assert_switch_explains(STEP);
    allow_signers(&victim, &format!("{}{}", signer_line(&other), signer_line(&key)));
    assert_switch_builds(&victim);
}

#[test]
fn revoked_expired_or_other_purpose_keys_do_not_count() {
    let (victim, key) = with_signed_branch();
    let line = |options: &str| signer_line(&key).replacen(' ', &format!(" {options} "), 1);
    for options in ["valid-before=\"20200101\"", "namespaces=\"file\"", "cert-authority"] {
        allow_signers(&victim, &line(options));
        victim.assert_switch_explains(STEP);
        victim.sandbox.git(&["switch", "-q", "main"]);
    }
    allow_signers(&victim, &signer_line(&key));
    victim.sandbox.git(&["config", "--global", "gpg.ssh.revocationFile", &key]);
    victim.assert_switch_explains(STEP);
    victim.sandbox.git(&["config", "--global", "gpg.ssh.revocationFile", "signers"]);
    victim.sandbox.git(&["switch", "-q", "main"]);
    victim.assert_switch_explains(STEP);
    victim.sandbox.git(&["config", "--global", "--unset", "gpg.ssh.revocationFile"]);
    assert_switch_builds(&victim);
}

#[test]
fn only_the_commit_that_wrote_the_directory_counts() {
    let (victim, key) = with_signed_branch();
    allow_signers(&victim, &signer_line(&key));
    victim.sandbox.git_in("stranger", &["config", "commit.gpgSign", "false"]);
    victim.receives_branch("step", &[("/README", FileChange::Text("another\n".to_owned()))]);
    assert_switch_builds(&victim);
    victim.receives_branch("step", &[("more.nix", FileChange::Text("1\n".to_owned()))]);
    victim.sandbox.git(&["merge", "-q", "--ff-only"]);
    victim.sandbox.git(&["switch", "-q", "main"]);
    assert!(
        victim.switch(&branch(&at("phase0/step1"))).contains(STEP),
        "an unsigned change on top should not be built"
    );
    // A later signature on another file, or on a merge, does not cover the unsigned change.
    victim.sandbox.git_in("stranger", &["config", "commit.gpgSign", "true"]);
    victim.receives_branch_with("step", &[("/README", FileChange::Text("signed\n".to_owned()))], |clone| {
        victim.sandbox.git_in(clone, &["branch", "-q", "side", "HEAD~1"]);
    });
    victim.sandbox.git_in("stranger", &["switch", "-q", "side"]);
    victim.sandbox.git_in("stranger", &["merge", "-q", "--no-edit", "-S", "--no-ff", &branch(&at("phase0/step1"))]);
    victim
        .sandbox
        .git_in("stranger", &["push", "-q", "-f", "origin", &format!("HEAD:{}", branch(&at("phase0/step1")))]);
    victim.sandbox.git(&["pull", "-q", "--ff-only"]);
    victim.sandbox.git(&["switch", "-q", "main"]);
    assert!(
        victim.switch(&branch(&at("phase0/step1"))).contains(STEP),
        "a signed merge of the unsigned change should not be built"
    );
}

#[test]
fn signature_on_next_step_does_not_cover_the_step_below() {
    let victim = Victim::new(None);
    let key = ssh_key(&victim, "ada");
    victim.receives_branch("step", &[]);
    allow_signers(&victim, &signer_line(&key));
    sign_commits(&victim, "stranger", &key);
    let next = ["next-step", &at("phase0/step1"), "--template", "config"];
    victim.sandbox.lattice_in("stranger", &next, |command| command).exits(0);
    victim.sandbox.git(&["fetch", "-q"]);
    let said = victim.switch(&branch(&at("phase0/step2")));
    assert!(said.contains(&format!("{}: {STEP}", at("phase0/step1"))) && said.lines().count() == 1, "{said}");
}

#[test]
fn signature_on_a_renaming_does_not_cover_what_it_moved() {
    let victim = Victim::new(None);
    victim.receives_branch("step", &[]);
    let (sandbox, foreign) = (&victim.sandbox, branch(&at("phase0/step1")));
    let key = ssh_key(&victim, "ada");
    allow_signers(&victim, &signer_line(&key));
    sign_commits(&victim, "work", &key);
    sandbox.git(&["branch", "-q", &foreign, &format!("origin/{foreign}")]);
    sandbox.lattice(&["axis", "rename", "step", "step{n}", "stage{n}"]).exits(0);
    sandbox.commit_lattice();
    let moved = foreign.replace("/step", "/stage");
    let signed = sandbox.git(&["log", "-1", "--format=%G?", &moved]);
    assert_eq!(signed, "G", "git should find the signature good, or the test shows nothing");
    assert!(!victim.switch(&moved).contains("in the background"));
}

#[test]
fn signature_on_a_regenerated_flake_does_not_cover_the_step() {
    let victim = Victim::new(None);
    victim.receives_branch("step", &[]);
    let (sandbox, point) = (&victim.sandbox, at("phase0/step1"));
    let key = ssh_key(&victim, "ada");
    allow_signers(&victim, &signer_line(&key));
    sign_commits(&victim, "work", &key);
    sandbox.git(&["branch", "-q", &branch(&point), &format!("origin/{}", branch(&point))]);
    sandbox.lattice(&["regenerate", &point, "--set", "a=1", "--no-push"]).exits(0).says_out("regenerated");
    let signed = sandbox.git(&["log", "-1", "--format=%G?", &branch(&point)]);
    assert_eq!(signed, "G", "git should find the signature good, or the test shows nothing");
    assert!(!victim.switch(&branch(&point)).contains("in the background"));
}

#[test]
fn repository_configuration_names_no_signers() {
    let (victim, key) = with_signed_branch();
    let sandbox = &victim.sandbox;
    let file = sandbox.path("home/signers");
    fs::write(&file, signer_line(&key)).unwrap();
    sandbox.git(&["config", "--local", "gpg.ssh.allowedSignersFile", file.to_str().unwrap()]);
    victim.assert_switch_explains(STEP);

    // Not even the file that the user configured, if a branch can supply it.
    victim.receives_branch("step", &[("/signers", FileChange::Text(signer_line(&key)))]);
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.git(&["branch", "-q", "-D", &branch(&at("phase0/step1"))]);
    for name in ["signers".to_owned(), sandbox.work().join("signers").display().to_string()] {
        sandbox.git(&["config", "--global", "gpg.ssh.allowedSignersFile", &name]);
        victim.assert_switch_explains(STEP);
        sandbox.git(&["switch", "-q", "main"]);
    }
    std::os::unix::fs::symlink(sandbox.work().join("signers"), sandbox.path("home/link")).unwrap();
    let link = sandbox.path("home/link").display().to_string();
    sandbox.git(&["config", "--global", "gpg.ssh.allowedSignersFile", &link]);
    let said = victim.switch(&branch(&at("phase0/step1")));
    assert!(said.contains(STEP), "a link to the file should count as the file: {said}");
}

#[test]
fn programs_in_repository_configuration_are_not_run() {
    let (victim, _) = with_signed_branch();
    let sandbox = &victim.sandbox;
    allow_signers(&victim, &signer_line(&ssh_key(&victim, "bob")));
    let liar = format!(
        "#!/bin/sh\ntouch '{}'\necho 'Good \"git\" signature for ada@example.com with ED25519 key SHA256:x'\n",
        victim.trace_file()
    );
    fs::write(sandbox.work().join("liar"), liar).unwrap();
    fs::set_permissions(sandbox.work().join("liar"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for key in ["gpg.program", "gpg.ssh.program", "gpg.openpgp.program", "gpg.x509.program"] {
        sandbox.git(&["config", "--local", key, sandbox.work().join("liar").to_str().unwrap()]);
    }
    sandbox.git(&["config", "--local", "gpg.minTrustLevel", "undefined"]);
    sandbox.git(&["config", "--global", "gpg.ssh.program", "./liar"]);
    victim.assert_switch_explains(STEP);
}

#[test]
fn author_is_trusted_by_key_file_text_or_fingerprint() {
    for how in ["file", "text", "fingerprint"] {
        let (victim, key) = with_signed_branch();
        let sandbox = &victim.sandbox;
        let known = std::process::Command::new("ssh-keygen").args(["-lf", &key]).output().unwrap().stdout;
        let fingerprint = String::from_utf8(known).unwrap().split(' ').nth(1).unwrap().to_owned();
        let given = match how {
            "file" => key,
            "text" => fs::read_to_string(&key).unwrap().trim().to_owned(),
            _ => fingerprint.clone(),
        };
        sandbox.lattice(&["trust", "--author", &given]).exits(2).says_err("--yes");
        victim.assert_switch_explains(STEP);
        sandbox.lattice(&["trust", "--author", &given, "--yes"]).exits(0).says_out(&format!("trusted  {fingerprint}"));
        sandbox.lattice(&["trust", "--author", &given, "--yes"]).exits(0).says_out("unchanged");
        sandbox.lattice(&["trust", "list"]).exits(0).says_out(&fingerprint);
        assert_switch_builds(&victim);
        sandbox.lattice(&["trust", "revoke", &fingerprint]).exits(0);
        sandbox.git(&["switch", "-q", "main"]);
        assert!(
            victim.switch(&branch(&at("phase0/step1"))).contains(STEP),
            "after revoking, it should be refused again"
        );
    }
}

#[test]
fn refuses_a_private_or_invalid_key() {
    let victim = Victim::new(None);
    let key = ssh_key(&victim, "ada");
    let sandbox = &victim.sandbox;
    let private = key.trim_end_matches(".pub").to_owned();
    let refused =
        |given: &str, said: &str| drop(sandbox.lattice(&["trust", "--author", given, "--yes"]).exits(2).says_err(said));
    refused(&private, "that is a private key");
    for given in ["ada", "SHA256:short", "ssh-ed25519 AAAA", "0123456789", "", "/"] {
        let run = sandbox.lattice(&["trust", "--author", given, "--yes"]).exits(2);
        assert!(run.stderr.starts_with("error: "), "`{given}`: {}", run.stderr);
    }
    refused("ssh-ed25519 AAAA", "is not a key: expected an ssh public key");
    sandbox.lattice(&["trust", "list"]).exits(0).says_err("nothing is trusted");
}

/// An OpenPGP key in the user's keyring, of ultimate validity; returns its fingerprint.
fn openpgp_key(victim: &Victim) -> String {
    let home = victim.sandbox.path("home/.gnupg");
    fs::create_dir_all(&home).unwrap();
    fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let gpg = |args: &[&str]| {
        let mut command = std::process::Command::new("gpg");
        victim.sandbox.environment(&mut command);
        let output = command.env("PATH", openpgp_path()).args(["--batch", "--quiet"]).args(args).output();
        let output = output.expect("gpg is needed for this test (Debian: gpg, gpg-agent)");
        assert!(output.status.success(), "gpg {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    gpg(&["--passphrase", "", "--quick-generate-key", "Ada <ada@example.com>", "ed25519", "sign", "never"]);
    let listed = gpg(&["--list-keys", "--with-colons"]);
    listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().split(':').nth(8).unwrap().to_owned()
}

fn openpgp_path() -> std::ffi::OsString {
    crate::nix_setup::var("PATH").unwrap()
}

#[test]
fn openpgp_key_counts_only_by_its_fingerprint() {
    let mut victim = Victim::new(None);
    let fingerprint = openpgp_key(&victim);
    let gpg = which::which("gpg").unwrap();
    victim.sandbox.use_program("gpg", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", gpg.display()));
    victim.receives_branch_with("step", &[("step.nix", FileChange::Text("{ ... }: 1\n".to_owned()))], |clone| {
        for (key, value) in [("user.signingKey", fingerprint.as_str()), ("commit.gpgSign", "true")] {
            victim.sandbox.git_in(clone, &["config", key, value]);
        }
    });
    let signed = victim.sandbox.git(&["log", "-1", "--format=%G?", &format!("origin/{}", branch(&at("phase0/step1")))]);
    assert_eq!(signed, "G", "git should find the signature good, or the test shows nothing");
    let before = victim.files();
    let said = victim.switch(&branch(&at("phase0/step1")));
    assert!(
        said.contains(STEP) && !victim.sandbox.nix_was_called(),
        "a key named only by its owner should not count: {said}"
    );
    assert_eq!(victim.files().len(), before.len());
    victim.sandbox.lattice(&["trust", "--author", &fingerprint.to_lowercase(), "--yes"]).exits(0);
    assert_switch_builds(&victim);
}

#[test]
fn forged_ssh_signature_starts_no_gpg() {
    let mut victim = Victim::new(None);
    let trace = victim.trace_file();
    victim.sandbox.use_program("gpg", &format!("#!/bin/sh\ntouch '{trace}'\nexit 1\n"));
    let key = ssh_key(&victim, "ada");
    allow_signers(&victim, &signer_line(&key));
    victim.receives_branch("step", &[("step.nix", FileChange::Text("{ ... }: 1\n".to_owned()))]);
    let name = branch(&at("phase0/step1"));
    let commit = victim.sandbox.git_in("stranger", &["cat-file", "commit", "HEAD"]);
    let armour = "-----BEGIN PGP SIGNATURE-----\n Comment: SSH SIGNATURE\n \n AAAA\n -----END PGP SIGNATURE-----";
    let (head, message) = commit.split_once("\n\n").unwrap();
    std::fs::write(victim.sandbox.path("commit"), format!("{head}\ngpgsig {armour}\n\n{message}\n")).unwrap();
    let forged = victim.sandbox.git_in("stranger", &["hash-object", "-t", "commit", "-w", "../commit"]);
    victim.sandbox.git_in("stranger", &["push", "-q", "-f", "origin", &format!("{}:refs/heads/{name}", forged.trim())]);
    victim.sandbox.git(&["fetch", "-q"]);
    victim.assert_switch_explains(STEP);
    assert!(!std::path::Path::new(&trace).exists(), "gpg might ask the network for a key");
}

#[test]
fn long_history_is_left_to_the_background() {
    let (victim, key) = with_signed_branch();
    allow_signers(&victim, &signer_line(&key));
    let sandbox = &victim.sandbox;
    let name = branch(&at("phase0/step1"));
    let commits = (0..900).fold(String::new(), |text, _| {
        text + &format!("commit refs/heads/{name}\ncommitter A <a@example.com> 0 +0000\ndata 1\nx\n")
    });
    let from = commits.replacen("data 1\nx\n", &format!("data 1\nx\nfrom refs/heads/{name}^0\n"), 1);
    fs::write(sandbox.path("commits"), from).unwrap();
    let import = format!(
        "git -C '{}' fast-import --quiet <'{}'",
        sandbox.path("stranger").display(),
        sandbox.path("commits").display()
    );
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &import]);
    sandbox.environment(&mut command);
    assert!(command.status().unwrap().success(), "the history should be made");
    sandbox.git_in("stranger", &["push", "-q", "origin", &name]);
    sandbox.git(&["fetch", "-q"]);
    let said = victim.switch(&name);
    assert!(said.contains("too much data for the trust check to read during a checkout"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// The user's signature on a new step does not cover the step.nix that it took over.
#[test]
fn signature_of_a_next_step_covers_no_inherited_step_nix() {
    let victim = Victim::new(None);
    let (sandbox, [one, two]) = (&victim.sandbox, ["phase0/step1", "phase0/step2"].map(at));
    let key = ssh_key(&victim, "ada");
    sign_commits(&victim, "work", &key);
    allow_signers(&victim, &signer_line(&key));
    victim.receives_branch("step", &[("step.nix", FileChange::Text("{ ... }: 1\n".to_owned()))]);
    sandbox.lattice(&["next-step", &one, "--no-push", "--no-switch"]).exits(0);
    victim.switch(&branch(&one));
    sandbox.write(&format!("{}/step.nix", dir(&one)), "{ ... }: 2\n");
    sandbox.git(&["commit", "-q", "-a", "-m", "write it anew"]);
    sandbox.lattice(&["restack", "--no-push"]).exits(0);
    let said = victim.switch(&branch(&two));
    assert!(said.contains(STEP), "the signature is of what git-lattice copied: {said}");
    sandbox.write(&format!("{}/step.nix", dir(&two)), "{ ... }: 3\n");
    sandbox.git(&["commit", "-q", "-a", "-m", "write it anew"]);
    assert_switch_builds(&victim);
}
