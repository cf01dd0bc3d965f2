//! `*` and `{a,b}` in the words of a selector.

/// Maximum number of points in one selection, and so of words on one axis.
pub(super) const MAX_POINTS: usize = 100_000;

/// Maximum total size of the words of one coordinate, in bytes.
const MAX_BYTES: usize = 1 << 24;

/// Why a text with braces cannot be expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// An unmatched or a nested brace.
    Unbalanced,
    /// More words than [`MAX_POINTS`], or more bytes than [`MAX_BYTES`].
    TooMany,
}

/// Whether `text` matches `glob`, in which `*` stands for any number of characters. Takes one pass over the text.
pub(super) fn matches(glob: &str, text: &str) -> bool {
    let Some((head, rest)) = glob.split_once('*') else { return glob == text };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut text) = text.strip_prefix(head).and_then(|text| text.strip_suffix(tail)) else { return false };
    // Taking the first match of each piece is enough: it leaves the most text for the pieces after it.
    middle.split('*').all(|piece| match text.find(piece) {
        Some(at) => {
            text = &text[at + piece.len()..];
            true
        }
        None => false,
    })
}

/// Expands `x{a,b}y`; returns each word once.
pub(super) fn alternatives(part: &str) -> Result<Vec<String>, Fault> {
    let mut words = vec![String::new()];
    let mut rest = part;
    while let Some((head, after)) = rest.split_once('{') {
        let (inside, tail) = after.split_once('}').ok_or(Fault::Unbalanced)?;
        if head.contains('}') || inside.contains('{') {
            return Err(Fault::Unbalanced);
        }
        append(&mut words, &[head])?;
        append(&mut words, &inside.split(',').collect::<Vec<_>>())?;
        rest = tail;
    }
    if rest.contains('}') {
        return Err(Fault::Unbalanced);
    }
    append(&mut words, &[rest])?;
    words.sort_unstable();
    words.dedup();
    Ok(words)
}

/// Replaces the words by all combinations of a word and an ending.
fn append(words: &mut Vec<String>, endings: &[&str]) -> Result<(), Fault> {
    if let [ending] = endings
        && let [word] = words.as_mut_slice()
    {
        word.push_str(ending);
        return Ok(());
    }
    let (old, new) = (words.iter().map(String::len).sum::<usize>(), endings.iter().map(|e| e.len()).sum::<usize>());
    let bytes = old.saturating_mul(endings.len()).saturating_add(new.saturating_mul(words.len()));
    if words.len().saturating_mul(endings.len()) > MAX_POINTS || bytes > MAX_BYTES {
        return Err(Fault::TooMany);
    }
    *words = words.iter().flat_map(|word| endings.iter().map(move |ending| [word, *ending].concat())).collect();
    Ok(())
}

/// Splits at separators outside braces.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let mut inside = false;
    let outside = move |c: char| {
        inside = (inside || c == '{') && c != '}';
        c == separator && !inside
    };
    text.split(outside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (glob, text) in [("*", ""), ("a*", "a"), ("*b*", "abc"), ("a*b*c", "abxbc"), ("a*a", "aa"), ("ä*", "äö")]
        {
            assert!(matches(glob, text), "`{glob}` matches `{text}`");
        }
        for (glob, text) in [("", "a"), ("a", "ab"), ("a*a", "a"), ("*b", "bc"), ("a*b*b", "ab"), ("*ab*ba*", "aba")] {
            assert!(!matches(glob, text), "`{glob}` does not match `{text}`");
        }
    }

    #[test]
    fn braces_multiply() {
        assert_eq!(alternatives("x{a,b}{,1}").unwrap(), ["xa", "xa1", "xb", "xb1"]);
        assert_eq!(alternatives("{a,a}").unwrap(), ["a"], "each word comes once");
        for text in ["{", "}", "a}b{", "{a{b}", "{a,{b,c}}", "}{a}"] {
            assert_eq!(alternatives(text), Err(Fault::Unbalanced), "`{text}` is not balanced");
        }
    }

    #[test]
    fn braces_have_a_limit() {
        assert_eq!(alternatives(&"{a,b}".repeat(1_000)), Err(Fault::TooMany), "2^1000 words");
        let long = format!("{}{}", "{a,b}".repeat(16), "x".repeat(10_000));
        assert_eq!(alternatives(&long), Err(Fault::TooMany), "few words, but long ones");
        assert_eq!(alternatives(&"{a}".repeat(50_000)).unwrap().len(), 1);
    }
}
