//! From flakes to derivations: many at once, in one process where all is well.
//!
//! Nix gives up at the first flake that it cannot evaluate, and then says nothing of the others. Newer versions name the one they
//! are at, older ones leave it to be found by halving; what evaluated before comes from Nix' own cache the second time.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::nix::error::Error;
use crate::nix::exe::Nix;
use crate::nix::flake_ref::FlakeRef;
use crate::nix::options::Options;
use crate::nix::read::content;
use crate::nix::read::diagnosis::Diagnosis;
use crate::nix::read::failure::{Failure, Kind};
use crate::nix::read::internal_json::{Event, Reader};
use crate::nix::read::settings::USUAL_DEPTH;
use crate::nix::read::trouble;
use crate::nix::store_path::StorePath;
use crate::process::{self, Clock};
use crate::system::System;

const COMMAND: &str = "build --dry-run --json";
/// Bytes of command line in one call: the system passes on about 2 MiB (execve(2)).
const AT_ONCE: usize = 1 << 20;
/// How long it takes to make a store.
const A_MOMENT: Duration = Duration::from_millis(500);
/// What Nix says where it cannot have more memory.
const OUT_OF_MEMORY: &str = "out of memory";
/// What newer versions say before each installable.
const AT: &str = "evaluating derivation '";

/// What is to be built: `packages.SYSTEM.default` of a flake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installable {
    /// The flake.
    pub flake: FlakeRef,
    /// The system.
    pub system: System,
}

impl Installable {
    /// As nix takes it.
    pub(in crate::nix) fn text(&self) -> String {
        self.flake.installable(&self.system)
    }
}

/// What an evaluation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derivation {
    /// The recipe.
    pub drv: StorePath,
    /// The outputs that are installed by default, and where they will be.
    pub outputs: Vec<(String, StorePath)>,
}

/// What one installable came to.
pub type Evaluation = Result<Derivation, Failure>;

impl Nix {
    /// Evaluates all of `what`, each of which has its own answer, in its order.
    ///
    /// # Errors
    /// When there is no answer: nix could not be run or was interrupted.
    pub fn evaluate(
        &self,
        what: &[Installable],
        options: &Options,
        on_event: &mut dyn FnMut(&Event),
    ) -> Result<Vec<Evaluation>, Error> {
        let mut search = Search { nix: self, what, options, on_event, found: vec![None; what.len()], trouble: None };
        search.run(groups(what))?;
        search.found.into_iter().map(|found| found.ok_or_else(|| Error::unreadable(COMMAND, &"too few"))).collect()
    }
}

/// What can be asked in one call: run in the same directory, and not too long.
fn groups(what: &[Installable]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for (i, one) in what.iter().enumerate() {
        bytes += one.text().len();
        match groups.last_mut() {
            Some(group) if bytes <= AT_ONCE && what[group[0]].flake.cwd() == one.flake.cwd() => group.push(i),
            _ => {
                bytes = one.text().len();
                groups.push(vec![i]);
            }
        }
    }
    groups
}

/// The search for what evaluates.
struct Search<'a> {
    nix: &'a Nix,
    what: &'a [Installable],
    options: &'a Options,
    on_event: &'a mut dyn FnMut(&Event),
    found: Vec<Option<Evaluation>>,
    /// What kept nix itself from working when it was last asked for a single one.
    trouble: Option<String>,
}

/// What one call came to.
enum Answer {
    /// All are evaluated.
    All(Vec<Evaluation>),
    /// One of them is not: the one at this place, where nix says so.
    Stopped { failure: Failure, at: Option<usize> },
}

impl Search<'_> {
    fn run(&mut self, mut groups: Vec<Vec<usize>>) -> Result<(), Error> {
        groups.reverse();
        let mut fine = Vec::new();
        loop {
            // What was evaluated before somebody else failed is asked for once more, all together.
            let Some(group) = groups.pop().or_else(|| Some(std::mem::take(&mut fine)).filter(|fine| !fine.is_empty()))
            else {
                return Ok(());
            };
            match self.ask_again(&group)? {
                Answer::All(all) => group.iter().zip(all).for_each(|(i, one)| self.found[*i] = Some(one)),
                Answer::Stopped { failure, at } => self.divide(&group, failure, at, &mut groups, &mut fine),
            }
        }
    }

    /// Puts down whose failure it is, and what is to be asked next.
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
        // Memory and time are shared: alone it may do.
        let is_shared = matches!(failure.kind, Kind::EvaluationTime | Kind::EvaluationMemory | Kind::Trouble);
        if is_shared { groups.push(vec![group[at]]) } else { self.found[group[at]] = Some(Err(failure)) }
    }

    /// Asks, and once more where another Nix was just making the same store.
    fn ask_again(&mut self, group: &[usize]) -> Result<Answer, Error> {
        match self.ask(group)? {
            Answer::Stopped { failure, .. } if trouble::is_race(&failure.detail) => {
                std::thread::sleep(A_MOMENT);
                self.ask(group)
            }
            answer => Ok(answer),
        }
    }

    fn ask(&mut self, group: &[usize]) -> Result<Answer, Error> {
        if process::is_ending() {
            return Err(Error::Interrupted { signal: None });
        }
        let cmd = self.nix.cmd(["build", "--dry-run", "--json", "--log-format", "internal-json"]);
        let mut cmd = self.options.apply_to_flakes(self.options.apply(cmd));
        // From its cache Nix 2.8 knows that something failed, and no more why.
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
        let run = cmd.stream_within(limit, |line| {
            if let Some(event) = reader.read(line) {
                diagnosis.note(&event);
                match &event {
                    Event::Fetch { id, what } => fetching.push((*id, what.clone())),
                    Event::Stopped { id } => fetching.retain(|(fetch, _)| fetch != id),
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
                read(&stdout, group.len()).map(Answer::All).map_err(|problem| Error::unreadable(COMMAND, &problem))
            }
            Ok((status, _)) => {
                diagnosis.is_stopped(status)?;
                let failure = self.judged(group, &diagnosis)?;
                Ok(Answer::Stopped { failure, at })
            }
            Err(process::Error::TimedOut { .. }) => {
                let limit = limit.unwrap_or_default() / count;
                let fetched = fetching.last().map(|(_, what)| what.as_str());
                Ok(Answer::Stopped { failure: Failure::evaluation_took(limit, fetched), at })
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Search<'_> {
    /// What an evaluation came to that gave no derivation; of a single one more is asked where the error alone proves nothing.
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

    /// Whether the text is to blame all the same, as looking closer shows.
    fn is_proved(&self, one: usize, failure: &Failure) -> Result<bool, Error> {
        if content::is_bad_json(&failure.summary) {
            return self.is_fetched(one);
        }
        Ok(self.is_missing(failure) || self.is_too_deep(failure)? || self.throws(one)?)
    }

    /// Whether calls are nested deeper than any Nix lets them be that no setting keeps lower.
    fn is_too_deep(&self, failure: &Failure) -> Result<bool, Error> {
        Ok(content::is_too_deep(&failure.summary) && self.nix.settings()?.max_call_depth >= USUAL_DEPTH)
    }

    /// Whether all that is wrong is that a file is not there, in a source that is in the store as it was put there.
    fn is_missing(&self, failure: &Failure) -> bool {
        let Some(file) = content::missing_file(&failure.summary) else { return false };
        if file.starts_with("«git+") {
            return true;
        }
        // The store may be below the directory of a private one.
        let source = file.split('/').find_map(|base| StorePath::parse(&format!("/nix/store/{base}")).ok());
        let is_whole = |source: StorePath| {
            let cmd = self.nix.store_cmd().ok()?.args(["--verify-path", source.as_str()]);
            cmd.output().ok().map(|output| output.status.success())
        };
        source.and_then(is_whole).unwrap_or(false)
    }

    /// Whether the expression itself throws, or an assertion of it fails: the error alone does not tell that from one of Nix' own.
    fn throws(&self, one: usize) -> Result<bool, Error> {
        let system = &self.what[one].system;
        self.comes_to_false(one, &format!("(builtins.tryEval flake.packages.\"{system}\".default.drvPath).success"))
    }

    /// Whether Nix has the sources of the flake and of all its inputs: what it keeps of them is in order.
    fn is_fetched(&self, one: usize) -> Result<bool, Error> {
        let sources = "[ flake.sourceInfo ] ++ builtins.map (input: input.outPath) (builtins.attrValues flake.inputs)";
        self.comes_to_false(one, &format!("builtins.deepSeq ({sources}) false"))
    }

    /// Whether an expression in which `flake` is the flake evaluates to `false`.
    fn comes_to_false(&self, one: usize, expression: &str) -> Result<bool, Error> {
        let Installable { flake, .. } = &self.what[one];
        if flake.cwd().is_some() {
            return Ok(false);
        }
        let cmd = self.options.apply_to_flakes(self.options.apply(self.nix.cmd(["eval", "--json"])));
        // A flake ref is percent-encoded: nothing in it means anything in a string.
        let cmd = cmd.args(["--expr", &format!("let flake = builtins.getFlake \"{flake}\"; in {expression}")]);
        let limit = self.options.limits().evaluation;
        match cmd.stream_within(limit, |_| Clock::Run) {
            Ok((status, stdout)) => Ok(status.success() && stdout.trim_ascii() == b"false"),
            Err(process::Error::TimedOut { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Reads `[{"drvPath": .., "outputs": {NAME: PATH}}, ..]`; newer versions add fields.
fn read(stdout: &[u8], count: usize) -> Result<Vec<Evaluation>, String> {
    let all: Vec<Value> = serde_json::from_slice(stdout).map_err(|e| e.to_string())?;
    if all.len() == count {
        all.iter().map(read_one).collect()
    } else {
        Err(format!("{} answers to {count} questions", all.len()))
    }
}

fn read_one(value: &Value) -> Result<Evaluation, String> {
    let Some(drv) = value.get("drvPath").and_then(Value::as_str) else {
        return Ok(Err(Failure::evaluation("it is no derivation".to_owned())));
    };
    let Some(outputs) = read_outputs(value)? else {
        let why = "it is content-addressed: where its output will be cannot be known beforehand";
        return Ok(Err(Failure::trouble(why.to_owned())));
    };
    Ok(Ok(Derivation { drv: parse(drv)?, outputs }))
}

/// The outputs by name; `None` when one is `null`: nobody knows its path before it is built.
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

/// Who evaluates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evaluator {
    /// Nix itself.
    Nix,
    /// `nix-eval-jobs`, at this path: on several cores, and each failure by itself.
    EvalJobs(PathBuf),
}

impl Evaluator {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Nix => "nix",
            Self::EvalJobs(_) => "nix-eval-jobs",
        }
    }
}

/// What a dry run lists (as loudly as an error) is said again by the build itself.
fn is_listing(event: &Event) -> bool {
    let Event::Message { text, .. } = event else { return false };
    text.ends_with("will be built:") || text.contains("will be fetched") || text.starts_with("  /")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "h24kygbrhigxk7k5z4vr2hd0lpdrwcly";

    #[test]
    fn each_result_names_derivation_and_outputs() {
        let json = format!(
            r#"[{{"drvPath":"/nix/store/{HASH}-hello.drv","outputs":{{"out":"/nix/store/{HASH}-hello"}},"startTime":1}},
                {{"drvPath":"/nix/store/{HASH}-ca.drv","outputs":{{"out":null}}}},"/nix/store/{HASH}-x"]"#
        );
        let all = read(json.as_bytes(), 3).unwrap();
        let hello = all[0].as_ref().unwrap();
        assert_eq!((hello.drv.name(), hello.outputs[0].0.as_str()), ("hello.drv", "out"));
        let kinds = all[1..].iter().map(|one| one.as_ref().unwrap_err().kind).collect::<Vec<_>>();
        assert_eq!(kinds, [Kind::Trouble, Kind::Evaluation], "the first is what git-lattice cannot build");
    }

    #[test]
    fn anything_else_is_no_result() {
        let strange = [
            String::new(),
            "[]".to_owned(),
            format!(r#"[{{"drvPath":"/nix/store/{HASH}-x.drv"}}]"#),
            r#"[{"drvPath":"x","outputs":{}}]"#.to_owned(),
        ];
        for json in strange {
            assert!(read(json.as_bytes(), 1).is_err(), "`{json}` is no result");
        }
    }
}
