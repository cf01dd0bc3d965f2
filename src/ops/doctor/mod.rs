//! Checks of this machine and clone: git, hooks, Nix, linters, the remote, and leftovers of earlier commands.

mod inputs;
mod leftovers;
mod line;
mod machine;
mod repository;
mod storage;

use std::path::PathBuf;

use anyhow::Result;

use crate::context::Context;
use crate::env::Environment;

pub use line::{Health, Line, Repair};

/// Checks everything; without a repository, the machine only.
///
/// With `offline`, the remote is not contacted. `installed` are the folders into which `man --install` and `completions --install` write.
pub fn examine(
    environment: &Environment,
    context: Result<&Context, &anyhow::Error>,
    offline: bool,
    installed: &[PathBuf],
) -> Vec<Line> {
    let repo = context.as_ref().ok().map(|context| &context.repo);
    let mut lines = machine::git(environment, repo);
    match context {
        Ok(context) => {
            lines.push(storage::examine(&context.repo));
            lines.extend(repository::examine(context, offline));
            lines.extend(leftovers::examine(&context.repo, installed));
            lines.extend(leftovers::killed(&context.repo));
            lines.extend(leftovers::markers(context));
        }
        Err(why) => lines.push(Line::warning("repository", format!("not checked: {why:#}"))),
    }
    lines.extend(machine::nix());
    lines.extend(context.as_ref().ok().into_iter().flat_map(|context| inputs::examine(context)));
    lines.extend(repo.and_then(machine::private_store_line));
    lines.extend(machine::linters(repo));
    lines
}

/// Performs a repair.
///
/// # Errors
/// When a file cannot be removed or the hooks cannot be written.
pub fn repair(context: &Context, repair: &Repair) -> Result<()> {
    match repair {
        Repair::Remove(files) => leftovers::remove(files),
        Repair::Settle => leftovers::settle(context),
        Repair::Forget(refs) => leftovers::forget(&context.repo, refs),
        Repair::InstallHooks => repository::install_hooks(context),
    }
}
