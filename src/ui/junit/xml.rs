//! Writes XML 1.0.

use std::fmt::Write as _;

use crate::text::is_terminal_unsafe;

/// An XML document that is being written.
#[derive(Debug)]
pub(super) struct Xml {
    text: String,
    open: Vec<&'static str>,
}

impl Xml {
    pub(super) fn new() -> Self {
        Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), open: Vec::new() }
    }

    /// Begins an element that has others.
    pub(super) fn open(&mut self, name: &'static str, attributes: &[(&str, String)]) {
        self.start(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name);
    }

    /// Ends the element that was begun last.
    pub(super) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            writeln!(self.text, "{:indent$}</{name}>", "", indent = 2 * self.open.len()).ok();
        }
    }

    /// Writes an element with a text.
    pub(super) fn element(&mut self, name: &'static str, attributes: &[(&str, String)], text: &str) {
        self.start(name, attributes);
        if text.is_empty() {
            self.text.push_str("/>\n");
        } else {
            writeln!(self.text, ">{}</{name}>", escaped(text, false)).ok();
        }
    }

    fn start(&mut self, name: &'static str, attributes: &[(&str, String)]) {
        write!(self.text, "{:indent$}<{name}", "", indent = 2 * self.open.len()).ok();
        for (name, value) in attributes {
            write!(self.text, " {name}=\"{}\"", escaped(value, true)).ok();
        }
    }

    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }
}

/// The text with references in place of what has a meaning in XML or on a terminal. Characters that XML 1.0 does not have are replaced.
fn escaped(text: &str, is_attribute: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' if !is_attribute => escaped.push(c),
            '\n' | '\t' | '\r' => drop(write!(escaped, "&#{};", u32::from(c))),
            '\u{0}'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if is_terminal_unsafe(c) => drop(write!(escaped, "&#{};", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_texts_and_attributes() {
        let mut xml = Xml::new();
        xml.open("a", &[("b", "<\"&'>\n\u{1b}\u{fffe}".to_owned())]);
        xml.element("c", &[], "x\n\t]]>\r\u{9b}\u{202e}\u{0}é");
        xml.element("d", &[], "");
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a b=\"&lt;&quot;&amp;'&gt;&#10;\u{fffd}\u{fffd}\">\n  \
                        <c>x\n\t]]&gt;&#13;&#155;&#8238;\u{fffd}é</c>\n  <d/>\n</a>\n";
        assert_eq!(xml.finish(), expected);
    }
}
