//! A strict reader of pages: it knows only the markup that a page needs, and fails on everything else.

use std::collections::BTreeSet;

use git_lattice::sha256::Sha256;

/// The elements that a page may have.
const ELEMENTS: &str = "a b body button caption code dd details div dl dt figure footer form g h1 h2 h3 h4 head header html input label li link main meta nav output p path pre rect script section span style summary svg table tbody td text th thead title tr ul";
/// Those that have no content.
const VOID: &str = "meta link input";
/// The attributes that a page may have, other than `aria-` and `data-`.
const ATTRIBUTES: &str = "autocomplete charset class content d for height hidden href http-equiv id lang name open placeholder rel role rx scope spellcheck tabindex type viewBox width x xmlns y";

/// A page that was read.
pub(super) struct Document {
    /// The texts, without markup.
    pub(super) text: String,
    /// The ids of its elements.
    pub(super) ids: BTreeSet<String>,
    /// The content of `style` and of `script`.
    pub(super) raw: Vec<(String, String)>,
    elements: Vec<(String, Vec<(String, String)>)>,
}

impl Document {
    /// Reads a page, which must be well-formed and may only have what is listed above.
    #[track_caller]
    pub(super) fn read(page: &str) -> Self {
        let mut document = Self { text: String::new(), ids: BTreeSet::new(), raw: Vec::new(), elements: Vec::new() };
        let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a page begins with its type");
        let mut open: Vec<String> = Vec::new();
        while let Some(start) = rest.find('<') {
            document.push_text(&rest[..start]);
            document.text.push(' ');
            rest = &rest[start + 1..];
            if let Some(after) = rest.strip_prefix('/') {
                let (name, after) = after.split_once('>').expect("a tag should end");
                assert_eq!(open.pop().as_deref(), Some(name), "elements should be nested");
                rest = after;
                continue;
            }
            let (tag, after) = split_tag(rest);
            rest = after;
            let (name, attributes) = attributes(tag);
            assert!(is_in(ELEMENTS, &name), "`{name}` is no element of a page: <{tag}>");
            if name == "style" || name == "script" {
                let (content, after) = rest.split_once(&format!("</{name}>")).expect("a raw element should end");
                document.raw.push((name.clone(), content.to_owned()));
                rest = after;
            } else if !is_in(VOID, &name) && !tag.ends_with('/') {
                open.push(name.clone());
            }
            document.push(name, attributes);
        }
        document.push_text(rest);
        assert_eq!(open, Vec::<String>::new(), "elements should be closed");
        document
    }

    fn push(&mut self, name: String, attributes: Vec<(String, String)>) {
        for (attribute, value) in &attributes {
            let is_known =
                is_in(ATTRIBUTES, attribute) || attribute.starts_with("aria-") || attribute.starts_with("data-");
            assert!(is_known, "`{attribute}` is no attribute of a page, in `{name}`");
            if attribute == "id" {
                assert!(!value.is_empty() && !value.contains(char::is_whitespace), "`{value}` is no id");
                assert!(self.ids.insert(value.clone()), "the id `{value}` should be unique");
            }
        }
        self.elements.push((name, attributes));
    }

    fn push_text(&mut self, text: &str) {
        assert!(!text.contains('>'), "`>` should be escaped: {text}");
        self.text.push_str(&unescaped(text));
    }

    /// The values of an attribute of all elements.
    pub(super) fn values(&self, attribute: &str) -> impl Iterator<Item = &str> {
        let of = move |(_, attributes): &(String, Vec<(String, String)>)| {
            attributes.iter().position(|(name, _)| name == attribute)
        };
        self.elements.iter().filter_map(move |it| Some(it.1[of(it)?].1.as_str()))
    }

    /// How many elements of this name have this attribute.
    pub(super) fn count(&self, element: &str, attribute: &str) -> usize {
        let has = |attributes: &[(String, String)]| attributes.iter().any(|(name, _)| name == attribute);
        self.elements.iter().filter(|(name, attributes)| name == element && has(attributes)).count()
    }

    /// Links lead to ids of the page, labels name ids, and nothing is loaded: not even what the policy would refuse.
    #[track_caller]
    pub(super) fn assert_closed(&self) {
        for href in self.values("href").filter(|href| *href != "data:,") {
            let id = href.strip_prefix('#').unwrap_or_else(|| panic!("`{href}` leads out of the page"));
            assert!(self.ids.contains(id), "`{href}` leads nowhere");
        }
        for id in ["for", "aria-labelledby", "aria-describedby"].iter().flat_map(|name| self.values(name)) {
            assert!(self.ids.contains(id), "there is no `{id}`");
        }
        let policy = self.values("content").find(|value| value.starts_with("default-src")).unwrap();
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert_eq!(self.raw.len(), 2, "a page has one style and one script");
        for (name, content) in &self.raw {
            let hash = Sha256::of(content.as_bytes());
            assert!(policy.contains(&format!("{name}-src '{hash}'")), "the policy should allow the {name}: {policy}");
            assert!(!content.contains("http") && !content.contains("url(") && !content.contains("@import"));
        }
    }
}

fn is_in(words: &str, word: &str) -> bool {
    words.split(' ').any(|known| known == word)
}

/// The tag up to its end, which is not within quotes.
fn split_tag(text: &str) -> (&str, &str) {
    let mut is_quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '>' if !is_quoted => return (&text[..at], &text[at + 1..]),
            '<' => panic!("`<` within a tag: {}", &text[..=at]),
            _ => {}
        }
    }
    panic!("a tag should end: {text}");
}

/// The name of an element and its attributes, whose values are in double quotes.
fn attributes(tag: &str) -> (String, Vec<(String, String)>) {
    let tag = tag.strip_suffix('/').unwrap_or(tag);
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut found = Vec::new();
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (attribute, after) = rest.split_at(end);
        let Some(after) = after.strip_prefix('=') else {
            found.push((attribute.to_owned(), String::new()));
            rest = after;
            continue;
        };
        let after = after.strip_prefix('"').unwrap_or_else(|| panic!("a value should be in quotes: {tag}"));
        let (value, after) = after.split_once('"').unwrap();
        found.push((attribute.to_owned(), unescaped(value)));
        rest = after;
    }
    (name.to_owned(), found)
}

fn unescaped(text: &str) -> String {
    for part in text.split('&').skip(1) {
        let reference = part.split(';').next().unwrap();
        assert!(["amp", "lt", "gt", "quot", "#39"].contains(&reference), "`&{part}` should be escaped");
    }
    let references = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    references.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
