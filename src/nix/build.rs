//! Building one flake for one system.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;

use serde_json::Value;

use super::error::Error;
use super::exe::Nix;
use super::failure::{Diagnosis, Failure};
use super::flake_ref::FlakeRef;
use super::log::{Event, Reader};
use super::options::{Mode, Options};
use super::store_path::StorePath;
use crate::process::{self, Clock, Cmd};
use crate::system::System;

const COMMAND: &str = "build --json";

/// What to build, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The flake.
    pub flake: FlakeRef,
    /// The system, as in `packages.SYSTEM.default`.
    pub system: System,
    /// Where to put the link that keeps the output from garbage collection; its directory must exist.
    pub out_link: Option<PathBuf>,
    /// On whose behalf, and with which settings.
    pub options: Options,
}

impl Request {
    /// A build without an out-link.
    pub fn new(flake: FlakeRef, system: System, mode: Mode) -> Self {
        Self { flake, system, out_link: None, options: Options::new(mode) }
    }
}

/// One output of a derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name, usually `out`.
    pub name: String,
    /// Where it is.
    pub path: StorePath,
    /// The hash of its contents, as SRI.
    pub nar_hash: String,
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The outputs are in the store.
    Built {
        /// What they were made from.
        drv: StorePath,
        /// All outputs that are installed by default.
        outputs: Vec<Output>,
    },
    /// They are not.
    Failed(Failure),
}

impl Nix {
    /// Builds what `request` says and tells `on_event` of everything on the way.
    ///
    /// An error means that there is no answer: nix could not be run or was interrupted.
    pub fn build(&self, request: &Request, on_event: &mut dyn FnMut(&Event)) -> Result<Outcome, Error> {
        if process::is_ending() {
            return Err(Error::Interrupted { signal: None });
        }
        let (mut reader, mut diagnosis) = (Reader::default(), Diagnosis::default());
        let limit = request.options.limits().evaluation;
        let run = self.build_cmd(request).stream_within(limit, |line| {
            if let Some(event) = reader.read(line) {
                diagnosis.note(&event);
                on_event(&event);
            }
            if diagnosis.evaluated() { Clock::Stop } else { Clock::Run }
        });
        match run {
            Ok((status, stdout)) if status.success() => self.built(&stdout),
            Ok((status, _)) => failed(status, diagnosis).map(Outcome::Failed),
            Err(process::Error::TimedOut { limit, .. }) => Ok(Outcome::Failed(Failure::evaluation_took(limit))),
            Err(error) => Err(error.into()),
        }
    }

    fn build_cmd(&self, request: &Request) -> Cmd {
        let mut cmd = self.cmd(["build"]);
        if let Some(dir) = request.flake.cwd() {
            cmd = cmd.cwd(dir);
        }
        cmd = match &request.out_link {
            Some(link) => cmd.arg("--out-link").arg(link),
            None => cmd.arg("--no-link"),
        };
        cmd = request.options.apply_to_flakes(request.options.apply(cmd.args([
            "--json",
            "--log-format",
            "internal-json",
        ])));
        cmd.arg(request.flake.installable(&request.system))
    }

    fn built(&self, stdout: &[u8]) -> Result<Outcome, Error> {
        let (drv, paths) = read_result(stdout).map_err(|problem| Error::unreadable(COMMAND, &problem))?;
        let hashes = self.nar_hashes(paths.iter().map(|(_, path)| path))?;
        let output = |(name, path): (String, StorePath)| {
            let nar_hash = hashes.get(&path).cloned();
            let nar_hash =
                nar_hash.ok_or_else(|| Error::unreadable("path-info", &format!("`{path}` is not in the store")))?;
            Ok(Output { name, path, nar_hash })
        };
        let outputs = paths.into_iter().map(output).collect::<Result<_, Error>>()?;
        Ok(Outcome::Built { drv, outputs })
    }
}

fn failed(status: ExitStatus, diagnosis: Diagnosis) -> Result<Failure, Error> {
    if status.signal().is_some() || diagnosis.interrupted() {
        Err(Error::Interrupted { signal: status.signal() })
    } else {
        Ok(diagnosis.failure())
    }
}

/// Reads `[{"drvPath": .., "outputs": {NAME: PATH}}]`; newer versions add fields.
fn read_result(stdout: &[u8]) -> Result<(StorePath, Vec<(String, StorePath)>), String> {
    let all: Vec<Value> = serde_json::from_slice(stdout).map_err(|e| e.to_string())?;
    let result = all.iter().find(|result| result.get("drvPath").is_some()).ok_or("it names no derivation")?;
    let path = |value: &Value| StorePath::parse(value.as_str().unwrap_or_default()).map_err(|e| e.to_string());
    let outputs = result.get("outputs").and_then(Value::as_object).ok_or("it names no outputs")?;
    let outputs =
        outputs.iter().map(|(name, value)| Ok((name.clone(), path(value)?))).collect::<Result<_, String>>()?;
    Ok((path(&result["drvPath"])?, outputs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_names_derivation_and_outputs() {
        let json = br#"[{"drvPath":"/nix/store/h24kygbrhigxk7k5z4vr2hd0lpdrwcly-hello.drv","outputs":{"out":"/nix/store/f3wxgzd4xidi23hm960cwp0bwifj7h5s-hello"},"startTime":1}]"#;
        let (drv, outputs) = read_result(json).unwrap();
        assert_eq!((drv.name(), outputs[0].0.as_str(), outputs[0].1.name()), ("hello.drv", "out", "hello"));
    }

    #[test]
    fn anything_else_is_no_result() {
        let hash = "h24kygbrhigxk7k5z4vr2hd0lpdrwcly";
        let strange = [
            String::new(),
            "[]".to_owned(),
            format!(r#"["/nix/store/{hash}-x"]"#),
            format!(r#"[{{"drvPath":"/nix/store/{hash}-x.drv"}}]"#),
            format!(r#"[{{"drvPath":"/nix/store/{hash}-x.drv","outputs":{{"out":null}}}}]"#),
            r#"[{"drvPath":"x","outputs":{}}]"#.to_owned(),
        ];
        for json in strange {
            assert!(read_result(json.as_bytes()).is_err(), "`{json}` is no result");
        }
    }
}
