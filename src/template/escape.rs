//! How text becomes Nix: as the inside of a double-quoted string, as an attribute name, as a path.
//!
//! An escaper cannot know where it stands. [`NixString`], which askama applies to every value in a `.nix` template, is
//! for the inside of double quotes and nothing else; the two other places have types of their own, which the templates
//! take as they are.

use std::fmt::{self, Write};

use askama::filters::Escaper;

/// The escaper for the inside of a double-quoted Nix string, registered in `askama.toml`.
///
/// Every `$` is escaped, not only that of `${`, because the template may go on with a brace; so is a brace at the start
/// of a fragment, because the template may end in `$`. A zero byte, which no Nix string can hold, is an error.
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

/// The name of an attribute: bare where Nix reads it as an identifier, otherwise quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AttrName<'a>(pub(super) &'a str);

/// The words that Nix does not read as identifiers; `or` is one only half of the time.
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

/// The path of a flake relative to the file that names it, such as `../step1/flake.nix`, as a Nix path literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FlakePath(String);

impl FlakePath {
    /// The `flake.nix` in `dir`, which is relative and written with `/`; `None` when a segment of it cannot stand in a
    /// Nix path literal.
    pub(super) fn in_dir(dir: &str) -> Option<Self> {
        let dir = dir.strip_prefix("./").unwrap_or(dir);
        let literal = dir.split('/').all(is_segment);
        let prefix = if dir.starts_with("../") || dir == ".." { "" } else { "./" };
        literal.then(|| Self(format!("{prefix}{dir}/flake.nix")))
    }
}

/// The characters are `PATH_CHAR` of Nix' lexer; `~` and `<` start other things, and an empty segment ends a path.
fn is_segment(segment: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    !segment.is_empty() && segment != "." && segment.chars().all(fits)
}

impl fmt::Display for FlakePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
