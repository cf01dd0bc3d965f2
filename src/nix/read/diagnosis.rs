//! What a call to Nix came to, worked out from what was said meanwhile.
//!
//! Content is blamed on evidence alone: an *activity* shows that the builder of a derivation was started, and Nix itself says how it
//! ended. Builders write into the same stream, as messages that they make up and as lines of their logs, but they cannot start an
//! activity of a build, count failures, or say an error as Nix itself does (with `raw_msg`). A daemon's errors look like those of its
//! builders: they count when no builder runs that could have made them up.

use std::collections::{HashMap, HashSet};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use super::content;
use super::failure::{Failure, Kind, one_line};
use super::graph::base;
use super::internal_json::{Event, Work};
use super::statement::{self, Ending, Statement};
use super::trouble::Trouble;
use crate::nix::error::Error;
use crate::nix::store_path::StorePath;
use crate::process;

/// More errors than this say nothing new.
const MOST_ERRORS: usize = 500;
/// A remote builder could not be reached.
const UNREACHABLE: &str = "cannot build on '";

/// Listens to the events of one call.
#[derive(Debug, Default)]
pub(in crate::nix) struct Diagnosis {
    said: Vec<Said>,
    /// The builders that run, by activity.
    building: Vec<(u64, StorePath)>,
    /// Every derivation whose builder was started, by base name.
    begun: HashMap<String, Begun>,
    /// Those whose activity ended right after Nix counted a failure.
    gave_up: Vec<StorePath>,
    /// Failures that Nix counted and whose activity has not ended.
    pending: u64,
    running: u64,
    failed: u64,
    /// Whether Nix has begun to count builds.
    evaluated: bool,
}

/// An error.
#[derive(Debug)]
struct Said {
    text: String,
    brief: String,
    statement: Option<Statement>,
    /// Whether no builder can have made it up.
    is_sure: bool,
    /// The only builder that ran.
    only: Option<StorePath>,
}

/// A builder that was started.
#[derive(Debug, Default)]
struct Begun {
    is_remote: bool,
    lines: u64,
    /// The last line of its log.
    last: String,
    /// Why it could not be executed.
    not_executed: Option<String>,
}

/// Why a derivation has no output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::nix) struct Cause {
    /// Which.
    pub(in crate::nix) drv: StorePath,
    /// What it is a case of.
    pub(in crate::nix) kind: Kind,
    trouble: Option<Trouble>,
    /// The error, by its place.
    at: usize,
    summary: String,
}

impl Diagnosis {
    /// One that begins when evaluation is over.
    pub(in crate::nix) fn of_build() -> Self {
        Self { evaluated: true, ..Self::default() }
    }

    /// Takes note of an event.
    pub(in crate::nix) fn note(&mut self, event: &Event) {
        match event {
            Event::BuildStarted { id, drv, machine } => {
                self.building.push((*id, drv.clone()));
                // A remote builder tells of its own activity as well.
                self.begun.entry(base(drv.as_str()).to_owned()).or_default().is_remote |= machine.is_some();
            }
            Event::LogLine { id, text } => self.log(*id, text),
            Event::Stopped { id } => self.stopped_building(*id),
            Event::Progress { work: Work::Builds, failed, running, .. } => self.counted(*failed, *running),
            Event::Message { level: 0, text, brief } => {
                let is_sure = brief.is_some() || self.running == 0;
                self.say(text, brief.as_deref(), is_sure);
            }
            Event::Plain(text) if text.starts_with("error:") => self.say(text, None, true),
            _ => {}
        }
    }

    /// Whether nix itself was stopped, and by what: an interruption where the user stops us as well, else an error.
    ///
    /// # Errors
    /// When it was.
    pub(in crate::nix) fn is_stopped(&self, status: ExitStatus) -> Result<(), Error> {
        let says_so = self.said.last().is_some_and(|said| said.is_sure && said.brief == "interrupted by the user");
        match status.signal() {
            None if !says_so => Ok(()),
            signal => Err(stopped_by(signal)),
        }
    }

    fn log(&mut self, id: u64, text: &str) {
        let Some((_, drv)) = self.building.iter().find(|(building, _)| *building == id) else { return };
        if let Some(begun) = self.begun.get_mut(base(drv.as_str())).filter(|_| !text.trim().is_empty()) {
            begun.lines += 1;
            begun.not_executed = not_executed(text).filter(|_| begun.lines == 1).map(str::to_owned);
            text.trim().clone_into(&mut begun.last);
        }
    }

    fn stopped_building(&mut self, id: u64) {
        let Some(place) = self.building.iter().position(|(building, _)| *building == id) else { return };
        let (_, drv) = self.building.remove(place);
        if self.pending > 0 {
            self.pending -= 1;
            self.gave_up.push(drv);
        }
    }

    fn counted(&mut self, failed: u64, running: u64) {
        self.evaluated = true;
        self.pending += failed.saturating_sub(self.failed);
        (self.failed, self.running) = (self.failed.max(failed), running);
    }

    fn say(&mut self, text: &str, brief: Option<&str>, is_sure: bool) {
        // Said on the level of errors: by 2.8, with `--keep-failed`, and by a daemon of 2.34 around its errors.
        let noise = ["(use '--show-trace'", "warning:", "note:", "trace:"];
        if text.trim().is_empty() || noise.iter().any(|word| text.starts_with(word)) || self.said.len() >= MOST_ERRORS {
            return;
        }
        let cause = if text.starts_with(UNREACHABLE) { text } else { innermost(text) };
        let brief = brief.unwrap_or(cause).trim();
        let only = self.building.first().filter(|_| self.building.len() == 1 && self.running <= 1);
        self.said.push(Said {
            text: text.to_owned(),
            statement: statement::read(brief),
            brief: brief.to_owned(),
            is_sure,
            only: only.map(|(_, drv)| drv.clone()),
        });
    }

    /// Why the builds failed that Nix says something of.
    pub(in crate::nix) fn causes(&self) -> Vec<Cause> {
        let named = self.said.iter().filter_map(|said| said.statement.as_ref()?.drv.as_ref());
        let mut seen = HashSet::new();
        let named: Vec<_> = named.filter(|drv| seen.insert(base(drv.as_str()))).collect();
        let mut causes: Vec<Cause> = named.into_iter().filter_map(|drv| self.cause(drv)).collect();
        let is_explained = |drv: &StorePath| causes.iter().any(|cause| cause.drv == *drv);
        let open: Vec<_> = self.gave_up.iter().filter(|drv| !is_explained(drv)).collect();
        let unnamed: Vec<_> = open.iter().filter_map(|drv| self.unnamed(drv, open.len())).collect();
        causes.extend(unnamed);
        causes
    }

    /// The ending of a derivation, where all that can be believed of it agrees.
    fn cause(&self, drv: &StorePath) -> Option<Cause> {
        let name = base(drv.as_str());
        let about: Vec<(usize, &Said)> =
            self.said.iter().enumerate().filter(|(_, said)| self.tells(said, name)).collect();
        let is_sure = |said: &Said| said.is_sure || said.only.as_ref().is_some_and(|only| base(only.as_str()) == name);
        let sure: Vec<_> = about.iter().copied().filter(|(_, said)| is_sure(said)).collect();
        let believed = if sure.is_empty() && self.adds_up() { about } else { sure };
        let ending = |said: &Said| said.statement.as_ref().map(|statement| statement.ending.clone());
        let (at, first) = *believed.first()?;
        let agreed = ending(first).filter(|_| believed.iter().all(|(_, said)| ending(said) == ending(first)))?;
        self.judged(drv, at, &agreed)
    }

    /// Whether an error tells how this derivation ended. That the program which speaks with a remote builder ended tells nothing.
    fn tells(&self, said: &Said, name: &str) -> bool {
        let Some(Statement { drv: Some(drv), ending, is_remote }) = &said.statement else { return false };
        let of_builder = matches!(ending, Ending::Exit(_) | Ending::Signal(_) | Ending::NoOutput);
        let is_elsewhere = self.begun.get(name).is_some_and(|begun| begun.is_remote);
        base(drv.as_str()) == name && *ending != Ending::Dependency && (!of_builder || *is_remote == is_elsewhere)
    }

    /// An error that does not name its derivation, for one whose build ended when Nix counted a failure.
    fn unnamed(&self, drv: &StorePath, open: usize) -> Option<Cause> {
        let sure = || self.said.iter().enumerate().filter(|(_, said)| said.is_sure);
        let statement = |said: &Said| said.statement.clone().filter(|statement| statement.drv.is_none());
        let rejected = sure().find_map(|(at, said)| match statement(said)?.ending {
            Ending::Rejected(output) if is_output_of(&output, drv) => Some((at, Ending::Rejected(output))),
            _ => None,
        });
        let is_late = |said: &Said| statement(said).is_some_and(|statement| statement.ending == Ending::TimedOut);
        let late: Vec<usize> = sure().filter(|(_, said)| is_late(said)).map(|(at, _)| at).collect();
        let late = late.first().filter(|_| late.len() == open).map(|at| (*at, Ending::TimedOut));
        let (at, ending) = rejected.or(late)?;
        self.judged(drv, at, &ending)
    }

    /// What an ending is a case of, with the evidence that there is.
    fn judged(&self, drv: &StorePath, at: usize, ending: &Ending) -> Option<Cause> {
        let begun = self.begun.get(base(drv.as_str()));
        let mut summary = one_line(&self.said[at].brief);
        let mut trouble = None;
        let kind = match (ending, begun) {
            (Ending::Dependency, _) => return None,
            // A builder that did not answer is not the same as none.
            (Ending::NoBuilder, _) if self.unreachable().is_some() => {
                summary = self.unreachable().map_or(summary, |said| one_line(&said.brief));
                Kind::Trouble
            }
            (Ending::NoBuilder, _) => Kind::NoBuilder,
            (Ending::Exit(_), Some(Begun { not_executed: Some(why), .. })) => {
                summary = format!("the builder of `{}` could not be run: {why}", drv.name());
                trouble = Some(Trouble::Execute);
                Kind::Trouble
            }
            (ending, Some(_)) if is_the_builder_s_own(ending) => Kind::Build,
            (Ending::TimedOut, Some(_)) => Kind::Timeout,
            (Ending::LogLimit, Some(_)) => Kind::LogLimit,
            (Ending::Differs, Some(_)) => Kind::NotReproducible,
            _ => Kind::Trouble,
        };
        Some(Cause { drv: drv.clone(), kind, trouble, at, summary })
    }

    /// Whether there are no more errors that a builder may have made up than Nix counted failures that are not explained.
    fn adds_up(&self) -> bool {
        let is_total = |said: &&Said| !said.brief.starts_with("build of '") && !said.text.starts_with(UNREACHABLE);
        let (sure, unsure): (Vec<_>, Vec<_>) = self.said.iter().filter(is_total).partition(|said| said.is_sure);
        let count = |said: &[&Said]| {
            let drv = |said: &&Said| said.statement.as_ref()?.drv.clone();
            let is_effect = |said: &&&Said| said.statement.as_ref().is_some_and(|it| it.ending == Ending::Dependency);
            let causes: Vec<_> = said.iter().filter(|said| !is_effect(said)).collect();
            let named: HashSet<_> = causes.iter().filter_map(|said| drv(said)).collect();
            (named.len(), causes.iter().filter(|said| drv(said).is_none()).count())
        };
        let ((explained, other), (claimed, strange)) = (count(&sure), count(&unsure));
        other == 0 && (explained + claimed + strange) as u64 <= self.failed
    }

    /// A failure that this is the cause of; `effect` is what else Nix says of the one that is told about.
    pub(in crate::nix) fn failure_of(&self, cause: &Cause, of: &StorePath) -> Failure {
        let said = &self.said[cause.at];
        let effect = self.effect_on(of).filter(|effect| effect.text != said.text).map(|effect| effect.text.as_str());
        let mut texts = vec![said.text.as_str()];
        if cause.kind == Kind::Trouble || cause.kind == Kind::NoBuilder {
            texts.extend(
                self.said.iter().filter(|said| said.text.starts_with(UNREACHABLE)).map(|said| said.text.as_str()),
            );
        }
        texts.extend(effect);
        let (detail, drv) = (texts.join("\n"), Some(cause.drv.clone()));
        Failure { kind: cause.kind, summary: cause.summary.clone(), detail, drv, trouble: cause.trouble }
    }

    /// Whether something that a derivation needs is said to have failed.
    pub(in crate::nix) fn has_effect_on(&self, drv: &StorePath) -> bool {
        self.effect_on(drv).is_some()
    }

    fn effect_on(&self, drv: &StorePath) -> Option<&Said> {
        let is_effect = |said: &&Said| {
            let is_it = |it: &Statement| it.drv.as_ref() == Some(drv) && it.ending == Ending::Dependency;
            said.statement.as_ref().is_some_and(is_it)
        };
        self.said.iter().find(is_effect)
    }

    /// Nix could not work; or it says, of no derivation, that there is no builder.
    pub(in crate::nix) fn trouble(&self) -> Failure {
        let unnamed = |said: &&Said| said.is_sure && said.statement.as_ref().is_some_and(|it| it.drv.is_none());
        let nobody = self
            .said
            .iter()
            .filter(unnamed)
            .any(|said| said.statement.as_ref().is_some_and(|statement| statement.ending == Ending::NoBuilder));
        let kind = if nobody && self.unreachable().is_none() { Kind::NoBuilder } else { Kind::Trouble };
        let is_total = |said: &&Said| said.brief.starts_with("build of '");
        let is_unread = |said: &&Said| said.statement.is_none() && !is_total(said);
        let own = || self.said.iter().filter(|said| said.is_sure);
        let first = self.unreachable().or_else(|| own().find(is_unread)).or_else(|| own().find(|said| !is_total(said)));
        let first = first.or_else(|| self.said.first());
        let summary = first.map_or_else(|| "nix failed without a word".to_owned(), |said| one_line(&said.brief));
        Failure { kind, summary, detail: self.detail(), drv: None, trouble: None }
    }

    /// What a call came to that was about one thing: evaluating it, or building it once more.
    pub(in crate::nix) fn failure(&self) -> Failure {
        let causes = self.causes();
        if let Some(cause) = causes.iter().min_by_key(|cause| cause.kind.rank()) {
            return Failure { detail: self.detail(), ..self.failure_of(cause, &cause.drv) };
        }
        if self.evaluated {
            return self.trouble();
        }
        let is_proof = |said: &&Said| said.is_sure && content::is_blamed(&said.text, &said.brief);
        match self.said.iter().find(is_proof) {
            Some(said) => {
                let (summary, detail) = (one_line(&said.brief), self.detail());
                Failure { kind: Kind::Evaluation, summary, detail, drv: None, trouble: None }
            }
            None => self.trouble(),
        }
    }

    /// All errors that Nix itself said.
    pub(in crate::nix) fn sure_detail(&self) -> String {
        self.said.iter().filter(|said| said.is_sure).map(|said| said.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The last line of the log of a builder.
    pub(in crate::nix) fn last_line(&self, drv: &StorePath) -> Option<&str> {
        self.begun.get(base(drv.as_str())).map(|begun| begun.last.as_str()).filter(|line| !line.is_empty())
    }

    fn detail(&self) -> String {
        self.said.iter().map(|said| said.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    fn unreachable(&self) -> Option<&Said> {
        self.said.iter().find(|said| said.text.starts_with(UNREACHABLE))
    }
}

/// An end by a signal. Ctrl-C reaches nix and us alike, and nix may be quicker.
pub(in crate::nix) fn stopped_by(signal: Option<i32>) -> Error {
    if process::is_ending_soon() { Error::Interrupted { signal } } else { Error::Killed { signal } }
}

/// Whether the builder itself failed. A shell says 128 and more of a signal that ended its child: SIGKILL and SIGTERM come from
/// where memory is short, or where the machine is shut down.
fn is_the_builder_s_own(ending: &Ending) -> bool {
    /// SIGTRAP, SIGABRT, SIGFPE, SIGSEGV, SIGSYS: a program brings them upon itself.
    const OWN: [i32; 5] = [5, 6, 8, 11, 31];
    const SIGNALS: std::ops::RangeInclusive<i32> = 1..=31;
    match ending {
        Ending::Exit(code) => !SIGNALS.contains(&(code - 128)) || OWN.contains(&(code - 128)),
        Ending::Signal(signal) => OWN.contains(signal),
        Ending::NoOutput | Ending::Rejected(_) => true,
        _ => false,
    }
}

/// `error: executing '/bin/sh': No such file or directory`; 2.8 sends it in binary form. A builder in the store is the content's.
fn not_executed(line: &str) -> Option<&str> {
    let at = line.find("executing '").filter(|at| line.starts_with("error: ") || line[..*at].contains("Error"))?;
    let why = &line[at..];
    let (program, _) = why.strip_prefix("executing '")?.split_once("': ")?;
    let package = program.split('/').take(4).collect::<Vec<_>>().join("/");
    StorePath::parse(&package).is_err().then_some(why)
}

/// `/nix/store/..-NAME` or `/nix/store/..-NAME-dev` of `/nix/store/..-NAME.drv`.
fn is_output_of(output: &StorePath, drv: &StorePath) -> bool {
    let rest = drv.name().strip_suffix(".drv").and_then(|name| output.name().strip_prefix(name));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The last `error:` of a text is the cause; those before it lead there (newer versions nest traces).
fn innermost(text: &str) -> &str {
    text.rsplit_once("error:").map_or(text, |(_, cause)| cause).trim_start()
}

#[cfg(test)]
mod tests;
