//! The reasons why linters of this machine are not used. They are given once, and again when they change.
//!
//! `lattice/linters` below the common dir has the ones that this clone was given last. A file that cannot be read or written only
//! means that they are given again.

use std::fs;
use std::path::PathBuf;

use crate::git::Repo;
use crate::lint::{Report, Unchecked};
use crate::temporary;

/// What was not checked, without the reasons that were given before. With `remember` they are not given the next time.
pub fn news<'r>(repo: Option<&Repo>, report: &'r Report, remember: bool) -> Vec<&'r Unchecked> {
    let Some(repo) = repo else { return report.unchecked.iter().collect() };
    let told = fs::read_to_string(file(repo)).unwrap_or_default();
    let is_known = |unchecked: &Unchecked| told.lines().any(|line| line == as_line(unchecked));
    let is_new = |unchecked: &&Unchecked| unchecked.required || !unchecked.lasting || !is_known(unchecked);
    let news = report.unchecked.iter().filter(is_new).collect();
    let lasting: String = report.unchecked.iter().filter(|it| it.lasting).map(|it| as_line(it) + "\n").collect();
    if remember && lasting != told && tells_of_machine(report) {
        write(repo, &lasting);
    }
    news
}

/// Whether the report tells which linters this machine has: files were checked, and no linter was left out for another reason.
fn tells_of_machine(report: &Report) -> bool {
    !report.checked.is_empty() && report.unchecked.iter().all(|unchecked| unchecked.path.is_some() || unchecked.lasting)
}

fn as_line(unchecked: &Unchecked) -> String {
    unchecked.to_string().replace('\n', " ")
}

fn file(repo: &Repo) -> PathBuf {
    repo.common_dir().join("lattice").join("linters")
}

fn write(repo: &Repo, text: &str) {
    let (file, shared) = (file(repo), repo.shared());
    let folder = file.parent().unwrap_or(&file);
    let place = shared.create_dir_all(folder);
    temporary::sweep(folder);
    place.and_then(|()| temporary::replace(&file, |new| shared.write(new, text.as_bytes()))).ok();
}
