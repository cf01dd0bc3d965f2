//! What a survey starts from: a census, the cache, and a scan of the records that are not in the cache.

use std::thread;

use anyhow::Result;

use super::cache::Cache;
use super::census::Census;
use crate::config::Config;
use crate::git::Repo;
use crate::record::Records;
use crate::record::store::Scanning;

/// The cache, and the records at the time of opening.
pub struct Start<'r> {
    /// The cache.
    pub(super) cache: Cache,
    /// The records.
    pub(super) records: Records<'r>,
    /// The scan of the notes whose judgement is not in the cache; `None` if all are.
    pub(super) scanning: Option<Scanning>,
}

impl<'r> Start<'r> {
    /// Load the cache, and find the notes to be read.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn of(repo: &'r Repo, config: &Config) -> Result<Self> {
        let (cache, records) = (Cache::load(repo, config), Records::open(repo)?);
        let scanning = cache.start_scan(&records);
        Ok(Self { cache, records, scanning })
    }

    /// Like [`Self::of`], while another thread takes the census: both take about as long.
    ///
    /// # Errors
    /// When refs cannot be read.
    pub fn with_census(repo: &'r Repo, config: &Config) -> Result<(Census, Self)> {
        let twin = repo.reading_once();
        let (census, start) = thread::scope(|scope| {
            let census = thread::Builder::new().spawn_scoped(scope, move || Census::take(&twin, config));
            let start = Self::of(repo, config);
            let join = |census: thread::ScopedJoinHandle<'_, _>| {
                census.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            // Without a thread, this one takes it.
            (census.map_or_else(|_| Census::take(repo, config), join), start)
        });
        Ok((census?, start?))
    }
}
