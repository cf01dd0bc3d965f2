//! The shells: their completion scripts, and how each takes and gives words.

use serde_json::json;

use super::values::Candidate;
use crate::ui::terminal_safe;

/// A shell with a completion script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Shell {
    Bash,
    Elvish,
    Fish,
    Nushell,
    Powershell,
    Zsh,
}

impl Shell {
    /// All shells.
    pub(in crate::commands) const ALL: [Self; 6] =
        [Self::Bash, Self::Elvish, Self::Fish, Self::Nushell, Self::Powershell, Self::Zsh];

    /// The shell of this name.
    pub(in crate::commands) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shell| shell.name() == name)
    }

    /// Its name on the command line.
    pub(in crate::commands) fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Elvish => "elvish",
            Self::Fish => "fish",
            Self::Nushell => "nushell",
            Self::Powershell => "powershell",
            Self::Zsh => "zsh",
        }
    }

    /// The script that completes `git-lattice` and `git lattice`.
    pub(in crate::commands) fn script(self) -> String {
        let script = match self {
            Self::Bash => include_str!("../../../completions/git-lattice.bash"),
            Self::Elvish => include_str!("../../../completions/git-lattice.elv"),
            Self::Fish => include_str!("../../../completions/git-lattice.fish"),
            Self::Nushell => include_str!("../../../completions/git-lattice.nu"),
            Self::Powershell => include_str!("../../../completions/git-lattice.ps1"),
            Self::Zsh => include_str!("../../../completions/_git-lattice"),
        };
        script.replace("@VERSION@", env!("CARGO_PKG_VERSION"))
    }

    /// The words as the program would get them, and whether the last one is in quotes.
    pub(super) fn unquoted(self, words: &[String]) -> (Vec<String>, bool) {
        match self {
            Self::Bash => {
                let words: Vec<_> = words.iter().map(|word| unquoted(word)).collect();
                let is_quoted = words.last().is_some_and(|(_, is_quoted)| *is_quoted);
                (words.into_iter().map(|(word, _)| word).collect(), is_quoted)
            }
            // The words before the cursor come without quotes.
            Self::Fish => {
                let mut words = words.to_vec();
                if let Some(last) = words.last_mut() {
                    *last = unquoted(last).0;
                }
                (words, false)
            }
            // PowerShell before 7.3 passes no empty arguments, so its script puts `=` before the last word.
            Self::Powershell => {
                let mut words = words.to_vec();
                if let Some(last) = words.last_mut() {
                    *last = last.strip_prefix('=').unwrap_or(last).to_owned();
                }
                (words, false)
            }
            _ => (words.to_vec(), false),
        }
    }

    /// The candidates as the script reads them.
    pub(super) fn print(self, candidates: &[Candidate], is_quoted: bool) -> String {
        let quotes = matches!(self, Self::Bash | Self::Elvish | Self::Fish | Self::Zsh);
        let taken: Vec<_> = candidates.iter().filter(|candidate| quotes || candidate.is_plain()).collect();
        let lines = |line: fn(&Candidate) -> String| taken.iter().map(|it| line(it)).collect::<Vec<_>>().join("\n");
        match self {
            Self::Bash if is_quoted => lines(|candidate| candidate.value.clone()),
            // Readline adds no space, since it would also add one after a part of a point.
            Self::Bash => {
                lines(|candidate| format!("{}{}", in_quotes(candidate), if candidate.is_open() { "" } else { " " }))
            }
            Self::Nushell => {
                let one = |candidate: &Candidate| json!({ "value": candidate.value, "description": help(candidate) });
                json!(taken.iter().map(|it| one(it)).collect::<Vec<_>>()).to_string()
            }
            Self::Elvish | Self::Fish | Self::Powershell | Self::Zsh => lines(|candidate| match help(candidate) {
                Some(help) => format!("{}\t{help}", candidate.value),
                None => candidate.value.clone(),
            }),
        }
    }
}

/// The candidate as bash reads it, with quotes where it needs them.
fn in_quotes(candidate: &Candidate) -> String {
    if candidate.is_plain() {
        return candidate.value.clone();
    }
    let flag = candidate.value.split_once('=').filter(|(flag, _)| flag.starts_with("--"));
    flag.map_or_else(|| format!("'{}'", candidate.value), |(flag, value)| format!("{flag}='{value}'"))
}

/// The first line of the help.
fn help(candidate: &Candidate) -> Option<String> {
    let help = candidate.help.as_ref()?.lines().next()?;
    Some(terminal_safe(&help.replace('\t', " ")))
}

/// A word of bash without its quotes and backslashes, and whether a quote is open at its end (bash(1), QUOTING).
fn unquoted(word: &str) -> (String, bool) {
    let (mut text, mut quote, mut chars) = (String::new(), None, word.chars());
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => text.extend(chars.next()),
            _ => text.push(c),
        }
    }
    (text, quote.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_words_lose_their_quotes() {
        for (word, text, is_open) in [
            ("a/b", "a/b", false),
            ("'a/*/p", "a/*/p", true),
            ("--arch='a b'c", "--arch=a bc", false),
            (r#""a'b\""#, "a'b\"", true),
            (r"a\*b\", "a*b", false),
        ] {
            assert_eq!(unquoted(word), (text.to_owned(), is_open), "{word}");
        }
    }
}
