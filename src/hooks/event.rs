//! The events of hooks, parsed from the arguments that git passes.

use std::ffi::OsString;
use std::fmt;

use crate::git::{Oid, parse_oid};

/// The events that git-lattice has hooks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Before a commit: lints its index.
    PreCommit,
    /// After checkout, switch, clone or `worktree add` changed HEAD or files.
    PostCheckout,
    /// After `git merge` and `git pull` merged something; installed only on request.
    PostMerge,
    /// After a commit; installed only on request.
    PostCommit,
}

impl Kind {
    /// All kinds, in the order of lists.
    pub const ALL: [Self; 4] = [Self::PreCommit, Self::PostCheckout, Self::PostMerge, Self::PostCommit];
    /// The kinds that are installed by default.
    pub const USUAL: [Self; 2] = [Self::PreCommit, Self::PostCheckout];

    /// The name in git, which is also the file name of the hook.
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

/// Whether a checkout changed the branch or only files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// HEAD was switched (also by clone, rebase and bisect).
    Branch,
    /// Files were taken from the index or a tree.
    File,
}

/// The event of one run of a hook.
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
    /// githooks(5), post-merge: the squash flag.
    PostMerge {
        /// Whether it was a squash merge, which does not move the branch.
        squash: bool,
    },
    /// githooks(5), post-commit: no arguments.
    PostCommit,
}

/// Why the arguments are not those that git passes to a hook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// git-lattice has no hook for this event.
    #[error("no hook for the event `{name}`: expected `pre-commit`, `post-checkout`, `post-merge` or `post-commit`")]
    Unknown {
        /// The given name.
        name: String,
    },
    /// Too few or too many arguments.
    #[error("the `{kind}` hook takes {expected} arguments, not {found}")]
    Count {
        /// The event.
        kind: Kind,
        /// The number that git passes.
        expected: usize,
        /// The given number.
        found: usize,
    },
    /// An argument is not an object id.
    #[error("`{text}` is not an object id: expected 40 or 64 lower-case hexadecimal digits")]
    NotAnId {
        /// The argument.
        text: String,
    },
    /// The third argument of post-checkout is neither 0 nor 1.
    #[error("`{text}` is not a checkout flag: expected `1` for a branch or `0` for files")]
    NotAFlag {
        /// The argument.
        text: String,
    },
    /// The argument of post-merge is neither 0 nor 1.
    #[error("`{text}` is not a merge flag: expected `1` for a squash merge or `0` for any other")]
    NotAMerge {
        /// The argument.
        text: String,
    },
}

impl Event {
    /// Parses the arguments of `git lattice hook run`: the name of the event and the arguments of git.
    ///
    /// # Errors
    /// When the event is unknown, or the arguments do not match githooks(5).
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

    /// The kind of this event.
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
    fn parses_events() {
        let event = parse(&["post-checkout", NULL, SOME, "1"]).unwrap();
        let new = Some(parse_oid(SOME).unwrap());
        assert_eq!(event, Event::PostCheckout { old: None, new, flag: Flag::Branch }, "a null id is an absence");
        assert_eq!(event.kind(), Kind::PostCheckout);
        let long = "a".repeat(64);
        assert!(parse(&["post-checkout", &long, &long, "0"]).is_ok(), "SHA-256 ids are accepted");
        assert_eq!(parse(&["pre-commit"]), Ok(Event::PreCommit));
        assert_eq!(parse(&["post-merge", "1"]), Ok(Event::PostMerge { squash: true }));
        assert_eq!(parse(&["post-commit"]), Ok(Event::PostCommit));
    }

    #[test]
    fn refuses_arguments_that_git_never_passes() {
        let message = |words: &[&str]| parse(words).unwrap_err().to_string();
        let events = "`pre-commit`, `post-checkout`, `post-merge` or `post-commit`";
        assert_eq!(message(&["pre-push"]), format!("no hook for the event `pre-push`: expected {events}"));
        assert_eq!(message(&["post-merge"]), "the `post-merge` hook takes 1 arguments, not 0");
        assert!(message(&["post-merge", "yes"]).starts_with("`yes` is not a merge flag"));
        assert_eq!(message(&["post-checkout", SOME]), "the `post-checkout` hook takes 3 arguments, not 1");
        assert_eq!(message(&["pre-commit", "x"]), "the `pre-commit` hook takes 0 arguments, not 1");
        assert!(message(&["post-checkout", "HEAD", SOME, "1"]).starts_with("`HEAD` is not an object id"));
        assert!(message(&["post-checkout", "ABCD", SOME, "1"]).starts_with("`ABCD` is not an object id"));
        assert!(message(&["post-checkout", SOME, SOME, "2"]).starts_with("`2` is not a checkout flag"));
    }
}
