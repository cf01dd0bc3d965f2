//! Which other machines a build uses: what the command line says, else git's configuration, else what lattice.toml proposes and the
//! user allowed.
//!
//! lattice.toml counts only for builds that the user types: a build that starts by itself goes nowhere that the user's own
//! configuration does not name.

use anyhow::{Context as _, Result};

use crate::git::Repo;
use crate::nix::{BadPlace, Builders, NotShareable, StoreUrl};
use crate::ops::trust::{Refused, Settings};

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

/// The other machines of a build that the user typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// Those that are used.
    pub places: Places,
    /// Keys of lattice.toml that would have counted and do not, for the user did not allow them.
    pub unused: Vec<&'static str>,
}

impl Places {
    /// For what the user typed.
    ///
    /// # Errors
    /// When one of them cannot be read, or lattice.toml says what no shared file may say; the error names it and where it comes from.
    pub fn typed(flags: &Flags, repo: &Repo, shared: &Settings) -> Result<Typed> {
        let mut asked = Asked { flags, repo, shared: Some(shared), unused: Vec::new() };
        let places = asked.all()?;
        Ok(Typed { places, unused: asked.unused })
    }

    /// For what happens by itself: the user's own git configuration, never a file that can be fetched.
    ///
    /// # Errors
    /// When one of them cannot be read; the error names it.
    pub fn automatic(repo: &Repo) -> Result<Self> {
        Asked { flags: &Flags::default(), repo, shared: None, unused: Vec::new() }.all()
    }
}

struct Asked<'a> {
    flags: &'a Flags,
    repo: &'a Repo,
    shared: Option<&'a Settings>,
    unused: Vec<&'static str>,
}

impl Asked<'_> {
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

    /// The user's word for a key, else lattice.toml's, which is read strictly and used only when it was allowed.
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
