//! The URLs of sources.

/// The schemes that Nix fetches in its sandbox.
const SCHEMES: [&str; 3] = ["http", "https", "ftp"];

/// Why a URL is not that of a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Nix cannot fetch it in its sandbox.
    #[error("`{url}` is not a URL that Nix fetches: expected one of {}", SCHEMES.join(", "))]
    Scheme {
        /// The URL.
        url: String,
    },
    /// It would publish a password. The text does not have it.
    #[error("`{0}` has a user or password, which config.toml would publish")]
    Login(String),
}

impl BadUrl {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Scheme { .. } => "download the file, then `git lattice source add FILE`".to_owned(),
            Self::Login(_) => {
                "leave it out of the URL; Nix reads it from the file of `netrc-file` in nix.conf".to_owned()
            }
        }
    }
}

/// Checks that Nix fetches the URL, and that it can be committed.
///
/// # Errors
/// [`BadUrl`].
pub fn ensure_source_url(url: &str) -> Result<(), BadUrl> {
    let parts = url.split_once("://").map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    let known = parts.filter(|(scheme, _)| SCHEMES.contains(&scheme.as_str()));
    let Some((scheme, rest)) = known else { return Err(BadUrl::Scheme { url: url.to_owned() }) };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => Err(BadUrl::Login(format!("{scheme}://***@{host}{path}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_sources_are_fetched_and_hold_no_secret() {
        for url in ["http://host/x", "HTTPS://host:8080/@scope/x?user@host", "ftp://host/x", "http://host#a@b"] {
            assert_eq!(ensure_source_url(url), Ok(()));
        }
        for url in ["file:///x", "x.tar.gz", "", "s3://bucket/x"] {
            assert_eq!(ensure_source_url(url), Err(BadUrl::Scheme { url: url.to_owned() }));
        }
        for login in ["user:secret", "token", "user:p@ss"] {
            let bad = ensure_source_url(&format!("http://{login}@host/x"));
            assert_eq!(bad, Err(BadUrl::Login("http://***@host/x".to_owned())));
        }
    }
}
