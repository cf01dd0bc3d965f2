//! Linting existing files, generated files and staged files, and reporting what was not checked.

mod fix;
mod sources;
mod told;

use anyhow::Result;

use super::Cannot;
use crate::config;
use crate::context::{self, Context};
use crate::git::Repo;
use crate::lint::{self, File, Finding, Lookup, Report, Settings, Severity, Tools};
use crate::template::TREES;

pub use fix::{Fixed, fix};
pub use sources::{Error, Source, SourceSet, Target, collect_sources};
pub use told::news;

/// git configuration: the path of statix, if it is not on PATH.
const STATIX: &str = "lattice.statix";
/// git configuration: the path of deadnix, if it is not on PATH.
const DEADNIX: &str = "lattice.deadnix";
/// statix needs one process per file. For more files than this only the embedded checks run, unless statix is required.
const MAX_STATIX_FILES: usize = 8;

/// The result for generated texts.
#[derive(Debug, Clone, Default)]
pub struct CheckedTexts {
    /// What was checked.
    pub report: Report,
    /// Findings in what the user named.
    pub warnings: Vec<String>,
}

/// Checks generated texts with the project's `[lint]` settings. A finding is a bug in git-lattice, but for those in the user's own
/// flake reference, which are warnings.
///
/// # Errors
/// [`Cannot::BadOutput`] with the first bug; [`Cannot::NoEngine`] when a required engine is missing.
pub fn generated_for(repo: &Repo, lint: &config::Lint, texts: &[(String, String)]) -> Result<CheckedTexts> {
    if texts.is_empty() {
        return Ok(CheckedTexts::default());
    }
    let settings = Settings::read(lint)?;
    let tools = if texts.len() > MAX_STATIX_FILES && !settings.requires("statix") && !settings.requires("deadnix") {
        Tools::embedded_only(&format!("it needs one process per file, and there are {} files", texts.len()))
            .with_settings(settings)
    } else {
        tools(Some(repo), settings, None)?
    };
    let report = lint::lint_files(texts.iter().map(|(path, text)| (path, text)), &tools);
    let (own, others): (Vec<_>, Vec<_>) =
        report.findings.iter().partition(|finding| own_input(finding, texts).is_some());
    if let Some(finding) = others.iter().find(|finding| is_fault(finding)) {
        return Err(Cannot::BadOutput { finding: finding.to_string() }.into());
    }
    if let Some(unchecked) = report.unchecked.iter().find(|unchecked| unchecked.required) {
        return Err(Cannot::NoEngine { engines: unchecked.engines.join(", "), why: unchecked.why.clone() }.into());
    }
    let warning =
        |it: &&Finding| Some(format!("{} in config.toml: {} {}", own_input(it, texts)?, it.message, it.rule()));
    let warnings = own.iter().filter_map(warning);
    Ok(CheckedTexts { warnings: warnings.collect(), report })
}

/// Whether a finding in generated text is a bug; only hints of statix are not.
fn is_fault(finding: &Finding) -> bool {
    finding.severity != Severity::Hint || finding.engine != "statix"
}

/// The key of the user's flake reference that a warning is about. An error there is a bug: the text is not what Nix reads.
fn own_input(finding: &Finding, texts: &[(String, String)]) -> Option<String> {
    if finding.severity != Severity::Warning {
        return None;
    }
    let (_, text) = texts.iter().find(|(path, _)| *path == finding.path.to_string_lossy())?;
    let mut before = text.lines().take(finding.line).collect::<Vec<_>>().into_iter().rev().map(str::trim_start);
    let line = before.next()?;
    if line.starts_with("inputs.nixpkgs.url = ") || line.starts_with("nixpkgs.url = ") {
        return Some("`nix.nixpkgs_path`".to_owned());
    }
    let opening = before.next().filter(|_| line.starts_with("url = "))?;
    let (_, keys) = TREES.into_iter().find(|(name, _)| opening == format!("{name} = {{"))?;
    Some(keys.iter().map(|key| format!("`nix.{key}`")).collect::<Vec<_>>().join(" or "))
}

/// The `[lint]` settings of the project's `lattice.toml`, or the defaults if there is none.
///
/// # Errors
/// When lattice.toml is invalid.
pub fn settings(context: Option<&Context>) -> Result<Settings> {
    let Some(context) = context else { return Ok(Settings::default()) };
    match context.config() {
        Ok(config) => Ok(Settings::read(&config.lint)?),
        Err(context::Error::Missing { .. }) => Ok(Settings::default()),
        Err(error) => Err(error.into()),
    }
}

/// Checks the gathered sources.
///
/// # Errors
/// When the linters cannot be set up.
pub fn look(context: Option<&Context>, gathered: &SourceSet, settings: Settings) -> Result<Report> {
    if gathered.sources.is_empty() {
        return Ok(Report::default());
    }
    let tools = tools(context.map(|context| &context.repo), settings, gathered.statix_toml.clone())?;
    let files: Vec<File<'_>> = gathered
        .sources
        .iter()
        .map(|source| File { path: &source.path, bytes: &source.bytes, reading: source.reading.as_ref() })
        .collect();
    Ok(lint::lint_read(&files, &tools))
}

/// The staged `.nix` files.
///
/// # Errors
/// When the index cannot be read.
pub fn staged(repo: &Repo) -> Result<SourceSet> {
    sources::staged(repo)
}

/// The external linters on this machine, for `doctor`.
///
/// # Errors
/// When the linters cannot be set up.
pub fn on_this_machine(repo: Option<&Repo>) -> Result<Tools> {
    tools(repo, Settings::default(), None)
}

fn tools(repo: Option<&Repo>, settings: Settings, statix_toml: Option<Vec<u8>>) -> Result<Tools> {
    let program = |key| repo.and_then(|repo| repo.config_path(key));
    let (statix, deadnix) = (program(STATIX), program(DEADNIX));
    Ok(Tools::find(&Lookup { statix, deadnix, statix_toml, settings, limit: None })?)
}
