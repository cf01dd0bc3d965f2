//! Hints for names that are not commands: what users of other tools type first.

/// The hint for an unknown command; `None` where the nearest spelling is the better guess.
pub(crate) fn hint(name: &str) -> Option<&'static str> {
    Some(match name {
        "rm" | "remove" | "delete" | "prune" => {
            "`git branch -d BRANCH` deletes a point, as it does any branch; `git lattice undo` takes back the last command"
        }
        "mv" | "move" | "rename" => {
            "points cannot be renamed: `git lattice new POINT` makes another, `git branch -d BRANCH` deletes this one"
        }
        "pull" | "push" | "fetch" | "update" | "publish" => {
            "`git lattice sync` exchanges points and records with the remote"
        }
        "rebase" | "merge" | "evolve" => {
            "`git lattice restack` merges what moved in lower points into the points above; nothing is rewritten"
        }
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
        "next" => "`git lattice next-step` makes the next step, `git lattice promote` the next phase",
        "config" | "edit" => {
            "edit lattice.toml, or `git lattice init --force`; your own settings are `git config lattice.*`"
        }
        _ => return None,
    })
}
