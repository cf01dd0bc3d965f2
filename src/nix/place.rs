//! Stores and builders as text from a flag, git's configuration or lattice.toml, validated before ssh gets any of it.
//!
//! Nix passes the host of a URL to `ssh` as an argument. A host that begins with `-` would be an option, and `-oProxyCommand=..` runs
//! a local program.

use std::fmt;
use std::path::Path;

use super::flake_ref::encoded;

mod shared;

pub use shared::NotShareable;

/// Why a text is not a valid store or builder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPlace {
    /// The text is empty.
    #[error("a store or builder cannot be empty")]
    Empty,
    /// A control character, or a space where it would begin another word.
    #[error("`{text}` has {} at character {at}", name_of(*character))]
    Character {
        /// The text without control characters.
        text: String,
        /// The character.
        character: char,
        /// Its position, counted from 1.
        at: usize,
    },
    /// ssh would read the host as an option.
    #[error("`{text}` names a host that begins with `-`, which ssh would read as an option")]
    Option {
        /// The text.
        text: String,
    },
}

impl BadPlace {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> &'static str {
        "a store is written like `ssh-ng://USER@HOST`, `https://HOST` or `file:///FOLDER`; \
         a builder line is such a URL, followed by its systems"
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
    /// Parses a store URL.
    ///
    /// # Errors
    /// When it is empty, has a space or a control character, or its host begins with `-`.
    pub fn parse(text: &str) -> Result<Self, BadPlace> {
        let text = text.trim_matches(' ');
        refuse_characters(text, |c| c == ' ' || c.is_control())?;
        refuse_option(text)?;
        Ok(Self(text.to_owned()))
    }

    /// Returns the local store below a directory.
    pub fn folder(root: &Path) -> Self {
        Self(format!("local?root={}", encoded(root)))
    }

    /// Parses several, separated by commas or spaces.
    ///
    /// # Errors
    /// When one of them is invalid.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, BadPlace> {
        text.split([',', ' ']).filter(|one| !one.is_empty()).map(Self::parse).collect()
    }

    /// Returns the URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the URL without its parameters, which may name key files and programs.
    pub fn bare(&self) -> &str {
        without_parameters(&self.0)
    }

    /// Returns whether this store builds on another machine.
    pub fn is_remote(&self) -> bool {
        ["ssh://", "ssh-ng://"].iter().any(|scheme| self.0.starts_with(scheme))
    }
}

/// Returns a URL without its parameters, which may name key files and programs.
pub fn without_parameters(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
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
    /// Parses builder lines; the empty text means no builders.
    ///
    /// # Errors
    /// When the text has a control character, or a host begins with `-`.
    pub fn parse(text: &str) -> Result<Self, BadPlace> {
        let text = text.trim();
        if !text.is_empty() {
            refuse_characters(text, |c| c.is_control() && !matches!(c, '\n' | '\t'))?;
        }
        // Nix 2.8 splits at `;` before it removes comments, so a comment may contain a builder line.
        for line in text.split(['\n', ';']).map(|line| line.split('#').next().unwrap_or_default()) {
            line.split_whitespace().next().map_or(Ok(()), refuse_option)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the lines.
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

/// Refuses a host that ssh would read as an option. The host is between `://` (or the beginning) and the next `/`, `?` or `#`, after
/// `USER@`; newer versions of Nix decode `%2d` in it.
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
    fn accepts_what_nix_accepts() {
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
    fn refuses_a_host_that_ssh_reads_as_an_option() {
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
    fn refuses_control_characters_and_extra_words() {
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
