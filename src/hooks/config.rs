//! Our hooks as sections of a git configuration file, which git 2.54 and later run.
//!
//! git-hook(1): `[hook "NAME"]` with `event` and `command`. git does not tell the command which event it runs for, so there is
//! one section per event; NAME must not be the name of an event. The file is edited as text, because `git config` cannot remove
//! exactly the bytes that it added.

use std::ops::Range;
use std::path::Path;

use super::event::Kind;
use super::shim::{checksum, inside_quotes};

/// The version of the sections that this program writes. Raise it when the behaviour of `hooks/config.sh` changes.
pub const VERSION: u32 = 1;

const SCRIPT: &str = include_str!("../../hooks/config.sh");
const MARK: &str = " # git-lattice-hook ";
/// Added to the mark if the last line of the file had no line break before the section was added.
const AFTER_OPEN_LINE: &str = " after-open-line";
/// The keys that git-lattice writes into its sections; all others belong to the user.
const KEYS: [&str; 2] = ["event", "command"];

/// Our section for one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The version of its text; 0 if it has no mark of ours.
    pub version: u32,
    /// Whether it was edited by hand.
    pub edited: bool,
}

/// The name of the section of an event, as in `hook.NAME.event`.
#[must_use]
pub fn name(kind: Kind) -> String {
    format!("lattice-{kind}")
}

/// The sections of ours in the text of a configuration file.
#[must_use]
pub fn status(text: &[u8]) -> Vec<(Kind, Entry)> {
    Document::read(text).ours(text).into_iter().map(|section| (section.kind, section.entry(text))).collect()
}

/// Adds sections for `kinds` to the text, replacing existing ones in place.
#[must_use]
pub fn with(text: &[u8], kinds: &[Kind], binary: Option<&Path>) -> Vec<u8> {
    let ours = Document::read(text).ours(text);
    let (mut new, mut from) = (Vec::new(), 0);
    for section in &ours {
        new.extend_from_slice(&text[from..section.head.start]);
        let open = section.is_after_open_line(text);
        new.extend(if kinds.contains(&section.kind) { block(section.kind, binary, open) } else { section.own(text) });
        new.extend(section.rest(text));
        from = section.end;
    }
    new.extend_from_slice(&text[from..]);
    for kind in kinds.iter().filter(|kind| ours.iter().all(|section| section.kind != **kind)) {
        let open = new.last().is_some_and(|&last| last != b'\n');
        new.extend(open.then_some(b'\n'));
        new.extend(block(*kind, binary, open));
    }
    new
}

/// Removes our sections from the text.
#[must_use]
pub fn without(text: &[u8]) -> Vec<u8> {
    let (mut new, mut from, mut line_we_ended) = (Vec::new(), 0, None);
    for section in &Document::read(text).ours(text) {
        new.extend_from_slice(&text[from..section.head.start]);
        if section.is_after_open_line(text) {
            line_we_ended = Some(new.len());
        }
        new.extend(section.comments(text));
        from = section.end;
    }
    new.extend_from_slice(&text[from..]);
    if line_we_ended == Some(new.len()) && new.last() == Some(&b'\n') {
        new.pop();
    }
    new
}

/// The shell command that git runs for an event.
#[must_use]
pub fn command(kind: Kind, binary: Option<&Path>) -> Vec<u8> {
    let lines: Vec<&str> = SCRIPT.lines().filter(|line| !line.starts_with('#')).collect();
    let script = lines.join("\n").replace("@EVENT@", kind.as_str());
    let (before, after) = script.split_once("@BINARY@").unwrap_or((&script, ""));
    let binary = binary.filter(|path| path.is_absolute()).map(inside_quotes).unwrap_or_default();
    [before.as_bytes(), &binary, after.as_bytes()].concat()
}

fn block(kind: Kind, binary: Option<&Path>, open: bool) -> Vec<u8> {
    let body =
        [b"\tevent = ", kind.as_str().as_bytes(), b"\n\tcommand = ", &quoted(&command(kind, binary)), b"\n"].concat();
    let open = if open { AFTER_OPEN_LINE } else { "" };
    let head = format!("{}{MARK}{VERSION} {}{open}\n", header(kind), checksum(&body));
    [head.as_bytes(), &body].concat()
}

fn header(kind: Kind) -> String {
    format!("[hook \"{}\"]", name(kind))
}

/// Quotes a value by git-config(1), Syntax: inside double quotes `"`, `\`, line breaks and tabs are escaped.
fn quoted(value: &[u8]) -> Vec<u8> {
    let escaped = value.iter().flat_map(|&byte| match byte {
        b'"' => b"\\\"".to_vec(),
        b'\\' => b"\\\\".to_vec(),
        b'\n' => b"\\n".to_vec(),
        b'\t' => b"\\t".to_vec(),
        _ => vec![byte],
    });
    [b"\"".to_vec(), escaped.collect(), b"\"".to_vec()].concat()
}

/// The logical lines of a configuration file; a backslash at the end of a line continues it.
struct Document {
    lines: Vec<(Range<usize>, Line)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Header(Option<Kind>),
    Own,
    Other,
    Comment,
}

/// One of our sections.
#[derive(Debug)]
struct Section {
    kind: Kind,
    head: Range<usize>,
    lines: Vec<(Range<usize>, Line)>,
    end: usize,
}

impl Document {
    fn read(text: &[u8]) -> Self {
        let (mut lines, mut at) = (Vec::new(), 0);
        while at < text.len() {
            let end = at + logical_line(&text[at..]);
            lines.push((at..end, Line::of(&text[at..end])));
            at = end;
        }
        Self { lines }
    }

    /// The sections with our names, except those in which the user only sets an option.
    fn ours(&self, text: &[u8]) -> Vec<Section> {
        let mut sections: Vec<Section> = Vec::new();
        let mut open = false;
        for (range, line) in &self.lines {
            match line {
                Line::Header(Some(kind)) => {
                    sections.push(Section { kind: *kind, head: range.clone(), lines: Vec::new(), end: range.end });
                    open = true;
                }
                Line::Header(None) => open = false,
                _ => {
                    if let Some(section) = sections.last_mut().filter(|_| open) {
                        section.lines.push((range.clone(), *line));
                        section.end = range.end;
                    }
                }
            }
        }
        sections.retain(|section| section.mark(text).is_some() || section.has(Line::Own));
        sections
    }
}

impl Line {
    fn of(line: &[u8]) -> Self {
        let text = line.trim_ascii_start();
        match text.first() {
            None | Some(b'#' | b';') => Self::Comment,
            Some(b'[') => Self::Header(Kind::ALL.into_iter().find(|kind| text.starts_with(header(*kind).as_bytes()))),
            Some(_) => {
                let key = text.split(|b| b.is_ascii_whitespace() || *b == b'=').next().unwrap_or_default();
                if KEYS.iter().any(|own| key.eq_ignore_ascii_case(own.as_bytes())) { Self::Own } else { Self::Other }
            }
        }
    }
}

impl Section {
    fn entry(&self, text: &[u8]) -> Entry {
        let mark = self.mark(text);
        let words: Option<Vec<&str>> = mark.as_ref().map(|words| words.split_whitespace().collect());
        let (version, sum) = match words.as_deref() {
            Some(&[version, sum, ..]) => (version.parse().unwrap_or(0), sum),
            _ => (0, ""),
        };
        Entry { version, edited: sum != checksum(&self.collect(text, &[Line::Own])) }
    }

    /// The text after our mark in the line of the header.
    fn mark(&self, text: &[u8]) -> Option<String> {
        let head = String::from_utf8_lossy(&text[self.head.clone()]).into_owned();
        head.split_once(MARK).map(|(_, words)| words.to_owned())
    }

    fn has(&self, wanted: Line) -> bool {
        self.lines.iter().any(|(_, line)| *line == wanted)
    }

    fn is_after_open_line(&self, text: &[u8]) -> bool {
        text[self.head.clone()].trim_ascii_end().ends_with(AFTER_OPEN_LINE.as_bytes())
    }

    /// The header and the lines of our keys, unchanged.
    fn own(&self, text: &[u8]) -> Vec<u8> {
        [&text[self.head.clone()], &self.collect(text, &[Line::Own])].concat()
    }

    /// The lines that the user added.
    fn rest(&self, text: &[u8]) -> Vec<u8> {
        self.collect(text, &[Line::Other, Line::Comment])
    }

    fn comments(&self, text: &[u8]) -> Vec<u8> {
        self.collect(text, &[Line::Comment])
    }

    fn collect(&self, text: &[u8], wanted: &[Line]) -> Vec<u8> {
        let lines = self.lines.iter().filter(|(_, line)| wanted.contains(line));
        lines.flat_map(|(range, _)| text[range.clone()].iter().copied()).collect()
    }
}

/// Length of the first logical line in bytes, including its continuation lines.
fn logical_line(text: &[u8]) -> usize {
    let (mut quoted, mut comment, mut escaped) = (false, false, false);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'\n' if !escaped || comment => return at + 1,
            _ if escaped => escaped = false,
            b'\\' if !comment => escaped = true,
            b'"' => quoted = !quoted,
            b'#' | b';' if !quoted => comment = true,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"# mine\n[core]\n\tbare = false ; [hook \"lattice-pre-commit\"]\n\n[alias]\n\tx = \"!echo \\\n[hook \\\"lattice-post-merge\\\"]\"\n\n";

    #[test]
    fn uninstall_restores_every_byte() {
        let open = [FILE, b"[a]\n\tb = c"].concat();
        for before in [FILE, b"", b"[a]\n\tb", &open, b"[a]\r\n\tb = 1\r\n"] {
            let after = with(before, &Kind::ALL, Some(Path::new("/it's \"here\"/git-lattice")));
            assert_eq!(status(&after).len(), 4, "{}", String::from_utf8_lossy(&after));
            assert!(status(&after).iter().all(|(_, entry)| *entry == Entry { version: VERSION, edited: false }));
            assert_eq!(with(&after, &Kind::ALL, Some(Path::new("/it's \"here\"/git-lattice"))), after);
            assert_eq!(without(&after), before);
        }
        assert_eq!(status(FILE), [], "a comment and a value are not sections");
    }

    #[test]
    fn keeps_lines_of_the_user() {
        let installed = with(FILE, &[Kind::PreCommit, Kind::PostCheckout], None);
        let text = String::from_utf8(installed).unwrap();
        let edited = text.replace("\tevent = post-checkout", "\tenabled = false\n# why\n\tevent = post-checkout")
            + "[user]\n\tname = x\n";
        let again = with(edited.as_bytes(), &[Kind::PreCommit, Kind::PostCheckout], None);
        let again = String::from_utf8(again).unwrap();
        assert!(again.contains("\tenabled = false\n# why\n"), "{again}");
        assert!(status(again.as_bytes()).iter().all(|(_, entry)| !entry.edited), "an option of git is not an edit");
        let left = without(again.as_bytes());
        assert_eq!(left, [FILE, b"# why\n[user]\n\tname = x\n"].concat());
    }

    #[test]
    fn detects_manual_edits() {
        let text = String::from_utf8(with(b"", &[Kind::PreCommit], None)).unwrap();
        let edited = text.replace("event = pre-commit", "event = pre-push");
        assert_eq!(status(edited.as_bytes()), [(Kind::PreCommit, Entry { version: VERSION, edited: true })]);
    }
}
