//! What Nix gets of the user's environment.

use std::fs;

use super::victim::{FileChange, Victim};
use crate::nix_setup::every_nix;
use crate::story::{at, branch, here};

/// Variables that a build must not see, and some that it needs.
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

/// The names of the given variables that any `nix` saw.
fn variables_seen_by_nix(victim: &Victim) -> Vec<&'static str> {
    let all = fs::read_to_string(victim.sandbox.path("environment")).unwrap();
    let is_seen = |name: &&str| all.lines().any(|line| line.starts_with(&format!("{name}=")));
    GIVEN.iter().map(|(name, _)| *name).filter(is_seen).collect()
}

#[test]
fn ssh_agent_reaches_only_typed_builds() {
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
        assert_eq!(variables_seen_by_nix(&victim), needed, "an automatic build should not get the agent");

        fs::remove_file(&file).unwrap();
        let build = ["build", "--again"];
        victim.sandbox.lattice_in("work", &build, |command| command.envs(GIVEN)).exits(0);
        assert_eq!(
            variables_seen_by_nix(&victim),
            [&["SSH_AUTH_SOCK"][..], &needed].concat(),
            "a typed build may use the agent"
        );
    }
}

/// An attacker's step that asks for these variables, where Nix has no daemon; it prints what it got and fails.
fn step_printing_its_environment() -> FileChange {
    let attributes = format!(
        "name = \"x\"; system = \"{}-linux\"; builder = \"/bin/sh\"; outputHashMode = \"flat\"; outputHashAlgo = \"sha256\"; \
         outputHash = \"{}\"; impureEnvVars = [ \"NIX_CONFIG\" \"NIX_USER_CONF_FILES\" ];",
        here(),
        "0".repeat(64)
    );
    let script = r#"seen=nothing; IFS=:; for file in $NIX_USER_CONF_FILES; do [ -e "$file" ] && seen=$file; done
        [ -e /marker ] && marker=marker; echo "$marker, cores $NIX_BUILD_CORES, got <$NIX_CONFIG> and $seen"; exit 3"#;
    FileChange::Text(format!("{{ ... }}: derivation {{ {attributes} args = [ \"-c\" ''{script}'' ]; }}"))
}

/// Where Nix finds the user's configuration files: the configuration folder, or a variable that names them.
#[test]
fn nix_config_is_used_but_hidden_from_builders() {
    for (nix, named) in every_nix().into_iter().flat_map(|nix| [(nix.clone(), false), (nix, true)]) {
        let victim = Victim::new(Some(&nix));
        let sandbox = &victim.sandbox;
        for program in ["nix/bin/nix", "nix/bin/nix-store"] {
            let script = fs::read_to_string(sandbox.path(program)).unwrap();
            let script = script.replace("NIX_USER_CONF_FILES=/dev/null HOME=\"$home\"", "");
            fs::write(sandbox.path(program), script.replace("XDG_CONFIG_HOME=\"$home/config\"", "")).unwrap();
        }
        let file = if named { "named.conf" } else { "home/.config/nix/nix.conf" };
        let file = sandbox.path(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "cores = 5\nextra-sandbox-paths = /marker=/bin/busybox\n").unwrap();
        victim.receives_branch("step", &[("step.nix", step_printing_its_environment())]);
        let run = sandbox.lattice_in("work", &["build", &at("phase0/step1")], |command| {
            command.env("NIX_CONFIG", "access-tokens = example.org=hidden\ncores = 7");
            if named { command.env("NIX_USER_CONF_FILES", &file) } else { command }
        });
        run.exits(2).says_err("marker, cores 7, got <> and nothing");
        let left = fs::read_dir(sandbox.path("home/.cache/git-lattice")).unwrap();
        let is_config = |name: &String| name.starts_with("nix.conf");
        let left: Vec<_> =
            left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(is_config).collect();
        assert_eq!(left, <[&str; 0]>::default(), "the file should go when the command ends");
    }
}
