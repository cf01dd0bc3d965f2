//! Checks of the text of a point's files: its own coordinates, and names of other branches and directories.

use std::sync::PoisonError;

use anyhow::Result;

use super::finding::{Code, Finding};
use super::subject::{Baseline, Checked, Subject};
use super::words::{self, Word};
use crate::config::Config;
use crate::git::Repo;
use crate::git::size::Kind;
use crate::git::tree::Entry;

/// Finds wrong statements of a flake about its point.
pub(super) fn wrong_claims(config: &Config, subject: &Subject<'_>, place: &str, text: &str) -> Vec<Finding> {
    let (claims, lattice) = (words::claims(text), &config.lattice);
    let own = lattice.texts(&subject.named.point);
    let systems: Vec<_> = config.systems.of(lattice, &subject.named.point).iter().map(ToString::to_string).collect();
    let wrong = |what: &str, claimed: &str, is: &str| {
        (claimed != is).then(|| {
            Finding::new(Code::Coordinates, place, format!("says that {what} is `{claimed}`, but it is `{is}`"))
        })
    };
    let coordinate = |(axis, claimed): &(String, String)| {
        let at = lattice.axes().iter().position(|known| known.name.as_str() == axis)?;
        wrong(&format!("its {axis}"), claimed, &own[at])
    };
    let mut found: Vec<_> = claims.coordinates.iter().filter_map(coordinate).collect();
    if found.is_empty() {
        found.extend(claims.point.and_then(|claimed| wrong("its point", &claimed, &subject.named.spelled)));
        found.extend(claims.branch.and_then(|claimed| wrong("its branch", &claimed, &subject.named.branch)));
    }
    found.extend(claims.systems.and_then(|claimed| wrong("its system", &claimed.join("+"), &systems.join("+"))));
    found
}

/// Collects the points that a file takes, and finds branches and directories that do not exist.
pub(super) fn references(
    repo: &Repo,
    baseline: &Baseline<'_>,
    subject: &Subject<'_>,
    entry: &Entry,
    checked: &mut Checked,
) -> Result<()> {
    if baseline.without_names.lock().unwrap_or_else(PoisonError::into_inner).contains(&entry.id) {
        return Ok(());
    }
    let place = format!("{}/{}", subject.named.dir, entry.name);
    let bytes = repo.bounded_blob(entry.id, &place, Kind::File)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut has_no_names = true;
    for word in words::words(&text) {
        let at = |message: String| (format!("{place}:{}", word.line), message);
        if let Some(path) = word.is_path.then(|| resolve(&subject.named.dir, word.text)).flatten() {
            has_no_names = false;
            directory(repo, baseline, subject, &path, at(String::new()).0, checked)?;
        }
        for name in names(baseline.config, &word) {
            has_no_names = false;
            other_branch(baseline, subject, name, &place, word.line, checked);
        }
    }
    if has_no_names {
        baseline.without_names.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.id);
    }
    Ok(())
}

/// Checks that a path out of the point's directory exists.
fn directory(
    repo: &Repo,
    baseline: &Baseline<'_>,
    subject: &Subject<'_>,
    path: &str,
    place: String,
    checked: &mut Checked,
) -> Result<()> {
    let (config, own) = (baseline.config, format!("{}/", subject.named.dir));
    if repo.entry_at(subject.tree, path)?.is_none() {
        let message = format!("takes `{path}`, which the branch does not have");
        checked.findings.push(Finding::new(Code::NoSuchDirectory, place, message));
        return Ok(());
    }
    let depth = config.flake.segments().len();
    let dir: Vec<_> = path.split('/').take(depth).collect();
    let taken = (!path.starts_with(&own)).then(|| config.flake.decode(&config.lattice, &dir.join("/"))).flatten();
    checked.takes.extend(taken.filter(|taken| taken != &subject.named.point));
    Ok(())
}

/// Reports a branch of this lattice that a file names. Flakes import each other by relative path; a branch name goes
/// stale at the next step.
fn other_branch(
    baseline: &Baseline<'_>,
    subject: &Subject<'_>,
    name: &str,
    place: &str,
    line: usize,
    checked: &mut Checked,
) {
    let config = baseline.config;
    let Some(point) = config.branch.decode(&config.lattice, name).filter(|point| point != &subject.named.point) else {
        return;
    };
    let message = match baseline.census.commit(&point) {
        Some(_) => {
            format!("names the branch `{name}` of another point; `previous` and relative imports do not go stale")
        }
        None => format!("names the branch `{name}`, which does not exist"),
    };
    checked.takes.insert(point);
    checked.findings.push(Finding::new(Code::OtherBranch, format!("{place}:{line}"), message));
}

/// Parts of a word that may be branch names: they begin with the pattern's prefix and have as many components.
fn names<'a>(config: &'a Config, word: &Word<'a>) -> impl Iterator<Item = &'a str> {
    let (prefix, parts) = (config.branch.prefix(), config.branch.segments().len());
    let text = word.text;
    let starts = text.match_indices(prefix).map(|(at, _)| at).filter(move |_| !prefix.is_empty());
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "._-+/@=,".contains(c);
    starts.filter_map(move |at| {
        let rest = &text[at..];
        let run = &rest[..rest.find(|c| !is_inside(c)).unwrap_or(rest.len())];
        let end = run.match_indices('/').nth(parts - 1).map_or(run.len(), |(at, _)| at);
        (run[..end].matches('/').count() + 1 == parts).then(|| run[..end].trim_end_matches(['.', ',']))
    })
}

/// Resolves `path`, written in `dir`, from the root; `None` when it is absolute, leaves the repository, or is not a
/// path.
fn resolve(dir: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = dir.split('/').collect();
    if !path.starts_with("./") && !path.starts_with("../") {
        return None;
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn resolves_paths_from_their_directory() {
        assert_eq!(resolve("f/c/s2", "../s1/flake.nix").as_deref(), Some("f/c/s1/flake.nix"));
        assert_eq!(resolve("f/c", "./config.toml").as_deref(), Some("f/c/config.toml"));
        assert_eq!(resolve("f/c", "../../../x"), None, "it leaves the repository");
        assert_eq!(resolve("f/c", "/etc/passwd"), None);
    }
}
