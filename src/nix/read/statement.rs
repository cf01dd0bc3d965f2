//! Parses Nix's error about one build: how it ended, and which derivation it was.
//!
//! The wordings are those of 2.8 (`builder for 'DRV' failed with exit code 1`) and of 2.30 and later (`Cannot build 'DRV'.` with a
//! `Reason:`). An error quotes the end of the builder's log, each line after `> `; parsing stops there.

use crate::nix::store_path::StorePath;

/// How a build ended, according to Nix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::nix) enum Ending {
    /// The builder ended with an exit code other than 0.
    Exit(i32),
    /// A signal ended the builder.
    Signal(i32),
    /// The builder exited with 0, but an output is missing.
    NoOutput,
    /// The builder exited with 0, but this output violates the derivation's constraints.
    Rejected(StorePath),
    /// The fetched content does not have the expected hash.
    HashMismatch,
    /// The build exceeded its time limit.
    TimedOut,
    /// The builder exceeded its log limit.
    LogLimit,
    /// A rebuild gave another output.
    Differs,
    /// No reachable machine builds it.
    NoBuilder,
    /// It was not started because a dependency failed.
    Dependency,
    /// The disk was full when the builder failed.
    DiskFull,
}

/// How one build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::nix) struct Statement {
    /// The derivation; Nix 2.34 does not name one that timed out.
    pub(in crate::nix) drv: Option<StorePath>,
    /// How it ended.
    pub(in crate::nix) ending: Ending,
    /// Whether this is about a remote builder, reported by the helper that talks to it.
    pub(in crate::nix) is_remote: bool,
}

/// Messages for a missing builder: of 2.8, of later versions, and of 2.34.
const NO_BUILDER: &[&str] = &[
    "is required to build '",
    "Required system: '",
    "Reason: platform mismatch",
    "Reason: missing system features",
    "Reason: local builds are disabled",
    "unable to start any build",
    "local builds are disabled",
    "Failed to find a machine for remote build",
];

const FULL: &str = "note: build failure may have been caused by lack of free disk space";

/// Parses an error without `error:` and traces; `None` if it does not say how a build ended.
pub(in crate::nix) fn read(error: &str) -> Option<Statement> {
    if let Some((_, rest)) = error.strip_prefix("build of '").and_then(|rest| rest.split_once("' on '")) {
        let (_, inner) = rest.split_once("' failed: ")?;
        let inner = inner.trim_start().trim_start_matches("error:").trim_start();
        return read(inner).map(|statement| Statement { is_remote: true, ..statement });
    }
    let head = head(error);
    let ending = if error.lines().any(|line| line.trim() == FULL) { Ending::DiskFull } else { ending(&head)? };
    Some(Statement { drv: derivation_in(&head), ending, is_remote: false })
}

/// Returns the lines before Nix quotes the builder's log.
fn head(error: &str) -> String {
    let is_quote = |line: &str| {
        let line = line.trim_start();
        line.starts_with("> ") || ["last ", "Last "].iter().any(|word| line.starts_with(word) && line.ends_with(':'))
    };
    error.lines().take_while(|line| !is_quote(line)).collect::<Vec<_>>().join("\n")
}

fn ending(head: &str) -> Option<Ending> {
    let says = |words: &str| head.contains(words);
    let builder = head.strip_prefix("builder for '").and_then(|rest| rest.split_once("' ")).map(|(_, how)| how);
    let reason = head.lines().find_map(|line| line.trim_start().strip_prefix("Reason: "));
    let reason = reason.filter(|_| head.starts_with("Cannot build '"));
    if let Some(how) = builder.or(reason.and_then(|reason| reason.strip_prefix("builder "))) {
        return of_builder(how);
    }
    if reason.is_some_and(|reason| reason.contains("dependency failed") || reason.contains("dependencies failed")) {
        return Some(Ending::Dependency);
    }
    if let Some((path, _)) =
        head.strip_prefix("output '").and_then(|rest| rest.split_once("' is not allowed to refer to"))
    {
        return StorePath::parse(path).ok().map(Ending::Rejected);
    }
    let (word, rest) = head.split_once(' ').unwrap_or((head, ""));
    match () {
        () if head.starts_with("hash mismatch in fixed-output derivation '") => Some(Ending::HashMismatch),
        () if head.starts_with("derivation '") && says("may not be deterministic") => Some(Ending::Differs),
        () if says("timed out after ") && (word == "timed" || word == "building") => Some(Ending::TimedOut),
        () if head.starts_with("building ") && says("bytes of log output") => Some(Ending::LogLimit),
        () if rest.starts_with("dependencies of derivation '") => Some(Ending::Dependency),
        () if NO_BUILDER.iter().any(|words| says(words)) => Some(Ending::NoBuilder),
        () => None,
    }
}

/// Parses `failed with exit code 3`, `failed due to signal 9 (Killed)`, `failed to produce output path ..`.
fn of_builder(how: &str) -> Option<Ending> {
    let number = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    if how.starts_with("failed to produce output path") {
        return Some(Ending::NoOutput);
    }
    let code = how.strip_prefix("failed with exit code ").and_then(number).map(Ending::Exit);
    code.or_else(|| how.strip_prefix("failed due to signal ").and_then(number).map(Ending::Signal))
}

/// Returns the first quoted derivation, perhaps with outputs: `'/nix/store/..-x.drv!out'`.
pub(in crate::nix) fn derivation_in(text: &str) -> Option<StorePath> {
    let quoted = text.split('\'').map(|part| part.split_once('!').map_or(part, |(path, _)| path));
    quoted.filter_map(|part| StorePath::parse(part).ok()).find(StorePath::is_derivation)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRV: &str = "/nix/store/0pkmaqv21yg0gqbdkr7mb0dbkvgz5plw-x.drv";

    fn ending_of(error: &str) -> Option<Ending> {
        let error = error.replace("DRV", DRV);
        let statement = read(&error)?;
        assert!(statement.drv.is_none_or(|drv| drv.as_str() == DRV), "{error}");
        Some(statement.ending)
    }

    #[test]
    fn parses_endings_in_both_wordings() {
        let cases = [
            ("builder for 'DRV' failed with exit code 3", Ending::Exit(3)),
            ("builder for 'DRV' failed with exit code 127;\nlast 1 log lines:\n> bad", Ending::Exit(127)),
            (
                "Cannot build 'DRV'.\nReason: builder failed with exit code 3.\nOutput paths:\n  /nix/store/x",
                Ending::Exit(3),
            ),
            ("builder for 'DRV' failed due to signal 9 (Killed)", Ending::Signal(9)),
            ("Cannot build 'DRV'.\nReason: builder failed due to signal 9 (Killed).", Ending::Signal(9)),
            ("builder for 'DRV' failed to produce output path for output 'out' at '/x'", Ending::NoOutput),
            ("hash mismatch in fixed-output derivation 'DRV':\n  specified: a\n  got: b", Ending::HashMismatch),
            ("building of 'DRV!out' from .drv file timed out after 2 seconds", Ending::TimedOut),
            (
                "building of 'DRV!*' from .drv file killed after writing more than 1000 bytes of log output",
                Ending::LogLimit,
            ),
            ("building derivation 'DRV' killed after writing more than 1000 bytes of log output", Ending::LogLimit),
            ("timed out after 2 seconds", Ending::TimedOut),
            ("1 dependencies of derivation 'DRV' failed to build", Ending::Dependency),
            ("Cannot build 'DRV'.\nReason: 1 dependency failed.", Ending::Dependency),
            ("derivation 'DRV' may not be deterministic: output '/x' differs", Ending::Differs),
            ("Cannot build 'DRV'.\nReason: platform mismatch", Ending::NoBuilder),
            (
                "builder for 'DRV' failed with exit code 1;\nlast 1 log lines:\n> x\nnote: build failure may have been caused by lack of free disk space",
                Ending::DiskFull,
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(ending_of(error), Some(expected), "{error}");
        }
    }

    #[test]
    fn ignores_quoted_log_lines() {
        let error =
            "while setting up the build environment:\nlast 1 log lines:\n> builder for 'DRV' failed with exit code 3";
        assert_eq!(ending_of(error), None);
        let error = "Cannot build 'DRV'.\nLast 2 log lines:\n> x\n  Reason: builder failed with exit code 3.";
        assert_eq!(ending_of(error), None);
        let full = "builder for 'DRV' failed with exit code 1;\nlast 1 log lines:\n> note: build failure may have been caused by lack of free disk space";
        assert_eq!(ending_of(full), Some(Ending::Exit(1)));
    }

    #[test]
    fn trouble_is_not_an_ending() {
        for error in [
            "writing to file: Input/output error",
            "executing SQLite statement 'x': disk I/O error (in '/nix/var/nix/db/db.sqlite')",
            "unexpected EOF reading a line",
            "builder for 'DRV' failed",
            "cannot build on 'ssh-ng://box': error: unexpected end-of-file",
        ] {
            assert_eq!(ending_of(error), None, "{error}");
        }
    }

    #[test]
    fn marks_statements_of_remote_builders() {
        let error = format!("build of '{DRV}' on 'ssh-ng://box' failed: builder for '{DRV}' failed with exit code 3");
        let statement = read(&error).unwrap();
        assert_eq!((statement.ending, statement.is_remote), (Ending::Exit(3), true));
        assert_eq!(read(&format!("build of '{DRV}' on 'ssh-ng://box' failed: unexpected end-of-file")), None);
    }
}
