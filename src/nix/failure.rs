//! What went wrong, worked out from what nix said.
//!
//! `nix build` ends with 1 whatever happened, so its words must be read; they are taken for the kind and the summary only, never
//! for whether something was built.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use super::error::Error;
use super::log::{Event, Work};
use super::store_path::StorePath;

/// More errors than this say nothing new.
const MOST_ERRORS: usize = 50;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The flake could not be evaluated.
    Evaluation,
    /// A builder failed, or its output was not the promised one.
    Build,
    /// Something took longer than allowed.
    Timeout,
    /// A builder wrote more log than allowed.
    LogLimit,
    /// Nobody builds for the system, or whoever does cannot be reached.
    NoBuilder,
    /// Building again gave another output.
    NotReproducible,
    /// Nix itself could not work: no access to the store, no daemon, no network, no sandbox.
    Trouble,
}

/// Why there is no output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub kind: Kind,
    /// The first error as one line.
    pub summary: String,
    /// All errors as nix worded them, without colours.
    pub detail: String,
    /// The derivation that failed, which may be a dependency; `None` before building, or when nix does not tell.
    pub drv: Option<StorePath>,
}

impl Failure {
    /// What was evaluated cannot be built.
    pub(super) fn evaluation(summary: String) -> Self {
        Self { kind: Kind::Evaluation, detail: summary.clone(), summary, drv: None }
    }

    /// The evaluation was stopped after `limit`.
    pub(super) fn evaluation_took(limit: Duration) -> Self {
        let summary = format!("evaluation did not end within {} seconds", limit.as_secs());
        Self { kind: Kind::Timeout, detail: summary.clone(), summary, drv: None }
    }
}

/// Listens to the events of one build and can say at the end why it failed.
#[derive(Debug, Default)]
pub(super) struct Diagnosis {
    errors: Vec<Said>,
    running: Vec<(u64, StorePath)>,
    failed: u64,
    suspect: Option<StorePath>,
    /// Whether evaluation is over: nix counts derivations to build.
    evaluated: bool,
}

#[derive(Debug)]
struct Said {
    text: String,
    brief: String,
}

impl Diagnosis {
    /// One that begins when evaluation is over.
    pub(super) fn of_build() -> Self {
        Self { evaluated: true, ..Self::default() }
    }

    /// What these errors of a build come to; the first tells most.
    pub(super) fn of_errors<'a>(errors: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut diagnosis = Self { failed: 1, ..Self::of_build() };
        errors.into_iter().for_each(|event| diagnosis.note(event));
        diagnosis
    }

    /// Takes note of an event.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::BuildStarted { id, drv, .. } => self.running.push((*id, drv.clone())),
            Event::Stopped { id } => self.running.retain(|(running, _)| running != id),
            Event::Progress { work: Work::Builds, failed, .. } => self.counted(*failed),
            Event::Message { level: 0, text, brief } => self.say(text, brief.as_deref()),
            Event::Plain(text) if text.starts_with("error:") => self.say(text, None),
            _ => {}
        }
    }

    /// Whether the last thing nix said is that somebody stopped it.
    pub(super) fn interrupted(&self) -> bool {
        self.errors.last().is_some_and(|said| said.brief == "interrupted by the user")
    }

    /// The verdict.
    pub(super) fn failure(self) -> Failure {
        let texts: Vec<&str> = self.errors.iter().map(|said| said.text.as_str()).collect();
        let detail = texts.join("\n");
        let kind = self.kind(&detail);
        let summary =
            self.errors.first().map_or_else(|| "nix failed without a word".to_owned(), |said| said.brief.clone());
        let drv = match kind {
            Kind::Evaluation | Kind::Trouble => None,
            _ => self.errors.iter().find_map(|said| derivation_in(&said.text)).or(self.suspect),
        };
        Failure { kind, summary, detail, drv }
    }

    /// The verdict on a nix that ended like this; an error when it was stopped.
    pub(super) fn stopped(self, status: ExitStatus) -> Result<Failure, Error> {
        interrupted(status)?;
        if self.interrupted() { Err(Error::Interrupted { signal: None }) } else { Ok(self.failure()) }
    }

    /// The count of failures rises before the builder's activity stops: with one running, it is that one.
    fn counted(&mut self, failed: u64) {
        self.evaluated = true;
        if failed > self.failed && self.suspect.is_none() {
            self.suspect = self.running.first().filter(|_| self.running.len() == 1).map(|(_, drv)| drv.clone());
        }
        self.failed = self.failed.max(failed);
    }

    fn say(&mut self, text: &str, brief: Option<&str>) {
        // Said on the level of errors: by 2.8, with `--keep-failed`, and by a daemon of 2.34 around its errors.
        let noise =
            ["(use '--show-trace'", "warning:", "note:"].iter().any(|word| text.starts_with(word)) || text.is_empty();
        if !noise && self.errors.len() < MOST_ERRORS {
            let cause = if text.starts_with(UNREACHABLE) { text } else { innermost(text) };
            let brief = one_line(brief.unwrap_or(cause));
            self.errors.push(Said { text: text.to_owned(), brief });
        }
    }

    fn kind(&self, detail: &str) -> Kind {
        let says = |words: &[&str]| words.iter().any(|word| detail.contains(word));
        if !self.evaluated {
            return if says(TROUBLE) { Kind::Trouble } else { Kind::Evaluation };
        }
        if says(&["timed out after"]) {
            Kind::Timeout
        } else if says(&["bytes of log output"]) {
            Kind::LogLimit
        } else if says(&["may not be deterministic"]) {
            Kind::NotReproducible
        } else if says(NO_BUILDER) {
            // A builder that did not answer is not the same as nobody.
            if says(&[UNREACHABLE]) { Kind::Trouble } else { Kind::NoBuilder }
        } else if self.failed > 0 || derivation_in(detail).is_some() {
            if says(TROUBLE) { Kind::Trouble } else { Kind::Build }
        } else if says(TROUBLE) {
            Kind::Trouble
        } else {
            Kind::Evaluation
        }
    }
}

/// Whether a signal ended it: then it has no answer.
pub(super) fn interrupted(status: ExitStatus) -> Result<(), Error> {
    status.signal().map_or(Ok(()), |signal| Err(Error::Interrupted { signal: Some(signal) }))
}

/// Nobody can build it, in the words of 2.8, of those after it, and of 2.34.
const NO_BUILDER: &[&str] = &[
    "is required to build '",
    "Required system: '",
    "Reason: platform mismatch",
    "unable to start any build",
    "local builds are disabled",
    "Failed to find a machine for remote build",
];

/// A remote builder could not be reached.
const UNREACHABLE: &str = "cannot build on '";

/// Nix could not work.
const TROUBLE: &[&str] = &[
    "cannot connect to",
    "to socket at '",
    "cannot open connection to remote store",
    "creating directory",
    "Permission denied",
    "No space left on device",
    "Read-only file system",
    "Too many open files",
    "Cannot find Git revision",
    "getting Git object",
    "program 'git' failed",
    "Git repository \"",
    "unable to download",
    "executing SQLite",
    "opening lock file",
    "kernel namespaces",
    "the group 'nixbld'",
    "experimental Nix feature",
    "unrecognised flag",
];

/// The last `error:` of a text is the cause; those before it lead there (newer versions nest traces).
fn innermost(text: &str) -> &str {
    text.rsplit_once("error:").map_or(text, |(_, cause)| cause).trim_start()
}

/// The first line; where it is only the subject of a `Reason:`, both.
fn one_line(brief: &str) -> String {
    let mut lines = brief.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let reason = lines.next().and_then(|line| line.strip_prefix("Reason: "));
    let line = reason.map_or_else(|| first.to_owned(), |reason| format!("{}: {reason}", first.trim_end_matches('.')));
    line.trim_end_matches(['.', ';', ':']).to_owned()
}

pub(super) fn derivation_in(text: &str) -> Option<StorePath> {
    let quoted = text.split('\'').map(|part| part.split_once('!').map_or(part, |(path, _)| path));
    quoted.filter_map(|part| StorePath::parse(part).ok()).find(StorePath::is_derivation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nix::log::Reader;

    fn diagnosis(said: &[u8]) -> Diagnosis {
        let (mut reader, mut diagnosis) = (Reader::default(), Diagnosis::default());
        let events = said.split(|&b| b == b'\n').filter_map(|line| reader.read(line));
        events.for_each(|event| diagnosis.note(&event));
        diagnosis
    }

    macro_rules! captured {
        ($name:literal) => {
            [
                diagnosis(include_bytes!(concat!("captured/", $name, "-2.8.log"))).failure(),
                diagnosis(include_bytes!(concat!("captured/", $name, "-2.34.log"))).failure(),
            ]
        };
    }

    fn shows(failures: &[Failure; 2], kind: Kind, drv: Option<&str>, summaries: [&str; 2]) {
        for (failure, summary) in failures.iter().zip(summaries) {
            assert_eq!((failure.kind, failure.drv.as_ref().map(StorePath::name)), (kind, drv), "{failure:?}");
            assert_eq!(failure.summary, summary);
            assert!(!failure.detail.contains('\u{1b}'), "{failure:?}");
        }
    }

    #[test]
    fn a_failed_builder() {
        let summaries = [
            "builder for '/nix/store/190dcwls8d1n1anspzqi3hrl025y56cn-bad.drv' failed with exit code 3",
            "Cannot build '/nix/store/190dcwls8d1n1anspzqi3hrl025y56cn-bad.drv': builder failed with exit code 3",
        ];
        shows(&captured!("fail"), Kind::Build, Some("bad.drv"), summaries);
    }

    #[test]
    fn a_failed_dependency_is_the_one_named() {
        let summaries = [
            "builder for '/nix/store/r2bgwixwsx9vsr18ixlbdj2nq89vcdk1-inner.drv' failed with exit code 1",
            "Cannot build '/nix/store/r2bgwixwsx9vsr18ixlbdj2nq89vcdk1-inner.drv': builder failed with exit code 1",
        ];
        shows(&captured!("dependency"), Kind::Build, Some("inner.drv"), summaries);
    }

    #[test]
    fn a_failed_evaluation() {
        let summary = "no way: 66d87dad6a2fdde04ae956097af06394cef1d940";
        shows(&captured!("evaluation"), Kind::Evaluation, None, [summary, summary]);
        let overflow = diagnosis(b"error: stack overflow (possible infinite recursion)\n").failure();
        assert_eq!(
            (overflow.kind, &*overflow.summary),
            (Kind::Evaluation, "stack overflow (possible infinite recursion)")
        );
    }

    #[test]
    fn a_missing_builder() {
        let [old, new] = captured!("platform");
        assert_eq!((old.kind, new.kind), (Kind::NoBuilder, Kind::NoBuilder));
        assert!(old.summary.starts_with("a 'riscv64-linux' with features {} is required"), "{old:?}");
        assert!(new.summary.ends_with("-f.drv': platform mismatch"), "{new:?}");
    }

    #[test]
    fn a_builder_that_took_too_long() {
        // 2.34 does not name the derivation: it is the one that was running.
        let summaries = [
            "building of '/nix/store/2nabg2gxsiy1pdvx4n6ijsfb8lmzm3rc-slow.drv!out' from .drv file timed out after 2 seconds",
            "timed out after 2 seconds",
        ];
        shows(&captured!("timeout"), Kind::Timeout, Some("slow.drv"), summaries);
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        let failure = diagnosis(include_bytes!("captured/no-program-2.8.log")).failure();
        assert_eq!((failure.kind, failure.drv.unwrap().name()), (Kind::Build, "noprog.drv"));
    }

    #[test]
    fn trouble_is_not_the_flake_s_fault() {
        let socket = br#"@nix {"action":"msg","level":0,"msg":"error: cannot connect to socket at '/nix/var/nix/daemon-socket/socket': No such file or directory"}
@nix {"action":"msg","level":0,"msg":"(use '--show-trace' to show detailed location information)"}"#;
        let failure = diagnosis(socket).failure();
        assert_eq!(failure.kind, Kind::Trouble);
        assert!(failure.summary.starts_with("cannot connect to socket"), "{failure:?}");
        let group = br#"@nix {"action":"msg","level":0,"msg":"warning: the group 'nixbld' specified in 'build-users-group' does not exist"}
@nix {"action":"msg","level":0,"msg":"error: the group 'nixbld' specified in 'build-users-group' does not exist"}"#;
        let failure = diagnosis(group).failure();
        assert_eq!(failure.kind, Kind::Trouble);
        assert!(failure.summary.starts_with("the group 'nixbld'"), "a warning is no cause: {failure:?}");
        assert_eq!(diagnosis(b"").failure().summary, "nix failed without a word");
    }

    #[test]
    fn a_builder_that_does_not_answer_is_not_nobody() {
        let said = br#"@nix {"action":"start","id":1,"level":5,"parent":0,"text":"","type":104}
@nix {"action":"msg","level":0,"msg":"cannot build on 'ssh-ng://box': error: cannot open connection to remote store 'ssh-ng://box': error: unexpected end-of-file"}
@nix {"action":"msg","level":0,"msg":"error: a 'aarch64-linux' with features {} is required to build '/nix/store/zvyhmi0kd7398sggcyi6g3xqfp1va3qd-c.drv', but I am a 'x86_64-linux' with features {}"}"#;
        let failure = diagnosis(said).failure();
        assert_eq!(failure.kind, Kind::Trouble, "{failure:?}");
        assert!(failure.summary.starts_with("cannot build on 'ssh-ng://box'"), "{failure:?}");
    }

    #[test]
    fn an_interruption_is_seen() {
        let said = br#"@nix {"action":"msg","level":0,"msg":"\u001b[31;1merror:\u001b[0m interrupted by the user","raw_msg":"interrupted by the user"}"#;
        assert!(diagnosis(said).interrupted());
        assert!(!diagnosis(include_bytes!("captured/fail-2.8.log")).interrupted());
    }

    #[test]
    fn a_good_build_says_when_evaluation_is_over() {
        for said in [&include_bytes!("captured/built-2.8.log")[..], include_bytes!("captured/built-2.34.log")] {
            let diagnosis = diagnosis(said);
            assert!(
                diagnosis.evaluated && diagnosis.errors.is_empty() && diagnosis.running.is_empty(),
                "{diagnosis:?}"
            );
        }
    }
}
