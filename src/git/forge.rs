//! The websites of remotes: where they show a branch.

use crate::text::percent_encoded;

/// What comes between the repository and the branch in the address of a page, by host; `*` stands for any domain.
const PAGES: [(&str, &str); 9] = [
    ("github.com", "tree"),
    ("github.*", "tree"),
    ("gitlab.com", "-/tree"),
    ("gitlab.*", "-/tree"),
    ("codeberg.org", "src/branch"),
    ("forgejo.*", "src/branch"),
    ("gitea.*", "src/branch"),
    ("git.sr.ht", "tree"),
    ("bitbucket.org", "src"),
];

/// The page of a branch of the remote with this URL; `None` for a host that is not known to have one.
pub fn branch_page(url: &str, branch: &str) -> Option<String> {
    let (host, path) = location(url)?;
    let is_host = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => host.starts_with(start),
        None => host == pattern,
    };
    let (_, page) = PAGES.iter().find(|(pattern, _)| is_host(pattern))?;
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    if path.is_empty() || !path.chars().all(is_plain) || path.split('/').any(|part| part == "..") {
        return None;
    }
    Some(format!("https://{host}/{path}/{page}/{}", percent_encoded(branch.as_bytes())))
}

/// The host and path of a URL, or of git's short form `USER@HOST:PATH`. User, password and port are left out.
fn location(url: &str) -> Option<(String, &str)> {
    let (authority, path) = match url.split_once("://") {
        Some(("https" | "http" | "ssh" | "git" | "git+ssh" | "ssh+git", rest)) => rest.split_once('/')?,
        Some(_) => return None,
        None => url.split_once(':')?,
    };
    let host = authority.rsplit('@').next()?.split(':').next()?.to_ascii_lowercase();
    let is_host = host.contains('.') && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    is_host.then_some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_pages_of_forges() {
        let branch = "feature/a+b/step1";
        for (url, page) in [
            ("https://github.com/ada/hello.git", "https://github.com/ada/hello/tree/feature/a%2Bb/step1"),
            ("git@github.com:ada/hello.git", "https://github.com/ada/hello/tree/feature/a%2Bb/step1"),
            ("ssh://git@gitlab.example.org:2222/g/s/p", "https://gitlab.example.org/g/s/p/-/tree/feature/a%2Bb/step1"),
            (
                "https://u:secret@codeberg.org/ada/hello/",
                "https://codeberg.org/ada/hello/src/branch/feature/a%2Bb/step1",
            ),
            ("git@git.sr.ht:~ada/hello", "https://git.sr.ht/~ada/hello/tree/feature/a%2Bb/step1"),
        ] {
            assert_eq!(branch_page(url, branch).as_deref(), Some(page), "{url}");
        }
    }

    #[test]
    fn other_remotes_have_none() {
        for url in [
            "/srv/git/hello.git",
            "file:///srv/hello",
            "../remote.git",
            "git@example.org:a/b",
            "https://github.com",
            "https://github.com/",
            "https://github.com/a/../../b",
            "https://github.com/a/\u{1b}b",
            "https://github.com.evil.example\u{e9}/a/b",
            "ext::sh -c x",
        ] {
            assert_eq!(branch_page(url, "b"), None, "{url}");
        }
    }
}
