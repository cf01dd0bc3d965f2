//! Formatting of journal operations.

use crate::git::Oid;
use crate::journal::Operation;
use crate::process::quote;

/// The command line of an operation, without `git lattice`.
pub(in crate::commands) fn command_line(operation: &Operation) -> String {
    operation.command.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// An object id for JSON.
pub(in crate::commands) fn hex(id: Option<Oid>) -> Option<String> {
    id.map(|id| id.to_string())
}
