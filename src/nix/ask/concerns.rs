//! What in Nix' settings makes building what others wrote dangerous.

use crate::env;
use crate::nix::read::settings::{Sandbox, Settings};
use crate::process::Cmd;

/// Who runs Nix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name of the user.
    pub user: String,
    /// The names of the groups that the user is in.
    pub groups: Vec<String>,
    /// Whether the user is root, who needs nobody's trust.
    pub is_root: bool,
}

impl Account {
    /// The user that runs this process. Groups that `id` does not tell are not known.
    pub fn here() -> Self {
        let groups = Cmd::new("id").arg("-Gn").read().map(|said| said.text()).unwrap_or_default();
        Self {
            user: env::user().unwrap_or_default(),
            groups: groups.split_whitespace().map(str::to_owned).collect(),
            is_root: rustix::process::geteuid().is_root(),
        }
    }
}

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concern {
    /// Nix' daemon takes every setting from this user.
    TrustedUser {
        /// The entry of `trusted-users` that says so: a name, `@GROUP` or `*`.
        entry: String,
    },
    /// Builds can see and change the machine.
    NoSandbox,
    /// A derivation can ask to be built outside of the sandbox.
    RelaxedSandbox,
    /// Where the kernel has no sandbox, builds go on without one.
    SandboxFallback,
    /// A flake brings settings that nobody is asked about.
    AcceptFlakeConfig,
}

impl Concern {
    /// What is so, and what follows from it.
    pub fn sentence(&self) -> String {
        match self {
            Self::TrustedUser { entry } => format!(
                "`trusted-users` has `{entry}`, so Nix' daemon takes any setting from you: what runs as you can become root"
            ),
            Self::NoSandbox => "`sandbox` is off: a build that you type runs with all your rights".to_owned(),
            Self::RelaxedSandbox => "`sandbox` is relaxed: a derivation can ask to be built outside of it".to_owned(),
            Self::SandboxFallback => {
                "`sandbox-fallback` is on: where the kernel has no sandbox, builds go on without one".to_owned()
            }
            Self::AcceptFlakeConfig => {
                "`accept-flake-config` is on: any flake that you build by hand can have Nix run a program as you"
                    .to_owned()
            }
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::TrustedUser { entry } => {
                format!(
                    "take `{entry}` out of `trusted-users` in /etc/nix/nix.conf, and name caches in `trusted-substituters`"
                )
            }
            Self::NoSandbox | Self::RelaxedSandbox => "set `sandbox = true` in nix.conf".to_owned(),
            Self::SandboxFallback => "set `sandbox-fallback = false` in nix.conf".to_owned(),
            Self::AcceptFlakeConfig => "set `accept-flake-config = false` in nix.conf".to_owned(),
        }
    }
}

/// What there is to look at, the worst first. A build that nobody typed is sandboxed and takes nothing from flakes whatever the
/// settings are; these are about the others.
pub fn concerns(settings: &Settings, account: &Account) -> Vec<Concern> {
    let mut found = Vec::new();
    match settings.sandbox {
        Sandbox::Off => found.push(Concern::NoSandbox),
        Sandbox::Relaxed => found.push(Concern::RelaxedSandbox),
        Sandbox::On => {}
    }
    if settings.sandbox != Sandbox::Off && settings.sandbox_fallback {
        found.push(Concern::SandboxFallback);
    }
    if settings.accept_flake_config {
        found.push(Concern::AcceptFlakeConfig);
    }
    let means_us = |entry: &&String| match entry.strip_prefix('@') {
        Some(group) => account.groups.iter().any(|own| own == group),
        None => *entry == "*" || **entry == account.user,
    };
    if let Some(entry) = settings.trusted_users.iter().find(means_us).filter(|_| !account.is_root) {
        found.push(Concern::TrustedUser { entry: entry.clone() });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: &str) -> Settings {
        let json = format!(
            r#"{{"system":{{"value":"x86_64-linux"}},"sandbox":{{"value":true}},"sandbox-fallback":{{"value":false}}{more}}}"#
        );
        Settings::parse(json.as_bytes()).unwrap()
    }

    fn ada() -> Account {
        Account { user: "ada".to_owned(), groups: vec!["users".to_owned(), "wheel".to_owned()], is_root: false }
    }

    fn trusting(users: &str) -> Settings {
        settings(&format!(r#","trusted-users":{{"value":[{users}]}}"#))
    }

    #[test]
    fn careful_settings_concern_nobody() {
        assert_eq!(concerns(&settings(""), &ada()), []);
        assert_eq!(concerns(&trusting(r#""root","bob","@admins""#), &ada()), []);
    }

    #[test]
    fn whoever_the_daemon_trusts_is_told_by_which_entry() {
        for (users, entry) in [(r#""root","ada""#, "ada"), (r#""@users""#, "@users"), (r#""*""#, "*")] {
            let entry = entry.to_owned();
            assert_eq!(concerns(&trusting(users), &ada()), [Concern::TrustedUser { entry }], "{users}");
        }
        let root = Account { user: "root".to_owned(), groups: Vec::new(), is_root: true };
        assert_eq!(concerns(&trusting(r#""root""#), &root), [], "root is root without it");
    }

    #[test]
    fn each_dangerous_setting_is_named_with_its_remedy() {
        for (setting, value, expected) in [
            ("sandbox", "false", Concern::NoSandbox),
            ("sandbox", "\"relaxed\"", Concern::RelaxedSandbox),
            ("sandbox-fallback", "true", Concern::SandboxFallback),
            ("accept-flake-config", "true", Concern::AcceptFlakeConfig),
        ] {
            let found = concerns(&settings(&format!(r#","{setting}":{{"value":{value}}}"#)), &ada());
            assert_eq!(found, [expected], "{setting} = {value}");
            assert!(found[0].sentence().contains(&format!("`{setting}`")) && found[0].remedy().contains(setting));
        }
    }

    #[test]
    fn the_settings_of_both_versions_are_understood() {
        for json in
            [&include_bytes!("../captured/settings-2.8.json")[..], include_bytes!("../captured/settings-2.34.json")]
        {
            assert_eq!(concerns(&Settings::parse(json).unwrap(), &ada()), []);
        }
    }
}
