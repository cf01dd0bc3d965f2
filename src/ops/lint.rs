//! Linting what is about to be written or committed, and saying what was not looked at.

use std::path::PathBuf;

use anyhow::Result;

use super::Cannot;
use crate::git::Repo;
use crate::lint::{self, Engine, Lookup, Report, Severity, Tools, Unchecked};

/// git configuration: the statix to use, where it is not on PATH.
const STATIX: &str = "lattice.statix";
/// statix is one process a file: for more files than this the embedded checks have to do.
const MOST_FOR_STATIX: usize = 8;

/// Which checkers looked, and which did not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Those that did: `rnix 0.15.1`.
    pub checked: Vec<String>,
    /// Those that did not, each with the reason.
    pub unchecked: Vec<String>,
}

impl Checked {
    /// A line for those that did, and one for each that did not.
    pub fn lines(&self) -> Vec<String> {
        let by = (!self.checked.is_empty()).then(|| format!("checked by {}", self.checked.join(", ")));
        by.into_iter().chain(self.unchecked.iter().cloned()).collect()
    }
}

fn engine(engine: &Engine) -> String {
    engine.version.as_ref().map_or_else(|| engine.name.to_owned(), |version| format!("{} {version}", engine.name))
}

impl From<&Report> for Checked {
    fn from(report: &Report) -> Self {
        Self {
            checked: report.checked.iter().map(engine).collect(),
            unchecked: report.unchecked.iter().map(Unchecked::to_string).collect(),
        }
    }
}

/// Checks generated texts. A finding in one of them is a fault of ours.
///
/// # Errors
/// [`Cannot::BadOutput`] with the first finding.
pub fn generated(repo: &Repo, texts: &[(String, String)]) -> Result<Checked> {
    if texts.is_empty() {
        return Ok(Checked::default());
    }
    let tools = if texts.len() > MOST_FOR_STATIX {
        Tools::embedded_only(&format!("it is one process a file, and there are {} of them", texts.len()))
    } else {
        tools(repo)?
    };
    let report = lint::lint_files(texts.iter().map(|(path, text)| (path, text)), &tools);
    match report.findings.iter().find(|finding| finding.severity != Severity::Hint) {
        Some(finding) => Err(Cannot::BadOutput { finding: finding.to_string() }.into()),
        None => Ok(Checked::from(&report)),
    }
}

/// Checks the `.nix` files that the next commit would change, as they are in the index.
///
/// # Errors
/// When the index cannot be read.
pub fn staged(repo: &Repo) -> Result<Report> {
    let files = repo.staged(".nix")?;
    if files.is_empty() {
        return Ok(Report::default());
    }
    let bytes = |(path, id): &(PathBuf, crate::git::Oid)| Ok((path.clone(), repo.blob(*id)?));
    let files = files.iter().map(bytes).collect::<Result<Vec<_>>>()?;
    Ok(lint::lint_files(files, &tools(repo)?))
}

fn tools(repo: &Repo) -> Result<Tools> {
    let program = repo.config(STATIX).filter(|path| !path.is_empty()).map(PathBuf::from);
    Ok(Tools::find(&Lookup { program, config: None })?)
}
