//! Trailers: `Key: value` lines at the end of a commit message (git-interpret-trailers(1)).

/// Format a message with a subject, an optional body and trailers.
pub fn message(subject: &str, body: &str, trailers: &[(&str, String)]) -> String {
    let body = if body.is_empty() { String::new() } else { format!("{}\n", body.trim_end()) };
    let lines = trailers.iter().map(|(key, value)| format!("{key}: {value}\n")).collect::<Vec<_>>().concat();
    let paragraphs = [format!("{subject}\n"), body, lines];
    paragraphs.into_iter().filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Parse the trailers of a message: the lines of its last paragraph, if all have the form of a trailer.
pub fn parse(message: &str) -> Vec<(&str, &str)> {
    let last = message.trim_end().rsplit("\n\n").next().unwrap_or_default();
    let trailer = |line: &str| -> Option<(usize, usize)> {
        let (key, value) = line.split_once(": ")?;
        let fits = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        fits.then_some((key.len(), line.len() - value.len()))
    };
    let lines: Option<Vec<_>> =
        last.lines().map(|line| trailer(line).map(|(key, at)| (&line[..key], line[at..].trim()))).collect();
    if message.trim_end() == last { Vec::new() } else { lines.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_round_trip() {
        let text = message("add x", "why", &[("Lattice-Point", "a/b".into()), ("Lattice-Config", "1".into())]);
        assert_eq!(parse(&text), [("Lattice-Point", "a/b"), ("Lattice-Config", "1")]);
        assert_eq!(parse("subject: this is none\n"), []);
        assert_eq!(parse("a\n\nfree text\nKey: v\n"), []);
    }
}
