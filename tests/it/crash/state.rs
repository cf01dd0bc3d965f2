//! The state that a command leads to, and the state that must not change.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::command::{STAGED, UNTRACKED, WRITER, worktrees};
use crate::sandbox::Sandbox;

/// The result of a command: HEAD, index and files of each worktree; refs, records and configuration of the clone; refs of the remote.
pub(super) fn state(sandbox: &Sandbox) -> String {
    let mut parts: Vec<_> = worktrees(sandbox).map(|dir| worktree(sandbox, dir)).collect();
    parts.extend(["work", "remote.git"].map(|dir| refs(sandbox, dir)));
    parts.push(records(sandbox));
    parts.push(fs::read_to_string(sandbox.work().join(".git/config")).unwrap());
    let state = normalized(sandbox, &parts.join("\n--\n"));
    state.lines().filter(|line| !is_copy_of_own_records(line)).collect::<Vec<_>>().join("\n")
}

fn worktree(sandbox: &Sandbox, dir: &str) -> String {
    let all: [&[&str]; 5] = [
        &["symbolic-ref", "-q", "HEAD"],
        &["rev-parse", "-q", "--verify", "HEAD"],
        &["status", "--porcelain=v2", "--untracked-files=all"],
        &["ls-files", "-s"],
        &["diff"],
    ];
    all.map(|args| sandbox.try_git(dir, args).text()).join("\n--\n")
}

/// Refs without ids that depend on the time: those of records, which are compared separately, and of refs kept for `undo`, whose names
/// contain an operation's id.
fn refs(sandbox: &Sandbox, dir: &str) -> String {
    let all = sandbox.git_in(dir, &["for-each-ref", "--format=%(objectname) %(refname)"]);
    let line = |line: &str| match line.split_once(' ') {
        Some((_, name)) if name.starts_with("refs/lattice/journal/") => "kept".to_owned(),
        Some((_, name)) if name.starts_with("refs/notes/lattice/") => name.to_owned(),
        _ => line.to_owned(),
    };
    all.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The records here, and whether the remote has the same. A build that Ctrl-C ends is recorded as cancelled.
fn records(sandbox: &Sandbox) -> String {
    let told = |record: &Value| {
        let fields = ["point", "key", "system", "verdict", "drv", "outputs"];
        json!(fields.map(|field| record[field].clone())).to_string()
    };
    let records = sandbox.records();
    let mut lines: Vec<_> = records.iter().filter(|record| record["verdict"] != "cancelled").map(told).collect();
    lines.extend(texts_of_notes(sandbox));
    let notes = |dir| sandbox.git_in(dir, &["for-each-ref", "refs/notes/lattice"]);
    let (here, there) = (notes("work"), notes("remote.git"));
    lines.extend(
        there.lines().map(|line| format!("{} on the remote", if here.contains(line) { "same" } else { "other" })),
    );
    lines.join("\n")
}

/// The texts of the notes on points.
fn texts_of_notes(sandbox: &Sandbox) -> Vec<String> {
    let refs = sandbox.git(&["for-each-ref", "--format=%(refname)", "refs/notes/lattice/point-notes"]);
    let texts = |name: &str| sandbox.try_git("work", &["grep", "-h", "-o", "\"text\":.*", name]).text();
    refs.lines().map(texts).collect()
}

/// Whether this names the remote's copy of this clone's own records or notes. It is not read: the local ref has the same or more. A push that
/// is killed after the remote took the records does not update it; the next fetch or push does.
fn is_copy_of_own_records(normalized: &str) -> bool {
    let places = ["", "point-notes/"].map(|place| format!("refs/lattice/remotes/origin/{place}{WRITER}"));
    places.iter().any(|name| normalized.ends_with(name))
}

/// The text without the sandbox's path and writer name.
fn normalized(sandbox: &Sandbox, text: &str) -> String {
    let text = text.replace(sandbox.path("").to_str().unwrap().trim_end_matches('/'), "");
    let writers = sandbox.try_git("work", &["config", "--local", "--get-all", "lattice.writer"]).text();
    writers.lines().take(1).fold(text, |text, writer| text.replace(writer, WRITER))
}

/// What the user had before and lost.
pub(super) fn lost_user_files(sandbox: &Sandbox) -> Option<String> {
    worktrees(sandbox).find_map(|dir| {
        let status = sandbox.try_git(dir, &["status", "--porcelain", "--untracked-files=all"]).text();
        let kept =
            ["staged", "untracked"].map(|name| fs::read_to_string(sandbox.path(dir).join(name)).unwrap_or_default());
        let is_kept = kept == [STAGED, UNTRACKED] && status.contains("A  staged");
        let head = sandbox.try_git(dir, &["rev-parse", "--verify", "HEAD^{commit}"]);
        (!is_kept || !head.status.success()).then(|| format!("{dir}: {status}\n{}", head.error_text()))
    })
}

/// Errors of `git fsck` in both repositories. Asked twice: a git that outlives git-lattice may still be writing.
pub(super) fn fsck_errors(sandbox: &Sandbox) -> Option<String> {
    run_fsck(sandbox)?;
    std::thread::sleep(std::time::Duration::from_secs(1));
    run_fsck(sandbox)
}

fn run_fsck(sandbox: &Sandbox) -> Option<String> {
    let fsck = ["work", "remote.git"].map(|dir| sandbox.try_git(dir, &["fsck", "--no-dangling", "--strict"]));
    fsck.iter().find(|output| !output.status.success()).map(git_lattice::process::Output::error_text)
}

/// The names of all files of the clone, the user's home, the temporary folder and the remote; without objects, reftables, refs kept
/// for `undo`, a lock that stays once a record could not be written at first, and the note of the linters that were named, which a
/// command that has nothing left to make does not write.
pub(super) fn files(sandbox: &Sandbox) -> [BTreeSet<String>; 2] {
    let mut own = files_below(sandbox, "work/.git");
    own.extend(names(sandbox.temporary_folder(), "tmp"));
    own.extend(names(&sandbox.path("home"), "home"));
    own.extend(fs::read_dir(sandbox.work()).unwrap().map(|entry| entry.unwrap().file_name().display().to_string()));
    [own, files_below(sandbox, "remote.git")]
}

fn files_below(sandbox: &Sandbox, dir: &str) -> BTreeSet<String> {
    let stays = |name: &String| {
        name.contains("refs/lattice/journal/") && !ends_in(name, "lock")
            || ["lattice/records/lock", "lattice/linters"].iter().any(|file| name.ends_with(file))
            || name.contains("lattice/.linters.")
    };
    let all = names(&sandbox.path(dir), dir).into_iter().filter(|name| !stays(name));
    all.map(|name| normalized(sandbox, &name)).filter(|name| !is_copy_of_own_records(name)).collect()
}

fn names(dir: &Path, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(dir, name, &mut found);
    found
}

fn collect(dir: &Path, name: &str, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let name = format!("{name}/{}", entry.file_name().display());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &name, names);
        } else if !(is_object(&name) || name.contains("/reftable/") && ends_in(&name, "ref")) {
            names.insert(name);
        }
    }
}

fn ends_in(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == ending)
}

/// `../objects/ab/cdef..` and `../objects/pack/pack-abcdef..pack`.
fn is_object(name: &str) -> bool {
    let mut parts = name.rsplit('/');
    let file = parts.next().unwrap_or_default();
    let file = file.strip_prefix("pack-").and_then(|file| file.split('.').next()).unwrap_or(file);
    name.contains("/objects/") && file.len() >= 38 && file.bytes().all(|byte| byte.is_ascii_hexdigit())
}
