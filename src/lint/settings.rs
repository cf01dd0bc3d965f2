//! What the project asks of linting: engines that must be there, and rules that are switched off.

use super::{ENGINES, format, rules};
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

/// What can be switched off. Syntax cannot: what does not parse is nothing.
fn is_code(code: &str) -> bool {
    let of_statix = |code: &str| {
        let digits = code.strip_prefix(['W', 'E', 'I']).unwrap_or_default();
        digits.len() >= 2 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if code == super::syntax::UNCLOSED.code {
        return false;
    }
    code == format::CODE || code == super::deadnix::CODE || rules::find(code).is_some() || of_statix(code)
}

/// What a code means, at length; `None` for one that is not known here.
pub fn explain(code: &str) -> Option<String> {
    if let Some(rule) = rules::find(code) {
        return Some(format!("{} {} ({})\n\n{}", rule.code, rule.name, rule.severity.as_str(), rule.explanation()));
    }
    let text = match code {
        "syntax" => "The file is no Nix: no version of Nix evaluates it. Found by rnix; it cannot be switched off.",
        "encoding" => "The file is not UTF-8. statix says nothing about such files and Nix fails on most of them.",
        "too-deep" => "The code is nested thousands of levels deep. Nix gives up on it too.",
        "unchecked" => {
            "An engine that had to look at the file could not: it failed, printed what it never prints, or took too long.\n\
             That is no pass: the exit status is 2."
        }
        format::CODE => {
            "The text is not what nixfmt (RFC 166) would write. `git lattice lint --fix` rewrites the file.\n\
             It is a hint, which stops nothing, unless `[lint] require` in lattice.toml names \"format\"."
        }
        super::deadnix::CODE => {
            "A name is bound and never used. Found by deadnix; a name that begins with `_` is left alone."
        }
        code if is_code(code) => return Some(format!("a rule of statix: `statix explain {code}` tells about it\n")),
        _ => return None,
    };
    Some(format!("{code}\n\n{text}\n"))
}
