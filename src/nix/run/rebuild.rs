//! Builds again and compares (`--rebuild`).
//!
//! Two results of Nix are not reliable. If several derivations differ, 2.8 names only the first; so a derivation counts as the same
//! only if its call exits with 0. And 2.8 may use a remote builder that already has the output and builds nothing; so remote builders
//! are disabled here.

use std::collections::{HashMap, HashSet};

use crate::nix::error::Error;
use crate::nix::exe::{Nix, TICK};
use crate::nix::options::Options;
use crate::nix::read::diagnosis::Diagnosis;
use crate::nix::read::failure::{Failure, Kind};
use crate::nix::read::graph::base;
use crate::nix::read::internal_json::{Event, Reader};
use crate::nix::run::log_files::LogFiles;
use crate::nix::run::times::{Over, RunTime, Times};
use crate::nix::store_path::StorePath;
use crate::process::Clock;

const DIFFERS: &str = "may not be deterministic";
const MISSING: &str = "so checking is not possible";

/// A rebuilt derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// The result.
    pub checked: Checked,
    /// When its builder ran; `None` if it did not run.
    pub ran: Option<RunTime>,
}

/// The result of a rebuild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// The outputs are the same.
    Same,
    /// The outputs differ; Nix's message.
    Differs(String),
    /// It could not be rebuilt, or its outputs were missing.
    Failed(Failure),
}

impl Nix {
    /// Rebuilds derivations whose outputs are in the store, and compares.
    ///
    /// # Errors
    /// When nix could not be run or was interrupted.
    pub fn check(
        &self,
        drvs: &[StorePath],
        options: &Options,
        on_event: &mut dyn FnMut(&Event),
    ) -> Result<HashMap<StorePath, Rebuilt>, Error> {
        let (mut failure, mut times) = self.rebuild(drvs, options, on_event)?;
        // From a cache came only the outputs that are installed by default.
        if failure.as_ref().is_some_and(|failure| failure.detail.contains(MISSING)) {
            let cmd = options.apply_store(options.apply(self.cmd(["build", "--no-link", "--keep-going"])));
            cmd.args(self.outputs_of(drvs)).output()?;
            (failure, times) = self.rebuild(drvs, options, on_event)?;
        }
        let rebuilt = |drv: &StorePath, checked: Checked| Rebuilt { checked, ran: times.of(drv) };
        let Some(failure) = failure else {
            return Ok(drvs.iter().map(|drv| (drv.clone(), rebuilt(drv, Checked::Same))).collect());
        };
        let mut found = HashMap::new();
        for drv in drvs {
            let checked = match (differing_line(drv, &failure.detail), drvs) {
                (Some(line), _) => Checked::Differs(line),
                (None, [_]) if failure.kind == Kind::NotReproducible => Checked::Differs(failure.summary.clone()),
                (None, [_]) => Checked::Failed(failure.clone()),
                (None, _) => {
                    let alone = self.check(std::slice::from_ref(drv), options, on_event)?.remove(drv);
                    found.insert(drv.clone(), alone.unwrap_or(rebuilt(drv, Checked::Failed(failure.clone()))));
                    continue;
                }
            };
            found.insert(drv.clone(), rebuilt(drv, checked));
        }
        Ok(found)
    }

    fn rebuild(
        &self,
        drvs: &[StorePath],
        options: &Options,
        on_event: &mut dyn FnMut(&Event),
    ) -> Result<(Option<Failure>, Times), Error> {
        let (mut reader, mut diagnosis, mut times) = (Reader::default(), Diagnosis::of_build(), Times::default());
        let files = LogFiles::new(self, options);
        let wanted: HashSet<&str> = drvs.iter().map(|drv| base(drv.as_str())).collect();
        let cmd = self.cmd(["build", "--rebuild", "--no-link", "--keep-going", "--keep-failed"]);
        let cmd = options.apply_store(options.apply(cmd.args(["--log-format", "internal-json"])));
        let cmd = cmd.args(["--option", "builders", ""]).args(self.outputs_of(drvs));
        let (status, _) = cmd.listen(None, Some(TICK), |heard| {
            if let Some(event) = reader.hear(heard) {
                diagnosis.note(&event);
                for event in times.missing_stops(&event, &files).iter().chain([&event]) {
                    times.note(event, |drv| wanted.contains(drv));
                    on_event(event);
                }
            }
            Clock::Stop
        })?;
        diagnosis.is_stopped(status)?;
        times.find_stops(&files).iter().for_each(on_event);
        times.settle(&drvs.iter().map(|drv| Over { drv, is_good: None, registered: None }).collect::<Vec<_>>());
        if status.success() {
            return Ok((None, times));
        }
        let mut failure = [Failure { detail: diagnosis.sure_detail(), ..diagnosis.failure() }];
        self.without_fetches(&diagnosis, &mut failure)?;
        let [failure] = failure;
        Ok((Some(failure), times))
    }

    /// Returns the arguments for all outputs of derivations.
    pub(in crate::nix) fn outputs_of(&self, drvs: &[StorePath]) -> Vec<String> {
        let all_outputs = if self.version().has_caret() { "^*" } else { "" };
        drvs.iter().map(|drv| format!("{drv}{all_outputs}")).collect()
    }
}

/// Returns the line that says that this derivation differs.
fn differing_line(drv: &StorePath, detail: &str) -> Option<String> {
    let subject = format!("derivation '{drv}' {DIFFERS}");
    let line = detail.lines().find_map(|line| line.find(&subject).map(|at| &line[at..]))?;
    Some(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_line_of_each_derivation() {
        let drv =
            |name: &str| StorePath::parse(&format!("/nix/store/n2mz96s9cc2904s0c1p6vcykas5smi4v-{name}.drv")).unwrap();
        let detail = format!(
            "error: derivation '{}' may not be deterministic: output '/x' differs\nerror: build of '{}', '{}' failed",
            drv("a"),
            drv("a"),
            drv("b")
        );
        let line = differing_line(&drv("a"), &detail).unwrap();
        assert!(line.starts_with("derivation '/nix/store/") && line.ends_with("differs"), "{line}");
        assert_eq!(differing_line(&drv("b"), &detail), None, "2.8 does not name every one");
    }
}
