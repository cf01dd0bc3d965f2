//! The codes of findings: which can be disabled, and their explanations.

use super::rules;
use super::syntax::UNCLOSED;

/// Text that nixfmt would format differently.
pub(super) const FORMAT: &str = "format";
/// Findings of deadnix.
pub(super) const DEAD_CODE: &str = "dead-code";

/// Whether `code` can be disabled. Syntax errors cannot.
pub(super) fn is_code(code: &str) -> bool {
    let of_statix = |code: &str| {
        let digits = code.strip_prefix(['W', 'E', 'I']).unwrap_or_default();
        digits.len() >= 2 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if code == UNCLOSED.code {
        return false;
    }
    code == FORMAT || code == DEAD_CODE || rules::find(code).is_some() || of_statix(code)
}

/// The long explanation of a code; `None` if it is unknown.
pub fn explain(code: &str) -> Option<String> {
    if let Some(rule) = rules::find(code) {
        return Some(format!("{} {} ({})\n\n{}", rule.code, rule.name, rule.severity.as_str(), rule.explanation()));
    }
    let text = match code {
        "syntax" => "The file is not valid Nix: no version of Nix evaluates it. Found by rnix; it cannot be disabled.",
        "encoding" => "The file is not UTF-8. statix ignores such files and Nix fails on most of them.",
        "too-deep" => "The code is nested thousands of levels deep. Nix refuses it too.",
        "unchecked" => {
            "An engine could not check the file: it failed, printed unexpected output, or took too long.\n\
             The file does not count as checked: the exit status is 2."
        }
        FORMAT => {
            "The text is not what nixfmt (RFC 166) would write. `git lattice lint --fix` rewrites the file.\n\
             It is a hint and stops no commit, unless `[lint] require` in lattice.toml names \"format\"."
        }
        DEAD_CODE => "A name is bound and never used. Found by deadnix; a name that begins with `_` is left alone.",
        code if is_code(code) => return Some(format!("a rule of statix: `statix explain {code}` explains it\n")),
        _ => return None,
    };
    Some(format!("{code}\n\n{text}\n"))
}
