//! Which other machines a build uses: what the command line says, else git's configuration, else lattice.toml.
//!
//! lattice.toml is the project's, so it counts only for what somebody typed: nothing that was merely fetched sends a build that
//! nobody asked for anywhere.

use anyhow::{Context as _, Result};

use crate::config::Build;
use crate::git::Repo;
use crate::nix::{BadPlace, Builders, StoreUrl};

/// What a command line may say; an empty text means "none", whatever the configuration has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--builders`
    pub builders: Option<String>,
    /// `--store`
    pub store: Option<String>,
    /// `--substituters`
    pub substituters: Option<String>,
    /// `--push-cache`
    pub push_cache: Option<String>,
}

/// The other machines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Remote builders in place of nix.conf's.
    pub builders: Option<Builders>,
    /// The store in which builds happen, in place of nix.conf's.
    pub store: Option<StoreUrl>,
    /// Caches to take from, besides nix.conf's.
    pub substituters: Vec<StoreUrl>,
    /// Where results are copied to.
    pub push_cache: Option<StoreUrl>,
}

impl Places {
    /// For what somebody typed.
    ///
    /// # Errors
    /// When one of them cannot be read; the error names it and where it comes from.
    pub fn typed(flags: &Flags, repo: &Repo, project: &Build) -> Result<Self> {
        Asked { flags, repo, project: Some(project) }.all()
    }

    /// For what happens by itself: the user's own git configuration, never a file that can be fetched.
    ///
    /// # Errors
    /// When one of them cannot be read; the error names it.
    pub fn automatic(repo: &Repo) -> Result<Self> {
        Asked { flags: &Flags::default(), repo, project: None }.all()
    }
}

/// A text and where it comes from.
type Found = Option<(String, String)>;

struct Asked<'a> {
    flags: &'a Flags,
    repo: &'a Repo,
    project: Option<&'a Build>,
}

impl Asked<'_> {
    fn all(&self) -> Result<Places> {
        let (flags, project) = (self.flags, self.project);
        let listed = |project: &Build| Some(project.substituters.join(",")).filter(|list| !list.is_empty());
        let one = |text: &str| StoreUrl::parse(text).map(Some);
        let store = self.found("store", flags.store.as_ref(), project.and_then(|p| p.store.clone()));
        let substituters = self.found("substituters", flags.substituters.as_ref(), project.and_then(listed));
        let push_cache =
            self.found("push-cache", flags.push_cache.as_ref(), project.and_then(|p| p.push_cache.clone()));
        let builders = self.found("builders", flags.builders.as_ref(), project.and_then(|p| p.builders.clone()));
        Ok(Places {
            builders: builders.map(|found| read(&found, Builders::parse)).transpose()?,
            store: read_or_none(store, one)?,
            substituters: read_or_none(substituters, StoreUrl::parse_list)?,
            push_cache: read_or_none(push_cache, one)?,
        })
    }

    fn found(&self, name: &str, flag: Option<&String>, project: Option<String>) -> Found {
        let flag = || flag.map(|text| (text.clone(), format!("`--{name}`")));
        let user = || {
            Some((self.repo.config(&format!("lattice.{name}"))?, format!("`lattice.{name}` in git's configuration")))
        };
        let project = || Some((project?, format!("`[build] {name}` in lattice.toml")));
        flag().or_else(user).or_else(project)
    }
}

fn read<T>((text, origin): &(String, String), parse: impl Fn(&str) -> Result<T, BadPlace>) -> Result<T> {
    parse(text).with_context(|| format!("could not use {origin}"))
}

fn read_or_none<T: Default>(found: Found, parse: impl Fn(&str) -> Result<T, BadPlace>) -> Result<T> {
    found.filter(|(text, _)| !text.trim().is_empty()).map_or_else(|| Ok(T::default()), |found| read(&found, parse))
}
