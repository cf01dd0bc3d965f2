//! Links on a terminal (OSC 8): to log files of this machine, and to the pages of branches on the remote's website.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::text::percent_encoded;

/// Begins a link; its address and [`END`] follow. The same without an address ends it.
const BEGIN: &str = "\u{1b}]8;;";
const END: &str = "\u{1b}\\";

/// The sequences of links that were made here. Only these pass to the terminal, so that no text from outside can make one.
static MADE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The address of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    /// A file of this machine. The address contains the host name, since the terminal may run on another machine. The path must be
    /// absolute.
    pub fn to_file(path: &Path) -> Self {
        let host = rustix::system::uname().nodename().to_bytes().to_owned();
        Self(format!("file://{}{}", percent_encoded(&host), percent_encoded(path.as_os_str().as_encoded_bytes())))
    }

    /// A page; `None` unless the address begins with `https://` and has only characters of addresses.
    pub fn to_page(url: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/%:@+".contains(c);
        (url.starts_with("https://") && url.chars().all(is_plain)).then(|| Self(url.to_owned()))
    }

    /// The text as a link.
    pub fn on(&self, text: &str) -> String {
        let begin = format!("{BEGIN}{}{END}", self.0);
        let linked = format!("{begin}{text}{BEGIN}{END}");
        MADE.lock().unwrap_or_else(PoisonError::into_inner).insert(begin);
        linked
    }
}

/// The length of the link sequence at the start of the text, if it was made here.
pub(super) fn own_sequence(text: &str) -> Option<usize> {
    let rest = text.strip_prefix(BEGIN)?;
    let length = BEGIN.len() + rest.find(END)? + END.len();
    let made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let is_own = rest.starts_with(END) || made.contains(&text[..length]);
    is_own.then_some(length)
}

/// The text without the links that were made here.
pub(super) fn unlinked(text: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(BEGIN) {
        let (before, from) = rest.split_at(at);
        let length = own_sequence(from);
        plain.push_str(before);
        plain.push_str(&from[..if length.is_some() { 0 } else { BEGIN.len() }]);
        rest = &from[length.unwrap_or(BEGIN.len())..];
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::safe::sanitized;
    use crate::ui::wrap;

    #[test]
    fn passes_only_own_links_to_the_terminal() {
        let file = Link::to_file(Path::new("/tmp/a b/\u{1b}é")).on("log");
        assert!(file.starts_with("\u{1b}]8;;file://") && file.contains("/tmp/a%20b/%1B%C3%A9\u{1b}\\log"), "{file:?}");
        assert_eq!(sanitized(&file, false), file);
        let foreign = "\u{1b}]8;;https://evil.example\u{1b}\\log";
        assert!(!sanitized(foreign, true).contains('\u{1b}'));
        assert!(!sanitized("\u{1b}]8;;", true).contains('\u{1b}'));
        assert_eq!(unlinked(&format!("a {file} {foreign} b")), format!("a log {foreign} b"));
        assert!(!sanitized(&format!("{}x", &file[..file.len() - 20]), true).ends_with("\u{1b}\\x"));
    }

    #[test]
    fn takes_no_columns() {
        let page = Link::to_page("https://github.com/a/b/tree/c").unwrap();
        assert_eq!(wrap::columns(&page.on("abc")), 3);
        assert_eq!(
            wrap::message(&format!("see {}", page.on("abcdef")), Some(20)),
            format!("see {}", page.on("abcdef"))
        );
    }

    #[test]
    fn pages_are_plain_addresses() {
        for url in ["http://github.com/a", "https://a b", "https://a\u{1b}\\", "https://a\u{e9}", "file:///etc"] {
            assert_eq!(Link::to_page(url), None, "{url}");
        }
    }
}
