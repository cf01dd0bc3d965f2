//! The codes of findings: which can be switched off, and what they mean.

use super::rules;
use super::syntax::UNCLOSED;

/// What is not formatted as nixfmt would write it.
pub(super) const FORMAT: &str = "format";
/// What deadnix finds.
pub(super) const DEAD_CODE: &str = "dead-code";

/// What can be switched off. Syntax cannot: what does not parse is nothing.
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

/// What a code means, at length; `None` for one that is not known here.
pub fn explain(code: &str) -> Option<String> {
    if let Some(rule) = rules::find(code) {
        return Some(format!("{} {} ({})\n\n{}", rule.code, rule.name, rule.severity.as_str(), rule.explanation()));
    }
    let text = match code {
        "syntax" => "The file is no Nix: no version of Nix evaluates it. Found by rnix; it cannot be switched off.",
        "encoding" => "The file is not UTF-8. statix says nothing about such files and Nix fails on most of them.",
        "too-deep" => "The code is nested thousands of levels deep. Nix gives up on it too.",
        "unchecked" => {
            "An engine that had to look at the file could not: it failed, printed what it never prints, or took too long.\n\
             That is no pass: the exit status is 2."
        }
        FORMAT => {
            "The text is not what nixfmt (RFC 166) would write. `git lattice lint --fix` rewrites the file.\n\
             It is a hint, which stops nothing, unless `[lint] require` in lattice.toml names \"format\"."
        }
        DEAD_CODE => "A name is bound and never used. Found by deadnix; a name that begins with `_` is left alone.",
        code if is_code(code) => return Some(format!("a rule of statix: `statix explain {code}` tells about it\n")),
        _ => return None,
    };
    Some(format!("{code}\n\n{text}\n"))
}
