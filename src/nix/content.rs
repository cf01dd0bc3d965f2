//! Whether an error of evaluation is about the text of the files: only then the content has failed.
//!
//! Nix evaluates, fetches and writes to the store in one process. What blames the text is its position in a file, a `throw` or
//! `abort` that was called, or a sentence that only the evaluator and its parser have. Everything else may be the machine's.

use std::io;
use std::sync::OnceLock;

/// What the evaluator says of expressions, and of a flake as a whole, at the beginning of an error (`src/libexpr`, `src/libflake`).
const SENTENCES: &[&str] = &[
    "'builtins.",
    "[json.exception.",
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
    "infinite recursion encountered",
    "integer overflow",
    "invalid derivation name",
    "invalid regular expression",
    "list index ",
    "required attribute '",
    "stack overflow",
    "syntax error",
    "undefined variable '",
    "value is ",
];

/// The same within an error, outside of what it quotes.
const PHRASES: &[&str] = &[
    "contains illegal character",
    "does not provide attribute",
    "is not allowed to refer to a store path",
    "lacks attribute",
    "requires lock file changes",
];

/// Frames of a trace: what was called last is the text's own word.
const FRAMES: &[&str] = &[
    "… while calling the 'throw' builtin",
    "… while calling the 'abort' builtin",
    "… while evaluating the condition of the assertion",
];

/// What may be said at a position of the text and is about the machine: paths of the store, fetching, the daemon, building.
const MACHINE: &[&str] = &[
    "' is not valid",
    "SQLite",
    "database",
    "unable to download",
    "cannot connect",
    "cannot open connection",
    "unexpected end-of-file",
    "unexpected EOF",
    "daemon",
    "Cannot find Git revision",
    "getting Git object",
    "Git repository",
    "program 'git' failed",
    "fetching",
    "is corrupt",
    "out of memory",
    "failed to build",
    "Cannot build",
    "interrupted by the user",
];

/// Whether an error blames the text. `brief` is the error without its trace, `file` the one that it is about.
pub(super) fn is_blamed(text: &str, brief: &str, file: Option<&str>) -> bool {
    let brief = brief.trim_start();
    // An error may quote anything, even what looks like a frame: those that Nix adds come before it.
    let trace = text.rfind(brief).map_or(text, |at| &text[..at]);
    let last_frame = trace.rfind("… ").map(|at| &trace[at..]);
    if last_frame.is_some_and(|frame| FRAMES.iter().any(|words| frame.starts_with(words))) {
        return true;
    }
    if is_of_the_system(brief) {
        return false;
    }
    let first = brief.lines().next().unwrap_or_default();
    let is_sentence = SENTENCES.iter().any(|words| first.starts_with(words));
    let own_words: String = first.split('\'').step_by(2).collect();
    let says = |all: &[&str]| all.iter().any(|words| own_words.contains(words));
    let is_phrase = || says(PHRASES) && !says(MACHINE);
    let may_be_the_machine = || MACHINE.iter().any(|words| first.contains(words));
    is_sentence || is_phrase() || (file.is_some_and(is_file) && !may_be_the_machine())
}

/// A path, or `«git+file:..»/path`; newer versions say `«none»` and `«nix-internal»` of what is no file.
fn is_file(file: &str) -> bool {
    file.starts_with('/') || file.starts_with("«git+")
}

/// A file that is not there, where that is all that is wrong.
pub(super) fn missing_file(brief: &str) -> Option<&str> {
    let path = |before: &str, after: &str| brief.strip_prefix(before)?.strip_suffix(after);
    path("getting status of '", "': No such file or directory")
        .or_else(|| path("opening file '", "': No such file or directory"))
        .or_else(|| path("path '", "' does not exist"))
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
    fn the_text_is_blamed_by_position_call_and_sentence() {
        let blamed = [
            ("error: undefined variable 'x'", "undefined variable 'x'", None),
            ("error: strange", "strange", Some("/nix/store/x-source/flake.nix")),
            ("error: strange", "strange", Some("«git+file:///x»/flake.nix:1:2")),
            (
                "error:\n … while calling the 'throw' builtin\n at x\n error: no: Permission denied",
                "no: Permission denied",
                None,
            ),
            ("error: flake 'x' requires lock file changes but", "flake 'x' requires lock file changes but", None),
        ];
        for (text, brief, file) in blamed {
            assert!(is_blamed(text, brief, file), "{text}");
        }
    }

    #[test]
    fn the_machine_is_never_the_text() {
        let file = Some("/nix/store/x-source/flake.nix");
        for brief in [
            "writing to file: Input/output error",
            "reading from file: Input/output error.",
            "creating directory '/tmp/x': No space left on device",
            "executing SQLite statement 'x': disk I/O error (in '/nix/var/nix/db/db.sqlite')",
            "cannot read '/nix/store/x', since path '/nix/store/x' is not valid",
            "unable to download 'https://x': Couldn't resolve host name (6)",
            "Nix daemon disconnected unexpectedly (maybe it crashed?)",
        ] {
            assert!(!is_blamed(&format!("error: {brief}"), brief, file), "{brief}");
        }
        for quoted in ["… while calling the 'throw' builtin", "contains illegal character", "' lacks attribute '"] {
            let brief = format!("unable to download 'http://x/{quoted}': Couldn't connect to server (7)");
            assert!(!is_blamed(&format!("error: {brief}"), &brief, None), "a quoted URL is no evidence: {quoted}");
        }
        let read =
            "error:\n … while calling the 'readFile' builtin\n at «git+file:///x»/flake.nix:1:2\n error: strange";
        assert!(!is_blamed(read, "strange", None), "only what was thrown is the text's own");
        assert!(!is_blamed("error: strange", "strange", None));
    }

    #[test]
    fn missing_files_are_named() {
        assert_eq!(missing_file("getting status of '/a/b': No such file or directory"), Some("/a/b"));
        assert_eq!(missing_file("path '«git+file:///x»/b' does not exist"), Some("«git+file:///x»/b"));
        assert_eq!(missing_file("getting status of '/a/b': Permission denied"), None);
    }
}
