//! The reasons for which a hook does nothing.

use std::fmt;

use super::config;
use super::event::Kind;

/// Why a hook does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skip {
    /// This environment variable is set.
    Variable(&'static str),
    /// This key of git's configuration is `false`.
    Config(String),
    /// This is a CI machine, where nothing is built in the background.
    Ci,
}

impl Skip {
    /// Returns why the hook for `kind` does nothing, if so. `variable` is the disabling variable that is set, `ci` tells whether
    /// this is a CI machine, and `key` reads a boolean of git's configuration.
    pub fn find(
        kind: Kind,
        variable: Option<&'static str>,
        ci: bool,
        key: impl Fn(&str) -> Option<bool>,
    ) -> Option<Self> {
        let environment = variable.map(Self::Variable).or((ci && kind != Kind::PreCommit).then_some(Self::Ci));
        environment.or_else(|| Self::keys(kind).into_iter().find(|name| key(name) == Some(false)).map(Self::Config))
    }

    /// The keys of git's configuration that disable the hook for `kind`; git itself reads the last one.
    fn keys(kind: Kind) -> [String; 3] {
        let own = format!("hook.{}.enabled", config::name(kind));
        ["lattice.hooks".to_owned(), format!("lattice.hooks.{kind}"), own]
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "{name} is set"),
            Self::Config(key) => write!(f, "`{key}` is false"),
            Self::Ci => write!(f, "CI is set"),
        }
    }
}
