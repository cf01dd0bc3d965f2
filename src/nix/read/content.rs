//! Decides whether an evaluation error is caused by the text of the files: only then the content has failed.
//!
//! Nix evaluates, fetches and writes to the store in one process. The text is at fault if the error is a sentence that only the
//! evaluator or its parser prints; any other error may come from the machine. A position in a file proves nothing, since reads,
//! fetches and builds have one as well. A trace proves nothing either, since the message given to `throw` may need a file in the
//! store; so Nix is asked once more whether the text throws.

use std::io;
use std::sync::OnceLock;

use crate::nix::store_path::StorePath;

/// How the evaluator's errors about expressions and flakes begin (`src/libexpr`, `src/libflake`).
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

/// Beginnings that other parts of Nix use too: the second text must follow, outside quotes.
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

/// Builtins that Nix 2.8 lacks or that a setting enables; if one is missing, the Nix version is the cause. Each also exists as a
/// variable with the prefix `__`.
const VERSION_DEPENDENT: &[&str] = &[
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

/// Returns whether an error is caused by the text. `brief` is the error without its trace.
pub(in crate::nix) fn is_blamed(text: &str, brief: &str) -> bool {
    let brief = brief.trim_start();
    let first = brief.lines().next().unwrap_or_default();
    is_sentence(first) && !is_system_error(brief) && !depends_on_this_nix(text, first)
}

fn is_sentence(first: &str) -> bool {
    let own_words: String = first.split('\'').step_by(2).collect();
    let is_phrase = |(begin, words): &(&str, &str)| first.starts_with(begin) && own_words.contains(words);
    SENTENCES.iter().any(|words| first.starts_with(words)) || PHRASES.iter().any(is_phrase)
}

/// Returns whether another Nix, or this one with other settings or another store, may evaluate the same text: a builtin or an operator
/// is missing, a setting restricts evaluation or disables a feature, the stack is smaller than Nix wants, or 2.8 refuses to read from a
/// store below another directory what the evaluation itself added.
fn depends_on_this_nix(text: &str, first: &str) -> bool {
    let quoted = first.split('\'').nth(1).unwrap_or_default();
    let is_stored = || quoted.split('/').any(|part| StorePath::parse(&format!("/nix/store/{part}")).is_ok());
    match first.split(' ').next() {
        Some("attribute") => VERSION_DEPENDENT.contains(&quoted),
        Some("undefined") => VERSION_DEPENDENT.contains(&quoted.strip_prefix("__").unwrap_or(quoted)),
        Some("access") => is_stored() || first.contains("restricted mode"),
        Some("stack") => !has_full_stack() || is_too_deep(first),
        // 2.8 has no pipe operators; the error shows the line with the operator.
        Some("syntax") => first.contains("invalid token") && ["|>", "<|"].iter().any(|pipe| text.contains(pipe)),
        // Newer versions accept them with the feature `parse-toml-timestamps`.
        Some("while") => first.ends_with("Dates and times are not supported"),
        _ => false,
    }
}

/// Returns whether the error is about invalid JSON, in the flake or in Nix's own files, such as its cache of sources.
pub(in crate::nix) fn is_bad_json(brief: &str) -> bool {
    brief.starts_with("[json.exception.")
}

/// Returns whether the error says that calls are nested deeper than `max-call-depth`. It does not say the limit.
pub(in crate::nix) fn is_too_deep(brief: &str) -> bool {
    brief.contains("max-call-depth exceeded")
}

/// Returns whether Nix may have the stack it wants: it raises the soft limit itself.
fn has_full_stack() -> bool {
    const FULL_STACK: u64 = 60 << 20;
    rustix::process::getrlimit(rustix::process::Resource::Stack).maximum.is_none_or(|most| most >= FULL_STACK)
}

/// Returns the missing file, if the error says nothing else.
pub(in crate::nix) fn missing_file(brief: &str) -> Option<&str> {
    let path = |before: &str, after: &str| brief.strip_prefix(before)?.strip_suffix(after);
    path("getting status of '", "': No such file or directory")
        .or_else(|| path("opening file '", "': No such file or directory"))
        .or_else(|| path("path '", "' does not exist"))
        .or_else(|| path("'", "' does not exist"))
}

/// Returns whether an error ends with a system error message.
fn is_system_error(brief: &str) -> bool {
    /// The last errno of Linux (errno(3)).
    const LAST_ERRNO: i32 = 133;
    static TEXTS: OnceLock<Vec<String>> = OnceLock::new();
    let text = |code: i32| {
        let text = io::Error::from_raw_os_error(code).to_string();
        format!(": {}", text.split(" (os error ").next().unwrap_or_default())
    };
    let texts = TEXTS.get_or_init(|| (1..=LAST_ERRNO).map(text).collect());
    let brief = brief.trim_end_matches(['.', '\n', ' ']);
    texts.iter().any(|text| brief.ends_with(text.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blames_the_text_by_sentence() {
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
    fn does_not_blame_the_text_for_the_machine() {
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
            assert!(!is_blamed(&format!("error: {brief}"), &brief), "a quoted URL is not evidence: {quoted}");
        }
        for call in ["… while calling the 'throw' builtin", "… while evaluating the condition of the assertion"] {
            let brief = "write of 8192 bytes: No space left on device";
            let text = format!("error:\n {call}\n at «git+file:///x»/flake.nix:1:2\n error: {brief}");
            assert!(!is_blamed(&text, brief), "its message may need a file in the store: {call}");
        }
    }

    #[test]
    fn does_not_blame_the_text_for_this_version_of_nix() {
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
    fn finds_the_missing_file() {
        assert_eq!(missing_file("getting status of '/a/b': No such file or directory"), Some("/a/b"));
        assert_eq!(missing_file("path '«git+file:///x»/b' does not exist"), Some("«git+file:///x»/b"));
        assert_eq!(missing_file("'«git+file:///x»/b' does not exist"), Some("«git+file:///x»/b"));
        assert_eq!(missing_file("getting status of '/a/b': Permission denied"), None);
    }
}
