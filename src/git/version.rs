//! The version of git.

use std::ffi::OsStr;
use std::fmt;

use crate::process::{self, Cmd};

/// The major and minor version of git.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GitVersion {
    major: u32,
    minor: u32,
}

impl GitVersion {
    /// The first version that runs hooks from its configuration (release notes of git 2.54).
    pub const WITH_CONFIG_HOOKS: Self = Self { major: 2, minor: 54 };

    /// Ask `git` for its version; `None` if the output has an unknown format.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn ask(git: &OsStr) -> Result<Option<Self>, process::Error> {
        Ok(Self::parse(&Cmd::new(git).arg("version").env("LC_ALL", "C").read()?.text()))
    }

    /// Parse the output of `git version`: `git version 2.54.0.rc1 (..)`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix("git version ")?.split(['.', ' ', '-']).map(str::parse);
        match (numbers.next()?, numbers.next()?) {
            (Ok(major), Ok(minor)) => Some(Self { major, minor }),
            _ => None,
        }
    }

    /// Whether it runs hooks from its configuration.
    #[must_use]
    pub fn reads_config_hooks(self) -> bool {
        self >= Self::WITH_CONFIG_HOOKS
    }
}

impl fmt::Display for GitVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_versions_of_git() {
        let reads = |text: &str| GitVersion::parse(text).map(GitVersion::reads_config_hooks);
        for (text, expected) in [
            ("git version 2.54.0", Some(true)),
            ("git version 2.55.0.rc1", Some(true)),
            ("git version 3.0", Some(true)),
            ("git version 2.39.5 (Apple Git-154)", Some(false)),
            ("git version 2.9.windows.1", Some(false)),
            ("gitten 2.54", None),
        ] {
            assert_eq!(reads(text), expected, "{text}");
        }
    }
}
