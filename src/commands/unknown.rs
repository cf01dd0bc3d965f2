//! Hints for names that are not commands, and for flags that do not exist: what users of other tools type first.

use super::Session;
use crate::ui::terminal_safe;

/// The hint for an unknown command; `None` where the nearest spelling is the better guess.
pub(crate) fn hint(name: &str) -> Option<&'static str> {
    Some(match name {
        "rm" | "remove" | "delete" | "clean" | "gc" => {
            "`git lattice prune` deletes the branches of points that are no longer needed, `git lattice prune POINT` of this one"
        }
        "mv" | "rename" => {
            "`git lattice move POINT NEW` gives a point another name, `git lattice axis rename` an axis or a value"
        }
        "pull" | "push" | "fetch" | "update" | "publish" => {
            "`git lattice sync` exchanges points and records with the remote"
        }
        "rebase" | "merge" | "evolve" => {
            "`git lattice restack` merges what moved in lower points into the points above; nothing is rewritten"
        }
        "cherry-pick" | "pick" | "backport" | "carry" => {
            "`git lattice port POINT --to AXIS=VALUE` carries the changes of a point to its siblings"
        }
        "compare" | "difference" => "`git lattice diff POINT POINT` shows what differs apart from the coordinates",
        "graph" | "tree" | "dag" => {
            "`git lattice` shows the table of points, `git log --graph --oneline --branches` their commits"
        }
        "go" | "goto" | "switch" | "checkout" | "cd" => "`git switch BRANCH` goes to a point",
        "ci" | "verify" => "`git lattice check` and `git lattice lint --all` check a repository, in CI too",
        "revert" | "rollback" | "reset" => "`git lattice undo` takes back an operation, `git lattice ops` lists them",
        "run" | "make" => "`git lattice build` builds points",
        "ls" | "list" | "points" => {
            "`git lattice` shows the points, `git lattice status --json` lists them for programs"
        }
        "add" | "create" => "`git lattice new` makes a point, `git lattice axis add` adds a value to an axis",
        "import" | "convert" | "migrate" => "`git lattice adopt` proposes a lattice.toml for existing branches",
        "next" => "`git lattice next-step` makes the next step, `git lattice promote` the next phase",
        "config" | "edit" => {
            "edit lattice.toml, or `git lattice init --force`; your own settings are `git config lattice.*`"
        }
        _ => return None,
    })
}

/// The hint for a flag that a command does not have; `None` where the nearest spelling is the better guess.
pub(crate) fn hint_for_flag(session: &Session, flag: &str) -> Option<String> {
    if flag != "--remote" {
        return None;
    }
    let known = session.context().map(|context| context.repo.remotes()).unwrap_or_default();
    let known: Vec<_> = known.iter().map(|name| format!("`{}`", terminal_safe(name))).collect();
    let known = if known.is_empty() { "no remote yet".to_owned() } else { known.join(", ") };
    Some(format!("`remote` in lattice.toml names the remote for points and records; this repository has {known}"))
}
