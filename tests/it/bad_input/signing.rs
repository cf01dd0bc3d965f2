//! Author, committer and signatures.

use crate::sandbox::Sandbox;

const BRANCH: &str = "feature/toolchain/aarch64/phase0/step1";
const NEW: [&str; 4] = ["new", "--arch", "aarch64", "--no-switch"];

fn unset_config(sandbox: &Sandbox, key: &str) {
    sandbox.git(&["config", "--global", "--unset", key]);
}

#[test]
fn missing_user_name_or_email_is_named() {
    for key in ["user.name", "user.email"] {
        let sandbox = Sandbox::new();
        unset_config(&sandbox, key);
        sandbox.git(&["config", "--global", "user.useConfigOnly", "true"]);
        let run =
            sandbox.refused(&NEW).exits(2).says_err("git does not know who you are").says_err(&format!("`{key}`"));
        run.says_err(&format!("hint: `git config --global {key} VALUE`"));
        sandbox.lattice(&["status"]).exits(0);
    }
}

#[test]
fn author_and_committer_come_from_the_environment() {
    let sandbox = Sandbox::new();
    unset_config(&sandbox, "user.name");
    unset_config(&sandbox, "user.email");
    let who = [
        ("GIT_AUTHOR_NAME", "Ada"),
        ("GIT_AUTHOR_EMAIL", "ada@x"),
        ("GIT_COMMITTER_NAME", "Bob"),
        ("GIT_COMMITTER_EMAIL", "bob@x"),
    ];
    sandbox.lattice_in("work", &NEW, |command| command.envs(who)).exits(0);
    let shown = sandbox.git(&["log", "-1", "--format=%an %ae %cn %ce", BRANCH]);
    assert_eq!(shown, "Ada ada@x Bob bob@x", "author and committer should be those of the environment");
}

#[test]
fn git_dash_c_configuration_is_honoured() {
    let sandbox = Sandbox::new();
    let args = ["-c", "user.name=It's \"me\" = née", "-c", "user.email=me@x", "lattice", "new", "--arch", "aarch64"];
    sandbox.git(&[&args[..], &["--no-switch"]].concat());
    let shown = sandbox.git(&["log", "-1", "--format=%an %ae", BRANCH]);
    assert_eq!(shown, "It's \"me\" = née me@x", "`git -c` should reach the commit");

    let counted = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "user.name"), ("GIT_CONFIG_VALUE_0", "Counted")];
    let step2 = ["next-step", "toolchain/aarch64/phase0/step1", "--no-switch"];
    sandbox.lattice_in("work", &step2, |command| command.envs(counted)).exits(0);
    let shown = sandbox.git(&["log", "-1", "--format=%an", "feature/toolchain/aarch64/phase0/step2"]);
    assert_eq!(shown, "Counted", "GIT_CONFIG variables should reach the commit");
}

/// Makes an ssh key and configures git to sign commits with it.
pub(crate) fn sign_with_ssh(sandbox: &Sandbox) {
    let key = sandbox.path("home/key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(&key)
        .status();
    assert!(made.unwrap().success(), "ssh-keygen is needed for this test (Debian: openssh-client)");
    let public = std::fs::read_to_string(sandbox.path("home/key.pub")).unwrap();
    std::fs::write(sandbox.path("home/signers"), format!("author@example.com {public}")).unwrap();
    let path = |name: &str| sandbox.path(name).display().to_string();
    for (name, value) in [
        ("gpg.format", "ssh".to_owned()),
        ("user.signingKey", path("home/key.pub")),
        ("gpg.ssh.allowedSignersFile", path("home/signers")),
        ("commit.gpgSign", "true".to_owned()),
    ] {
        sandbox.git(&["config", "--global", name, &value]);
    }
}

#[test]
fn commits_are_signed_when_git_is_configured_to() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&NEW).exits(0);
    assert!(!sandbox.try_git("work", &["verify-commit", BRANCH]).status.success(), "no signature was requested");
    sign_with_ssh(&sandbox);
    sandbox.lattice(&["new", "--arch", "x86_64", "--no-switch"]).exits(0).says_out("created");
    sandbox.git(&["verify-commit", "feature/toolchain/x86_64/phase0/step1"]);
    let good = sandbox.git(&["log", "-1", "--format=%G?", "feature/toolchain/x86_64/phase0/step1"]);
    assert_eq!(good, "G", "git should find the signature good");
    sandbox.lattice(&["new", "--arch", "x86_64", "--no-switch"]).exits(0).says_out("unchanged");
}

#[test]
fn missing_signing_key_writes_nothing() {
    let sandbox = Sandbox::new();
    sign_with_ssh(&sandbox);
    std::fs::remove_file(sandbox.path("home/key")).unwrap();
    let run = sandbox.refused(&NEW).exits(2).says_err("could not sign the commit");
    run.says_err("home/key");
    sandbox.git(&["config", "--global", "--unset", "user.signingKey"]);
    sandbox.refused(&NEW).exits(2).says_err("sign");
}

#[test]
fn invalid_date_moves_no_ref() {
    let sandbox = Sandbox::new();
    let before = sandbox.state();
    let run = sandbox.lattice_in("work", &NEW, |command| command.env("GIT_COMMITTER_DATE", "yesterdayish"));
    assert!(run.code != 0, "git should refuse the key: {}", run.stdout);
    run.says_err("yesterdayish");
    assert_eq!(sandbox.state(), before, "no ref should be written");
}
