//! Runs all engines over all files, on all cores. The report does not depend on the order in which files are finished.

use std::path::Path;

use super::read::{self, Reading};
use super::{Report, Tools, engine, format, syntax};
use crate::threads;

/// The number of files that a thread takes at a time: starting a thread takes as long as checking one small file.
const BATCH: usize = 2;

/// Checks the bytes of one file; `path` is its name in the findings, and is not read.
#[must_use]
pub fn lint_text(path: &Path, bytes: &[u8], tools: &Tools) -> Report {
    lint_files([(path, bytes)], tools)
}

/// Checks several files into one report.
#[must_use]
pub fn lint_files<P: AsRef<Path>, B: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, B)>, tools: &Tools) -> Report {
    let files: Vec<(P, B)> = files.into_iter().collect();
    let files: Vec<File<'_>> =
        files.iter().map(|(path, bytes)| File { path: path.as_ref(), bytes: bytes.as_ref(), reading: None }).collect();
    lint_read(&files, tools)
}

/// A file to check.
#[derive(Debug, Clone, Copy)]
pub struct File<'f> {
    /// Its name in the findings.
    pub path: &'f Path,
    /// Its content.
    pub bytes: &'f [u8],
    /// The reading of these bytes with the same settings, if it was made before.
    pub reading: Option<&'f Reading>,
}

/// The same for files of which some were read before.
#[must_use]
pub fn lint_read(files: &[File<'_>], tools: &Tools) -> Report {
    let mut reports = threads::on_all_cores(files, BATCH, || (), |(), file| one(file, tools));
    let whole: Vec<(usize, &Path, &str)> = reports
        .iter()
        .zip(files)
        .enumerate()
        .filter(|(_, (checked, _))| checked.parses)
        .filter_map(|(i, (_, file))| Some((i, file.path, std::str::from_utf8(file.bytes).ok()?)))
        .collect();
    for (i, more) in tools.dead_code(&whole) {
        reports[i].report.extend(more);
    }
    let mut all = Report::default();
    for mut checked in reports {
        // Syntax errors cannot be disabled.
        let stays = |finding: &super::Finding| finding.engine == engine::RNIX || !tools.settings.is_off(&finding.code);
        checked.report.findings.retain(stays);
        checked.report.findings.sort_by_key(|finding| (finding.line, finding.column));
        all.extend(checked.report);
    }
    all
}

struct Checked {
    report: Report,
    parses: bool,
}

/// Runs the engines that check one file at a time.
fn one(&File { path, bytes, reading }: &File<'_>, tools: &Tools) -> Checked {
    let mut report = Report { checked: vec![syntax::engine()], ..Report::default() };
    let reading = reading.cloned().unwrap_or_else(|| Reading::of(path, bytes, &tools.settings));
    let parses = reading.parses();
    report.findings = reading.syntax;
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if parses => text,
        // statix prints nothing for text that is not UTF-8 and repeats syntax errors; deadnix exits with 0.
        text => {
            let why = if text.is_ok() { "it has syntax errors" } else { "it is not UTF-8" };
            tools.skip_unparsed(path, why, &mut report);
            return Checked { report, parses: false };
        }
    };
    report.findings.extend(reading.rules);
    report.add_checked(read::engine());
    match format::check(path, text, &tools.settings) {
        Ok(finding) => {
            report.findings.extend(finding);
            report.add_checked(format::engine());
        }
        Err(why) => tools.embedded_skipped(path, engine::FORMAT, why, &mut report),
    }
    tools.check(path, text, &mut report);
    Checked { report, parses: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_read_is_not_read_again() {
        let (path, tools) = (Path::new("a.nix"), Tools::embedded_only(""));
        let other = Reading::of(path, b"{ a = ; }", &tools.settings);
        let report = lint_read(&[File { path, bytes: b"{ }\n", reading: Some(&other) }], &tools);
        assert!(report.findings.iter().any(|finding| finding.code == "syntax"), "{:?}", report.findings);
    }
}
