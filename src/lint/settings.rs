//! Lint settings of the project: required engines and disabled rules.

use super::codes::is_code;
use super::engine::ENGINES;
use super::rules;
use crate::config;

/// `[lint]` in `lattice.toml`, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    require: Vec<String>,
    off: Vec<String>,
    /// Unknown rules under `off`.
    pub unknown: Vec<String>,
}

/// `[lint] require` names an unknown engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown engine `{name}` in `lint.require`: expected one of {}", ENGINES.map(|name| format!("`{name}`")).join(", "))]
pub struct BadSettings {
    /// The unknown name.
    pub name: String,
}

impl Settings {
    /// Checks the settings of `lattice.toml`.
    ///
    /// # Errors
    /// When it requires an unknown engine. An unknown rule is only listed in [`unknown`](Self::unknown): it may exist in
    /// another version.
    pub fn read(lint: &config::Lint) -> Result<Self, BadSettings> {
        if let Some(name) = lint.require.iter().find(|name| !ENGINES.contains(&name.as_str())) {
            return Err(BadSettings { name: name.clone() });
        }
        let code = |name: &String| rules::find(name).map_or_else(|| name.clone(), |rule| rule.code.to_owned());
        let off: Vec<String> = lint.off.iter().map(code).collect();
        let unknown = off.iter().filter(|code| !is_code(code)).cloned().collect();
        Ok(Self { require: lint.require.clone(), off, unknown })
    }

    /// Whether the project requires this engine.
    pub fn requires(&self, engine: &str) -> bool {
        self.require.iter().any(|name| name == engine)
    }

    /// Whether a rule is disabled.
    pub fn is_off(&self, code: &str) -> bool {
        self.off.iter().any(|off| off == code)
    }
}
