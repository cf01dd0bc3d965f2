//! Runs statix, if it is installed. It gets the exact text on stdin, and its output is used only if it is consistent with its
//! exit status.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::program::{Program, within};
use super::statix_output::parse;
use super::{Engine, Finding, engine};
use crate::process::{Cmd, Output};
use crate::temporary::Folder;

/// The default configuration. Without `nix_version`, 0.5 runs `nix --version` for each file; later versions ignore the key.
const DEFAULT_CONFIG: &str = "disabled = []\nignore = []\nnix_version = \"2.8\"\n";

/// A text in which statix reports a finding with its default rules (W03, `manual_inherit`).
const PROBE: &str = "# git-lattice: a probe\nlet a = 1; in { a = a; }\n";
/// The folder with the configuration for the probe.
const PROBE_FOLDER: &str = "probe";

#[derive(Debug)]
pub(super) struct Statix {
    found: RecognisedStatix,
    folder: Folder,
}

/// A recognised statix and its best output format: 0.5 can be built without JSON.
#[derive(Debug)]
pub(super) struct RecognisedStatix {
    program: Program,
    format: &'static str,
}

/// Finds the program and its version, or returns why it cannot be used.
pub(super) fn recognise(given: Option<&Path>, limit: Duration) -> Result<RecognisedStatix, String> {
    let mut program = Program::find(engine::STATIX, given, limit)?;
    let help = program.output_of(&["check", "--help"])?;
    if !help.contains("--stdin") || !help.contains("errfmt") {
        return Err(program.wrong_program());
    }
    // 0.5 prints `statix 0.5.8`; 0.6 has no such option.
    let version = program.output_of(&["--version"]).unwrap_or_default();
    program.version = version.strip_prefix("statix ").map(|version| version.trim().to_owned());
    Ok(RecognisedStatix { program, format: if help.contains("json") { "json" } else { "errfmt" } })
}

impl Statix {
    pub(super) fn new(found: RecognisedStatix, config: Option<&[u8]>) -> io::Result<Self> {
        let folder = Folder::make()?;
        fs::write(folder.path().join("statix.toml"), config.unwrap_or(DEFAULT_CONFIG.as_bytes()))?;
        let probe = folder.path().join(PROBE_FOLDER);
        fs::create_dir(&probe)?;
        fs::write(probe.join("statix.toml"), DEFAULT_CONFIG)?;
        Ok(Self { found, folder })
    }

    /// Checks that the program finds the problem in [`PROBE`]: a program that ignores its input also prints nothing and exits
    /// with 0, as statix does for files without findings. Other failures are reported when a file is checked.
    pub(super) fn probed(self) -> Result<Self, String> {
        match self.run(Path::new("probe.nix"), PROBE, &self.folder.path().join(PROBE_FOLDER)) {
            Ok(findings) if findings.is_empty() => {
                Err(format!("`{}` reports nothing for a file with a known problem", self.found.program.path.display()))
            }
            _ => Ok(self),
        }
    }

    pub(super) fn engine(&self) -> Engine {
        Engine { name: engine::STATIX, version: self.found.program.version.clone() }
    }

    pub(super) fn check(&self, path: &Path, text: &str) -> Result<Vec<Finding>, String> {
        self.run(path, text, self.folder.path())
    }

    /// Runs statix on `text` with the configuration in `folder`.
    fn run(&self, path: &Path, text: &str, folder: &Path) -> Result<Vec<Finding>, String> {
        let RecognisedStatix { program, format } = &self.found;
        let config = folder.join("statix.toml");
        let cmd = Cmd::new(&program.path).args(["check", "--stdin", "-o", format, "-c"]).arg(config);
        let output = within(cmd.cwd(self.folder.path()).stdin(text), program.limit);
        judge(path, text, &output.map_err(|error| error.to_string())?)
    }
}

/// Converts the output to findings. The exit status alone is not reliable: it is 0 for some errors of statix.
fn judge(path: &Path, text: &str, output: &Output) -> Result<Vec<Finding>, String> {
    let stderr = output.error_text();
    if !stderr.is_empty() {
        return Err(format!("it printed `{}`", stderr.lines().next().unwrap_or_default()));
    }
    let findings = parse(path, text, &output.stdout)?;
    match (output.status.code(), findings.is_empty()) {
        (Some(0), true) | (Some(1), false) => Ok(findings),
        (_, true) => Err(format!("it ended with {} and printed nothing", output.status)),
        (_, false) => Err(format!("it ended with {} although it found something", output.status)),
    }
}
