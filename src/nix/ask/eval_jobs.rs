//! Evaluates with `nix-eval-jobs`: several workers, and each failure is reported separately.
//!
//! It takes one expression, so all flakes go into an attribute set. In pure mode `builtins.getFlake` needs a commit and refuses inputs
//! without a lock, as `--no-update-lock-file` does. Nix itself evaluates what nix-eval-jobs leaves without an answer.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::evaluate::{Derivation, Evaluation, Evaluator, Installable, parse, read_outputs};
use crate::nix::error::Error;
use crate::nix::exe::{Nix, QUESTION, TICK};
use crate::nix::options::Options;
use crate::nix::read::diagnosis::{self, Diagnosis};
use crate::nix::read::failure::{Failure, Kind};
use crate::nix::read::internal_json::{Event, plain};
use crate::process::{self, Clock, Cmd, OutputEvent};

/// Maximum size of one argument in bytes; the system's limit is 128 KiB (execve(2)).
const MAX_ARGUMENT: usize = 100 << 10;
/// Flags that only the real program has, in every version that accepts expressions.
const FLAGS: [&str; 4] = ["--flake", "--workers", "--gc-roots-dir", "--expr"];
/// Maximum number of workers; more of them mostly wait for the store.
const MAX_WORKERS: usize = 8;

impl Evaluator {
    /// Returns `nix-eval-jobs` if the real one is on PATH, else Nix itself.
    pub fn find() -> Self {
        let is_real = |path: &PathBuf| {
            let output = Cmd::new(path).without_git_env().arg("--help").within(QUESTION).output().ok();
            output.is_some_and(|output| FLAGS.iter().all(|flag| output.text().contains(flag)))
        };
        which::which("nix-eval-jobs").ok().filter(is_real).map_or(Self::Nix, Self::EvalJobs)
    }
}

impl Nix {
    /// Evaluates all of `what` with `evaluator`; returns the evaluator that was used in the end.
    ///
    /// # Errors
    /// When nix could not be run or was interrupted.
    pub fn evaluate_by(
        &self,
        evaluator: Evaluator,
        what: &[Installable],
        options: &Options,
        on_event: &mut dyn FnMut(&Event),
    ) -> Result<(Vec<Evaluation>, Evaluator), Error> {
        // `nix-eval-jobs` does not get the other store.
        let (Evaluator::EvalJobs(program), None) = (&evaluator, self.store()) else {
            return Ok((self.evaluate(what, options, on_event)?, Evaluator::Nix));
        };
        let mut found = by_eval_jobs(self, program, what, options, on_event)?;
        let left: Vec<usize> = (0..what.len()).filter(|i| !found.contains_key(i)).collect();
        let by = if left.len() == what.len() { Evaluator::Nix } else { evaluator };
        if !left.is_empty() {
            let rest: Vec<_> = left.iter().map(|i| what[*i].clone()).collect();
            found.extend(left.into_iter().zip(self.evaluate(&rest, options, on_event)?));
        }
        Ok(((0..what.len()).filter_map(|i| found.remove(&i)).collect(), by))
    }
}

fn by_eval_jobs(
    nix: &Nix,
    program: &Path,
    what: &[Installable],
    options: &Options,
    on_event: &mut dyn FnMut(&Event),
) -> Result<HashMap<usize, Evaluation>, Error> {
    let mut found = HashMap::new();
    for expression in expressions(what) {
        let cmd = options.apply_to_eval_jobs(options.apply(nix.cmd_of(program)));
        let workers = crate::threads::cores().min(MAX_WORKERS);
        let cmd = cmd.args(["--workers", &workers.to_string(), "--expr", &expression]);
        let count = u32::try_from(what.len()).unwrap_or(u32::MAX);
        let limit = options.limits().evaluation.map(|time| time.saturating_mul(count));
        let run = cmd.listen(limit, Some(TICK), |heard| {
            match heard {
                OutputEvent::Silence => on_event(&Event::Silence),
                OutputEvent::Line(line) => {
                    let text = plain(String::from_utf8_lossy(line).trim_end());
                    if !text.is_empty() {
                        on_event(&Event::Plain(text));
                    }
                }
            }
            Clock::Run
        });
        match run {
            Ok((status, stdout)) => {
                found.extend(stdout.split(|byte| *byte == b'\n').filter_map(read));
                status.signal().map_or(Ok(()), |signal| Err(diagnosis::stopped_by(Some(signal))))?;
            }
            // Nix itself then finds the flake that takes so long.
            Err(process::Error::TimedOut { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// Returns attribute sets with all installables that have a commit, each short enough for one argument.
fn expressions(what: &[Installable]) -> Vec<String> {
    let mut sets: Vec<String> = Vec::new();
    for (i, one) in what.iter().enumerate().filter(|(_, one)| one.flake.cwd().is_none()) {
        let mut entry = String::new();
        // A flake ref is percent-encoded, so it needs no escaping in a Nix string.
        write!(entry, " job{i} = (builtins.getFlake \"{}\").packages.\"{}\".default;", one.flake, one.system).ok();
        match sets.last_mut() {
            Some(set) if set.len() + entry.len() < MAX_ARGUMENT => set.push_str(&entry),
            _ => sets.push(entry),
        }
    }
    sets.into_iter().map(|set| format!("{{{set} }}")).collect()
}

/// Parses a line `{"attr": "job7", "drvPath": .., "outputs": ..}`, or one with an `error` that the flake's text causes. `None` means no
/// answer, so Nix itself is asked.
fn read(line: &[u8]) -> Option<(usize, Evaluation)> {
    let value: Value = serde_json::from_slice(line).ok()?;
    let i = value.get("attr")?.as_str()?.strip_prefix("job")?.parse().ok()?;
    if let Some(error) = value.get("error").and_then(Value::as_str) {
        let failure = failure(error);
        return (failure.kind == Kind::Evaluation).then_some((i, Err(failure)));
    }
    let drv = parse(value.get("drvPath")?.as_str()?).ok()?;
    let mut outputs = read_outputs(&value).ok()??;
    // The line lists all outputs; by default only `out` is installed.
    if outputs.iter().any(|(name, _)| name == "out") {
        outputs.retain(|(name, _)| name == "out");
    }
    Some((i, Ok(Derivation { drv, outputs })))
}

fn failure(error: &str) -> Failure {
    let mut diagnosis = Diagnosis::default();
    diagnosis.note(&Event::Message { level: 0, text: plain(error.trim()), brief: None });
    diagnosis.failure()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nix::{FlakeRef, Kind};
    use crate::system::System;

    const REV: &str = "66d87dad6a2fdde04ae956097af06394cef1d940";
    const HASH: &str = "h24kygbrhigxk7k5z4vr2hd0lpdrwcly";

    #[test]
    fn reads_every_line_separately() {
        let drv = format!(
            r#"{{"attr":"job3","attrPath":["job3"],"drvPath":"/nix/store/{HASH}-x.drv","name":"x","outputs":{{"dev":"/nix/store/{HASH}-x-dev","out":"/nix/store/{HASH}-x"}},"system":"x86_64-linux"}}"#
        );
        let (i, found) = read(drv.as_bytes()).unwrap();
        let outputs = found.unwrap().outputs;
        assert_eq!((i, outputs.len(), outputs[0].0.as_str()), (3, 1, "out"));
        let error = r#"{"attr":"job0","attrPath":["job0"],"error":"error:\n       … while calling the 'head' builtin\n\n       error: attribute 'x' missing"}"#;
        let failure = read(error.as_bytes()).unwrap().1.unwrap_err();
        assert_eq!((failure.kind, failure.summary.as_str()), (Kind::Evaluation, "attribute 'x' missing"));
    }

    #[test]
    fn other_lines_are_not_answers() {
        for line in ["", "null", "{}", r#"{"error":"worker died"}"#, r#"{"attr":"job1","attrs":[]}"#, r#"{"attr":"x"}"#]
        {
            assert!(read(line.as_bytes()).is_none(), "`{line}`");
        }
    }

    #[test]
    fn expressions_fit_into_one_argument() {
        let one = Installable {
            flake: FlakeRef::commit("/r ${x}\"", REV, "d").unwrap(),
            system: System::parse("x86_64-linux").unwrap(),
        };
        let sets = expressions(&vec![one; 2000]);
        assert!(sets.len() > 1 && sets.iter().all(|set| set.len() < 128 << 10), "{}", sets.len());
        assert!(sets[0].starts_with(&format!(
            "{{ job0 = (builtins.getFlake \"git+file:///r%20%24%7Bx%7D%22?rev={REV}&dir=d\").packages.\"x86_64-linux\".default;"
        )));
    }
}
