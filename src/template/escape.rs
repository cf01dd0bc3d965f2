//! Escapes text for Nix: inside a double-quoted string, as an attribute name, and as a path.
//!
//! An escaper does not know the context of a value. [`NixString`], which askama applies to every value in a `.nix` template,
//! is correct only inside double quotes. Attribute names and paths have their own types, which askama inserts unchanged.

use std::fmt::{self, Write};

use askama::filters::Escaper;

/// The escaper for the inside of a double-quoted Nix string, registered in `askama.toml`.
///
/// It escapes every `$`, not only in `${`, because the template may continue with a brace. It escapes a brace at the start of
/// a value, because the template may end in `$` there. A zero byte is an error: Nix strings cannot contain it.
#[derive(Debug, Clone, Copy)]
pub(super) struct NixString;

impl Escaper for NixString {
    fn write_escaped_str<W: Write>(&self, mut dest: W, string: &str) -> fmt::Result {
        if string.starts_with('{') {
            dest.write_char('\\')?;
        }
        string.chars().try_for_each(|c| match c {
            '\0' => Err(fmt::Error),
            '"' | '\\' | '$' => write!(dest, "\\{c}"),
            '\n' => dest.write_str("\\n"),
            '\r' => dest.write_str("\\r"),
            '\t' => dest.write_str("\\t"),
            _ => dest.write_char(c),
        })
    }
}

/// An attribute name: bare if it is an identifier, otherwise quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AttrName<'a>(pub(super) &'a str);

/// Words that are not identifiers in Nix. `or` is an identifier only in some positions.
const KEYWORDS: [&str; 10] = ["assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"];

impl AttrName<'_> {
    fn is_identifier(self) -> bool {
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '\'');
        self.0.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && self.0.chars().all(inner)
            && !KEYWORDS.contains(&self.0)
    }
}

impl fmt::Display for AttrName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_identifier() {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        NixString.write_escaped_str(&mut *f, self.0)?;
        f.write_char('"')
    }
}

/// The path of a flake relative to the importing file, such as `../step1/flake.nix`, as a Nix path literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FlakePath(String);

impl FlakePath {
    /// The `flake.nix` in `dir`, a relative path with `/`; `None` if a segment is not valid in a Nix path literal.
    pub(super) fn in_dir(dir: &str) -> Option<Self> {
        let dir = dir.strip_prefix("./").unwrap_or(dir);
        let literal = dir.split('/').all(is_segment);
        let prefix = if dir.starts_with("../") || dir == ".." { "" } else { "./" };
        literal.then(|| Self(format!("{prefix}{dir}/flake.nix")))
    }
}

/// Whether `segment` is valid in a Nix path literal: the characters of `PATH_CHAR` in Nix' lexer, and not empty.
fn is_segment(segment: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    !segment.is_empty() && segment != "." && segment.chars().all(fits)
}

impl fmt::Display for FlakePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
