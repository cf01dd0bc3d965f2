//! Files and trees from outside: into the store, and by hash into the `config.toml` of the step that HEAD is on.

mod check;
mod committed;
mod error;
mod step;
mod tree;

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::limits;
use crate::config::{Input, InputKind, Named, StepData, ensure_source_url, input_name};
use crate::context::Context;
use crate::nix::{Added, Nix};
use crate::sha256::Sha256;

pub use check::{CheckedSource, SourceState, check_sources};
pub(super) use committed::{AtHead, OfPoint, at_head, of_points, store_path};
pub use error::InputError;
use step::Step;
pub use step::{Change, Write};
pub use tree::BadTree;

/// The endings of archives, which are not part of a default name.
const ARCHIVES: [&str; 12] =
    [".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".tar", ".tgz", ".txz", ".zip", ".gz", ".xz", ".bz2", ".zst"];

/// An input that is in the store.
#[derive(Debug)]
pub struct AddedInput {
    /// The input.
    pub input: Input,
    /// Its store path.
    pub added: Added,
    /// The point whose `config.toml` has it, and what became of that file; `None` if it was not to be written.
    pub step: Option<(Named, Change)>,
}

/// Puts a file into the store and writes it into `config.toml`.
///
/// # Errors
/// When it cannot be fetched or read, is empty or has no name, or HEAD is on no point; [`InputError::OtherHash`].
pub fn add_source(context: &Context, from: &str, name: Option<&str>, unpack: bool, write: Write) -> Result<AddedInput> {
    let is_url = from.contains("://");
    if is_url {
        ensure_source_url(from).map_err(InputError::from)?;
    }
    let step = Step::to_write(context, write)?;
    let name = match name {
        Some(name) => input_name(name)?.to_owned(),
        None => default_name(from).ok_or_else(|| InputError::NoName { from: from.to_owned() })?,
    };
    let (nix, still) = (Nix::find()?, limits::network(&context.repo)?);
    let added = if is_url { nix.fetch_file(from, &name, still)? } else { add_file(context, &nix, from, &name, still)? };
    if added.hash == Sha256::of(b"") {
        return Err(InputError::Empty { from: from.to_owned() }.into());
    }
    let mut input = Input::new(InputKind::Source, name, added.hash);
    input.urls.extend(is_url.then(|| from.to_owned()));
    input.unpack = unpack;
    finish(context, &nix, (from, input, added), step)
}

fn add_file(context: &Context, nix: &Nix, from: &str, name: &str, still: Duration) -> Result<Added> {
    let path = context.environment.cwd.join(from);
    let could_not = || format!("could not read `{from}`");
    let path = path.canonicalize().with_context(could_not)?;
    let data = fs::metadata(&path).with_context(could_not)?;
    match (data.is_file(), data.len()) {
        (false, _) => Err(InputError::NotAFile { from: from.to_owned() }.into()),
        (true, 0) => Err(InputError::Empty { from: from.to_owned() }.into()),
        (true, _) => Ok(nix.add_file(&path, name, still)?),
    }
}

/// Puts a tree into the store and writes it into `config.toml`. `words` are its origin and description.
///
/// # Errors
/// When the directory cannot be read, or has what no tree may have ([`BadTree`]), or HEAD is on no point;
/// [`InputError::OtherHash`].
pub fn add_seed(
    context: &Context,
    dir: &str,
    name: &str,
    words: (Option<&str>, Option<&str>),
    write: Write,
) -> Result<AddedInput> {
    let step = Step::to_write(context, write)?;
    let name = input_name(name)?.to_owned();
    let path = context.environment.cwd.join(dir);
    let path = path.canonicalize().with_context(|| format!("could not read `{dir}`"))?;
    if !path.is_dir() {
        return Err(InputError::NotADirectory(path).into());
    }
    tree::ensure_movable(&path)?;
    let nix = Nix::find()?;
    let added = nix.add_tree(&path, &name)?;
    let mut input = Input::new(InputKind::Seed, name, added.hash);
    (input.origin, input.description) = (words.0.map(str::to_owned), words.1.map(str::to_owned));
    finish(context, &nix, (dir, input, added), step)
}

fn finish(
    context: &Context,
    nix: &Nix,
    (from, input, added): (&str, Input, Added),
    step: Option<Step>,
) -> Result<AddedInput> {
    let step = step.map(|step| step.with(&input, from)).transpose()?;
    if input.urls.is_empty() {
        keep(context, nix, &added).context("could not protect it from garbage collection")?;
    }
    let step = step.map(Step::write).transpose()?;
    Ok(AddedInput { input, added, step })
}

/// Registers a garbage collector root: what has no URL cannot be fetched again.
fn keep(context: &Context, nix: &Nix, added: &Added) -> Result<()> {
    let folder = context.repo.common_dir().join("lattice").join("inputs");
    context.repo.shared().create_dir_all(&folder)?;
    let base = added.path.as_str().rsplit('/').next().unwrap_or_default();
    Ok(nix.keep(&[&added.path], &folder.join(base))?)
}

/// The name of a source by default: that of the file, without version and ending.
fn default_name(from: &str) -> Option<String> {
    let path = from.split(['?', '#']).next()?;
    let file = path.trim_end_matches('/').rsplit('/').next()?;
    let stem = ARCHIVES.iter().find_map(|ending| file.strip_suffix(ending)).unwrap_or(file);
    let digit = |at: &usize| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit());
    let version = stem.match_indices(['-', '_']).map(|(at, _)| at).find(digit);
    let name = version.map_or_else(|| without_ending(stem), |at| &stem[..at]);
    input_name(name).is_ok().then(|| name.to_owned())
}

/// A file name without what follows its last dot, unless that is a part of a version.
fn without_ending(file: &str) -> &str {
    match file.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.starts_with(|c: char| c.is_ascii_alphabetic()) => stem,
        _ => file,
    }
}

/// The lines of an input as they stand in `config.toml`.
///
/// # Errors
/// Never for an input with a valid name.
pub fn as_toml(input: &Input) -> Result<String> {
    let empty = StepData::parse(Vec::new())?;
    let data = empty.with_input(input).map_err(anyhow::Error::msg)?;
    Ok(String::from_utf8_lossy(data.bytes()).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::default_name;

    #[test]
    fn default_name_is_that_of_the_program() {
        for (from, name) in [
            ("https://example.org/tcc-0.9.27.tar.bz2", "tcc"),
            ("https://example.org/a/linux-6.1.tar.xz?download=1", "linux"),
            ("./rustc_1.63.0+dfsg1.orig.tar.xz", "rustc"),
            ("gcc-core", "gcc-core"),
            ("x/binutils-2.40/", "binutils"),
            ("../tcc.patch", "tcc"),
            ("qq.txt", "qq"),
            ("a.diff.gz", "a"),
            ("v1.2.3.tar.gz", "v1.2.3"),
            ("python3.8", "python3.8"),
        ] {
            assert_eq!(default_name(from).as_deref(), Some(name), "{from}");
        }
        for from in ["https://example.org/", "-1.0", ".hidden", "a b"] {
            assert!(from.ends_with(".org/") || default_name(from).is_none(), "{from}: {:?}", default_name(from));
        }
    }
}
