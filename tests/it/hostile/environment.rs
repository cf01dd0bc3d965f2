//! What Nix gets of the user's environment.

use std::fs;

use super::victim::Victim;
use crate::nix_setup::every_nix;
use crate::story::{at, branch};

/// Variables that a build may not see, and some that it needs.
const GIVEN: [(&str, &str); 9] = [
    ("SSH_AUTH_SOCK", "/agent"),
    ("GITHUB_TOKEN", "secret"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("GIT_CONFIG_PARAMETERS", "'a.b'='c'"),
    ("GIT_SSH_COMMAND", "evil"),
    ("DISPLAY", ":0"),
    ("NIX_SSHOPTS", "-p 22"),
    ("https_proxy", "http://proxy"),
    ("SSL_CERT_FILE", "/certificates"),
];

/// The names of given variables that any `nix` saw.
fn seen(victim: &Victim) -> Vec<&'static str> {
    let all = fs::read_to_string(victim.sandbox.path("environment")).unwrap();
    let is_seen = |name: &&str| all.lines().any(|line| line.starts_with(&format!("{name}=")));
    GIVEN.iter().map(|(name, _)| *name).filter(is_seen).collect()
}

#[test]
fn nix_gets_what_it_needs_and_the_agent_only_where_somebody_typed() {
    for nix in every_nix() {
        let mut victim = Victim::new(Some(&nix));
        let file = victim.sandbox.path("environment").display().to_string();
        let inner = victim.sandbox.path("nix/bin/nix").display().to_string();
        victim.sandbox.use_program("nix", &format!("#!/bin/sh\nenv >>'{file}'\nexec '{inner}' \"$@\"\n"));
        victim.sandbox.points(&[&at("phase0/step1")]);
        let mut switch = std::process::Command::new("git");
        victim.sandbox.environment(&mut switch);
        switch.args(["switch", "-q", &branch(&at("phase0/step1"))]).current_dir(victim.sandbox.work()).envs(GIVEN);
        assert!(switch.status().unwrap().success());
        assert_eq!(victim.verdicts(1), ["built"]);
        let needed = ["NIX_SSHOPTS", "https_proxy", "SSL_CERT_FILE"];
        assert_eq!(seen(&victim), needed, "nobody typed it");

        fs::remove_file(&file).unwrap();
        let build = ["build", "--again"];
        victim.sandbox.lattice_in("work", &build, |command| command.envs(GIVEN)).exits(0);
        assert_eq!(seen(&victim), [&["SSH_AUTH_SOCK"][..], &needed].concat(), "what is typed may use the agent");
    }
}
