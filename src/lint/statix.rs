//! statix, where it is installed: given the exact bytes, and believed only when what it says fits together.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::program::{Program, within};
use super::statix_output::parse;
use super::{Engine, Finding, engine};
use crate::process::{Cmd, Output};
use crate::temporary::Folder;

/// 0.5 would start `nix --version` for each file if it were not told a version; later ones ignore the key.
const DEFAULT_CONFIG: &str = "disabled = []\nignore = []\nnix_version = \"2.8\"\n";

/// Something that every statix with its usual rules speaks of (W03, `manual_inherit`).
const PROBE: &str = "# git-lattice: a probe\nlet a = 1; in { a = a; }\n";
/// The folder of the configuration that a probe is looked at with.
const PROBE_FOLDER: &str = "probe";

#[derive(Debug)]
pub(super) struct Statix {
    found: Found,
    folder: Folder,
}

/// The real one, and the richest output that it has: 0.5 can be built without JSON.
#[derive(Debug)]
pub(super) struct Found {
    program: Program,
    format: &'static str,
}

/// The program and its version, or why there is none.
pub(super) fn recognise(given: Option<&Path>, limit: Duration) -> Result<Found, String> {
    let mut program = Program::find(engine::STATIX, given, limit)?;
    let help = program.tell(&["check", "--help"])?;
    if !help.contains("--stdin") || !help.contains("errfmt") {
        return Err(program.stranger());
    }
    // 0.5 answers `statix 0.5.8`; 0.6 has no such option.
    let version = program.tell(&["--version"]).unwrap_or_default();
    program.version = version.strip_prefix("statix ").map(|version| version.trim().to_owned());
    Ok(Found { program, format: if help.contains("json") { "json" } else { "errfmt" } })
}

impl Statix {
    pub(super) fn new(found: Found, config: Option<&[u8]>) -> io::Result<Self> {
        let folder = Folder::make()?;
        fs::write(folder.path().join("statix.toml"), config.unwrap_or(DEFAULT_CONFIG.as_bytes()))?;
        let probe = folder.path().join(PROBE_FOLDER);
        fs::create_dir(&probe)?;
        fs::write(probe.join("statix.toml"), DEFAULT_CONFIG)?;
        Ok(Self { found, folder })
    }

    /// The same if it reads what it is given: of good files it says nothing and ends with 0, and so does a program that looks at none.
    /// One that fails at it says why when it is asked about a file.
    pub(super) fn probed(self) -> Result<Self, String> {
        match self.ask(Path::new("probe.nix"), PROBE, &self.folder.path().join(PROBE_FOLDER)) {
            Ok(findings) if findings.is_empty() => {
                Err(format!("`{}` says nothing of what it is given", self.found.program.path.display()))
            }
            _ => Ok(self),
        }
    }

    pub(super) fn engine(&self) -> Engine {
        Engine { name: engine::STATIX, version: self.found.program.version.clone() }
    }

    pub(super) fn look(&self, path: &Path, text: &str) -> Result<Vec<Finding>, String> {
        self.ask(path, text, self.folder.path())
    }

    /// Lets it look at `text` with the configuration in `folder`.
    fn ask(&self, path: &Path, text: &str, folder: &Path) -> Result<Vec<Finding>, String> {
        let Found { program, format } = &self.found;
        let config = folder.join("statix.toml");
        let cmd = Cmd::new(&program.path).args(["check", "--stdin", "-o", format, "-c"]).arg(config);
        let output = within(cmd.cwd(self.folder.path()).stdin(text), program.limit);
        judge(path, text, &output.map_err(|error| error.to_string())?)
    }
}

/// What the output means. Its exit status alone tells little: it ends with 0 on some of its own errors.
fn judge(path: &Path, text: &str, output: &Output) -> Result<Vec<Finding>, String> {
    let stderr = output.error_text();
    if !stderr.is_empty() {
        return Err(format!("it said `{}`", stderr.lines().next().unwrap_or_default()));
    }
    let findings = parse(path, text, &output.stdout)?;
    match (output.status.code(), findings.is_empty()) {
        (Some(0), true) | (Some(1), false) => Ok(findings),
        (_, true) => Err(format!("it ended with {} and said nothing", output.status)),
        (_, false) => Err(format!("it ended with {} in spite of what it found", output.status)),
    }
}
