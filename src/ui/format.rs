//! Formats with fields, as `git for-each-ref --format` has them: `%(name)`, `%%`, and bytes as `%00`.

/// Literal text, or a field.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<F> {
    Literal(Vec<u8>),
    Field(F),
}

/// A format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format<F>(Vec<Piece<F>>);

/// Why a text is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The parenthesis of a field is not closed.
    #[error("`{0}` in the format is not closed: expected `)`")]
    Open(String),
    /// There is no such field.
    #[error("unknown field `%({field})`: expected one of: {}", known.join(", "))]
    Unknown {
        /// Its name.
        field: String,
        /// The names of all fields.
        known: Vec<String>,
    },
}

impl<F> Format<F> {
    /// Parse a format. `field` finds the field of a name.
    ///
    /// # Errors
    /// The errors of `field`, and [`FormatError::Open`].
    pub fn parse(text: &str, field: impl Fn(&str) -> Result<F, FormatError>) -> Result<Self, FormatError> {
        let (mut pieces, mut literal, mut rest) = (Vec::new(), Vec::new(), text);
        while let Some((before, after)) = rest.split_once('%') {
            literal.extend(before.as_bytes());
            if let Some(inner) = after.strip_prefix('(') {
                let Some((name, after)) = inner.split_once(')') else {
                    return Err(FormatError::Open(rest[before.len()..].to_owned()));
                };
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                pieces.push(Piece::Field(field(name)?));
                rest = after;
            } else {
                let (byte, length) = escaped(after);
                literal.push(byte);
                rest = &after[length..];
            }
        }
        literal.extend(rest.as_bytes());
        pieces.push(Piece::Literal(literal));
        Ok(Self(pieces))
    }

    /// The fields in order.
    pub fn fields(&self) -> impl Iterator<Item = &F> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Field(field) => Some(field),
            Piece::Literal(_) => None,
        })
    }

    /// The format with the values of its fields, which `push` appends.
    pub fn fill(&self, mut push: impl FnMut(&F, &mut Vec<u8>)) -> Vec<u8> {
        let mut line = Vec::with_capacity(80);
        for piece in &self.0 {
            match piece {
                Piece::Literal(bytes) => line.extend(bytes),
                Piece::Field(field) => push(field, &mut line),
            }
        }
        line
    }
}

/// The byte that `%` and the beginning of `after` stand for, and the length of that beginning. A `%` before anything else is itself.
fn escaped(after: &str) -> (u8, usize) {
    let digits = after.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
        Some(byte) => (byte, 2),
        None => (b'%', usize::from(after.starts_with('%'))),
    }
}

/// The formats that a text can become by the next field: the one that it has begun, else one after the text.
pub fn next_fields(text: &str, fields: impl Iterator<Item = String>) -> Vec<String> {
    let is_open = |at: &usize| !text[*at..].contains(')');
    let escapes = text.bytes().rev().take_while(|byte| *byte == b'%').count();
    let end = text.len() - escapes % 2;
    let before = &text[..text.rfind("%(").filter(is_open).unwrap_or(end)];
    fields.map(|name| format!("{before}%({name})")).filter(|format| format.starts_with(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<Vec<u8>, FormatError> {
        let field = |name: &str| Ok(name.to_owned());
        Ok(Format::parse(text, field)?.fill(|name, line| line.extend(format!("<{name}>").bytes())))
    }

    #[test]
    fn goes_on_with_a_field() {
        let next = |text: &str| next_fields(text, ["ab", "ac", "b"].map(str::to_owned).into_iter());
        assert_eq!(next("%(a"), ["%(ab)", "%(ac)"]);
        assert_eq!((next(""), next("%")), (vec!["%(ab)".into(), "%(ac)".into(), "%(b)".into()], next("")));
        assert_eq!(next("%(b) x%(b"), ["%(b) x%(b)"]);
        assert_eq!(next("%%")[0], "%%%(ab)");
        assert!(next("%(z").is_empty());
    }

    #[test]
    fn reads_what_for_each_ref_reads() {
        for (text, line) in [
            ("%(a) %(b:c)x", &b"<a> <b:c>x"[..]),
            ("100%% %", b"100% %"),
            ("%00%0a%fF%1", b"\0\n\xff%1"),
            ("%%00 %é %zz", "%00 %é %zz".as_bytes()),
            ("", b""),
        ] {
            assert_eq!(filled(text).unwrap(), line, "{text}");
        }
        assert_eq!(filled("a %(b"), Err(FormatError::Open("%(b".to_owned())));
    }
}
