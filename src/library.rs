//! The library API: builds a point's flake as `git lattice build` does.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::context::Context;
use crate::env::Environment;
use crate::ops::builds::{self, BuildOptions};
use crate::record::{Record, Records};

/// Builds the point whose directory is `flake_dir` and records the results in git, one per system of the point.
///
/// `flake_dir` is a directory in the worktree of a repository with a `lattice.toml`, such as
/// `flakes/toolchain/aarch64/phase0/step1`. HEAD's commit is built, not the files in the worktree. A system that already has a
/// `built` record for the same content is not built again; its record is returned.
///
/// # Errors
/// When the directory does not belong to a point, HEAD does not contain it, or there is no usable Nix. A failed build is not an
/// error: it returns a record with the verdict [`Verdict::Failed`](crate::Verdict::Failed).
///
/// # Examples
/// ```no_run
/// for record in git_lattice::run_nix_build("flakes/toolchain/aarch64/phase0/step1")? {
///     println!("{} on {}: {:?}", record.point, record.system, record.verdict);
/// }
/// # Ok::<(), git_lattice::Error>(())
/// ```
pub fn run_nix_build(flake_dir: impl AsRef<Path>) -> Result<Vec<Record>, Error> {
    let flake_dir = flake_dir.as_ref();
    build(flake_dir).with_context(|| format!("could not build `{}`", flake_dir.display())).map_err(Error)
}

/// Nothing could be built; the source chain says why.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(anyhow::Error);

fn build(flake_dir: &Path) -> Result<Vec<Record>> {
    let cwd = flake_dir.canonicalize().context("there is no such directory")?;
    let context = Context::open(Environment { cwd: cwd.clone(), ..Environment::read()? })?;
    let config = context.config()?;
    let root = context.repo.workdir().context("the repository is bare")?.canonicalize()?;
    let dir = cwd.strip_prefix(&root)?.to_str().context("its path is not UTF-8")?;
    let point = config
        .flake
        .decode(&config.lattice, dir)
        .with_context(|| format!("`{dir}` is not the directory of a point"))?;
    let commit = context.repo.head()?.commit.context("HEAD has no commit yet")?;
    let records = Records::open(&context.repo)?;
    let mut plan = builds::plan_at(&context, &config, &records, &point, commit)?;
    let done = builds::run(&context, &mut plan, &BuildOptions::typed(false), &mut |_| {})?;
    ensure!(!done.is_empty(), "`{dir}` builds for no system");
    Ok(done.into_iter().map(|done| done.record).collect())
}
