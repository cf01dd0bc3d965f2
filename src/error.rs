//! Maps an error to its exit code and to the hints for the user.

mod cannot;
mod storage;

use std::path::Path;

use crate::note::BadText;
use crate::ops::lint as ops_lint;
use crate::ops::{Cannot, Difference, Refusal, builds, inputs, install, limits, page, rust, trust};
use crate::{config, context, git, hooks, journal, lattice, lock, nix, process, queue, record};

/// Success.
pub const OK: u8 = 0;
/// The command worked, and its result is negative: refused, failed, in conflict, not pushed.
pub const NO: u8 = 1;
/// The command could not run: wrong usage, `lattice.toml`, a missing tool.
pub const CANNOT: u8 = 2;

/// Returns the exit code of an error.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let is_no = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<Refusal>()
            || matches!(
                cause.downcast_ref(),
                Some(git::Error::Ref { .. } | git::Error::Locked { .. } | git::Error::Conflict { .. })
            )
    };
    let is_lost = |cause: &(dyn std::error::Error + 'static)| cause.is::<record::pending::SaveError>();
    if error.chain().any(is_no) && !error.chain().any(is_lost) { NO } else { CANNOT }
}

/// Returns what the user can do about an error, one hint per line.
pub fn hints(error: &anyhow::Error) -> Vec<String> {
    let own = error.chain().find_map(hints_for);
    let is_about_storage = own.is_none() || error.chain().any(writes_a_file);
    let storage = is_about_storage.then(|| storage::hint(&format!("{error:#}"))).flatten();
    storage.into_iter().chain(own.unwrap_or_default()).collect()
}

/// Whether the error's own hint does not say why a file could not be written.
fn writes_a_file(cause: Cause<'_>) -> bool {
    cause.is::<install::Unwritten>()
        || cause.is::<page::Unwritable>()
        || matches!(cause.downcast_ref(), Some(journal::Error::Io { .. }))
}

/// Returns the line of a file in which the error is, with the error marked; empty if there is none.
pub fn excerpt(error: &anyhow::Error) -> Vec<String> {
    let found = |cause: Cause<'_>| match (cause.downcast_ref::<config::Error>(), cause.downcast_ref()) {
        (Some(error), _) | (_, Some(context::Error::Config(error))) => Some(error.excerpt()),
        _ => None,
    };
    error.chain().find_map(found).unwrap_or_default()
}

type Cause<'e> = &'e (dyn std::error::Error + 'static);

/// Each error kind has its hints in one place: its own `hint` method, or a function below.
fn hints_for(cause: Cause<'_>) -> Option<Vec<String>> {
    of::<Refusal>(cause, |error| Some(refusal(error)))
        .or_else(|| of::<Cannot>(cause, |error| Some(cannot::hints(error))))
        .or_else(|| of::<lattice::Error>(cause, algebra))
        .or_else(|| of::<config::Error>(cause, configuration))
        .or_else(|| of::<context::Error>(cause, no_lattice))
        .or_else(|| of::<git::Error>(cause, git_error))
        .or_else(|| of::<hooks::dir::Error>(cause, no_hooks_folder))
        .or_else(|| of::<hooks::config_file::Error>(cause, locked_hooks))
        .or_else(|| stall_limit(cause).and_then(|limit| one(limits::hint_for_network(limit))))
        .or_else(|| own_hint(cause))
}

/// Errors that have a `hint` method.
fn own_hint(cause: Cause<'_>) -> Option<Vec<String>> {
    of::<trust::Refused>(cause, |error| one(error.hint()))
        .or_else(|| of::<trust::Error>(cause, |error| one(error.hint())))
        .or_else(|| of::<install::Foreign>(cause, |error| one(error.hint())))
        .or_else(|| of::<page::NotOurs>(cause, |error| one(error.hint())))
        .or_else(|| of::<install::Unwritten>(cause, |error| one(error.hint())))
        .or_else(|| of::<ops_lint::Error>(cause, |error| error.hint().and_then(one)))
        .or_else(|| of::<limits::Error>(cause, |error| one(error.hint())))
        .or_else(|| of::<inputs::InputError>(cause, |error| one(error.hint())))
        .or_else(|| of::<inputs::BadTree>(cause, |error| one(error.hint())))
        .or_else(|| of::<BadText>(cause, |error| one(error.hint())))
        .or_else(|| of::<rust::BadRust>(cause, |error| Some(error.hints())))
        .or_else(|| of::<builds::DamagedOutput>(cause, |error| one(error.hint())))
        .or_else(|| of::<builds::NotDecided>(cause, |error| Some(error.hints())))
        .or_else(|| of::<record::pending::SaveError>(cause, |error| one(error.hint())))
        .or_else(|| of::<journal::Error>(cause, |error| error.hint().and_then(one)))
        .or_else(|| of::<lock::Error>(cause, |error| error.hint().and_then(one)))
        .or_else(|| of::<queue::Error>(cause, |error| error.hint().and_then(one)))
        .or_else(|| of::<nix::Error>(cause, |error| error.hint().and_then(one)))
        .or_else(|| of::<nix::BadPlace>(cause, |error| one(error.hint())))
        .or_else(|| {
            of::<process::Error>(cause, |error| match error {
                process::Error::NotFound { program } => not_found(program),
                _ => None,
            })
        })
}

/// Returns the hints for `cause` if it is an `E`.
fn of<E: std::error::Error + 'static>(
    cause: Cause<'_>,
    hints: impl FnOnce(&E) -> Option<Vec<String>>,
) -> Option<Vec<String>> {
    cause.downcast_ref().and_then(hints)
}

fn configuration(error: &config::Error) -> Option<Vec<String>> {
    match error {
        config::Error::Lattice { source, .. } => algebra(source),
        config::Error::Key { near: Some(near), .. } => one(format!("did you mean `{near}`?")),
        _ => None,
    }
}

fn no_lattice(error: &context::Error) -> Option<Vec<String>> {
    match error {
        context::Error::Missing { on: Some(branch) } => {
            one(format!("`git switch {}` switches to the branch of the remote that has one", process::quote(&**branch)))
        }
        context::Error::Missing { on: None } => one(
            "`git lattice init --component NAME --arch aarch64,x86_64` creates one, or switch to a branch that has one",
        ),
        context::Error::NoBase => one(
            "`git config lattice.base BRANCH` sets it; `git remote set-head origin --auto` reads it from the remote",
        ),
        context::Error::Git(error) => git_error(error),
        context::Error::Config(error) => configuration(error),
    }
}

fn no_hooks_folder(error: &hooks::dir::Error) -> Option<Vec<String>> {
    match error {
        hooks::dir::Error::Absent { value } => one(format!(
            "let the tool that uses it create the directory (husky: `npm install`), or run `mkdir -p {}`",
            process::quote(value)
        )),
        _ => None,
    }
}

fn locked_hooks(error: &hooks::config_file::Error) -> Option<Vec<String>> {
    match error {
        hooks::config_file::Error::Locked { path } => stale_lock(path),
        _ => None,
    }
}

/// Returns the limit for the time without activity, if that was exceeded.
fn stall_limit(cause: &(dyn std::error::Error + 'static)) -> Option<std::time::Duration> {
    match (cause.downcast_ref(), cause.downcast_ref(), cause.downcast_ref()) {
        (Some(process::Error::Stalled { limit, .. }), _, _)
        | (_, Some(nix::Error::Process(process::Error::Stalled { limit, .. })), _)
        | (_, _, Some(git::Error::Exe(process::Error::Stalled { limit, .. }))) => Some(*limit),
        _ => None,
    }
}

fn one(hint: impl Into<String>) -> Option<Vec<String>> {
    Some(vec![hint.into()])
}

fn refusal(refusal: &Refusal) -> Vec<String> {
    match refusal {
        Refusal::OtherContent { point, branch, existing, cause, .. } => {
            vec![format!("to see the commit of the branch: `git show {existing}`"), remedy(*cause, point.as_str(), branch)]
        }
        Refusal::NotCommitted { base } | Refusal::NotDeclared { base, .. } => {
            let command = format!("git add {file} && git commit -m 'declare the lattice'", file = config::FILE);
            vec![format!("commit it on `{base}`: `{command}`")]
        }
        Refusal::Uncommitted { base } => {
            let file = config::FILE;
            vec![
                format!("commit its changes on `{base}` first: `git add {file} && git commit`; or `git checkout {base} -- {file}`"),
                format!("if another branch is checked out: `git switch {base}`"),
            ]
        }
        Refusal::ValueInUse { point, .. } => {
            vec![format!("`git lattice prune {point}` deletes a point, also with `--remote`")]
        }
        Refusal::InTheWay { other, .. } => {
            vec![format!("to rename the other branch: `git branch -m {other} NAME`")]
        }
        Refusal::PointExists { point, .. } => {
            vec![format!("`git lattice show {point}` shows it; `git lattice prune {point}` deletes it")]
        }
        Refusal::NoNote { point } => vec![format!("`git lattice note {point} -m TEXT` adds one")],
        Refusal::OtherOrder { .. } => vec![
            "a moved point keeps its place: choose a name between the same points, or make the point anew by `git lattice new`"
                .to_owned(),
        ],
        Refusal::FileInTheWay { .. } => {
            vec![format!("`flake` in {} sets the directories of points", config::FILE)]
        }
        Refusal::LastStep { .. } => vec!["`git lattice promote` opens the next phase".to_owned()],
        Refusal::LastPhase { base, .. } => vec![format!("`git lattice promote --to base` merges it into `{base}`")],
        Refusal::NotReady { .. } => {
            vec!["`--force --reason TEXT` promotes anyway and writes the reason into the commit".to_owned()]
        }
        Refusal::Remote { remote, why, .. } => {
            let place = format!(
                "`git remote -v` shows the URL of `{remote}`; no branch was moved, so the command can be run again"
            );
            std::iter::once(place).chain(why.hint()).collect()
        }
        Refusal::NothingToUndo
        | Refusal::NotInForce { .. }
        | Refusal::OnlyRemote { .. }
        | Refusal::Moved { .. }
        | Refusal::CommitGone { .. }
        | Refusal::InUse { .. } => not_undone(refusal),
        Refusal::NothingThere { hint, .. } => hint.iter().map(ToString::to_string).collect(),
        Refusal::SeveralThere { points, .. } => commands(points),
        Refusal::UsedElsewhere { worktree, is_locked, .. } => vec![used_elsewhere(worktree, *is_locked)],
        Refusal::UnfinishedWorktree { worktree } => vec![unfinished(worktree)],
        Refusal::CheckedOut { branch, .. } => {
            vec![format!("switch that worktree to another branch, or merge there: `git merge --no-ff` on `{branch}`")]
        }
    }
}

/// What to do about a worktree that has the branch checked out.
fn used_elsewhere(worktree: &Path, is_locked: bool) -> String {
    let quoted = process::quote(worktree);
    match (worktree.exists(), is_locked) {
        (true, _) => format!("`cd {quoted}` goes there"),
        (false, false) => "the folder is gone: `git worktree prune` forgets it".to_owned(),
        // `git worktree prune` leaves locked worktrees alone.
        (false, true) => format!(
            "the folder is gone or its disk is not mounted, and the worktree is locked: `git worktree remove -f -f {quoted}` forgets it"
        ),
    }
}

/// What to do about a worktree that is not complete.
fn unfinished(worktree: &Path) -> String {
    let quoted = process::quote(worktree);
    // `git worktree remove` refuses a folder that has no `.git` yet.
    let remove = if worktree.exists() && !worktree.join(".git").exists() {
        format!("git worktree unlock {quoted} && git worktree prune")
    } else {
        format!("git worktree remove -f -f {quoted}")
    };
    format!("if no git is at work there, it was killed: `{remove}` removes the worktree; then run the command again")
}

/// Of `undo`.
fn not_undone(refusal: &Refusal) -> Vec<String> {
    match refusal {
        Refusal::NothingToUndo => vec!["`git lattice ops` lists the operations".to_owned()],
        Refusal::NotInForce { by: Some(by), .. } => vec![format!("`git lattice undo {by}` restores it")],
        Refusal::NotInForce { .. } => vec![
            "its command was interrupted: the next command that moves refs, such as `git lattice sync`, completes or reverts it"
                .to_owned(),
        ],
        Refusal::OnlyRemote { operation } => {
            vec![format!("`git lattice undo {operation} --remote` restores them there")]
        }
        Refusal::Moved { .. } => {
            vec!["`git reflog REF` shows what moved it; `git lattice ops` lists the operations".to_owned()]
        }
        Refusal::CommitGone { commit, .. } => {
            vec![format!("`git gc` may have removed it; `git fetch REMOTE {commit}` gets it if a remote has it")]
        }
        Refusal::InUse { operation, leave, .. } => vec![format!("`{leave}`, then `git lattice undo {operation}`")],
        _ => Vec::new(),
    }
}

/// The commands that switch to one of several points; of many, the first.
fn commands(points: &[lattice::Spelled]) -> Vec<String> {
    const MAX_SHOWN: usize = 10;
    let mut hints: Vec<_> =
        points.iter().take(MAX_SHOWN).map(|point| format!("`git lattice switch {point}`")).collect();
    if points.len() > MAX_SHOWN {
        hints.push(format!("and {} more: `git lattice list` lists all points", points.len() - MAX_SHOWN));
    }
    hints
}

/// What to do about a branch with other content than the point.
fn remedy(cause: Difference, point: &str, branch: &str) -> String {
    let rename = format!("to rename the branch: `git branch -m {branch} NAME`");
    match cause {
        Difference::Asked => format!("to use the point as it is, leave out `--config` and `--template`; {rename}"),
        Difference::Edited => format!("to generate its files again: `git lattice regenerate {point}`"),
        Difference::NoPoint => rename,
    }
}

fn algebra(error: &lattice::Error) -> Option<Vec<String>> {
    use lattice::Error;
    match error {
        Error::UnknownValue { axis, value, known, is_numbered, near } => {
            let mut hints: Vec<_> = near.iter().map(|near| format!("did you mean `{near}`?")).collect();
            hints.push(format!("axis `{axis}` has: {known}"));
            // No value can be added to a numbered axis.
            if !is_numbered {
                hints.push(format!("`git lattice axis add {axis} {value}` adds it to lattice.toml"));
            }
            Some(hints)
        }
        Error::NotAPoint { shape, example, .. } if example.contains(['*', '{']) => {
            one(format!("a pattern has a part for each axis, {shape}, as in `'{example}'`"))
        }
        Error::NotAPoint { shape, example, .. } => Some(vec![
            format!("a point is written {shape}, as in `{example}`"),
            "`git lattice status` lists the existing points".to_owned(),
        ]),
        Error::BareList { text, is_set, .. } => {
            let each = format!("`{{{text}}}` selects a point for each value");
            let joined = is_set.then(|| format!(", `{}` one point over all of them", text.replace(',', "+")));
            one(each + &joined.unwrap_or_default())
        }
        Error::UnknownAxis { known, .. } => one(format!("the axes are: {}", known.join(", "))),
        Error::Open { axis, .. } => one(format!("set it: `--{axis} VALUE`, or several values separated by commas")),
        Error::Endless { axis, .. } => one(format!("name the values: `--{axis} a,b`")),
        Error::BadValue { .. } => {
            one("choose another name, of letters, digits, `.`, `_` and `-`, as in `solana-rust-1.83`")
        }
        _ => None,
    }
}

fn not_found(program: &str) -> Option<Vec<String>> {
    match program {
        "nix" => one("install Nix: nixos.org/download, or `apt install nix-bin` on Debian"),
        "git" => one("install git, or set GIT_LATTICE_GIT to its path"),
        _ => None,
    }
}

fn stale_lock(lock: impl AsRef<std::ffi::OsStr>) -> Option<Vec<String>> {
    one(format!("if no git process runs in this repository, a killed one left the lock: `rm {}`", process::quote(lock)))
}

fn git_error(error: &git::Error) -> Option<Vec<String>> {
    match error {
        git::Error::NotARepository(_) => one("`git init` creates one, or `cd` into one"),
        git::Error::Untrusted(path) => {
            one(format!("`git config --global --add safe.directory {}` if you trust it", process::quote(path)))
        }
        git::Error::Identity(what) => one(format!("`git config --global {what} VALUE` sets it")),
        git::Error::Ref { raced: true, .. } => one("another process changed the ref: run the command again"),
        git::Error::Locked { lock, .. } => stale_lock(lock),
        git::Error::SwitchStopped { .. } => {
            one("the disk may be full: `df -h .` shows the free space; make room and run the same command again")
        }
        git::Error::EmptyCommondir { file } => one(format!(
            "if no git process runs in this repository, a killed one left it so: `echo ../.. > {}`",
            process::quote(file)
        )),
        git::Error::TooLarge(too_large) => one(too_large.hint()),
        git::Error::Unread { .. } => one("`git fsck` shows what is broken; `git fetch` gets what the remote still has"),
        git::Error::Exe(process::Error::NotFound { program }) => not_found(program),
        git::Error::Conflict { .. } => one(
            "points below have changed these files differently: merge one of their branches into the other, then try again",
        ),
        _ => None,
    }
}
