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

/// All that Nix gets of our environment, and why. Whatever is not here (`GIT_*`, tokens, `SSH_AUTH_SOCK`, ..) stays outside of
/// builds. A name that ends in `*` stands for all that begin so.
pub const FOR_NIX: [(&str, &str); 25] = [
    ("PATH", "it runs git, tar and ssh"),
    ("HOME", "its configuration and caches, and git's, where nothing else names them"),
    ("USER", "the name by which a daemon and its own messages know the user"),
    ("LOGNAME", "the same by its other name"),
    ("TMPDIR", "where builds happen"),
    ("TZ", "times in messages"),
    ("LANG", "the language and encoding of messages"),
    ("LC_*", "the same, in parts"),
    ("LOCALE_ARCHIVE", "where a Nix that was built by Nix finds the above"),
    ("NIX_*", "its own settings: NIX_REMOTE, NIX_CONF_DIR, NIX_SSHOPTS, NIX_SSL_CERT_FILE, ..; not NIX_CONFIG"),
    ("XDG_CACHE_HOME", "the caches of flakes"),
    ("XDG_CONFIG_HOME", "nix.conf, and git's configuration"),
    ("XDG_CONFIG_DIRS", "further places of nix.conf"),
    ("XDG_DATA_HOME", "trusted settings"),
    ("XDG_STATE_HOME", "profiles"),
    ("SSL_CERT_FILE", "certificates for downloads"),
    ("SSL_CERT_DIR", "the same"),
    ("http_proxy", "the way to the network"),
    ("https_proxy", "the same"),
    ("ftp_proxy", "the same"),
    ("all_proxy", "the same"),
    ("no_proxy", "the same"),
    ("HTTPS_PROXY", "the same, as curl also reads it"),
    ("ALL_PROXY", "the same"),
    ("NO_PROXY", "the same"),
];

/// Settings of Nix, which may hold access tokens: a builder can ask for any variable, so Nix is given them in a file.
const NIX_CONFIG: &str = "NIX_CONFIG";
/// Where that file is named.
pub const NIX_USER_CONF_FILES: &str = "NIX_USER_CONF_FILES";

/// What a build that somebody typed gets besides [`FOR_NIX`]: remote builders and stores are reached by ssh, whose keys are often in an
/// agent only. Nobody typed the others: nothing that they run may use the user's keys on other machines.
pub const FOR_TYPED_BUILDS: &str = "SSH_AUTH_SOCK";

/// What verifying a signature needs: the programs, and the user's keys.
const FOR_VERIFYING: [&str; 7] = ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME", "GNUPGHOME"];

/// What the process was started with, read once.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The absolute current directory.
    pub cwd: PathBuf,
    /// The command line, without the program.
    pub command: Vec<String>,
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
            command: Vec::new(),
            trace: is_set(TRACE),
            skip: skip(),
            ci: is_set(CI) && var(CI).is_some_and(|value| value != "false"),
            no_color: var("NO_COLOR").is_some_and(|v| !v.is_empty()) || var("TERM").is_some_and(|v| v == "dumb"),
        })
    }
}

/// The user's cache directory by the XDG base directory specification; `None` without a home.
#[must_use]
pub fn cache_home() -> Option<PathBuf> {
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

/// The name of the user that runs this process, as the shell knows it.
#[must_use]
pub fn user() -> Option<String> {
    ["USER", "LOGNAME"].into_iter().find_map(|name| var(name)?.into_string().ok().filter(|v| !v.is_empty()))
}

/// The user's state directory by the XDG base directory specification, as it is named: it may be relative. `None` without a home.
#[must_use]
pub fn state_home() -> Option<PathBuf> {
    let named = var("XDG_STATE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(|| absolute("HOME").map(|home| home.join(".local").join("state")))
}

/// The user's home.
#[must_use]
pub fn home() -> Option<PathBuf> {
    absolute("HOME")
}

/// The variables of our environment that Nix gets, with the ssh agent if that is wanted.
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

/// The settings of Nix that the environment holds as text.
#[must_use]
pub fn nix_config() -> Option<OsString> {
    var(NIX_CONFIG).filter(|text| !text.is_empty())
}

/// The files in which Nix looks for the user's settings, with colons between them; the first one counts most (nix.conf(5)).
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

/// The variables of our environment that verifying a signature needs.
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
