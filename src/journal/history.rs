//! The state of all operations, computed from the journal's lines.

use super::line::{Line, Operation, Origin, Push, PushedRef};
use crate::git::Oid;

/// The state of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was begun; the journal does not say how it ended.
    Pending,
    /// It was done.
    Done,
    /// It was done and then undone.
    Undone,
}

impl State {
    /// Returns the state as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Undone => "undone",
        }
    }
}

/// An operation with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The operation.
    pub operation: Operation,
    /// Its state.
    pub state: State,
    /// The id of the operation that undid it.
    pub undone_by: Option<String>,
    /// How many pushes came before it.
    pushes: usize,
}

/// The operations of the journal, oldest first, without discarded ones.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The operations.
    pub entries: Vec<Entry>,
    /// How many lines cannot be read.
    pub damaged: usize,
    pushes: Vec<Push>,
}

impl History {
    pub(super) fn of(lines: Vec<Line>) -> Self {
        let mut history = Self::default();
        for line in lines {
            match line {
                Line::Pending(operation) => history.begin(*operation),
                Line::Done(id) => history.finish(&id),
                Line::Dropped(id) => history.entries.retain(|entry| entry.operation.id != id),
                Line::Pushed(push) => history.pushes.push(push),
                Line::Damaged => history.damaged += 1,
            }
        }
        history
    }

    fn begin(&mut self, operation: Operation) {
        self.entries.push(Entry { operation, state: State::Pending, undone_by: None, pushes: self.pushes.len() });
    }

    fn finish(&mut self, id: &str) {
        let Some(entry) = self.find_mut(id) else { return };
        entry.state = State::Done;
        if let Some(undone) = entry.operation.undoes.clone() {
            self.take_back(&undone, id);
        }
    }

    /// Marks `id` as undone by `by`. If `id` was itself an undo, the operation that it undid is in force again.
    fn take_back(&mut self, id: &str, by: &str) {
        let Some(entry) = self.find_mut(id) else { return };
        (entry.state, entry.undone_by) = (State::Undone, Some(by.to_owned()));
        if let Some(undone) = entry.operation.undoes.clone() {
            self.restore(&undone);
        }
    }

    fn restore(&mut self, id: &str) {
        let Some(entry) = self.find_mut(id) else { return };
        (entry.state, entry.undone_by) = (State::Done, None);
        if let Some(undone) = entry.operation.undoes.clone() {
            self.take_back(&undone, id);
        }
    }

    fn find_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().rev().find(|entry| entry.operation.id == id)
    }

    /// Returns the operations that concern the user, newest first.
    pub fn shown(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev().filter(|entry| entry.operation.origin != Origin::Tracking)
    }

    /// Returns the operations whose ids begin with `prefix`, newest first.
    pub fn find(&self, prefix: &str) -> Vec<&Entry> {
        self.shown().filter(|entry| entry.operation.id.starts_with(prefix)).collect()
    }

    /// Returns the operations that were not finished.
    pub fn pending(&self) -> impl Iterator<Item = &Operation> {
        let is_pending = |entry: &&Entry| entry.state == State::Pending;
        self.entries.iter().filter(is_pending).map(|entry| &entry.operation)
    }

    /// Returns the last push that set a ref to this operation's value: the remote, and the ref's value there before.
    pub fn pushed(&self, entry: &Entry, name: &str, new: Option<Oid>) -> Option<(&str, Option<Oid>)> {
        let later = self.pushes.get(entry.pushes..).unwrap_or_default();
        later.iter().rev().find_map(|push| {
            let pushed = push.refs.iter().find(|pushed| pushed.name == name && pushed.new == new)?;
            Some((push.remote.as_str(), pushed.old))
        })
    }

    /// Returns what pushes changed on remotes as part of this operation.
    pub fn pushed_by(&self, entry: &Entry) -> impl Iterator<Item = (&str, &PushedRef)> {
        let later = self.pushes.get(entry.pushes..).unwrap_or_default().iter();
        let own = later.filter(move |push| push.operation.as_ref() == Some(&entry.operation.id));
        own.flat_map(|push| push.refs.iter().map(|pushed| (push.remote.as_str(), pushed)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::operation;
    use super::*;

    fn states(lines: &[(&str, Option<&str>)]) -> Vec<State> {
        let both = |(id, undoes): &(&str, Option<&str>)| {
            [Line::Pending(Box::new(operation(id, *undoes))), Line::Done((*id).to_owned())]
        };
        let history = History::of(lines.iter().flat_map(both).collect());
        history.entries.iter().map(|entry| entry.state).collect()
    }

    #[test]
    fn undoing_an_undo_restores_the_operation() {
        use State::{Done, Undone};
        let (op, undo, redo, again) = (("a", None), ("b", Some("a")), ("c", Some("b")), ("d", Some("c")));
        assert_eq!(states(&[op, undo]), [Undone, Done]);
        assert_eq!(states(&[op, undo, redo]), [Done, Undone, Done]);
        assert_eq!(states(&[op, undo, redo, again]), [Undone, Done, Undone, Done]);
    }

    #[test]
    fn damaged_line_is_skipped_alone() {
        let lines = |id: &str| vec![Line::Pending(Box::new(operation(id, None))), Line::Done(id.to_owned())];
        let history = History::of([lines("a"), vec![Line::read("{\"state\":\"pend")], lines("b")].concat());
        assert_eq!((history.entries.len(), history.damaged), (2, 1));
        assert!(history.entries.iter().all(|entry| entry.state == State::Done));
    }
}
