//! Whether an error of evaluation is about the text of the files: only then the content has failed.
//!
//! Nix evaluates, fetches and writes to the store in one process. What blames the text is a sentence that only the evaluator and its
//! parser have. Everything else may be the machine's. A position in a file is no evidence, for what reads, fetches and builds stands
//! at one as well; neither is the trace, for a message that `throw` is given may want a file in the store. Nix is asked once more
//! whether the text throws.

use std::io;
use std::sync::OnceLock;

use crate::nix::store_path::StorePath;

/// What the evaluator says of expressions, and of a flake as a whole, at the beginning of an error (`src/libexpr`, `src/libflake`).
const SENTENCES: &[&str] = &[
    "'builtins.",
    "a string that refers to a store path cannot be appended",
    "access to absolute path '",
    "access to canonical path '",
    "access to URI '",
    "an attribute ",
    "anonymous function at ",
    "assertion ",
    "attempt to call something which is not a function",
    "attribute '",
    "cannot coerce ",
    "cannot compare ",
    "cannot convert ",
    "cannot create list of size ",
    "cannot evaluate a function that has an argument without a value",
    "cannot look up '<",
    "derivation cannot ",
    "derivation name missing",
    "derivation names are ",
    "division by zero",
    "duplicate ",
    "dynamic attribute",
    "evaluation aborted with the following error message",
    "expected a ",
    "expected an ",
    "expected flake output attribute ",
    "flake attribute '",
    "flake output attribute '",
    "function '",
    "in 'toFile': ",
    "infinite recursion encountered",
    "integer overflow",
    "invalid derivation name",
    "invalid derivation output name",
    "invalid float '",
    "invalid integer '",
    "invalid regular expression",
    "list index ",
    "multiple outputs are not supported",
    "overflow in integer division",
    "required attribute '",
    "stack overflow",
    "syntax error",
    "the contents of the file '",
    "the string '",
    "undefined variable '",
    "value is ",
    "while parsing TOML: ",
    "while parsing a TOML string: ",
];

/// The same where the beginning alone is not the evaluator's: this must follow outside of what is quoted.
const PHRASES: &[(&str, &str)] = &[
    ("cannot add ", " to a float"),
    ("cannot add ", " to an integer"),
    ("file '", "must be an attribute set"),
    ("flake '", "does not provide attribute"),
    ("flake '", "has an unsupported attribute"),
    ("flake '", "lacks attribute"),
    ("flake '", "requires lock file changes"),
    ("hash '", "has wrong length for hash"),
    ("name '", "contains illegal character"),
    ("path '", "contains illegal character"),
    ("store path '", "contains illegal character"),
    ("string '", "doesn't represent an absolute path"),
];

/// Builtins that 2.8 does not have, or that a setting turns on: that one is missing says what Nix this is. With `__` before it, each
/// is a variable as well.
const NOT_EVERYWHERE: &[&str] = &[
    "addDrvOutputDependencies",
    "break",
    "convertHash",
    "exec",
    "fetchClosure",
    "fetchTree",
    "flakeRefToString",
    "getFlake",
    "importNative",
    "outputOf",
    "parseFlakeRef",
    "readFileType",
    "traceVerbose",
    "warn",
];

/// Whether an error blames the text. `brief` is the error without its trace.
pub(in crate::nix) fn is_blamed(text: &str, brief: &str) -> bool {
    let brief = brief.trim_start();
    let first = brief.lines().next().unwrap_or_default();
    is_sentence(first) && !is_of_the_system(brief) && !is_of_this_nix(text, first)
}

fn is_sentence(first: &str) -> bool {
    let own_words: String = first.split('\'').step_by(2).collect();
    let is_phrase = |(begin, words): &(&str, &str)| first.starts_with(begin) && own_words.contains(words);
    SENTENCES.iter().any(|words| first.starts_with(words)) || PHRASES.iter().any(is_phrase)
}

/// Whether another Nix, or this one with other settings or another store, may well evaluate the same: a builtin or an operator is
/// missing, a setting restricts evaluation or switches a feature off, the stack is smaller than Nix wants it, or 2.8 refuses in a
/// store below another directory what the evaluation itself put there.
fn is_of_this_nix(text: &str, first: &str) -> bool {
    let quoted = first.split('\'').nth(1).unwrap_or_default();
    let is_stored = || quoted.split('/').any(|part| StorePath::parse(&format!("/nix/store/{part}")).is_ok());
    match first.split(' ').next() {
        Some("attribute") => NOT_EVERYWHERE.contains(&quoted),
        Some("undefined") => NOT_EVERYWHERE.contains(&quoted.strip_prefix("__").unwrap_or(quoted)),
        Some("access") => is_stored() || first.contains("restricted mode"),
        Some("stack") => !has_whole_stack() || is_too_deep(first),
        // 2.8 knows no pipes, of which the error shows the line.
        Some("syntax") => first.contains("invalid token") && ["|>", "<|"].iter().any(|pipe| text.contains(pipe)),
        // `parse-toml-timestamps` lets newer versions read them.
        Some("while") => first.ends_with("Dates and times are not supported"),
        _ => false,
    }
}

/// Whether an error is of text that is no JSON: of the flake, or of what Nix itself keeps as JSON, such as its cache of sources.
pub(in crate::nix) fn is_bad_json(brief: &str) -> bool {
    brief.starts_with("[json.exception.")
}

/// Whether an error says that more calls are nested than a setting lets: how many, it does not say.
pub(in crate::nix) fn is_too_deep(brief: &str) -> bool {
    brief.contains("max-call-depth exceeded")
}

/// Whether Nix may have the stack that it wants: it raises the soft limit itself.
fn has_whole_stack() -> bool {
    const WANTED: u64 = 60 << 20;
    rustix::process::getrlimit(rustix::process::Resource::Stack).maximum.is_none_or(|most| most >= WANTED)
}

/// A file that is not there, where that is all that is wrong.
pub(in crate::nix) fn missing_file(brief: &str) -> Option<&str> {
    let path = |before: &str, after: &str| brief.strip_prefix(before)?.strip_suffix(after);
    path("getting status of '", "': No such file or directory")
        .or_else(|| path("opening file '", "': No such file or directory"))
        .or_else(|| path("path '", "' does not exist"))
        .or_else(|| path("'", "' does not exist"))
}

/// Whether an error ends with what the system says of one of its calls.
fn is_of_the_system(brief: &str) -> bool {
    /// Linux has 133 of them (errno(3)).
    const LAST: i32 = 133;
    static TEXTS: OnceLock<Vec<String>> = OnceLock::new();
    let text = |code: i32| {
        let text = io::Error::from_raw_os_error(code).to_string();
        format!(": {}", text.split(" (os error ").next().unwrap_or_default())
    };
    let texts = TEXTS.get_or_init(|| (1..=LAST).map(text).collect());
    let brief = brief.trim_end_matches(['.', '\n', ' ']);
    texts.iter().any(|text| brief.ends_with(text.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_blamed_by_sentence() {
        for brief in [
            "undefined variable 'x'",
            "attribute 'x' missing",
            "cannot add a string to an integer",
            "flake 'x' requires lock file changes but they're not allowed",
            "name 'a b' contains illegal character ' '",
            "access to absolute path '/etc/passwd' is forbidden in pure eval mode",
        ] {
            assert!(is_blamed(&format!("error: {brief}"), brief), "{brief}");
        }
    }

    #[test]
    fn the_machine_is_never_the_text() {
        for brief in [
            "strange",
            "[json.exception.parse_error.101] parse error at line 1",
            "writing to file: Input/output error",
            "reading from file: Input/output error.",
            "creating directory '/tmp/x': No space left on device",
            "executing SQLite statement 'x': disk I/O error (in '/nix/var/nix/db/db.sqlite')",
            "cannot read '/nix/store/x', since path '/nix/store/x' is not valid",
            "cannot add path '/nix/store/x' because it lacks a signature by a trusted key",
            "unable to download 'https://x': Couldn't resolve host name (6)",
            "Nix daemon disconnected unexpectedly (maybe it crashed?)",
        ] {
            assert!(!is_blamed(&format!("error: {brief}"), brief), "{brief}");
        }
        for quoted in ["… while calling the 'throw' builtin", "contains illegal character", "' lacks attribute '"] {
            let brief = format!("unable to download 'http://x/{quoted}': Couldn't connect to server (7)");
            assert!(!is_blamed(&format!("error: {brief}"), &brief), "a quoted URL is no evidence: {quoted}");
        }
        for call in ["… while calling the 'throw' builtin", "… while evaluating the condition of the assertion"] {
            let brief = "write of 8192 bytes: No space left on device";
            let text = format!("error:\n {call}\n at «git+file:///x»/flake.nix:1:2\n error: {brief}");
            assert!(!is_blamed(&text, brief), "its message may want a file in the store: {call}");
        }
    }

    #[test]
    fn what_another_nix_evaluates_is_not_the_text_s() {
        for brief in [
            "attribute 'fetchClosure' missing",
            "undefined variable 'readFileType'",
            "undefined variable '__convertHash'",
            "while parsing TOML: Dates and times are not supported",
            "access to absolute path '/etc' is forbidden in restricted mode",
            "syntax error, unexpected invalid token\n at x:2:3:\n 2| 1 |> f",
            "experimental Nix feature 'pipe-operators' is disabled; add '--extra-experimental-features pipe-operators' to enable it",
            "access to absolute path '/p/nix/store/vyck94a1myl5jkc7lw2gx1azadkn180j-x.nix' is forbidden in pure eval mode",
        ] {
            assert!(!is_blamed(&format!("error: {brief}"), brief), "{brief}");
        }
    }

    #[test]
    fn missing_files_are_named() {
        assert_eq!(missing_file("getting status of '/a/b': No such file or directory"), Some("/a/b"));
        assert_eq!(missing_file("path '«git+file:///x»/b' does not exist"), Some("«git+file:///x»/b"));
        assert_eq!(missing_file("'«git+file:///x»/b' does not exist"), Some("«git+file:///x»/b"));
        assert_eq!(missing_file("getting status of '/a/b': Permission denied"), None);
    }
}
