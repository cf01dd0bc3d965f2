//! Findings of `check`: a code, a sentence, and the command that repairs it if there is one.

use crate::lint::Severity;

/// A kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The branch's commit or something in it cannot be read.
    Unreadable,
    /// The branch does not hold the point's directory.
    NoDirectory,
    /// `flake.nix` or `config.toml` is missing or is not a file.
    NoFile,
    /// `flake.nix` differs from what its template renders from config.toml.
    Drifted,
    /// `flake.nix` was made by a template that this version does not have.
    OtherTemplate,
    /// `flake.nix` names other coordinates, another branch or other systems than the point's.
    Coordinates,
    /// The trailers of the commit that made the point disagree with it.
    Trailers,
    /// No commit says that git-lattice made the point.
    NoOrigin,
    /// A lower cover is not in the point's history.
    Parents,
    /// A lower cover has moved on.
    Behind,
    /// The first commit has a parent that is neither the base nor a point below.
    Stranger,
    /// A file names another branch of this lattice.
    OtherBranch,
    /// A file names a directory that does not exist.
    NoSuchDirectory,
    /// The inputs of points form a cycle.
    Cycle,
    /// The base branch never had the point's version of `lattice.toml`.
    LatticeToml,
    /// config.toml is not TOML.
    ConfigToml,
    /// A ref cannot be read.
    BrokenRef,
    /// Two branches differ only in letter case.
    Case,
    /// A branch name resembles a point but is not one.
    Lookalike,
    /// The directory of a point that has no branch.
    NoBranch,
    /// A record is not valid.
    Record,
    /// The branch changes the directory of another point.
    ForeignChange,
    /// A generated file is executable or a symbolic link.
    Mode,
    /// A file in the point's directory that nothing there reads.
    Unread,
    /// A source or seed in config.toml has a name, hash or key that is not valid.
    Input,
    /// Points name one source or seed with different hashes.
    Hashes,
    /// Branches have old names of points.
    OldName,
}

impl Code {
    /// All codes, in numeric order.
    pub const ALL: [Self; 27] = [
        Self::Unreadable,
        Self::NoDirectory,
        Self::NoFile,
        Self::Drifted,
        Self::OtherTemplate,
        Self::Coordinates,
        Self::Trailers,
        Self::NoOrigin,
        Self::Parents,
        Self::Behind,
        Self::Stranger,
        Self::OtherBranch,
        Self::NoSuchDirectory,
        Self::Cycle,
        Self::LatticeToml,
        Self::ConfigToml,
        Self::BrokenRef,
        Self::Case,
        Self::Lookalike,
        Self::NoBranch,
        Self::Record,
        Self::ForeignChange,
        Self::Mode,
        Self::Unread,
        Self::Input,
        Self::Hashes,
        Self::OldName,
    ];

    /// The number, such as `C01`.
    pub fn number(self) -> String {
        let at = Self::ALL.iter().position(|code| *code == self).unwrap_or_default();
        format!("C{:02}", at + 1)
    }

    /// The name, such as `no-directory`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::NoDirectory => "no-directory",
            Self::NoFile => "no-file",
            Self::Drifted => "drifted",
            Self::OtherTemplate => "other-template",
            Self::Coordinates => "coordinates",
            Self::Trailers => "trailers",
            Self::NoOrigin => "no-origin",
            Self::Parents => "parents",
            Self::Behind => "behind",
            Self::Stranger => "stranger",
            Self::OtherBranch => "other-branch",
            Self::NoSuchDirectory => "no-such-directory",
            Self::Cycle => "cycle",
            Self::LatticeToml => "lattice-toml",
            Self::ConfigToml => "config-toml",
            Self::BrokenRef => "broken-ref",
            Self::Case => "case",
            Self::Lookalike => "lookalike",
            Self::NoBranch => "no-branch",
            Self::Record => "record",
            Self::ForeignChange => "foreign-change",
            Self::Mode => "mode",
            Self::Unread => "unread",
            Self::Input => "input",
            Self::Hashes => "hashes",
            Self::OldName => "old-name",
        }
    }

    /// The severity; a hint needs no repair.
    pub fn severity(self) -> Severity {
        match self {
            Self::NoOrigin | Self::Behind | Self::OtherTemplate | Self::NoBranch | Self::Unread | Self::OldName => {
                Severity::Hint
            }
            Self::Stranger
            | Self::OtherBranch
            | Self::LatticeToml
            | Self::Case
            | Self::Lookalike
            | Self::Record
            | Self::Mode
            | Self::Hashes => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

/// One inconsistency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The kind.
    pub code: Code,
    /// The point that it concerns, if any.
    pub point: Option<String>,
    /// The branch, ref or path that it concerns.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// The command that repairs it, or shows what to do.
    pub command: Option<String>,
    /// The difference between the actual and the expected text.
    pub diff: Option<String>,
}

impl Finding {
    /// A finding that concerns no particular point.
    pub(super) fn new(code: Code, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, point: None, place: place.into(), message: message.into(), command: None, diff: None }
    }

    #[must_use]
    pub(super) fn of(self, point: &str) -> Self {
        Self { point: Some(point.to_owned()), ..self }
    }

    #[must_use]
    pub(super) fn repaired_by(self, command: impl Into<String>) -> Self {
        Self { command: Some(command.into()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_unique_numbers_and_names() {
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert_eq!((Code::Unreadable.number(), Code::Record.number()), ("C01".to_owned(), "C21".to_owned()));
        assert_eq!((Code::ForeignChange.number(), Code::OldName.number()), ("C22".to_owned(), "C27".to_owned()));
    }
}
