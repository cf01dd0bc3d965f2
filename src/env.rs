//! All environment variables that git-lattice reads or sets; no other file reads the environment. The crate anstream reads those
//! for colours: `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and `TERM`.
//!
//! `main` reads them once into an [`Environment`]; everything below gets values.

use std::ffi::OsString;
use std::path::PathBuf;

/// Log every child process on stderr as a line that can be pasted into a shell. The empty string and `0` mean off.
pub const TRACE: &str = "GIT_LATTICE_TRACE";
/// Make the hooks do nothing. The empty string and `0` mean off.
pub const SKIP: &str = "GIT_LATTICE_SKIP";
/// Comma-separated names of hooks to skip, as pre-commit defined it; ours is `lattice`.
pub const SKIP_LIST: &str = "SKIP";
/// Set by nearly every continuous integration service; the empty string, `0` and `false` mean not CI.
pub const CI: &str = "CI";
/// The `git` to run; unset means the one on PATH.
pub const GIT: &str = "GIT_LATTICE_GIT";

/// Variables by which git tells a hook or a child about *its* repository (`git rev-parse --local-env-vars`, and `GIT_PREFIX`).
///
/// Nix 2.8 runs git itself; with one of these in its environment it silently reads another repository.
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

/// The variables that Nix inherits, each with the reason. All others (`GIT_*`, tokens, `SSH_AUTH_SOCK`, ..) are kept from builds.
/// A trailing `*` matches any suffix.
pub const FOR_NIX: [(&str, &str); 25] = [
    ("PATH", "it runs git, tar and ssh"),
    ("HOME", "the default place of its configuration and caches, and of git's"),
    ("USER", "the user's name for the daemon and in messages"),
    ("LOGNAME", "another name for `USER`"),
    ("TMPDIR", "where builds happen"),
    ("TZ", "times in messages"),
    ("LANG", "the language and encoding of messages"),
    ("LC_*", "the same by category"),
    ("LOCALE_ARCHIVE", "where a Nix built by Nix finds locales"),
    ("NIX_*", "its own settings: NIX_REMOTE, NIX_CONF_DIR, NIX_SSHOPTS, NIX_SSL_CERT_FILE, ..; not NIX_CONFIG"),
    ("XDG_CACHE_HOME", "the caches of flakes"),
    ("XDG_CONFIG_HOME", "nix.conf, and git's configuration"),
    ("XDG_CONFIG_DIRS", "more directories with nix.conf"),
    ("XDG_DATA_HOME", "trusted settings"),
    ("XDG_STATE_HOME", "profiles"),
    ("SSL_CERT_FILE", "certificates for downloads"),
    ("SSL_CERT_DIR", "the same"),
    ("http_proxy", "the proxies for downloads"),
    ("https_proxy", "the same"),
    ("ftp_proxy", "the same"),
    ("all_proxy", "the same"),
    ("no_proxy", "the same"),
    ("HTTPS_PROXY", "the same, as curl also reads it"),
    ("ALL_PROXY", "the same"),
    ("NO_PROXY", "the same"),
];

/// Nix settings, which may hold access tokens. Builders can read any variable, so Nix gets these settings in a file.
const NIX_CONFIG: &str = "NIX_CONFIG";
/// Names that file.
pub const NIX_USER_CONF_FILES: &str = "NIX_USER_CONF_FILES";

/// Passed to Nix besides [`FOR_NIX`] when the user typed the build command: remote builders and stores are reached by ssh, and the
/// keys are often only in an agent. Automatic builds do not get it: they must not use the user's keys on other machines.
pub const FOR_TYPED_BUILDS: &str = "SSH_AUTH_SOCK";

/// Variables that verifying a signature needs: to find the programs, and the user's keys.
const FOR_VERIFYING: [&str; 7] = ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME", "GNUPGHOME"];

/// What a terminal can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminal {
    /// It only prints (`TERM` is `dumb` or not set): it cannot draw over what it printed.
    Dumb,
    /// It can move the cursor.
    Cursor,
    /// It also has links (OSC 8).
    Links,
}

impl Terminal {
    fn read() -> Self {
        match var("TERM") {
            Some(name) if !name.is_empty() && name != "dumb" => {
                if has_links() {
                    Self::Links
                } else {
                    Self::Cursor
                }
            }
            _ => Self::Dumb,
        }
    }
}

/// The environment of this process, read once.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The absolute current directory.
    pub cwd: PathBuf,
    /// The command line without the program name.
    pub command: Vec<String>,
    /// Whether to log child processes.
    pub trace: bool,
    /// The variable that switches hooks off, if one does.
    pub skip: Option<&'static str>,
    /// Whether this is a CI machine.
    pub ci: bool,
    /// What the terminal can do, if there is one.
    pub terminal: Terminal,
    /// The columns of a line where stdout or stderr is no terminal (`COLUMNS`).
    pub columns: Option<usize>,
}

impl Environment {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// When the current directory is gone or cannot be read.
    pub fn read() -> std::io::Result<Self> {
        Ok(Self {
            cwd: std::env::current_dir()?,
            command: Vec::new(),
            trace: is_set(TRACE),
            skip: skip(),
            ci: is_set(CI) && var(CI).is_some_and(|value| value != "false"),
            terminal: Terminal::read(),
            columns: var("COLUMNS").and_then(|value| value.to_str()?.parse().ok()).filter(|columns| *columns > 0),
        })
    }
}

/// Whether the terminal is one that is known to have links. `FORCE_HYPERLINK` decides, if it is set, as in other programs.
fn has_links() -> bool {
    const PROGRAMS: [&str; 7] = ["Hyper", "iTerm.app", "terminology", "WezTerm", "vscode", "ghostty", "zed"];
    const TERMINALS: [&str; 4] = ["xterm-kitty", "alacritty", "foot", "contour"];
    let text = |name| var(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty());
    if let Some(forced) = text("FORCE_HYPERLINK") {
        return forced != "0";
    }
    // VTE crashed on links before 0.50.
    let vte = text("VTE_VERSION").and_then(|version| version.parse().ok()).is_some_and(|version: u32| version >= 5000);
    let is_named = |name, known: &[&str]| text(name).is_some_and(|value| known.contains(&value.as_str()));
    let is_set = |name| text(name).is_some();
    vte || is_named("TERM_PROGRAM", &PROGRAMS)
        || is_named("TERM", &TERMINALS)
        || is_set("WT_SESSION")
        || is_set("KONSOLE_VERSION")
        || is_set("DOMTERM")
}

/// Returns the user's cache directory (XDG base directory specification); `None` without a home.
#[must_use]
pub fn cache_home() -> Option<PathBuf> {
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

/// Returns the user's name as the shell knows it.
#[must_use]
pub fn user() -> Option<String> {
    ["USER", "LOGNAME"].into_iter().find_map(|name| var(name)?.into_string().ok().filter(|v| !v.is_empty()))
}

/// Returns the user's state directory (XDG base directory specification); it may be relative. `None` without a home.
#[must_use]
pub fn state_home() -> Option<PathBuf> {
    let named = var("XDG_STATE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(|| absolute("HOME").map(|home| home.join(".local").join("state")))
}

/// Returns the user's data directory (XDG base directory specification); `None` without a home.
#[must_use]
pub fn data_home() -> Option<PathBuf> {
    absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local").join("share")))
}

/// Returns whether the user has chosen a data directory.
#[must_use]
pub fn has_data_home() -> bool {
    absolute("XDG_DATA_HOME").is_some()
}

/// Returns the user's configuration directory (XDG base directory specification); `None` without a home.
#[must_use]
pub fn config_home() -> Option<PathBuf> {
    absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))
}

/// Returns the directory from which bash-completion loads the user's completions.
#[must_use]
pub fn bash_completions() -> Option<PathBuf> {
    let own = absolute("BASH_COMPLETION_USER_DIR").or_else(|| Some(data_home()?.join("bash-completion")));
    own.map(|dir| dir.join("completions"))
}

/// Returns the directory of zsh's configuration.
#[must_use]
pub fn zsh_home() -> Option<PathBuf> {
    absolute("ZDOTDIR").or_else(home)
}

/// Returns the user's home directory.
#[must_use]
pub fn home() -> Option<PathBuf> {
    absolute("HOME")
}

/// Returns the variables that Nix inherits, with the ssh agent if `with_agent`.
#[must_use]
pub fn for_nix(with_agent: bool) -> Vec<(OsString, OsString)> {
    let is_named = |name: &str, known: &str| match known.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == known,
    };
    let agent = with_agent.then_some(FOR_TYPED_BUILDS);
    let is_known = |name: &str| FOR_NIX.iter().map(|(known, _)| *known).chain(agent).any(|known| is_named(name, known));
    kept(|name| name != NIX_CONFIG && is_known(name))
}

/// Returns the directory of the Nix store (`NIX_STORE_DIR` and `NIX_STORE` in nix-store(1)).
#[must_use]
pub fn nix_store_dir() -> String {
    let set = |name| var(name)?.into_string().ok().filter(|dir| dir.starts_with('/'));
    set("NIX_STORE_DIR").or_else(|| set("NIX_STORE")).unwrap_or_else(|| "/nix/store".to_owned())
}

/// Returns the directory of Nix's log files (`NIX_LOG_DIR` in nix-store(1)).
#[must_use]
pub fn nix_log_dir() -> PathBuf {
    absolute("NIX_LOG_DIR").unwrap_or_else(|| "/nix/var/log/nix".into())
}

/// Returns the Nix settings in `NIX_CONFIG`.
#[must_use]
pub fn nix_config() -> Option<OsString> {
    var(NIX_CONFIG).filter(|text| !text.is_empty())
}

/// Returns the files in which Nix looks for the user's settings, colon-separated; earlier files take precedence (nix.conf(5)).
#[must_use]
pub fn nix_user_conf_files(knows_own_home: bool) -> OsString {
    if let Some(named) = var(NIX_USER_CONF_FILES) {
        return named;
    }
    let set = |name| var(name).filter(|value| !value.is_empty());
    let config = || set("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".config")));
    let own = set("NIX_CONFIG_HOME").filter(|_| knows_own_home).map(PathBuf::from);
    let dirs = set("XDG_CONFIG_DIRS").unwrap_or_else(|| "/etc/xdg".into());
    let dirs = std::env::split_paths(&dirs).map(|dir| dir.join("nix"));
    let files = own.or_else(|| Some(config()?.join("nix"))).into_iter().chain(dirs).map(|dir| dir.join("nix.conf"));
    files.map(PathBuf::into_os_string).collect::<Vec<_>>().join(":".as_ref())
}

/// Returns the variables that verifying a signature needs.
#[must_use]
pub fn for_verifying() -> Vec<(OsString, OsString)> {
    kept(|name| FOR_VERIFYING.contains(&name))
}

#[expect(clippy::disallowed_methods, reason = "the one home of environment reads")]
fn kept(keep: impl Fn(&str) -> bool) -> Vec<(OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(&keep)).collect()
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

/// Returns whether a variable is set, if only to nothing.
#[must_use]
pub fn has(name: &str) -> bool {
    var(name).is_some()
}

/// Returns the git that `GIT_LATTICE_GIT` names.
#[must_use]
pub fn git() -> Option<std::path::PathBuf> {
    var(GIT).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Returns the repository that `GIT_DIR` names.
#[must_use]
pub fn git_dir() -> Option<PathBuf> {
    var("GIT_DIR").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Returns what `git -c key=value` passes on, as `key=value` each (quote.c of git: words in single quotes, key and value possibly
/// quoted apart).
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
    fn reads_git_config_parameters() {
        let text = r"'user.name'='A '\''B'\'' C' 'core.x'='1' 'old.style=2'";
        assert_eq!(config_parameters(text), ["user.name=A 'B' C", "core.x=1", "old.style=2"]);
    }
}
