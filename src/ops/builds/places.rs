//! Which other machines a build uses: from the command line, else from git's configuration, else from lattice.toml if
//! the user allowed it.
//!
//! lattice.toml counts only for builds that the user types. An automatic build uses only machines named in the user's
//! own configuration.

use anyhow::{Context as _, Result};

use crate::git::Repo;
use crate::nix::{BadPlace, Builders, NotShareable, StoreUrl};
use crate::ops::trust::{Refused, Settings};

/// Values from the command line. An empty text means "none" and overrides the configuration.
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

/// The machines of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Remote builders, instead of those in nix.conf.
    pub builders: Option<Builders>,
    /// The store to build in, instead of the one in nix.conf.
    pub store: Option<StoreUrl>,
    /// Caches to substitute from, in addition to those in nix.conf.
    pub substituters: Vec<StoreUrl>,
    /// The cache that results are copied to.
    pub push_cache: Option<StoreUrl>,
}

/// The machines of a build that the user typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// The machines that are used.
    pub places: Places,
    /// Keys of lattice.toml that are ignored because the user did not allow them.
    pub unused: Vec<&'static str>,
}

impl Places {
    /// Reads the machines for a build that the user typed.
    ///
    /// # Errors
    /// When a value is invalid, or lattice.toml has one that a shared file must not have. The error names the key and
    /// its source.
    pub fn typed(flags: &Flags, repo: &Repo, shared: &Settings) -> Result<Typed> {
        let mut asked = PlaceSources { flags, repo, shared: Some(shared), unused: Vec::new() };
        let places = asked.all()?;
        Ok(Typed { places, unused: asked.unused })
    }

    /// Reads the machines for an automatic build: from the user's git configuration only, never from a fetched file.
    ///
    /// # Errors
    /// When a value is invalid; the error names the key.
    pub fn automatic(repo: &Repo) -> Result<Self> {
        PlaceSources { flags: &Flags::default(), repo, shared: None, unused: Vec::new() }.all()
    }
}

struct PlaceSources<'a> {
    flags: &'a Flags,
    repo: &'a Repo,
    shared: Option<&'a Settings>,
    unused: Vec<&'static str>,
}

impl PlaceSources<'_> {
    fn all(&mut self) -> Result<Places> {
        let flags = self.flags;
        let shared = self.shared.map(|settings| settings.proposal().clone()).unwrap_or_default();
        let one = |text: &str| if is_empty(text) { Ok(None) } else { StoreUrl::parse(text).map(Some) };
        let shared_one = |text: String| if is_empty(&text) { Ok(None) } else { StoreUrl::shared(&text).map(Some) };
        let list = |list: Vec<String>| list.iter().map(|text| StoreUrl::shared(text)).collect();
        let substituters = Some(shared.substituters).filter(|list| !list.is_empty());
        Ok(Places {
            builders: {
                let parse = |text: &str| Builders::parse(text).map(Some);
                let shared_parse = |text: String| Builders::shared(&text).map(Some);
                self.found("builders", flags.builders.as_ref(), parse, shared.builders, shared_parse)?
            },
            store: self.found("store", flags.store.as_ref(), one, shared.store, shared_one)?,
            substituters: {
                let flag = flags.substituters.as_ref();
                self.found("substituters", flag, StoreUrl::parse_list, substituters, list)?
            },
            push_cache: self.found("push-cache", flags.push_cache.as_ref(), one, shared.push_cache, shared_one)?,
        })
    }

    /// The user's value of a key, else that of lattice.toml. The latter is parsed strictly and used only if allowed.
    fn found<T: Default, S>(
        &mut self,
        key: &'static str,
        flag: Option<&String>,
        parse: impl Fn(&str) -> Result<T, BadPlace>,
        shared: Option<S>,
        parse_shared: impl Fn(S) -> Result<T, NotShareable>,
    ) -> Result<T> {
        if let Some(text) = flag {
            return parse(text).with_context(|| format!("could not use `--{key}`"));
        }
        if let Some(text) = self.repo.config(&format!("lattice.{key}")) {
            return parse(&text).with_context(|| format!("could not use `lattice.{key}` in git's configuration"));
        }
        let Some(shared) = shared else { return Ok(T::default()) };
        let value = parse_shared(shared).map_err(|source| Refused::new(key, source))?;
        if self.shared.is_some_and(Settings::is_allowed) {
            return Ok(value);
        }
        self.unused.push(key);
        Ok(T::default())
    }
}

fn is_empty(text: &str) -> bool {
    text.trim().is_empty()
}
