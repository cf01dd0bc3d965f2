//! The JSON lines of the journal.

use serde::{Deserialize, Serialize};

use crate::git::names::is_full_name;
use crate::git::{Change, Oid, parse_oid};
use crate::process::identity::Identity;

/// Maximum size of a stored command line in bytes.
const MAX_COMMAND: usize = 4096;

/// What one command does to refs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// A random id.
    pub id: String,
    /// What it does in one line, as in the reflogs.
    pub title: String,
    /// The command line without the program name.
    pub command: Vec<String>,
    /// When, in seconds since 1970.
    pub time: i64,
    /// The user.
    pub user: String,
    /// The process that performs it.
    pub owner: Identity,
    /// The git process that moves the refs.
    pub git: Identity,
    /// The refs with old and new values; for a ref that must not move, the two are equal.
    pub refs: Vec<Change>,
    /// The id of the operation that this one undoes.
    pub undoes: Option<String>,
    /// Where the new values come from.
    pub origin: Origin,
}

impl Operation {
    /// Returns the refs that move, except this program's own under `kept`.
    pub fn moves<'o>(&'o self, kept: &'o str) -> impl Iterator<Item = &'o Change> {
        self.refs.iter().filter(move |change| change.old != change.new && !change.name.starts_with(kept))
    }
}

/// Where the new values of an operation's refs come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// They were created here.
    Made,
    /// They came from a remote.
    Received,
    /// The refs only track a remote: not shown to the user, and cannot be undone.
    Tracking,
}

/// What a push did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The remote.
    pub remote: String,
    /// Its refs.
    pub refs: Vec<PushedRef>,
    /// The operation that all of these refs belong to.
    pub operation: Option<String>,
}

/// A ref of a remote: its old value, as last seen, and its new value.
pub type PushedRef = Change;

/// A parsed line.
#[derive(Debug, Clone)]
pub(super) enum Line {
    Pending(Box<Operation>),
    Done(String),
    Dropped(String),
    Pushed(Push),
    /// The line cannot be parsed.
    Damaged,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
enum Written {
    Pending(Box<PendingFields>),
    Done {
        id: String,
    },
    Dropped {
        id: String,
    },
    Pushed {
        remote: String,
        refs: Vec<WrittenRef>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
struct PendingFields {
    version: u32,
    id: String,
    title: String,
    command: Vec<String>,
    time: i64,
    user: String,
    owner: Identity,
    git: Identity,
    refs: Vec<WrittenRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undoes: Option<String>,
    origin: Origin,
}

#[derive(Serialize, Deserialize)]
struct WrittenRef {
    name: String,
    old: Option<String>,
    new: Option<String>,
}

impl WrittenRef {
    fn of(change: &Change) -> Self {
        let hex = |id: Option<Oid>| id.map(|id| id.to_string());
        Self { name: change.name.clone(), old: hex(change.old), new: hex(change.new) }
    }

    fn read(self) -> Option<Change> {
        let oid = |hex: Option<String>| hex.map(|hex| parse_oid(&hex)).transpose().ok();
        is_full_name(&self.name).then_some(())?;
        Some(Change { name: self.name, old: oid(self.old)?, new: oid(self.new)? })
    }
}

impl Line {
    /// Returns the JSON line with its newline.
    pub(super) fn write(&self) -> String {
        let refs = |changes: &[Change]| changes.iter().map(WrittenRef::of).collect();
        let written = match self.clone() {
            Self::Pending(operation) => {
                let refs = refs(&operation.refs);
                let Operation { id, title, command, time, user, owner, git, undoes, origin, .. } = *operation;
                let command = shortened(command);
                let pending =
                    PendingFields { version: 1, id, title, command, time, user, owner, git, refs, undoes, origin };
                Written::Pending(Box::new(pending))
            }
            Self::Done(id) => Written::Done { id },
            Self::Dropped(id) => Written::Dropped { id },
            Self::Pushed(Push { remote, refs: pushed, operation }) => {
                Written::Pushed { refs: refs(&pushed), remote, operation }
            }
            Self::Damaged => return String::new(),
        };
        serde_json::to_string(&written).unwrap_or_default() + "\n"
    }

    pub(super) fn read(text: &str) -> Self {
        serde_json::from_str(text).ok().and_then(Self::of).unwrap_or(Self::Damaged)
    }

    fn of(written: Written) -> Option<Self> {
        let read = |refs: Vec<WrittenRef>| refs.into_iter().map(WrittenRef::read).collect::<Option<Vec<_>>>();
        Some(match written {
            Written::Pending(pending) => {
                let PendingFields { version: _, id, title, command, time, user, owner, git, refs, undoes, origin } =
                    *pending;
                let refs = read(refs)?;
                let operation = Operation { id, title, command, time, user, owner, git, refs, undoes, origin };
                Self::Pending(Box::new(operation))
            }
            Written::Done { id } => Self::Done(id),
            Written::Dropped { id } => Self::Dropped(id),
            Written::Pushed { remote, refs, operation } => Self::Pushed(Push { remote, refs: read(refs)?, operation }),
        })
    }

    /// Returns whether nothing is pending after this line, provided that nothing was before its operation.
    pub(super) fn closes(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Dropped(_) | Self::Pushed(_))
    }
}

/// Parses all lines of a text, skipping empty ones.
pub(super) fn parse(text: &str) -> Vec<Line> {
    text.lines().filter(|line| !line.is_empty()).map(Line::read).collect()
}

/// Cuts a long command line, such as one with a thousand points.
fn shortened(command: Vec<String>) -> Vec<String> {
    let mut bytes = 0;
    let mut kept = Vec::new();
    for word in command {
        bytes += word.len();
        if bytes > MAX_COMMAND {
            kept.push("..".to_owned());
            break;
        }
        kept.push(word);
    }
    kept
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::journal) fn operation(id: &str, undoes: Option<&str>) -> Operation {
        let new = Some(parse_oid(&"1".repeat(40)).unwrap());
        Operation {
            id: id.to_owned(),
            title: "lattice: add a".to_owned(),
            command: vec!["new".to_owned(), "a b".to_owned()],
            time: 1_767_323_045,
            user: "me".to_owned(),
            owner: Identity::own(),
            git: Identity::own(),
            refs: vec![Change { name: "refs/heads/a".to_owned(), old: None, new }],
            undoes: undoes.map(str::to_owned),
            origin: Origin::Made,
        }
    }

    #[test]
    fn operation_round_trips_through_its_line() {
        let written = operation("0123456789ab", Some("ba9876543210"));
        let text = Line::Pending(Box::new(written.clone())).write();
        assert_eq!(text.matches('\n').count(), 1);
        assert!(matches!(Line::read(&text), Line::Pending(read) if *read == written), "{text}");
    }

    #[test]
    fn line_with_an_invalid_ref_is_damaged() {
        let text = Line::Pending(Box::new(operation("a", None))).write();
        for name in ["HEAD", "refs/../x", "refs/heads/a\\u0000delete refs/heads/b"] {
            let text = text.replace("refs/heads/a\"", &format!("{name}\""));
            assert!(matches!(Line::read(&text), Line::Damaged), "{text}");
        }
    }

    #[test]
    fn shortens_a_long_command_line() {
        assert_eq!(shortened(vec!["new".to_owned(), "x".repeat(5000), "y".to_owned()]), ["new", ".."]);
    }
}
