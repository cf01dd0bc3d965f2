//! What git tells a hook on its command line, as a value.

use std::ffi::OsString;
use std::fmt;

use crate::git::{Oid, parse_oid};

/// The events that git-lattice has hooks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Before a commit is made: its index is linted.
    PreCommit,
    /// After HEAD or files were changed by checkout, switch, clone or `worktree add`.
    PostCheckout,
    /// After `git merge` and `git pull` brought something in; only where it is asked for.
    PostMerge,
    /// After a commit was made; only where it is asked for.
    PostCommit,
}

impl Kind {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::PreCommit, Self::PostCheckout, Self::PostMerge, Self::PostCommit];
    /// Those that are installed unless more are asked for.
    pub const USUAL: [Self; 2] = [Self::PreCommit, Self::PostCheckout];

    /// git's name for it, which is the hook's file name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreCommit => "pre-commit",
            Self::PostCheckout => "post-checkout",
            Self::PostMerge => "post-merge",
            Self::PostCommit => "post-commit",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether post-checkout tells of a branch or of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// HEAD was switched (also by clone, rebase and bisect).
    Branch,
    /// Files were taken from the index or a tree.
    File,
}

/// One run of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// githooks(5), pre-commit: no arguments.
    PreCommit,
    /// githooks(5), post-checkout: old HEAD, new HEAD, flag.
    PostCheckout {
        /// HEAD before; `None` on clone, `worktree add` and an unborn branch.
        old: Option<Oid>,
        /// HEAD after; `None` on an unborn branch.
        new: Option<Oid>,
        /// What was checked out.
        flag: Flag,
    },
    /// githooks(5), post-merge: whether it was a squash merge, which moves no branch.
    PostMerge {
        /// Whether it was.
        squash: bool,
    },
    /// githooks(5), post-commit: no arguments.
    PostCommit,
}

/// The command line is none that git gives to a hook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no hook of ours for this event.
    #[error("no hook for the event `{name}`: expected `pre-commit`, `post-checkout`, `post-merge` or `post-commit`")]
    Unknown {
        /// The name given.
        name: String,
    },
    /// Too few or too many arguments.
    #[error("the `{kind}` hook takes {expected} arguments, not {found}")]
    Count {
        /// The event.
        kind: Kind,
        /// How many git gives.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// An argument is no object id.
    #[error("`{text}` is no object id: expected 40 or 64 lower-case hexadecimal digits")]
    NotAnId {
        /// The argument.
        text: String,
    },
    /// The third argument of post-checkout is neither 0 nor 1.
    #[error("`{text}` is no checkout flag: expected `1` for a branch or `0` for files")]
    NotAFlag {
        /// The argument.
        text: String,
    },
    /// The argument of post-merge is neither 0 nor 1.
    #[error("`{text}` is no merge flag: expected `1` for a squash merge or `0` for any other")]
    NotAMerge {
        /// The argument.
        text: String,
    },
}

impl Event {
    /// Reads what follows `git lattice hook run`: the event's name and git's arguments.
    ///
    /// # Errors
    /// When this is no event of ours, or not what githooks(5) promises for it.
    pub fn parse(name: &str, args: &[OsString]) -> Result<Self, Error> {
        match Kind::ALL.into_iter().find(|kind| kind.as_str() == name) {
            Some(kind @ Kind::PreCommit) => exactly::<0>(kind, args).map(|_| Self::PreCommit),
            Some(kind @ Kind::PostCheckout) => {
                let [old, new, flag] = exactly::<3>(kind, args)?;
                Ok(Self::PostCheckout { old: id(old)?, new: id(new)?, flag: checkout_flag(flag)? })
            }
            Some(kind @ Kind::PostMerge) => {
                let [squash] = exactly::<1>(kind, args)?;
                Ok(Self::PostMerge { squash: merge_flag(squash)? })
            }
            Some(kind @ Kind::PostCommit) => exactly::<0>(kind, args).map(|_| Self::PostCommit),
            None => Err(Error::Unknown { name: name.to_owned() }),
        }
    }

    /// Which event this is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::PreCommit => Kind::PreCommit,
            Self::PostCheckout { .. } => Kind::PostCheckout,
            Self::PostMerge { .. } => Kind::PostMerge,
            Self::PostCommit => Kind::PostCommit,
        }
    }
}

fn exactly<const N: usize>(kind: Kind, args: &[OsString]) -> Result<&[OsString; N], Error> {
    args.try_into().map_err(|_| Error::Count { kind, expected: N, found: args.len() })
}

fn id(arg: &OsString) -> Result<Option<Oid>, Error> {
    let text = arg.to_string_lossy();
    let hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !hex || !matches!(text.len(), 40 | 64) {
        return Err(Error::NotAnId { text: text.into_owned() });
    }
    let null = text.bytes().all(|b| b == b'0');
    if null {
        return Ok(None);
    }
    parse_oid(&text).map(Some).map_err(|_| Error::NotAnId { text: text.into_owned() })
}

fn checkout_flag(arg: &OsString) -> Result<Flag, Error> {
    match arg.to_str() {
        Some("1") => Ok(Flag::Branch),
        Some("0") => Ok(Flag::File),
        _ => Err(Error::NotAFlag { text: arg.to_string_lossy().into_owned() }),
    }
}

fn merge_flag(arg: &OsString) -> Result<bool, Error> {
    match arg.to_str() {
        Some("1") => Ok(true),
        Some("0") => Ok(false),
        _ => Err(Error::NotAMerge { text: arg.to_string_lossy().into_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NULL: &str = "0000000000000000000000000000000000000000";
    const SOME: &str = "34ec57c34ec57c34ec57c34ec57c34ec57c34ec5";

    fn parse(words: &[&str]) -> Result<Event, Error> {
        let args: Vec<OsString> = words[1..].iter().map(OsString::from).collect();
        Event::parse(words[0], &args)
    }

    #[test]
    fn a_checkout_is_read() {
        let event = parse(&["post-checkout", NULL, SOME, "1"]).unwrap();
        let new = Some(parse_oid(SOME).unwrap());
        assert_eq!(event, Event::PostCheckout { old: None, new, flag: Flag::Branch }, "a null id is an absence");
        assert_eq!(event.kind(), Kind::PostCheckout);
        let long = "a".repeat(64);
        assert!(parse(&["post-checkout", &long, &long, "0"]).is_ok(), "SHA-256 ids are ids");
        assert_eq!(parse(&["pre-commit"]), Ok(Event::PreCommit));
        assert_eq!(parse(&["post-merge", "1"]), Ok(Event::PostMerge { squash: true }));
        assert_eq!(parse(&["post-commit"]), Ok(Event::PostCommit));
    }

    #[test]
    fn what_git_never_says_is_refused() {
        let said = |words: &[&str]| parse(words).unwrap_err().to_string();
        let events = "`pre-commit`, `post-checkout`, `post-merge` or `post-commit`";
        assert_eq!(said(&["pre-push"]), format!("no hook for the event `pre-push`: expected {events}"));
        assert_eq!(said(&["post-merge"]), "the `post-merge` hook takes 1 arguments, not 0");
        assert!(said(&["post-merge", "yes"]).starts_with("`yes` is no merge flag"));
        assert_eq!(said(&["post-checkout", SOME]), "the `post-checkout` hook takes 3 arguments, not 1");
        assert_eq!(said(&["pre-commit", "x"]), "the `pre-commit` hook takes 0 arguments, not 1");
        assert!(said(&["post-checkout", "HEAD", SOME, "1"]).starts_with("`HEAD` is no object id"));
        assert!(said(&["post-checkout", "ABCD", SOME, "1"]).starts_with("`ABCD` is no object id"));
        assert!(said(&["post-checkout", SOME, SOME, "2"]).starts_with("`2` is no checkout flag"));
    }
}
