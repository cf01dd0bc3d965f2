//! Links that protect outputs from garbage collection.
//!
//! `result/KEY-SYSTEM` is for users and other programs. For many outputs at once, one call of Nix registers all gc
//! roots in `roots/`, under names that Nix numbers. A root in `roots/` whose target is no longer in `result/` is
//! removed by the next call.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use super::{Job, link_path};
use crate::git::Repo;
use crate::nix::{Nix, Output, StorePath};
use crate::temporary;

/// Links the outputs of `built` and registers gc roots for them.
///
/// # Errors
/// When Nix cannot register a root, or a link cannot be written.
pub(super) fn keep(nix: &Nix, repo: &Repo, built: &[(&Job, &[Output])]) -> Result<()> {
    let Some((first, _)) = built.first() else { return Ok(()) };
    let result = link_path(repo, first);
    let result = result.parent().unwrap_or(&result);
    let roots = result.with_file_name("roots");
    let make = |dir: &Path| repo.shared().create_dir_all(dir);
    [result, roots.as_path()].into_iter().try_for_each(make).context("could not make the links to the results")?;
    temporary::sweep(result);
    for (job, outputs) in built {
        link(&link_path(repo, job), outputs)
            .with_context(|| format!("could not make the link to the result of `{}`", job.named.spelled))?;
    }
    let rooted = sweep(&roots, &targets(result)).with_context(|| format!("could not read `{}`", roots.display()))?;
    let mut seen = HashSet::new();
    let is_new = |path: &&StorePath| !rooted.contains(path.as_path()) && seen.insert(path.as_str().to_owned());
    let paths: Vec<_> =
        built.iter().flat_map(|(_, outputs)| *outputs).map(|output| &output.path).filter(is_new).collect();
    if paths.is_empty() {
        return Ok(());
    }
    nix.keep(&paths, &roots.join(unique())).context("could not protect the results from garbage collection")
}

/// Links `KEY-SYSTEM` to the output `out` (or the first one), and `KEY-SYSTEM-NAME` to each other output.
fn link(link: &Path, outputs: &[Output]) -> io::Result<()> {
    let main = outputs.iter().find(|output| output.name == "out").or(outputs.first());
    for output in outputs {
        let mut name = link.as_os_str().to_owned();
        if Some(output) != main {
            name.push(format!("-{}", output.name));
        }
        replace(&PathBuf::from(&name), output.path.as_path())?;
    }
    Ok(())
}

fn replace(link: &Path, target: &Path) -> io::Result<()> {
    if fs::read_link(link).is_ok_and(|there| there == target) {
        return Ok(());
    }
    temporary::replace(link, |new| symlink(target, new))
}

/// The targets of the links in `dir`.
fn targets(dir: &Path) -> HashSet<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().filter_map(|link| fs::read_link(link.path()).ok()).collect()
}

/// Removes the roots whose target is not in `wanted`; returns the targets that remain.
fn sweep(roots: &Path, wanted: &HashSet<PathBuf>) -> io::Result<HashSet<PathBuf>> {
    let mut stay = HashSet::new();
    for root in fs::read_dir(roots)? {
        let root = root?.path();
        let Ok(target) = fs::read_link(&root) else { continue };
        if wanted.contains(&target) {
            stay.insert(target);
        } else {
            fs::remove_file(&root).ok();
        }
    }
    Ok(stay)
}

/// A file name that no other call uses.
fn unique() -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", time.as_nanos(), std::process::id())
}
