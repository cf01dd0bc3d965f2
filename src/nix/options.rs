//! Options on nix's command line: who asked for the build, its limits and its settings.

use std::time::Duration;

use super::place::StoreUrl;
use crate::process::{self, Cmd};

/// Settings that make an automatic build safe, whatever the user's configuration says.
const SAFE: [(&str, &str); 6] = [
    ("allow-import-from-derivation", "false"),
    ("sandbox", "true"),
    ("sandbox-fallback", "false"),
    ("flake-registry", ""),
    ("post-build-hook", ""),
    ("allow-dirty", "false"),
];

/// Limits of a build; `None` means no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Time for evaluation including fetches; nix itself has no such limit.
    pub evaluation: Option<Duration>,
    /// Memory for evaluation in bytes: the garbage collector's heap.
    pub memory: Option<u64>,
    /// Time for each builder.
    pub build: Option<Duration>,
    /// Time without output from a builder.
    pub silence: Option<Duration>,
    /// Log size of each builder in bytes.
    pub log: Option<u64>,
    /// Time without activity while copying to or from another store.
    pub network: Duration,
}

impl Default for Limits {
    /// Evaluation: ten minutes and 4 GiB. Build: six hours, one hour of silence, and 64 MiB of log.
    fn default() -> Self {
        Self {
            evaluation: Some(Duration::from_secs(600)),
            memory: Some(4 << 30),
            build: Some(Duration::from_secs(6 * 3600)),
            silence: Some(Duration::from_secs(3600)),
            log: Some(64 << 20),
            network: process::DEFAULT_STALL_LIMIT,
        }
    }
}

impl Limits {
    /// No limits except the one for network activity.
    pub const NONE: Self = Self {
        evaluation: None,
        memory: None,
        build: None,
        silence: None,
        log: None,
        network: process::DEFAULT_STALL_LIMIT,
    };

    fn apply(&self, cmd: Cmd) -> Cmd {
        let seconds = |time: Duration| time.as_secs().max(1).to_string();
        let option = |name: &'static str, value: Option<String>| value.map(|value| [name.to_owned(), value]);
        let cmd = cmd.args(option("--timeout", self.build.map(seconds)).into_iter().flatten());
        let cmd = cmd.args(option("--max-silent-time", self.silence.map(seconds)).into_iter().flatten());
        match self.log {
            Some(bytes) => cmd.args(["--option", "max-build-log-size", &bytes.to_string()]),
            None => cmd,
        }
    }
}

/// Who asked for a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The user: the user's nix.conf decides about sandbox, builders and substituters.
    Typed,
    /// The user, with our limits.
    Bounded(Limits),
    /// No user: sandboxed, limited, without registries, hooks and builds during evaluation.
    Automatic(Limits),
}

/// Everything passed to nix besides what to build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Who asked for the build.
    pub mode: Mode,
    /// Nix settings by name; those that make an automatic build safe cannot be changed.
    pub settings: Vec<(String, String)>,
    /// The store that builds, if not the user's. Evaluation always uses the user's: Nix 2.8 cannot read sources out of a store on
    /// another machine.
    pub store: Option<StoreUrl>,
}

impl Options {
    /// Returns the options of a mode without settings.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self { mode, settings: Vec::new(), store: None }
    }

    /// Adds the store that builds, for commands that query it or build in it.
    #[must_use]
    pub fn apply_store(&self, cmd: Cmd) -> Cmd {
        match &self.store {
            Some(url) => cmd.args(["--store", url.as_str()]),
            None => cmd,
        }
    }

    /// Like [`Self::apply_store`] for commands that only query: they end if a remote store does not respond.
    #[must_use]
    pub fn ask_store(&self, cmd: Cmd) -> Cmd {
        let cmd = self.apply_store(cmd);
        match &self.store {
            Some(url) => cmd.stall_limit(self.limits().network, format!("the store `{}`", url.bare())),
            None => cmd,
        }
    }

    /// Returns the limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        match &self.mode {
            Mode::Typed => &Limits::NONE,
            Mode::Bounded(limits) | Mode::Automatic(limits) => limits,
        }
    }

    fn is_automatic(&self) -> bool {
        matches!(self.mode, Mode::Automatic(_))
    }

    /// Adds the options of every build command, `nix-store` included. The last setting wins, so the safe ones come last.
    #[must_use]
    pub fn apply(&self, cmd: Cmd) -> Cmd {
        let cmd = self.settings.iter().fold(cmd, |cmd, (name, value)| cmd.args(["--option", name, value]));
        let safe = if self.is_automatic() { &SAFE[..] } else { &[] };
        self.limits().apply(safe.iter().fold(cmd, |cmd, (name, value)| cmd.args(["--option", name, value])))
    }

    /// Adds the options of commands that evaluate flakes.
    ///
    /// Nix ignores the flake's configuration. An input without a lock is an error: with `--no-write-lock-file`, both 2.8 and 2.34 would
    /// lock it in memory despite `--no-update-lock-file`, and build something else every time. Nothing is written anyway, since a
    /// commit has no worktree.
    #[must_use]
    pub fn apply_to_flakes(&self, cmd: Cmd) -> Cmd {
        let cmd = cmd.args(["--no-update-lock-file", "--no-accept-flake-config", "--option", "pure-eval", "true"]);
        let cmd = cmd.args(self.is_automatic().then_some("--no-use-registries"));
        self.limit_memory(cmd)
    }

    /// Adds the options of `nix-eval-jobs`, which has settings where `nix` has flags.
    #[must_use]
    pub fn apply_to_eval_jobs(&self, cmd: Cmd) -> Cmd {
        let settings = [("pure-eval", "true"), ("accept-flake-config", "false")];
        let cmd = settings.iter().fold(cmd, |cmd, (name, value)| cmd.args(["--option", name, value]));
        let registries = ["--option", "use-registries", "false"];
        self.limit_memory(cmd.args(self.is_automatic().then_some(registries).into_iter().flatten()))
    }

    /// Limits the garbage collector's heap in nix's evaluator; builders do not inherit the variable.
    fn limit_memory(&self, cmd: Cmd) -> Cmd {
        match self.limits().memory {
            None => cmd,
            Some(bytes) => cmd.env("GC_MAXIMUM_HEAP_SIZE", bytes.to_string()),
        }
    }
}
