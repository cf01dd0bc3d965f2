//! Slots: what the value of an argument is. Each argument says it where it is defined; values are looked up only on completion.

use std::sync::{Arc, Mutex, PoisonError};

use clap::builder::{ArgExt, ValueHint};
use clap::{Arg, ArgAction, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

/// What the value of an argument is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) enum Slot {
    /// An existing point, as `component/arch/phase/step` or by its branch.
    Point,
    /// An existing point, a branch, or a word of `switch`.
    Destination,
    /// A point that need not exist.
    NewPoint,
    /// Values of this axis, as in `--arch`.
    Value(String),
    /// Values of this axis that no point needs to have yet.
    NewValue(String),
    /// The name of an axis.
    Axis,
    /// Listed values of the axis that the command line names before, as in `axis remove arch`.
    ValueOfAxis,
    /// The name of an architecture, for a new value.
    Arch,
    /// A branch.
    Branch,
    /// A remote.
    Remote,
    /// The id of an operation.
    Operation,
    /// The id of a note.
    Note,
    /// A template.
    Template,
    /// A format with fields, as of `list`.
    Format,
    /// Something that is trusted.
    Trusted,
    /// A file, which shells complete by themselves.
    File,
}

impl ArgExt for Slot {}

impl Slot {
    /// Says of an argument what its value is.
    pub(in crate::commands) fn of(self, arg: Arg) -> Arg {
        arg.add(self)
    }
}

/// The slots that the word under the cursor may belong to, with the part of the word that is the value.
///
/// clap's engine works out which argument the word belongs to and asks its completer. The completers only note the question and
/// answer with a placeholder, so that one session answers afterwards.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<(Slot, String)>>>);

/// Begins the id of a placeholder.
const ID: &str = "slot ";

impl Heard {
    /// The command line with completers for all slots.
    pub(super) fn listen(&self, command: Command) -> Command {
        command.mut_args(|arg| self.listen_for(arg)).mut_subcommands(|inner| self.listen(inner))
    }

    fn listen_for(&self, arg: Arg) -> Arg {
        let is_file = matches!(arg.get_value_hint(), ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath);
        let Some(slot) = arg.get::<Slot>().cloned().or_else(|| is_file.then_some(Slot::File)) else { return arg };
        // Without a count the engine completes only the first value of a positional argument.
        let repeats = arg.is_positional() && matches!(arg.get_action(), ArgAction::Append);
        let arg = if repeats { arg.num_args(1..) } else { arg };
        let heard = self.clone();
        arg.add(ArgValueCompleter::new(move |current: &std::ffi::OsStr| {
            vec![heard.note(&slot, &current.to_string_lossy())]
        }))
    }

    fn note(&self, slot: &Slot, current: &str) -> CompletionCandidate {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push((slot.clone(), current.to_owned()));
        CompletionCandidate::new(current).id(Some(format!("{ID}{}", heard.len() - 1)))
    }

    /// The slot of a placeholder, with the value so far.
    pub(super) fn find(&self, candidate: &CompletionCandidate) -> Option<(Slot, String)> {
        let number: usize = candidate.get_id()?.strip_prefix(ID)?.parse().ok()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(number).cloned()
    }
}
