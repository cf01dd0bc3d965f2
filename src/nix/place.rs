//! Other machines as text from a flag, git's configuration or lattice.toml, checked before any of it comes near ssh.
//!
//! Nix hands the host of a URL to `ssh` as a word of its command line: a host that begins with `-` would be read as an option,
//! and `-oProxyCommand=..` runs a program here.

use std::fmt;
use std::path::Path;

use super::flake_ref::encoded;

mod shared;

pub use shared::NotShareable;

/// Why a text is not taken as the name of a place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPlace {
    /// There is nothing in it.
    #[error("a store or builder cannot be empty")]
    Empty,
    /// A control character, or a space where one would begin another word.
    #[error("`{text}` has {} at character {at}", name_of(*character))]
    Character {
        /// The text, without what would disturb a terminal.
        text: String,
        /// The character.
        character: char,
        /// Where, counted from 1.
        at: usize,
    },
    /// ssh would take the host for an option.
    #[error("`{text}` names a host that begins with `-`, which ssh would read as an option")]
    Option {
        /// The text.
        text: String,
    },
}

impl BadPlace {
    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        "a store is written like `ssh-ng://USER@HOST`, `https://HOST` or `file:///FOLDER`; \
         a builder line begins with one and goes on with its systems"
    }
}

fn name_of(character: char) -> String {
    if character == ' ' {
        "a space".to_owned()
    } else {
        format!("the control character U+{:04X}", u32::from(character))
    }
}

/// The URL of a store or binary cache, as Nix reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// Reads one.
    ///
    /// # Errors
    /// When it is empty, has a space or a control character, or its host begins with `-`.
    pub fn parse(text: &str) -> Result<Self, BadPlace> {
        let text = text.trim_matches(' ');
        refuse_characters(text, |c| c == ' ' || c.is_control())?;
        refuse_option(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The store below this directory of the machine.
    pub fn folder(root: &Path) -> Self {
        Self(format!("local?root={}", encoded(root)))
    }

    /// Reads several, separated by commas or spaces.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, BadPlace> {
        text.split([',', ' ']).filter(|one| !one.is_empty()).map(Self::parse).collect()
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL without its parameters, which may name key files and programs.
    pub fn bare(&self) -> &str {
        self.0.split('?').next().unwrap_or_default()
    }

    /// Whether builds in it happen on another machine.
    pub fn is_remote(&self) -> bool {
        ["ssh://", "ssh-ng://"].iter().any(|scheme| self.0.starts_with(scheme))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Remote builders, written as in nix.conf: lines `URI SYSTEMS KEY JOBS SPEED FEATURES..`, separated by newlines or `;`, or `@FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builders(String);

impl Builders {
    /// Reads them; the empty text means none.
    ///
    /// # Errors
    /// When there is a control character in it, or a host begins with `-`.
    pub fn parse(text: &str) -> Result<Self, BadPlace> {
        let text = text.trim();
        if !text.is_empty() {
            refuse_characters(text, |c| c.is_control() && !matches!(c, '\n' | '\t'))?;
        }
        // Nix 2.8 splits at `;` before it takes comments away, so that a comment may hold a line.
        for line in text.split(['\n', ';']).map(|line| line.split('#').next().unwrap_or_default()) {
            line.split_whitespace().next().map_or(Ok(()), refuse_option)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The lines.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn refuse_characters(text: &str, is_bad: impl Fn(char) -> bool) -> Result<(), BadPlace> {
    if text.is_empty() {
        return Err(BadPlace::Empty);
    }
    let found = text.chars().enumerate().find(|(_, c)| is_bad(*c));
    found.map_or(Ok(()), |(index, character)| {
        let text = text.chars().filter(|c| !c.is_control()).collect();
        Err(BadPlace::Character { text, character, at: index + 1 })
    })
}

/// The host is what stands between `://` (or the beginning) and the next `/`, `?` or `#`, after a user and its `@`; newer versions
/// of Nix decode `%2d` in it.
fn refuse_option(text: &str) -> Result<(), BadPlace> {
    let authority = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority =
        authority.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase().replace("%2d", "-");
    let authority = authority.replace("%40", "@");
    let is_option = text.starts_with('-') || authority.split('@').any(|part| part.starts_with('-'));
    if is_option { Err(BadPlace::Option { text: text.to_owned() }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nix_takes_is_taken() {
        for text in
            ["auto", "/mnt/other", "local?root=/x", "ssh-ng://ada@far:22?ssh-key=/k", "https://cache.example.org/a-b"]
        {
            assert_eq!(StoreUrl::parse(text).unwrap().as_str(), text);
        }
        let list = StoreUrl::parse_list("file:///a,https://b  https://c").unwrap();
        assert_eq!(list.iter().map(StoreUrl::as_str).collect::<Vec<_>>(), ["file:///a", "https://b", "https://c"]);
        assert_eq!(StoreUrl::parse("file:///c?secret-key=/home/k").unwrap().bare(), "file:///c");
        assert!(StoreUrl::parse("ssh://a").unwrap().is_remote() && !StoreUrl::parse("daemon").unwrap().is_remote());
        for text in ["", "@/etc/nix/machines", "ssh://a x86_64-linux - 1 1 -\nssh-ng://b - ; c aarch64-linux # -x"] {
            assert_eq!(Builders::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_host_that_ssh_would_read_as_an_option_is_refused() {
        let wrong = [
            "-oProxyCommand=touch",
            "ssh://-oProxyCommand=touch",
            "ssh-ng://-oProxyCommand=x/y?z",
            "ssh-ng://ada@-oProxyCommand=x",
            "ssh-ng://%2DoProxyCommand=x",
            "ssh-ng://ada%40%2doProxyCommand=x",
        ];
        for text in wrong {
            assert_eq!(StoreUrl::parse(text), Err(BadPlace::Option { text: text.to_owned() }), "`{text}`");
            let line = format!("ssh://good x86_64-linux;{text} aarch64-linux");
            assert!(matches!(Builders::parse(&line), Err(BadPlace::Option { .. })), "`{line}`");
        }
    }

    #[test]
    fn control_characters_and_further_words_are_refused() {
        for text in ["ssh://a\nb", "ssh://a b", "ssh://\u{1b}[31m", "a\0b", "\u{9b}x", ""] {
            assert!(StoreUrl::parse(text).is_err(), "{text:?}");
        }
        assert!(
            Builders::parse("ssh://a\u{0}").is_err() && Builders::parse("ssh://a\r").is_ok(),
            "only its end is trimmed"
        );
        let error = StoreUrl::parse("ssh://a\u{7}b").unwrap_err();
        assert_eq!(error.to_string(), "`ssh://ab` has the control character U+0007 at character 8");
    }
}
