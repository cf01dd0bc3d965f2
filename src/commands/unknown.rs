//! Hints for names that are not commands, and for flags that do not exist: what users of other tools type first.

use std::path::Path;

use super::Session;
use crate::process::quote;
use crate::ui::terminal_safe;

/// The hint for names of files where points are expected.
const UNQUOTED: &str = "if the shell has expanded a pattern, quote the pattern, as in `'*/*/*/*'`";

/// The hint for an unknown top-level command; `None` where the nearest spelling is the better guess.
pub(super) fn hint(name: &str) -> Option<&'static str> {
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
        "tree" | "dag" | "smartlog" | "sl" | "draw" => {
            "`git lattice graph` draws which points are built on which, `git lattice` shows their table"
        }
        "html" | "web" | "site" | "dashboard" => "`git lattice page` writes one HTML file about the points",
        "comment" | "remark" | "annotate" => "`git lattice note POINT -m TEXT` says something about a point",
        "summary" | "markdown" | "pr" => "`git lattice report` writes Markdown for a change request",
        "watch" | "top" => "`git lattice status --watch` redraws the points as things change",
        "go" | "goto" | "checkout" | "cd" => {
            "`git lattice switch POINT` goes to a point, `git lattice switch next` to the next step"
        }
        "ci" | "verify" => "`git lattice check` and `git lattice lint --all` check a repository, in CI too",
        "revert" | "rollback" | "reset" => "`git lattice undo` takes back an operation, `git lattice ops` lists them",
        "start" | "begin" => "`git lattice init` writes lattice.toml, `git lattice new` makes a point",
        "test" => "`git lattice build` builds a point, `git lattice check` and `git lattice lint` check its files",
        "commit" | "save" => "`git commit` commits changes of a point, `git lattice build` builds what is committed",
        "version" => "`git lattice --version` prints the version",
        "run" | "make" => "`git lattice build` builds points",
        "info" | "describe" | "view" => "`git lattice show` shows one point in full",
        "prev" | "previous" | "back" | "up" | "down" => {
            "`git lattice switch up` goes to the point directly above, `down` below, `prev` to the step before, `-` back"
        }
        "branch" | "branches" => "every point is a branch: `git lattice` shows them, `git lattice new` makes one",
        "ls" | "points" => "`git lattice` shows the points, `git lattice list` lists them for scripts",
        "add" | "create" => "`git lattice new` makes a point, `git lattice axis add` adds a value to an axis",
        "import" | "convert" | "migrate" => "`git lattice adopt` proposes a lattice.toml for existing branches",
        "next" | "step" => {
            "`git lattice next-step` makes the next step, `git lattice promote` the next phase; `git lattice switch next` goes to it"
        }
        "config" | "edit" => {
            "edit lattice.toml, or `git lattice init --force`; your own settings are `git config lattice.*`"
        }
        _ => return None,
    })
}

/// The hint for an argument that `command` does not have; `None` where the nearest spelling is the better guess.
pub(super) fn hint_for_argument(session: &Session, command: &str, argument: &str) -> Option<String> {
    match argument {
        "--remote" => Some(remotes(session)),
        "--force" => {
            Some(format!("`{command}` has no `--force`: it never overwrites commits, neither here nor on the remote"))
        }
        value if command == "git lattice init" && !value.starts_with('-') => {
            Some(format!("`--component {}` names what is built", quote(value)))
        }
        file if Path::new(file).exists() => Some(UNQUOTED.to_owned()),
        _ => None,
    }
}

fn remotes(session: &Session) -> String {
    let known = session.context().map(|context| context.repo.remotes()).unwrap_or_default();
    let known: Vec<_> = known.iter().map(|name| format!("`{}`", terminal_safe(name))).collect();
    let known = if known.is_empty() { "no remote yet".to_owned() } else { known.join(", ") };
    format!("`remote` in lattice.toml names the remote for points and records; this repository has {known}")
}
