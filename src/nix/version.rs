//! Versions of Nix.

use std::fmt;

/// The implementation. Lix has its own version numbers; Determinate Nix prints its own before Nix's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flavour {
    /// The one of `NixOS/nix`.
    Nix,
    /// Determinate Nix; the version here is that of the Nix it is based on.
    Determinate,
    /// Lix, which continues from Nix 2.18 with 2.90.
    Lix,
}

/// A version of Nix, ordered by its numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    numbers: (u64, u64, u64),
    flavour: Flavour,
    text: String,
}

impl Version {
    /// Parses the output of `nix --version`, such as `nix (Nix) 2.8.0` or `nix (Lix, like Nix) 2.93.0`.
    pub fn parse(output: &str) -> Option<Self> {
        let line = output.lines().map(str::trim).find(|line| line.starts_with("nix "))?;
        let text = line.rsplit(' ').next()?;
        let mut parts = text.split('.');
        let (major, minor) = (leading_number(parts.next()?)?, leading_number(parts.next()?)?);
        let patch = parts.next().and_then(leading_number).unwrap_or(0);
        Some(Self { numbers: (major, minor, patch), flavour: flavour(line), text: text.to_owned() })
    }

    /// Returns whether the version is `major.minor` or later, by number alone.
    pub fn at_least(&self, major: u64, minor: u64) -> bool {
        (self.numbers.0, self.numbers.1) >= (major, minor)
    }

    /// Returns the implementation.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// Returns the version as Nix prints it, such as `2.8.0`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether `nix show-config` is now `nix config show` (2.20; Lix has both).
    pub(super) fn has_config_show(&self) -> bool {
        self.at_least(2, 20)
    }

    /// Returns whether `nix show-derivation` is now `nix derivation show` (2.14).
    pub(super) fn has_derivation_show(&self) -> bool {
        self.at_least(2, 14)
    }

    /// Returns whether `X.drv` means the derivation itself and `X.drv^*` its outputs (2.15).
    pub(super) fn has_caret(&self) -> bool {
        self.at_least(2, 15)
    }

    /// Returns whether commits are read by libgit2 instead of `git archive` (2.20; Lix branched off before).
    pub fn has_libgit2(&self) -> bool {
        self.flavour != Flavour::Lix && self.at_least(2, 20)
    }

    /// Returns whether `nix path-info --json` needs `--json-format` (2.33; Lix branched off before).
    pub(super) fn has_json_format(&self) -> bool {
        self.flavour != Flavour::Lix && self.at_least(2, 33)
    }
}

fn leading_number(part: &str) -> Option<u64> {
    let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
    part[..end].parse().ok()
}

fn flavour(line: &str) -> Flavour {
    if line.contains("Lix") {
        Flavour::Lix
    } else if line.contains("Determinate") {
        Flavour::Determinate
    } else {
        Flavour::Nix
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.flavour {
            Flavour::Nix => f.write_str(&self.text),
            Flavour::Determinate => write!(f, "{} (Determinate)", self.text),
            Flavour::Lix => write!(f, "{} (Lix)", self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(output: &str) -> Version {
        Version::parse(output).unwrap()
    }

    #[test]
    fn parses_every_flavour() {
        assert_eq!(version("nix (Nix) 2.8.0\n").to_string(), "2.8.0");
        assert_eq!(version("nix (Lix, like Nix) 2.93.0").to_string(), "2.93.0 (Lix)");
        assert_eq!(version("nix (Lix, like Nix) 2.90.0-lix\nSystem type: x86_64-linux").as_str(), "2.90.0-lix");
        assert_eq!(version("nix (Determinate Nix 3.6.5) 2.34.1").to_string(), "2.34.1 (Determinate)");
        assert_eq!(version("nix (Nix) 2.35.0pre20260101_abcdef0").as_str(), "2.35.0pre20260101_abcdef0");
        assert_eq!(version("nix (Nix) 2.4pre-rc1").numbers, (2, 4, 0));
    }

    #[test]
    fn refuses_versions_of_other_programs() {
        for output in ["", "nix", "nix (Nix)", "nixfmt 1.0.0", "nix (Nix) two.eight", "nix (Nix) 2", "NIX \u{0}"] {
            assert_eq!(Version::parse(output), None, "{output:?} names no version");
        }
    }

    #[test]
    fn versions_are_ordered_by_number() {
        assert!(version("nix (Nix) 2.8.0") < version("nix (Nix) 2.34.8"));
        assert!(version("nix (Nix) 2.8.0") < version("nix (Nix) 2.8.1"));
        assert!(version("nix (Nix) 2.34.0").has_json_format());
        assert!(!version("nix (Lix, like Nix) 2.93.0").has_json_format(), "Lix 2.93 is not Nix 2.93");
        assert!(!version("nix (Nix) 2.8.0").has_config_show());
        assert!(version("nix (Nix) 2.20.0").has_libgit2() && !version("nix (Lix, like Nix) 2.93.0").has_libgit2());
    }
}
