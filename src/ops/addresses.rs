//! Where to read about points: the pages of their branches on the remote's website, and the logs of their builds.

use std::path::PathBuf;

use super::builds;
use crate::config::Config;
use crate::git::{Repo, forge};
use crate::points::status::PointStatus;

/// Where a repository has pages and logs.
pub struct Addresses<'a> {
    repo: &'a Repo,
    /// The URL of the remote.
    url: Option<String>,
}

impl<'a> Addresses<'a> {
    /// The addresses in a repository.
    pub fn of(repo: &'a Repo, config: &Config) -> Self {
        let url = config.remote.as_ref().and_then(|remote| repo.config(&format!("remote.{remote}.url")));
        Self { repo, url }
    }

    /// The URL of the remote that has the point.
    pub(super) fn remote_url(&self, status: &PointStatus) -> Option<&str> {
        self.url.as_deref().filter(|_| status.pushed)
    }

    /// The page of the point's branch on the remote's website, if it is pushed there.
    pub fn page(&self, status: &PointStatus) -> Option<String> {
        self.remote_url(status).and_then(|url| forge::branch_page(url, &status.named.names().branch))
    }

    /// The existing logs of the point's key in this clone.
    pub fn logs(&self, status: &PointStatus) -> Vec<PathBuf> {
        let log = |key| status.systems.iter().map(move |system| builds::log_path(self.repo, key, system));
        status.key.into_iter().flat_map(log).filter(|log| log.exists()).collect()
    }
}
