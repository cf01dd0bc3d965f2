//! Strings and paths of a Nix file, and what a generated flake says about its point.
//!
//! These are read from tokens, not from the syntax tree: that works for deeply nested code and for code with errors.

use rnix::SyntaxKind as Kind;

use crate::lint::Lines;

/// The comment that marks a `flake.nix` as written by hand.
pub(super) const HAND_WRITTEN: &str = "git-lattice: hand-written";

/// A string's text, a path or a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// The line, from 1.
    pub(super) line: usize,
    /// The text as written; an interpolation separates two words.
    pub(super) text: &'a str,
    /// Whether it is a path rather than a string.
    pub(super) is_path: bool,
}

/// The statements of a flake about its point.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Claims {
    /// `point = ".."`.
    pub(super) point: Option<String>,
    /// `branch = ".."`.
    pub(super) branch: Option<String>,
    /// `coordinates = { AXIS = [ ".." ]; .. }`, flattened to `AXIS = a+b`.
    pub(super) coordinates: Vec<(String, String)>,
    /// `systems = [ ".." ]`.
    pub(super) systems: Option<Vec<String>>,
}

/// The words of `text` in order.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let (lines, mut at) = (Lines::of(text), 0);
    let mut found = Vec::new();
    for (kind, piece) in rnix::tokenize(text) {
        let is_path = matches!(kind, Kind::TOKEN_PATH_REL | Kind::TOKEN_PATH_ABS | Kind::TOKEN_PATH_HOME);
        if is_path || matches!(kind, Kind::TOKEN_STRING_CONTENT | Kind::TOKEN_URI) {
            found.push(Word { line: lines.position(at).0, text: piece, is_path });
        }
        at += piece.len();
    }
    found
}

/// Whether the file is marked as written by hand.
pub(super) fn is_hand_written(text: &str) -> bool {
    let says = |comment: &str| comment.trim_start_matches('#').trim() == HAND_WRITTEN;
    text.contains(HAND_WRITTEN)
        && rnix::tokenize(text).any(|(kind, comment)| kind == Kind::TOKEN_COMMENT && says(comment))
}

/// The statements of `text` about its point, in the form of our templates; the first of each counts.
pub(super) fn claims(text: &str) -> Claims {
    let tokens: Vec<_> = rnix::tokenize(text).filter(|(kind, _)| !kind.is_trivia()).collect();
    let mut claims = Claims::default();
    let mut at = 0;
    while let Some(rest) = tokens.get(at..).filter(|rest| !rest.is_empty()) {
        match rest {
            [(Kind::TOKEN_IDENT, "point"), (Kind::TOKEN_ASSIGN, _), ..] => {
                claims.point = claims.point.or_else(|| string(&rest[2..]));
            }
            [(Kind::TOKEN_IDENT, "branch"), (Kind::TOKEN_ASSIGN, _), ..] => {
                claims.branch = claims.branch.or_else(|| string(&rest[2..]));
            }
            [(Kind::TOKEN_IDENT, "systems"), (Kind::TOKEN_ASSIGN, _), ..] => {
                claims.systems = claims.systems.or_else(|| list(&rest[2..]));
            }
            [(Kind::TOKEN_IDENT, "coordinates"), (Kind::TOKEN_ASSIGN, _), (Kind::TOKEN_L_BRACE, _), ..]
                if claims.coordinates.is_empty() =>
            {
                claims.coordinates = coordinates(&rest[3..]);
            }
            _ => {}
        }
        at += 1;
    }
    claims
}

type Token<'a> = (Kind, &'a str);

/// `".."` without interpolation.
fn string(tokens: &[Token<'_>]) -> Option<String> {
    match tokens {
        [(Kind::TOKEN_STRING_START, "\""), (Kind::TOKEN_STRING_CONTENT, text), (Kind::TOKEN_STRING_END, _), ..] => {
            Some((*text).to_owned())
        }
        _ => None,
    }
}

/// `[ ".." ".." ]`.
fn list(tokens: &[Token<'_>]) -> Option<Vec<String>> {
    let ((Kind::TOKEN_L_BRACK, _), mut rest) = tokens.split_first()? else { return None };
    let mut texts = Vec::new();
    while let Some(text) = string(rest) {
        texts.push(text);
        rest = &rest[3..];
    }
    matches!(rest.first(), Some((Kind::TOKEN_R_BRACK, _))).then_some(texts)
}

/// The leading `AXIS = [ ".." ];` entries within the braces.
fn coordinates(tokens: &[Token<'_>]) -> Vec<(String, String)> {
    let (mut found, mut rest) = (Vec::new(), tokens);
    while let [(kind, name), tail @ ..] = rest {
        let (name, tail) = match kind {
            Kind::TOKEN_STRING_START => match string(rest) {
                Some(name) => (name, &rest[3..]),
                None => break,
            },
            _ => ((*name).to_owned(), tail),
        };
        let Some(((Kind::TOKEN_ASSIGN, _), tail)) = tail.split_first() else { break };
        let Some(values) = list(tail) else { break };
        found.push((name, values.join("+")));
        // Skip the list, its brackets and the semicolon.
        rest = tail.get(values.len() * 3 + 3..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_claims_of_a_flake() {
        let text = "{ l = { point = \"a/b\"; branch = \"f/a/b\"; coordinates = { x = [ \"a\" \"c\" ]; \"if\" = [ \"b\" ]; }; };
          systems = [ \"x86_64-linux\" ]; point = \"other\"; }";
        let found = claims(text);
        assert_eq!((found.point.as_deref(), found.branch.as_deref()), (Some("a/b"), Some("f/a/b")));
        assert_eq!(found.coordinates, [("x".to_owned(), "a+c".to_owned()), ("if".to_owned(), "b".to_owned())]);
        assert_eq!(found.systems, Some(vec!["x86_64-linux".to_owned()]));
        assert_eq!(claims("{ point = x; systems = [ y ]; coordinates = { a = 1; }; }"), Claims::default());
    }

    #[test]
    fn finds_strings_paths_and_urls() {
        let found = words("{ a = ../b/c;\n d = \"x${y}z\"; # \"no\"\n}");
        let found: Vec<_> = found.iter().map(|word| (word.line, word.text, word.is_path)).collect();
        assert_eq!(found, [(1, "../b/c", true), (2, "x", false), (2, "z", false)]);
    }

    #[test]
    fn only_a_comment_marks_a_file_as_hand_written() {
        assert!(is_hand_written("# git-lattice: hand-written\n{ }"));
        assert!(!is_hand_written("\"# git-lattice: hand-written\""));
    }
}
