//! Works out the result of a call to Nix from its log events.
//!
//! Content is blamed only on evidence: an *activity* shows that the builder of a derivation was started, and Nix itself reports how it
//! ended. Builders write to the same stream and can forge messages and log lines, but not a build activity, a failure count, or an
//! error with `raw_msg`, which marks Nix's own errors. A daemon's errors look like those of its builders, so they count only while no
//! builder runs that could have forged them.

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

/// Maximum number of errors kept; more of them say nothing new.
const MAX_ERRORS: usize = 500;
/// Nix's error when a remote builder cannot be reached.
const UNREACHABLE: &str = "cannot build on '";

/// Collects the events of one call.
#[derive(Debug, Default)]
pub(in crate::nix) struct Diagnosis {
    errors: Vec<NixError>,
    /// The running builders, by activity.
    building: Vec<(u64, StorePath)>,
    /// All derivations whose builder was started, by base name.
    started: HashMap<String, Started>,
    /// Derivations whose activity ended right after Nix counted a failure.
    gave_up: Vec<StorePath>,
    /// The number of counted failures whose activity has not ended.
    pending: u64,
    running: u64,
    failed: u64,
    /// Whether Nix has begun to count builds, so evaluation is over.
    evaluated: bool,
}

/// An error that was printed.
#[derive(Debug)]
struct NixError {
    text: String,
    brief: String,
    statement: Option<Statement>,
    /// Whether no builder can have forged it.
    is_sure: bool,
    /// The builder that ran, if it was the only one.
    only: Option<StorePath>,
}

/// A builder that was started.
#[derive(Debug, Default)]
struct Started {
    is_remote: bool,
    lines: u64,
    /// The last line of its log.
    last: String,
    /// Why the builder could not be executed.
    not_executed: Option<String>,
}

/// Why a derivation has no output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::nix) struct Cause {
    /// The derivation.
    pub(in crate::nix) drv: StorePath,
    /// The kind of failure.
    pub(in crate::nix) kind: Kind,
    trouble: Option<Trouble>,
    /// The index of the error.
    at: usize,
    summary: String,
}

impl Diagnosis {
    /// Creates a diagnosis for a call that only builds.
    pub(in crate::nix) fn of_build() -> Self {
        Self { evaluated: true, ..Self::default() }
    }

    /// Records an event.
    pub(in crate::nix) fn note(&mut self, event: &Event) {
        match event {
            Event::BuildStarted { id, drv, machine } => {
                self.building.push((*id, drv.clone()));
                // A remote builder also reports its own activity, without a machine.
                self.started.entry(base(drv.as_str()).to_owned()).or_default().is_remote |= machine.is_some();
            }
            Event::LogLine { id, text } => self.log(*id, text),
            Event::Stopped { id, .. } => self.stopped_building(*id),
            Event::Progress { work: Work::Builds, failed, running, .. } => self.counted(*failed, *running),
            Event::Message { level: 0, text, brief } => {
                let is_sure = brief.is_some() || self.running == 0;
                self.add_error(text, brief.as_deref(), is_sure);
            }
            Event::Plain(text) if text.starts_with("error:") => self.add_error(text, None, true),
            _ => {}
        }
    }

    /// Checks that no signal ended nix: an interruption if the user interrupted us too, else an error.
    ///
    /// # Errors
    /// When a signal did.
    pub(in crate::nix) fn is_stopped(&self, status: ExitStatus) -> Result<(), Error> {
        let says_so = self.errors.last().is_some_and(|error| error.is_sure && error.brief == "interrupted by the user");
        match status.signal() {
            None if !says_so => Ok(()),
            signal => Err(stopped_by(signal)),
        }
    }

    fn log(&mut self, id: u64, text: &str) {
        let Some((_, drv)) = self.building.iter().find(|(building, _)| *building == id) else { return };
        if let Some(started) = self.started.get_mut(base(drv.as_str())).filter(|_| !text.trim().is_empty()) {
            started.lines += 1;
            started.not_executed = not_executed(text).filter(|_| started.lines == 1).map(str::to_owned);
            text.trim().clone_into(&mut started.last);
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

    fn add_error(&mut self, text: &str, brief: Option<&str>, is_sure: bool) {
        // Printed with the level of an error: by 2.8, with `--keep-failed`, and by a 2.34 daemon around its errors.
        let noise = ["(use '--show-trace'", "warning:", "note:", "trace:"];
        if text.trim().is_empty() || noise.iter().any(|word| text.starts_with(word)) || self.errors.len() >= MAX_ERRORS
        {
            return;
        }
        let cause = if text.starts_with(UNREACHABLE) { text } else { innermost(text) };
        let brief = brief.unwrap_or(cause).trim();
        let only = self.building.first().filter(|_| self.building.len() == 1 && self.running <= 1);
        self.errors.push(NixError {
            text: text.to_owned(),
            statement: statement::read(brief),
            brief: brief.to_owned(),
            is_sure,
            only: only.map(|(_, drv)| drv.clone()),
        });
    }

    /// Returns the causes of the failed builds that Nix reports.
    pub(in crate::nix) fn causes(&self) -> Vec<Cause> {
        let named = self.errors.iter().filter_map(|error| error.statement.as_ref()?.drv.as_ref());
        let mut seen = HashSet::new();
        let named: Vec<_> = named.filter(|drv| seen.insert(base(drv.as_str()))).collect();
        let mut causes: Vec<Cause> = named.into_iter().filter_map(|drv| self.cause(drv)).collect();
        let is_explained = |drv: &StorePath| causes.iter().any(|cause| cause.drv == *drv);
        let open: Vec<_> = self.gave_up.iter().filter(|drv| !is_explained(drv)).collect();
        let unnamed: Vec<_> = open.iter().filter_map(|drv| self.unnamed(drv, open.len())).collect();
        causes.extend(unnamed);
        causes
    }

    /// Returns the cause for a derivation, if all credible errors about it agree.
    fn cause(&self, drv: &StorePath) -> Option<Cause> {
        let name = base(drv.as_str());
        let about: Vec<(usize, &NixError)> =
            self.errors.iter().enumerate().filter(|(_, error)| self.concerns(error, name)).collect();
        let is_sure =
            |error: &NixError| error.is_sure || error.only.as_ref().is_some_and(|only| base(only.as_str()) == name);
        let sure: Vec<_> = about.iter().copied().filter(|(_, error)| is_sure(error)).collect();
        let believed = if sure.is_empty() && self.failures_add_up() { about } else { sure };
        let ending = |error: &NixError| error.statement.as_ref().map(|statement| statement.ending.clone());
        let (at, first) = *believed.first()?;
        let agreed = ending(first).filter(|_| believed.iter().all(|(_, error)| ending(error) == ending(first)))?;
        self.judged(drv, at, &agreed)
    }

    /// Returns whether an error says how this derivation ended. The exit of the helper that talks to a remote builder does not.
    fn concerns(&self, error: &NixError, name: &str) -> bool {
        let Some(Statement { drv: Some(drv), ending, is_remote }) = &error.statement else { return false };
        let of_builder = matches!(ending, Ending::Exit(_) | Ending::Signal(_) | Ending::NoOutput);
        let is_elsewhere = self.started.get(name).is_some_and(|started| started.is_remote);
        base(drv.as_str()) == name && *ending != Ending::Dependency && (!of_builder || *is_remote == is_elsewhere)
    }

    /// Finds an error without a derivation for a build that ended when Nix counted a failure.
    fn unnamed(&self, drv: &StorePath, open: usize) -> Option<Cause> {
        let sure = || self.errors.iter().enumerate().filter(|(_, error)| error.is_sure);
        let statement = |error: &NixError| error.statement.clone().filter(|statement| statement.drv.is_none());
        let rejected = sure().find_map(|(at, error)| match statement(error)?.ending {
            Ending::Rejected(output) if is_output_of(&output, drv) => Some((at, Ending::Rejected(output))),
            _ => None,
        });
        let is_late = |error: &NixError| statement(error).is_some_and(|statement| statement.ending == Ending::TimedOut);
        let late: Vec<usize> = sure().filter(|(_, error)| is_late(error)).map(|(at, _)| at).collect();
        let late = late.first().filter(|_| late.len() == open).map(|at| (*at, Ending::TimedOut));
        let (at, ending) = rejected.or(late)?;
        self.judged(drv, at, &ending)
    }

    /// Classifies an ending by the evidence.
    fn judged(&self, drv: &StorePath, at: usize, ending: &Ending) -> Option<Cause> {
        let started = self.started.get(base(drv.as_str()));
        let mut summary = one_line(&self.errors[at].brief);
        let mut trouble = None;
        let kind = match (ending, started) {
            (Ending::Dependency, _) => return None,
            // An unreachable builder is not the same as no builder.
            (Ending::NoBuilder, _) if self.unreachable().is_some() => {
                summary = self.unreachable().map_or(summary, |error| one_line(&error.brief));
                Kind::Trouble
            }
            (Ending::NoBuilder, _) => Kind::NoBuilder,
            (Ending::Exit(_), Some(Started { not_executed: Some(why), .. })) => {
                summary = format!("the builder of `{}` could not be run: {why}", drv.name());
                trouble = Some(Trouble::Execute);
                Kind::Trouble
            }
            (ending, Some(_)) if is_own_failure(ending) => Kind::Build,
            (Ending::TimedOut, Some(_)) => Kind::Timeout,
            (Ending::LogLimit, Some(_)) => Kind::LogLimit,
            (Ending::Differs, Some(_)) => Kind::NotReproducible,
            _ => Kind::Trouble,
        };
        Some(Cause { drv: drv.clone(), kind, trouble, at, summary })
    }

    /// Returns whether the errors that a builder may have forged are no more than the counted failures without an explanation.
    fn failures_add_up(&self) -> bool {
        let is_total =
            |error: &&NixError| !error.brief.starts_with("build of '") && !error.text.starts_with(UNREACHABLE);
        let (sure, unsure): (Vec<_>, Vec<_>) = self.errors.iter().filter(is_total).partition(|error| error.is_sure);
        let count = |errors: &[&NixError]| {
            let drv = |error: &&NixError| error.statement.as_ref()?.drv.clone();
            let is_effect =
                |error: &&&NixError| error.statement.as_ref().is_some_and(|it| it.ending == Ending::Dependency);
            let causes: Vec<_> = errors.iter().filter(|error| !is_effect(error)).collect();
            let named: HashSet<_> = causes.iter().filter_map(|error| drv(error)).collect();
            (named.len(), causes.iter().filter(|error| drv(error).is_none()).count())
        };
        let ((explained, other), (claimed, strange)) = (count(&sure), count(&unsure));
        other == 0 && (explained + claimed + strange) as u64 <= self.failed
    }

    /// Returns the failure of `of` that `cause` explains, with Nix's other error about `of`.
    pub(in crate::nix) fn failure_of(&self, cause: &Cause, of: &StorePath) -> Failure {
        let error = &self.errors[cause.at];
        let effect = self.effect_on(of).filter(|effect| effect.text != error.text).map(|effect| effect.text.as_str());
        let mut texts = vec![error.text.as_str()];
        if cause.kind == Kind::Trouble || cause.kind == Kind::NoBuilder {
            texts.extend(
                self.errors.iter().filter(|error| error.text.starts_with(UNREACHABLE)).map(|error| error.text.as_str()),
            );
        }
        texts.extend(effect);
        let (detail, drv) = (texts.join("\n"), Some(cause.drv.clone()));
        Failure { kind: cause.kind, summary: cause.summary.clone(), detail, drv, trouble: cause.trouble }
    }

    /// Returns whether Nix says that a dependency of `drv` failed.
    pub(in crate::nix) fn has_effect_on(&self, drv: &StorePath) -> bool {
        self.effect_on(drv).is_some()
    }

    fn effect_on(&self, drv: &StorePath) -> Option<&NixError> {
        let is_effect = |error: &&NixError| {
            let is_it = |it: &Statement| it.drv.as_ref() == Some(drv) && it.ending == Ending::Dependency;
            error.statement.as_ref().is_some_and(is_it)
        };
        self.errors.iter().find(is_effect)
    }

    /// Returns a failure of Nix itself, or, if Nix says so without naming a derivation, of the missing builder.
    pub(in crate::nix) fn trouble(&self) -> Failure {
        let unnamed = |error: &&NixError| error.is_sure && error.statement.as_ref().is_some_and(|it| it.drv.is_none());
        let is_builder_missing = self
            .errors
            .iter()
            .filter(unnamed)
            .any(|error| error.statement.as_ref().is_some_and(|statement| statement.ending == Ending::NoBuilder));
        let kind = if is_builder_missing && self.unreachable().is_none() { Kind::NoBuilder } else { Kind::Trouble };
        let is_total = |error: &&NixError| error.brief.starts_with("build of '");
        let is_unread = |error: &&NixError| error.statement.is_none() && !is_total(error);
        let own = || self.errors.iter().filter(|error| error.is_sure);
        let first =
            self.unreachable().or_else(|| own().find(is_unread)).or_else(|| own().find(|error| !is_total(error)));
        let first = first.or_else(|| self.errors.first());
        let summary =
            first.map_or_else(|| "nix failed without an error message".to_owned(), |error| one_line(&error.brief));
        // Nix 2.8 fails at a builder's line that begins with `@nix` and is no message of its own.
        let trouble = (!self.started.is_empty() && content::is_bad_json(&summary)).then_some(Trouble::BuilderLine);
        Failure { kind, summary, detail: self.detail(), drv: None, trouble }
    }

    /// Returns the failure of a call about a single thing: an evaluation or a rebuild.
    pub(in crate::nix) fn failure(&self) -> Failure {
        let causes = self.causes();
        if let Some(cause) = causes.iter().min_by_key(|cause| cause.kind.rank()) {
            return Failure { detail: self.detail(), ..self.failure_of(cause, &cause.drv) };
        }
        if self.evaluated {
            return self.trouble();
        }
        let is_proof = |error: &&NixError| error.is_sure && content::is_blamed(&error.text, &error.brief);
        match self.errors.iter().find(is_proof) {
            Some(error) => {
                let (summary, detail) = (one_line(&error.brief), self.detail());
                Failure { kind: Kind::Evaluation, summary, detail, drv: None, trouble: None }
            }
            None => self.trouble(),
        }
    }

    /// Returns all errors that Nix itself printed.
    pub(in crate::nix) fn sure_detail(&self) -> String {
        self.errors.iter().filter(|error| error.is_sure).map(|error| error.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Returns the last line of a builder's log.
    pub(in crate::nix) fn last_line(&self, drv: &StorePath) -> Option<&str> {
        self.started.get(base(drv.as_str())).map(|started| started.last.as_str()).filter(|line| !line.is_empty())
    }

    fn detail(&self) -> String {
        self.errors.iter().map(|error| error.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    fn unreachable(&self) -> Option<&NixError> {
        self.errors.iter().find(|error| error.text.starts_with(UNREACHABLE))
    }
}

/// Returns the error for an end by a signal. Ctrl-C reaches both nix and us, and nix may end first.
pub(in crate::nix) fn stopped_by(signal: Option<i32>) -> Error {
    if process::is_ending_soon() { Error::Interrupted { signal } } else { Error::Killed { signal } }
}

/// Returns whether the builder itself failed. A shell reports a child's signal as exit code 128 and more. SIGKILL and SIGTERM come from
/// the system: memory is short, or the machine shuts down.
fn is_own_failure(ending: &Ending) -> bool {
    /// SIGTRAP, SIGABRT, SIGFPE, SIGSEGV, SIGSYS: a program causes these itself.
    const OWN_SIGNALS: [i32; 5] = [5, 6, 8, 11, 31];
    const SIGNALS: std::ops::RangeInclusive<i32> = 1..=31;
    match ending {
        Ending::Exit(code) => !SIGNALS.contains(&(code - 128)) || OWN_SIGNALS.contains(&(code - 128)),
        Ending::Signal(signal) => OWN_SIGNALS.contains(signal),
        Ending::NoOutput | Ending::Rejected(_) => true,
        _ => false,
    }
}

/// Finds `error: executing '/bin/sh': No such file or directory`, which 2.8 sends in binary form. A missing program in the store is the
/// content's fault.
fn not_executed(line: &str) -> Option<&str> {
    let at = line.find("executing '").filter(|at| line.starts_with("error: ") || line[..*at].contains("Error"))?;
    let why = &line[at..];
    let (program, _) = why.strip_prefix("executing '")?.split_once("': ")?;
    let package = program.split('/').take(4).collect::<Vec<_>>().join("/");
    StorePath::parse(&package).is_err().then_some(why)
}

/// Returns whether `output` is `/nix/store/..-NAME` or `/nix/store/..-NAME-dev` for `drv` `/nix/store/..-NAME.drv`.
fn is_output_of(output: &StorePath, drv: &StorePath) -> bool {
    let rest = drv.name().strip_suffix(".drv").and_then(|name| output.name().strip_prefix(name));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Returns the text after the last `error:`, which is the cause; newer versions nest traces before it.
fn innermost(text: &str) -> &str {
    text.rsplit_once("error:").map_or(text, |(_, cause)| cause).trim_start()
}

#[cfg(test)]
mod tests;
