//! What the project asks of linting: engines that must be there, and rules that are switched off.

use super::codes::is_code;
use super::engine::ENGINES;
use super::rules;
use crate::config;

/// `[lint]` in `lattice.toml`, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    require: Vec<String>,
    off: Vec<String>,
    /// What is named under `off` and means nothing here.
    pub unknown: Vec<String>,
}

/// `[lint] require` names what is no engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`lint.require` names `{name}`, which is no engine: expected {}", ENGINES.map(|name| format!("`{name}`")).join(", "))]
pub struct BadSettings {
    /// What it names.
    pub name: String,
}

impl Settings {
    /// Checks what the file says.
    ///
    /// # Errors
    /// When it asks for an engine that there is not. A rule that there is not is only [`unknown`](Self::unknown): it may be
    /// one of another version.
    pub fn read(lint: &config::Lint) -> Result<Self, BadSettings> {
        if let Some(name) = lint.require.iter().find(|name| !ENGINES.contains(&name.as_str())) {
            return Err(BadSettings { name: name.clone() });
        }
        let code = |name: &String| rules::find(name).map_or_else(|| name.clone(), |rule| rule.code.to_owned());
        let off: Vec<String> = lint.off.iter().map(code).collect();
        let unknown = off.iter().filter(|code| !is_code(code)).cloned().collect();
        Ok(Self { require: lint.require.clone(), off, unknown })
    }

    /// Whether the project asks for this engine.
    pub fn requires(&self, engine: &str) -> bool {
        self.require.iter().any(|name| name == engine)
    }

    /// Whether a rule is switched off.
    pub fn is_off(&self, code: &str) -> bool {
        self.off.iter().any(|off| off == code)
    }
}
