//! What becomes options on nix' command line: on whose behalf, within which limits, with which settings.

use std::time::Duration;

use super::place::StoreUrl;
use crate::process::{self, Cmd};

/// What keeps a build that nobody asked for from harming anybody, whatever the user's configuration says.
const SAFE: [(&str, &str); 6] = [
    ("allow-import-from-derivation", "false"),
    ("sandbox", "true"),
    ("sandbox-fallback", "false"),
    ("flake-registry", ""),
    ("post-build-hook", ""),
    ("allow-dirty", "false"),
];

/// What a build may use at most; what is `None` has no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Time for evaluation, fetching included; nix itself has no such limit.
    pub evaluation: Option<Duration>,
    /// Bytes of memory for evaluation: the garbage collector's heap.
    pub memory: Option<u64>,
    /// Time for each builder.
    pub build: Option<Duration>,
    /// Time that a builder may be silent.
    pub silence: Option<Duration>,
    /// Bytes of log of each builder.
    pub log: Option<u64>,
    /// Time in which nothing moves while something is copied to or from another store.
    pub network: Duration,
}

impl Default for Limits {
    /// Ten minutes and 4 GiB to evaluate; six hours, one of them silent, and 64 MiB of log to build.
    fn default() -> Self {
        Self {
            evaluation: Some(Duration::from_secs(600)),
            memory: Some(4 << 30),
            build: Some(Duration::from_secs(6 * 3600)),
            silence: Some(Duration::from_secs(3600)),
            log: Some(64 << 20),
            network: process::USUAL_STILL,
        }
    }
}

impl Limits {
    /// No limit but for what nothing moves in.
    pub const NONE: Self =
        Self { evaluation: None, memory: None, build: None, silence: None, log: None, network: process::USUAL_STILL };

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

/// On whose behalf something is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The user asked for it: the user's nix.conf decides about sandbox, builders and substituters.
    Typed,
    /// The same, within limits of ours.
    Bounded(Limits),
    /// Nobody did: sandboxed, limited, without registries, hooks and builds during evaluation.
    Automatic(Limits),
}

/// Everything that is said to nix besides what to build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// On whose behalf.
    pub mode: Mode,
    /// Nix settings, by name; those that make an automatic build safe cannot be changed.
    pub settings: Vec<(String, String)>,
    /// The store in which things are built, where it is not the user's own; evaluation stays in that one, for Nix 2.8 cannot
    /// read sources out of a store on another machine.
    pub store: Option<StoreUrl>,
}

impl Options {
    /// Those of a mode, and no settings.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self { mode, settings: Vec::new(), store: None }
    }

    /// Adds the store in which things are built, for commands that look at it or build in it.
    #[must_use]
    pub fn apply_store(&self, cmd: Cmd) -> Cmd {
        match &self.store {
            Some(url) => cmd.args(["--store", url.as_str()]),
            None => cmd,
        }
    }

    /// [`Self::apply_store`] for commands that only look at it: they end when a store on another machine says nothing.
    #[must_use]
    pub fn ask_store(&self, cmd: Cmd) -> Cmd {
        let cmd = self.apply_store(cmd);
        match &self.store {
            Some(url) => cmd.moving(self.limits().network, format!("the store `{}`", url.bare())),
            None => cmd,
        }
    }

    /// The limits.
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

    /// Adds what every command of a build is told, those of `nix-store` too: settings last win, so the safe ones come last.
    #[must_use]
    pub fn apply(&self, cmd: Cmd) -> Cmd {
        let cmd = self.settings.iter().fold(cmd, |cmd, (name, value)| cmd.args(["--option", name, value]));
        let safe = if self.is_automatic() { &SAFE[..] } else { &[] };
        self.limits().apply(safe.iter().fold(cmd, |cmd, (name, value)| cmd.args(["--option", name, value])))
    }

    /// Adds what commands that evaluate flakes are told besides.
    ///
    /// Nix takes no configuration from the flake. An input without a lock is an error: with `--no-write-lock-file` both 2.8 and
    /// 2.34 would lock it in memory, whatever `--no-update-lock-file` says, and build something else every time. Nothing is
    /// written all the same, for a commit has no worktree to write into.
    #[must_use]
    pub fn apply_to_flakes(&self, cmd: Cmd) -> Cmd {
        let cmd = cmd.args(["--no-update-lock-file", "--no-accept-flake-config", "--option", "pure-eval", "true"]);
        let cmd = cmd.args(self.is_automatic().then_some("--no-use-registries"));
        self.limit_memory(cmd)
    }

    /// Adds what `nix-eval-jobs` is told besides; it has settings where `nix` has flags.
    #[must_use]
    pub fn apply_to_eval_jobs(&self, cmd: Cmd) -> Cmd {
        let settings = [("pure-eval", "true"), ("accept-flake-config", "false")];
        let cmd = settings.iter().fold(cmd, |cmd, (name, value)| cmd.args(["--option", name, value]));
        let registries = ["--option", "use-registries", "false"];
        self.limit_memory(cmd.args(self.is_automatic().then_some(registries).into_iter().flatten()))
    }

    /// The variable is read by the garbage collector of nix' evaluator; builders do not inherit it.
    fn limit_memory(&self, cmd: Cmd) -> Cmd {
        match self.limits().memory {
            None => cmd,
            Some(bytes) => cmd.env("GC_MAXIMUM_HEAP_SIZE", bytes.to_string()),
        }
    }
}
