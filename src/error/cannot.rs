//! The hints for errors that prevent an operation.

use crate::git::repo::UNSHALLOW;
use crate::ops::Cannot;
use crate::ops::remote_failure::missing_remote_hints;

/// What the user can do about it.
pub(super) fn hints(error: &Cannot) -> Vec<String> {
    match error {
        Cannot::NoBase { .. }
        | Cannot::NoSuchBase { .. }
        | Cannot::UnknownBase
        | Cannot::NothingToAdopt { .. }
        | Cannot::NoCommit
        | Cannot::NoRemote { .. } => no_base(error),
        Cannot::NoPoint { .. }
        | Cannot::HistoryCutOff { .. }
        | Cannot::NoHeadPoint
        | Cannot::NoFlake { .. }
        | Cannot::NotQuoted { .. }
        | Cannot::PointsForFolder { .. }
        | Cannot::SeveralPoints { .. }
        | Cannot::NothingSelected(_) => no_point(error),
        Cannot::NoDestination { .. } | Cannot::UnknownDestination { .. } | Cannot::NoWorktreeToSwitch => {
            no_destination(error)
        }
        Cannot::OddPath { .. } => {
            vec![
                "set `TMPDIR` to a folder whose path has only these characters, for a link to the repository; Nix 2.20 and \
                 later need no link"
                    .to_owned(),
            ]
        }
        Cannot::NoSuchNote { .. } | Cannot::SeveralNotes { .. } | Cannot::NoNoteText | Cannot::Editor { .. } => {
            note(error)
        }
        Cannot::NoOperation(_) | Cannot::SeveralOperations(_) => {
            vec!["`git lattice ops` lists the operations".to_owned()]
        }
        Cannot::StillMoving { pid, .. } => {
            vec![format!("wait until it ends, it may be waiting for a hook; or end it: `kill {pid}`")]
        }
        Cannot::NeedsNixpkgs { template: "rust", .. } => {
            vec!["set `nixpkgs_path` in `[nix]` of config.toml to that of the point below".to_owned()]
        }
        Cannot::NeedsNixpkgs { below_template, .. } => {
            vec![format!("use `--template {below_template}` or `--template nixpkgs`")]
        }
        Cannot::Exists { .. } => vec![
            "`git lattice axis add AXIS VALUE` adds a value; `--force` changes the file and keeps its comments"
                .to_owned(),
        ],
        Cannot::NoCalls { .. } | Cannot::NotInStore { .. } | Cannot::NotInWorktree { .. } | Cannot::NoWorktree => {
            not_built(error)
        }
        Cannot::Bare { .. } => {
            vec!["run it in a clone or a linked worktree (`git worktree add`), and push the commit here".to_owned()]
        }
        Cannot::NoEngine { .. } => {
            vec!["install it, or remove it from `require` under `[lint]` in lattice.toml".to_owned()]
        }
        Cannot::NoAxis(_) => Vec::new(),
        Cannot::NoStepNix { .. } => vec!["`--template step` uses one".to_owned()],
        Cannot::BadOutput { .. } => vec!["this is a bug in git-lattice; nothing was written".to_owned()],
    }
}

/// Of the branch that points grow from, and of remotes.
fn no_base(error: &Cannot) -> Vec<String> {
    match error {
        Cannot::NoBase { fetch, .. } => {
            let bring = fetch.iter().map(|command| format!("`{command}` gets it from the remote"));
            bring.chain(["`base` in lattice.toml names the branch that points start from".to_owned()]).collect()
        }
        Cannot::UnknownBase => vec!["name it with `--base`, as in `--base main`".to_owned()],
        Cannot::NothingToAdopt { from } => nothing_to_adopt(from.is_some()),
        Cannot::NoCommit => {
            vec!["points start from a commit: `git commit --allow-empty -m 'start'` creates the first one".to_owned()]
        }
        Cannot::NoRemote { remote, known } => missing_remote_hints(remote.as_deref(), known),
        Cannot::NoSuchBase { known, .. } if known.is_empty() => vec!["`git fetch` gets those of the remote".to_owned()],
        Cannot::NoSuchBase { known, .. } => vec![format!("the branches that are no points: `{}`", known.join("`, `"))],
        _ => Vec::new(),
    }
}

fn nothing_to_adopt(has_form: bool) -> Vec<String> {
    if has_form {
        return vec!["`git branch --all` lists the branches; `*` stands for the text of one axis".to_owned()];
    }
    vec![
        "`git lattice adopt --from 'feature/*/*/*/*'` tells the form of the branches: a `*` for each axis".to_owned(),
        "`git lattice init` starts a new lattice".to_owned(),
    ]
}

const NO_HEAD_POINT: &str = "name a point, as in component/arch/phase/step, or switch to its branch; `git lattice` lists the points, and \
     `git lattice new` makes the first one";

/// Of points on the command line.
fn no_point(error: &Cannot) -> Vec<String> {
    match error {
        Cannot::NoPoint { point, .. } => {
            vec![format!("`git lattice status` lists the existing points; to create it: `git lattice new {point}`")]
        }
        Cannot::HistoryCutOff { .. } => vec![format!("`{UNSHALLOW}` brings it")],
        Cannot::NoHeadPoint => vec![NO_HEAD_POINT.to_owned()],
        Cannot::NoFlake { branch, .. } => vec![format!(
            "`git lattice new` did not make this branch; to give it a name that is no point's: `git branch -m {branch} NAME`"
        )],
        Cannot::NotQuoted { pattern, .. } => {
            vec![format!("if the shell has expanded a pattern, quote the pattern, as in `{pattern}`")]
        }
        Cannot::PointsForFolder { text } => vec![format!(
            "select points by the flags of their axes, which `git lattice page --help` lists; to write into a folder of this name, use \
             `git lattice page ./{text}`"
        )],
        Cannot::SeveralPoints { command, first, .. } => {
            vec![format!("name one of them, as in `git lattice {command} {first}`")]
        }
        Cannot::NothingSelected(_) => vec!["`git lattice status` lists the existing points".to_owned()],
        _ => Vec::new(),
    }
}

/// Of `switch`.
fn no_destination(error: &Cannot) -> Vec<String> {
    match error {
        Cannot::NoDestination { .. } => vec![
            "`git lattice switch component/arch/phase/step` goes to a point, `--arch VALUE` to its sibling, `--failed` to one that failed"
                .to_owned(),
            "`git lattice` shows the points".to_owned(),
        ],
        Cannot::UnknownDestination { near, .. } => {
            let near = near.iter().map(|near| format!("did you mean `{near}`?"));
            near.chain(["`git lattice` shows the points".to_owned()]).collect()
        }
        Cannot::NoWorktreeToSwitch => {
            vec!["`git lattice switch --worktree DIR POINT` makes a worktree for the point".to_owned()]
        }
        _ => Vec::new(),
    }
}

/// Of `note`.
fn note(error: &Cannot) -> Vec<String> {
    match error {
        Cannot::NoSuchNote { point, .. } => {
            vec![format!("`git lattice note {point} --list` shows its notes with their ids")]
        }
        Cannot::SeveralNotes { notes, .. } => {
            let first = notes.first().map(|(id, _)| id.as_str()).unwrap_or_default();
            vec![format!("name one of them, as in `--id {first}`")]
        }
        Cannot::NoNoteText => {
            vec!["`-m TEXT` or `-F FILE` gives the text; `--list` shows the notes that exist".to_owned()]
        }
        Cannot::Editor { kept, .. } => {
            let kept = kept.iter().map(|kept| format!("the text is in `{}`; `-F` reads it", kept.display()));
            kept.chain(["`git config core.editor` names the editor; `-m TEXT` needs none".to_owned()]).collect()
        }
        _ => Vec::new(),
    }
}

/// Of what is read from a worktree or from the outputs of builds.
fn not_built(error: &Cannot) -> Vec<String> {
    match error {
        Cannot::NoCalls { point, .. } => vec![format!(
            "step.nix can have an output `calls`, a file with a JSON object per call; then `git lattice build {point}`"
        )],
        Cannot::NotInStore { point, .. } => vec![format!("`git lattice build --again {point}` builds it here")],
        Cannot::NotInWorktree { command, .. } => vec![format!("`{command}` brings it here")],
        Cannot::NoWorktree => vec!["`git lattice build` builds commits, and needs no worktree".to_owned()],
        _ => Vec::new(),
    }
}
