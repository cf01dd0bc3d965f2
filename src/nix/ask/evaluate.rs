//! Evaluates flakes to derivations, many in one nix process.
//!
//! Nix stops at the first flake that fails and says nothing about the others. Newer versions name the failing one; with older versions
//! it is found by bisection. Flakes that evaluated before come from Nix's cache the second time.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::nix::error::Error;
use crate::nix::exe::{Nix, TICK};
use crate::nix::flake_ref::FlakeRef;
use crate::nix::options::Options;
use crate::nix::read::content;
use crate::nix::read::diagnosis::Diagnosis;
use crate::nix::read::failure::{Failure, Kind};
use crate::nix::read::internal_json::{Event, Reader};
use crate::nix::read::settings::DEFAULT_DEPTH;
use crate::nix::read::trouble;
use crate::nix::store_path::StorePath;
use crate::process::{self, Clock};
use crate::system::System;

const COMMAND: &str = "build --dry-run --json";
/// Maximum size of a command line in bytes; the system's limit is about 2 MiB (execve(2)).
const MAX_COMMAND_LINE: usize = 1 << 20;
/// How long creating a store takes.
const STORE_CREATION: Duration = Duration::from_millis(500);
/// Nix's error when it may not have more memory.
const OUT_OF_MEMORY: &str = "out of memory";
/// Newer versions print this before each installable.
const AT: &str = "evaluating derivation '";

/// What to build: `packages.SYSTEM.default` of a flake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installable {
    /// The flake.
    pub flake: FlakeRef,
    /// The system.
    pub system: System,
}

impl Installable {
    /// Returns it as nix's argument.
    pub(in crate::nix) fn text(&self) -> String {
        self.flake.installable(&self.system)
    }
}

/// An evaluated installable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derivation {
    /// The derivation's path.
    pub drv: StorePath,
    /// The outputs that are installed by default, with their paths.
    pub outputs: Vec<(String, StorePath)>,
}

/// The result of evaluating one installable.
pub type Evaluation = Result<Derivation, Failure>;

impl Nix {
    /// Evaluates all of `what`; returns one result for each, in the same order.
    ///
    /// # Errors
    /// When nix could not be run or was interrupted.
    pub fn evaluate(
        &self,
        what: &[Installable],
        options: &Options,
        on_event: &mut dyn FnMut(&Event),
    ) -> Result<Vec<Evaluation>, Error> {
        let mut search = Search { nix: self, what, options, on_event, found: vec![None; what.len()], trouble: None };
        search.run(groups(what))?;
        search
            .found
            .into_iter()
            .map(|found| found.ok_or_else(|| Error::unreadable(COMMAND, &"too few results")))
            .collect()
    }
}

/// Groups installables that fit into one call: same working directory, limited size.
fn groups(what: &[Installable]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for (i, one) in what.iter().enumerate() {
        bytes += one.text().len();
        match groups.last_mut() {
            Some(group) if bytes <= MAX_COMMAND_LINE && what[group[0]].flake.cwd() == one.flake.cwd() => group.push(i),
            _ => {
                bytes = one.text().len();
                groups.push(vec![i]);
            }
        }
    }
    groups
}

/// The state while failing installables are searched.
struct Search<'a> {
    nix: &'a Nix,
    what: &'a [Installable],
    options: &'a Options,
    on_event: &'a mut dyn FnMut(&Event),
    found: Vec<Option<Evaluation>>,
    /// Why nix could not work when it was last run for a single installable.
    trouble: Option<String>,
}

/// The result of one call.
enum CallResult {
    /// All were evaluated.
    All(Vec<Evaluation>),
    /// One failed: the one at index `at`, if nix says which.
    Stopped { failure: Failure, at: Option<usize> },
}

impl Search<'_> {
    fn run(&mut self, mut groups: Vec<Vec<usize>>) -> Result<(), Error> {
        groups.reverse();
        let mut fine = Vec::new();
        loop {
            // Flakes that evaluated before another one failed are evaluated again, all in one call.
            let Some(group) = groups.pop().or_else(|| Some(std::mem::take(&mut fine)).filter(|fine| !fine.is_empty()))
            else {
                return Ok(());
            };
            match self.ask_again(&group)? {
                CallResult::All(all) => group.iter().zip(all).for_each(|(i, one)| self.found[*i] = Some(one)),
                CallResult::Stopped { failure, at } => self.divide(&group, failure, at, &mut groups, &mut fine),
            }
        }
    }

    /// Notes which installable failed, and queues the others.
    fn divide(
        &mut self,
        group: &[usize],
        failure: Failure,
        at: Option<usize>,
        groups: &mut Vec<Vec<usize>>,
        fine: &mut Vec<usize>,
    ) {
        let is_trouble = failure.kind == Kind::Trouble;
        if group.len() == 1 || (is_trouble && self.trouble.as_ref() == Some(&failure.summary)) {
            self.trouble = is_trouble.then(|| failure.summary.clone()).or_else(|| self.trouble.take());
            group.iter().for_each(|i| self.found[*i] = Some(Err(failure.clone())));
            return;
        }
        let Some(at) = at else {
            let (left, right) = group.split_at(group.len() / 2);
            return groups.extend([right.to_vec(), left.to_vec()]);
        };
        fine.extend(&group[..at]);
        groups.extend(Some(group[at + 1..].to_vec()).filter(|rest| !rest.is_empty()));
        // Memory and time are shared by the group: evaluated alone it may succeed.
        let is_shared = matches!(failure.kind, Kind::EvaluationTime | Kind::EvaluationMemory | Kind::Trouble);
        if is_shared { groups.push(vec![group[at]]) } else { self.found[group[at]] = Some(Err(failure)) }
    }

    /// Evaluates a group; tries again if another Nix process was creating the same store.
    fn ask_again(&mut self, group: &[usize]) -> Result<CallResult, Error> {
        match self.ask(group)? {
            CallResult::Stopped { failure, .. } if trouble::is_race(&failure.detail) => {
                std::thread::sleep(STORE_CREATION);
                self.ask(group)
            }
            answer => Ok(answer),
        }
    }

    fn ask(&mut self, group: &[usize]) -> Result<CallResult, Error> {
        if process::is_ending() {
            return Err(Error::Interrupted { signal: None });
        }
        let cmd = self.nix.cmd(["build", "--dry-run", "--json", "--log-format", "internal-json"]);
        let mut cmd = self.options.apply_to_flakes(self.options.apply(cmd));
        // From its cache, Nix 2.8 knows that a flake failed, but not why.
        if let [_] = group {
            cmd = cmd.args(["--option", "eval-cache", "false"]);
        }
        if let Some(dir) = self.what[group[0]].flake.cwd() {
            cmd = cmd.cwd(dir);
        }
        let cmd = cmd.args(group.iter().map(|i| self.what[*i].text()));
        let count = u32::try_from(group.len()).unwrap_or(u32::MAX);
        let limit = self.options.limits().evaluation.map(|time| time.saturating_mul(count));
        let (mut reader, mut diagnosis, mut begun) = (Reader::default(), Diagnosis::default(), 0);
        let mut fetching: Vec<(u64, String)> = Vec::new();
        let run = cmd.listen(limit, Some(TICK), |heard| {
            if let Some(event) = reader.hear(heard) {
                diagnosis.note(&event);
                match &event {
                    Event::Fetch { id, what } => fetching.push((*id, what.clone())),
                    Event::Stopped { id, .. } => fetching.retain(|(fetch, _)| fetch != id),
                    _ => {}
                }
                begun += usize::from(matches!(&event, Event::Doing { text, .. } if text.starts_with(AT)));
                if !is_listing(&event) {
                    (self.on_event)(&event);
                }
            }
            Clock::Run
        });
        let at = (1..=group.len()).contains(&begun).then(|| begun - 1);
        match run {
            Ok((status, stdout)) if status.success() => {
                read(&stdout, group.len()).map(CallResult::All).map_err(|problem| Error::unreadable(COMMAND, &problem))
            }
            Ok((status, _)) => {
                diagnosis.is_stopped(status)?;
                let failure = self.judged(group, &diagnosis)?;
                Ok(CallResult::Stopped { failure, at })
            }
            Err(process::Error::TimedOut { .. }) => {
                let limit = limit.unwrap_or_default() / count;
                let fetched = fetching.last().map(|(_, what)| what.as_str());
                Ok(CallResult::Stopped { failure: Failure::evaluation_took(limit, fetched), at })
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Search<'_> {
    /// Classifies a failed evaluation. For a single installable, more is checked if the error alone proves nothing.
    fn judged(&self, group: &[usize], diagnosis: &Diagnosis) -> Result<Failure, Error> {
        let mut failure = [diagnosis.failure()];
        self.nix.without_fetches(diagnosis, &mut failure)?;
        let [mut failure] = failure;
        let is_out_of_memory = failure.kind == Kind::Trouble && failure.summary == OUT_OF_MEMORY;
        if is_out_of_memory && self.options.limits().memory.is_some() {
            failure.kind = Kind::EvaluationMemory;
        }
        match group {
            [one] if failure.kind == Kind::Trouble && self.is_proved(*one, &failure)? => {
                failure.kind = Kind::Evaluation;
            }
            _ => {}
        }
        Ok(failure)
    }

    /// Returns whether closer checks prove that the flake's text is at fault.
    fn is_proved(&self, one: usize, failure: &Failure) -> Result<bool, Error> {
        if content::is_bad_json(&failure.summary) && failure.trouble.is_none() {
            return self.is_fetched(one);
        }
        Ok(self.is_missing(failure) || self.is_too_deep(failure)? || self.throws(one)?)
    }

    /// Returns whether calls are nested too deep even for the default limit.
    fn is_too_deep(&self, failure: &Failure) -> Result<bool, Error> {
        Ok(content::is_too_deep(&failure.summary) && self.nix.settings()?.max_call_depth >= DEFAULT_DEPTH)
    }

    /// Returns whether the only fault is a missing file in a source whose store path is intact.
    fn is_missing(&self, failure: &Failure) -> bool {
        let Some(file) = content::missing_file(&failure.summary) else { return false };
        if file.starts_with("«git+") {
            return true;
        }
        // A private store may be below another directory.
        let source = file.split('/').find_map(|base| StorePath::parse(&format!("/nix/store/{base}")).ok());
        let is_whole = |source: StorePath| {
            let cmd = self.nix.store_cmd().ok()?.args(["--verify-path", source.as_str()]);
            cmd.output().ok().map(|output| output.status.success())
        };
        source.and_then(is_whole).unwrap_or(false)
    }

    /// Returns whether the expression throws or fails an assertion: the error alone does not show whether it is Nix's own.
    fn throws(&self, one: usize) -> Result<bool, Error> {
        let system = &self.what[one].system;
        self.evaluates_to_false(one, &format!("(builtins.tryEval flake.packages.\"{system}\".default.drvPath).success"))
    }

    /// Returns whether Nix has the sources of the flake and of all its inputs, so that its caches are in order.
    fn is_fetched(&self, one: usize) -> Result<bool, Error> {
        let sources = "[ flake.sourceInfo ] ++ builtins.map (input: input.outPath) (builtins.attrValues flake.inputs)";
        self.evaluates_to_false(one, &format!("builtins.deepSeq ({sources}) false"))
    }

    /// Returns whether an expression evaluates to `false`; it refers to the flake as `flake`.
    fn evaluates_to_false(&self, one: usize, expression: &str) -> Result<bool, Error> {
        let Installable { flake, .. } = &self.what[one];
        if flake.cwd().is_some() {
            return Ok(false);
        }
        let cmd = self.options.apply_to_flakes(self.options.apply(self.nix.cmd(["eval", "--json"])));
        // A flake ref is percent-encoded, so it needs no escaping in a Nix string.
        let cmd = cmd.args(["--expr", &format!("let flake = builtins.getFlake \"{flake}\"; in {expression}")]);
        let limit = self.options.limits().evaluation;
        match cmd.stream_within(limit, |_| Clock::Run) {
            Ok((status, stdout)) => Ok(status.success() && stdout.trim_ascii() == b"false"),
            Err(process::Error::TimedOut { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Parses `[{"drvPath": .., "outputs": {NAME: PATH}}, ..]`; newer versions add fields.
fn read(stdout: &[u8], count: usize) -> Result<Vec<Evaluation>, String> {
    let all: Vec<Value> = serde_json::from_slice(stdout).map_err(|e| e.to_string())?;
    if all.len() == count {
        all.iter().map(read_one).collect()
    } else {
        Err(format!("{} results for {count} installables", all.len()))
    }
}

fn read_one(value: &Value) -> Result<Evaluation, String> {
    let Some(drv) = value.get("drvPath").and_then(Value::as_str) else {
        return Ok(Err(Failure::evaluation("it is not a derivation".to_owned())));
    };
    let Some(outputs) = read_outputs(value)? else {
        let why = "it is content-addressed: its output path is not known before the build";
        return Ok(Err(Failure::trouble(why.to_owned())));
    };
    Ok(Ok(Derivation { drv: parse(drv)?, outputs }))
}

/// Returns the outputs by name; `None` if a path is `null`, that is unknown before the build.
pub(in crate::nix) fn read_outputs(value: &Value) -> Result<Option<Vec<(String, StorePath)>>, String> {
    let outputs = value.get("outputs").and_then(Value::as_object).ok_or("it names no outputs")?;
    if outputs.values().any(Value::is_null) {
        return Ok(None);
    }
    let path = |value: &Value| parse(value.as_str().unwrap_or_default());
    outputs.iter().map(|(name, value)| Ok((name.clone(), path(value)?))).collect::<Result<_, String>>().map(Some)
}

pub(in crate::nix) fn parse(path: &str) -> Result<StorePath, String> {
    StorePath::parse(path).map_err(|e| e.to_string())
}

/// The program that evaluates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evaluator {
    /// Nix itself.
    Nix,
    /// `nix-eval-jobs` at this path: uses several cores and reports each failure.
    EvalJobs(PathBuf),
}

impl Evaluator {
    /// Returns its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Nix => "nix",
            Self::EvalJobs(_) => "nix-eval-jobs",
        }
    }
}

/// Returns whether the event lists what a dry run would do (with the level of an error); the build itself reports it again.
fn is_listing(event: &Event) -> bool {
    let Event::Message { text, .. } = event else { return false };
    text.ends_with("will be built:") || text.contains("will be fetched") || text.starts_with("  /")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "h24kygbrhigxk7k5z4vr2hd0lpdrwcly";

    #[test]
    fn parses_derivations_and_outputs() {
        let json = format!(
            r#"[{{"drvPath":"/nix/store/{HASH}-hello.drv","outputs":{{"out":"/nix/store/{HASH}-hello"}},"startTime":1}},
                {{"drvPath":"/nix/store/{HASH}-ca.drv","outputs":{{"out":null}}}},"/nix/store/{HASH}-x"]"#
        );
        let all = read(json.as_bytes(), 3).unwrap();
        let hello = all[0].as_ref().unwrap();
        assert_eq!((hello.drv.name(), hello.outputs[0].0.as_str()), ("hello.drv", "out"));
        let kinds = all[1..].iter().map(|one| one.as_ref().unwrap_err().kind).collect::<Vec<_>>();
        assert_eq!(
            kinds,
            [Kind::Trouble, Kind::Evaluation],
            "the first is content-addressed, which git-lattice cannot build"
        );
    }

    #[test]
    fn refuses_other_output() {
        let strange = [
            String::new(),
            "[]".to_owned(),
            format!(r#"[{{"drvPath":"/nix/store/{HASH}-x.drv"}}]"#),
            r#"[{"drvPath":"x","outputs":{}}]"#.to_owned(),
        ];
        for json in strange {
            assert!(read(json.as_bytes(), 1).is_err(), "`{json}` is not a result");
        }
    }
}
