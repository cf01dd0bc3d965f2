//! Nix settings that make it dangerous to build other people's code.

use crate::env;
use crate::nix::read::settings::{Sandbox, Settings};
use crate::process::Cmd;

/// The user that runs Nix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user's name.
    pub user: String,
    /// The user's groups.
    pub groups: Vec<String>,
    /// Whether the user is root, to whom trust settings do not matter.
    pub is_root: bool,
}

impl Account {
    /// Returns the user of this process; without `id`, no groups.
    pub fn here() -> Self {
        let groups = Cmd::new("id").arg("-Gn").read().map(|output| output.text()).unwrap_or_default();
        Self {
            user: env::user().unwrap_or_default(),
            groups: groups.split_whitespace().map(str::to_owned).collect(),
            is_root: rustix::process::geteuid().is_root(),
        }
    }
}

/// A dangerous setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concern {
    /// Nix's daemon accepts every setting from this user.
    TrustedUser {
        /// The entry of `trusted-users` that applies: a name, `@GROUP` or `*`.
        entry: String,
    },
    /// Builds can see and change the machine.
    NoSandbox,
    /// A derivation can ask to be built outside the sandbox.
    RelaxedSandbox,
    /// If the kernel has no sandbox, builds run without one.
    SandboxFallback,
    /// A flake's settings are accepted without asking.
    AcceptFlakeConfig,
}

impl Concern {
    /// Returns what is set and what follows from it.
    pub fn sentence(&self) -> String {
        match self {
            Self::TrustedUser { entry } => format!(
                "`trusted-users` has `{entry}`, so Nix's daemon accepts any setting from you: any program that you run can become root"
            ),
            Self::NoSandbox => "`sandbox` is off: a build that you start runs with all your permissions".to_owned(),
            Self::RelaxedSandbox => "`sandbox` is relaxed: a derivation can ask to be built outside it".to_owned(),
            Self::SandboxFallback => {
                "`sandbox-fallback` is on: if the kernel has no sandbox, builds run without one".to_owned()
            }
            Self::AcceptFlakeConfig => {
                "`accept-flake-config` is on: any flake that you build by hand can make Nix run a program as you"
                    .to_owned()
            }
        }
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::TrustedUser { entry } => {
                format!(
                    "remove `{entry}` from `trusted-users` in /etc/nix/nix.conf, and list caches in `trusted-substituters`"
                )
            }
            Self::NoSandbox | Self::RelaxedSandbox => "set `sandbox = true` in nix.conf".to_owned(),
            Self::SandboxFallback => "set `sandbox-fallback = false` in nix.conf".to_owned(),
            Self::AcceptFlakeConfig => "set `accept-flake-config = false` in nix.conf".to_owned(),
        }
    }
}

/// Returns the dangerous settings, the worst first. Automatic builds are sandboxed and ignore a flake's settings anyway; this is about
/// builds that the user types.
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
    fn careful_settings_raise_no_concern() {
        assert_eq!(concerns(&settings(""), &ada()), []);
        assert_eq!(concerns(&trusting(r#""root","bob","@admins""#), &ada()), []);
    }

    #[test]
    fn trusted_user_is_told_the_entry() {
        for (users, entry) in [(r#""root","ada""#, "ada"), (r#""@users""#, "@users"), (r#""*""#, "*")] {
            let entry = entry.to_owned();
            assert_eq!(concerns(&trusting(users), &ada()), [Concern::TrustedUser { entry }], "{users}");
        }
        let root = Account { user: "root".to_owned(), groups: Vec::new(), is_root: true };
        assert_eq!(concerns(&trusting(r#""root""#), &root), [], "root is root without it");
    }

    #[test]
    fn names_each_dangerous_setting_with_its_remedy() {
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
    fn reads_the_settings_of_both_versions() {
        for json in
            [&include_bytes!("../captured/settings-2.8.json")[..], include_bytes!("../captured/settings-2.34.json")]
        {
            assert_eq!(concerns(&Settings::parse(json).unwrap(), &ada()), []);
        }
    }
}
