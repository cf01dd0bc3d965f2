//! statix, where it is installed: found once, given the exact bytes, and believed only when what it says fits together.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::syntax::Lines;
use super::{Engine, Finding, Report, Severity, Unchecked};
use crate::process::{self, Cmd, Output};

const NAME: &str = "statix";
/// 0.5 would start `nix --version` for each file if it were not told a version; later ones ignore the key.
const DEFAULT_CONFIG: &str = "disabled = []\nignore = []\nnix_version = \"2.8\"\n";

/// Where statix and its configuration come from.
#[derive(Debug, Clone, Default)]
pub struct Lookup {
    /// The program to use instead of the `statix` on PATH.
    pub program: Option<PathBuf>,
    /// The text of the project's `statix.toml`, where it has one.
    pub config: Option<Vec<u8>>,
}

/// The folder for statix' configuration could not be made.
#[derive(Debug, thiserror::Error)]
#[error("could not write the configuration for `statix` into the temporary folder")]
pub struct SetupError(#[from] io::Error);

/// The linters that are there, looked for once.
#[derive(Debug)]
pub struct Tools {
    statix: Result<Statix, String>,
}

#[derive(Debug)]
struct Statix {
    program: PathBuf,
    version: Option<String>,
    folder: TempDir,
}

impl Tools {
    /// Looks for statix. That it is missing, or another program, is no error: every report says so.
    ///
    /// # Errors
    /// When its configuration cannot be written.
    pub fn find(lookup: &Lookup) -> Result<Self, SetupError> {
        let found = match recognise(lookup.program.as_deref()) {
            Ok((program, version)) => Ok(Statix::new(program, version, lookup.config.as_deref())?),
            Err(why) => Err(why),
        };
        Ok(Self { statix: found })
    }

    /// No linters but the embedded ones; reports give `why`.
    #[must_use]
    pub fn embedded_only(why: &str) -> Self {
        Self { statix: Err(why.to_owned()) }
    }

    /// Lets statix look at `text`, which must have no syntax error, and adds what it says.
    pub(super) fn check(&self, path: &Path, text: &str, report: &mut Report) {
        let Ok(statix) = &self.statix else { return report.missed(self.not_asked(path, "")) };
        match statix.look(path, text) {
            Ok(findings) => {
                report.findings.extend(findings);
                report.saw(Engine { name: NAME, version: statix.version.clone() });
            }
            Err(why) => {
                report.findings.push(could_not_check(path, &why));
                report.missed(Unchecked { engine: NAME, path: Some(path.to_owned()), why });
            }
        }
    }

    /// Why statix says nothing about `path`: it is not there, or else `why`.
    pub(super) fn not_asked(&self, path: &Path, why: &str) -> Unchecked {
        match &self.statix {
            Ok(_) => Unchecked { engine: NAME, path: Some(path.to_owned()), why: why.to_owned() },
            Err(missing) => Unchecked { engine: NAME, path: None, why: missing.clone() },
        }
    }
}

/// The program and its version, or why there is none.
fn recognise(given: Option<&Path>) -> Result<(PathBuf, Option<String>), String> {
    let program = match given {
        Some(path) => path.to_owned(),
        None => which::which(NAME)
            .map_err(|_| "it is not on PATH (get it with `nix profile install nixpkgs#statix`)".to_owned())?,
    };
    let help = run(Cmd::new(&program).args(["check", "--help"])).map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&help.stdout);
    if !help.status.success() || !text.contains("--stdin") || !text.contains("errfmt") {
        return Err(format!("`{}` is another program of that name, not the linter for Nix", program.display()));
    }
    let version = version(&program);
    Ok((program, version))
}

/// 0.5 answers `statix 0.5.8`; 0.6 has no such option.
fn version(program: &Path) -> Option<String> {
    let output = run(Cmd::new(program).arg("--version")).ok().filter(|output| output.status.success())?;
    output.text().strip_prefix("statix ").map(|version| version.trim().to_owned())
}

fn run(cmd: Cmd) -> process::Result<Output> {
    cmd.without_git_env().output()
}

impl Statix {
    fn new(program: PathBuf, version: Option<String>, config: Option<&[u8]>) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("git-lattice-statix-").tempdir()?;
        fs::write(folder.path().join("statix.toml"), config.unwrap_or(DEFAULT_CONFIG.as_bytes()))?;
        Ok(Self { program, version, folder })
    }

    fn look(&self, path: &Path, text: &str) -> Result<Vec<Finding>, String> {
        let config = self.folder.path().join("statix.toml");
        let args = ["check", "--stdin", "-o", "errfmt", "-c"].map(OsStr::new);
        let cmd = Cmd::new(&self.program).args(args).arg(config).cwd(self.folder.path()).stdin(text);
        let output = run(cmd).map_err(|error| error.to_string())?;
        judge(path, text, &output)
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

fn could_not_check(path: &Path, why: &str) -> Finding {
    Finding {
        path: path.to_owned(),
        line: 1,
        column: 1,
        severity: Severity::Error,
        code: "unchecked".to_owned(),
        message: format!("statix could not check this: {why}"),
        engine: NAME,
    }
}

fn parse(path: &Path, text: &str, stdout: &[u8]) -> Result<Vec<Finding>, String> {
    let lines = Lines::of(text);
    let stdout = std::str::from_utf8(stdout).map_err(|_| "its output is not UTF-8".to_owned())?;
    let mut findings: Vec<Finding> = Vec::new();
    for line in stdout.lines() {
        match (parse_line(path, &lines, line), findings.last_mut()) {
            (Some(finding), _) => findings.push(finding),
            // A message may quote code of several lines.
            (None, Some(last)) => last.message = format!("{}\n{line}", last.message),
            (None, None) => return Err(format!("its output was not understood: `{line}`")),
        }
    }
    Ok(findings)
}

/// `<stdin>>LINE:COLUMN:SEVERITY:CODE:MESSAGE`, where 0.6 begins the message with `[NAME] `; the column is in bytes.
fn parse_line(path: &Path, lines: &Lines, line: &str) -> Option<Finding> {
    let mut fields = line.strip_prefix("<stdin>>")?.splitn(5, ':');
    let at: usize = fields.next()?.parse().ok().filter(|&line| line > 0)?;
    let byte_column = fields.next()?.parse().ok().filter(|&column| column > 0)?;
    let letter = fields.next()?;
    let severity = match letter {
        "E" => Severity::Error,
        "W" => Severity::Warning,
        "I" => Severity::Hint,
        _ => return None,
    };
    let code: u32 = fields.next()?.parse().ok()?;
    Some(Finding {
        path: path.to_owned(),
        line: at,
        column: lines.column(at, byte_column),
        severity,
        code: format!("{letter}{code:02}"),
        message: message(fields.next()?),
        engine: NAME,
    })
}

/// The rule's name moves to the end, so that messages read alike in all versions.
fn message(text: &str) -> String {
    match text.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((name, text)) => format!("{text} ({name})"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, stdout: &str) -> Result<Vec<String>, String> {
        let findings = parse(Path::new("a.nix"), text, stdout.as_bytes())?;
        Ok(findings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn both_shapes_read_alike() {
        let (old, new) = ("<stdin>>1:9:W:4:Assignment\n", "<stdin>>1:9:W:4:[manual_inherit] Assignment\n");
        assert_eq!(parsed("{ \u{e4} = a; }", old).unwrap(), ["a.nix:1:8: warning: Assignment [statix W04]"]);
        assert_eq!(
            parsed("{ \u{e4} = a; }", new).unwrap(),
            ["a.nix:1:8: warning: Assignment (manual_inherit) [statix W04]"]
        );
    }

    #[test]
    fn what_does_not_fit_is_no_pass() {
        assert_eq!(parsed("1", ""), Ok(vec![]));
        let quoted = parsed("1", "<stdin>>7:1:I:7:Found `x:\n  y`: use `y`\n").unwrap();
        assert_eq!(quoted, ["a.nix:7:1: hint: Found `x:\n  y`: use `y` [statix I07]"], "a message may have two lines");
        for noise in ["ok\n", "<stdin>>0:1:W:4:x\n", "<stdin>>1:1:X:4:x\n", "a.nix>1:1:W:4:x\n", "\n"] {
            assert!(parsed("1", noise).is_err(), "{noise:?}");
        }
    }
}
