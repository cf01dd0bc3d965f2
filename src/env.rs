//! The names of all environment variables that git-lattice reads or sets, and the only place that reads them.
//!
//! Values come in once, in `main`, as an [`Environment`]; everything below takes values.

use std::ffi::OsString;
use std::path::PathBuf;

/// Set to anything but the empty string or `0`: every child process is logged on stderr as a pasteable line.
pub const TRACE: &str = "GIT_LATTICE_TRACE";
/// Set to anything but the empty string or `0`: the hooks do nothing.
pub const SKIP: &str = "GIT_LATTICE_SKIP";
/// The list that pre-commit made a habit: hook names to leave out, comma-separated; `lattice` is ours.
pub const SKIP_LIST: &str = "SKIP";
/// Set by nearly every continuous integration service; the empty string, `0` and `false` mean that this is none.
pub const CI: &str = "CI";
/// Names the `git` to run; without it the one on PATH.
pub const GIT: &str = "GIT_LATTICE_GIT";

/// What git tells a hook or a child about *its* repository (`git rev-parse --local-env-vars`, and `GIT_PREFIX`).
///
/// Nix 2.8 runs git itself: with one of these in its environment it silently reads another repository.
pub const GIT_LOCAL: [&str; 16] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
    "GIT_INTERNAL_SUPER_PREFIX",
];

/// What the process was started with, read once.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The absolute current directory.
    pub cwd: PathBuf,
    /// Whether child processes are logged.
    pub trace: bool,
    /// Whether hooks are switched off, and by which variable.
    pub skip: Option<&'static str>,
    /// Whether this is a continuous integration machine.
    pub ci: bool,
    /// Whether colour is unwanted (`NO_COLOR`, or `TERM=dumb`).
    pub no_color: bool,
}

impl Environment {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// When the current directory is gone or cannot be read.
    pub fn read() -> std::io::Result<Self> {
        Ok(Self {
            cwd: std::env::current_dir()?,
            trace: is_set(TRACE),
            skip: skip(),
            ci: is_set(CI) && var(CI).is_some_and(|value| value != "false"),
            no_color: var("NO_COLOR").is_some_and(|v| !v.is_empty()) || var("TERM").is_some_and(|v| v == "dumb"),
        })
    }
}

/// The user's state directory by the XDG base directory specification; `None` without a home.
#[must_use]
pub fn cache_home() -> Option<PathBuf> {
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

/// The name of the user that runs this process, as the shell knows it.
#[must_use]
pub fn user() -> Option<String> {
    ["USER", "LOGNAME"].into_iter().find_map(|name| var(name)?.into_string().ok().filter(|v| !v.is_empty()))
}

fn skip() -> Option<&'static str> {
    if is_set(SKIP) {
        return Some(SKIP);
    }
    let listed =
        var(SKIP_LIST)?.into_string().ok()?.split(',').any(|name| matches!(name.trim(), "lattice" | "git-lattice"));
    listed.then_some(SKIP_LIST)
}

fn absolute(name: &str) -> Option<PathBuf> {
    var(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

fn is_set(name: &str) -> bool {
    var(name).is_some_and(|value| !value.is_empty() && value != "0")
}

#[expect(clippy::disallowed_methods, reason = "the one home of environment reads")]
fn var(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The git that the environment names.
#[must_use]
pub fn git() -> Option<std::path::PathBuf> {
    var(GIT).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The repository that the environment names in place of the one around the current directory.
#[must_use]
pub fn git_dir() -> Option<PathBuf> {
    var("GIT_DIR").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// What `git -c key=value` passes on, as `key=value` each (git's quote.c: words in single quotes, the value maybe apart).
#[must_use]
pub fn git_config_parameters() -> Vec<String> {
    var("GIT_CONFIG_PARAMETERS")
        .and_then(|text| text.into_string().ok())
        .map(|text| config_parameters(&text))
        .unwrap_or_default()
}

fn config_parameters(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => quoted = !quoted,
            '\\' if !quoted => word.extend(chars.next()),
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_git_dash_c_are_read() {
        let text = r"'user.name'='A '\''B'\'' C' 'core.x'='1' 'old.style=2'";
        assert_eq!(config_parameters(text), ["user.name=A 'B' C", "core.x=1", "old.style=2"]);
    }
}
