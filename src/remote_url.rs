//! URLs of git remotes, which may have logins and tokens: these are for this machine only.

/// Characters that end a URL within a text.
const ENDS: [char; 6] = ['\'', '"', '`', '<', '>', ','];

/// The name of the repository with this URL or path; `None` if the URL has no path, or is not understood.
pub fn repository_name(url: &str) -> Option<&str> {
    let parts = url.split_once("://");
    if parts.map_or(url, |(scheme, _)| scheme).contains("::") {
        // A helper with arguments of its own (gitremote-helpers(7)).
        return None;
    }
    let path = match parts {
        Some((_, rest)) => rest[..rest.find(['?', '#']).unwrap_or(rest.len())].split_once('/')?.1,
        None => url,
    };
    let name = path.trim_end_matches('/').rsplit(['/', ':']).next()?;
    let name = name.strip_suffix(".git").unwrap_or(name);
    (!name.is_empty() && !name.contains('@')).then_some(name)
}

/// The host with its port, and the path after the first `/`, of what follows `://` in a URL; the login is left out, except that `ssh`
/// needs the user. `None` if a `/` of a password may have cut it in two.
pub fn without_login(rest: &str, is_ssh: bool) -> Option<String> {
    let (authority, path) = rest.split_once('/')?;
    let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if !has_port_or_none(host) || path.match_indices('@').any(|(at, _)| !path[..at].ends_with('/') && at > 0) {
        return None;
    }
    let user = login.split(':').next().filter(|user| is_ssh && !user.is_empty());
    Some(format!("{}{host}/{path}", user.map(|user| format!("{user}@")).unwrap_or_default()))
}

/// Replaces the logins in the URLs of a text, and the queries of websites, which may have tokens.
pub fn without_secrets(text: &str) -> String {
    let (mut safe, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        let end = url.find(|c: char| c.is_whitespace() || ENDS.contains(&c)).unwrap_or(url.len());
        let is_website = before.ends_with("http://") || before.ends_with("https://");
        safe += before;
        safe += &hidden(&url[..end], is_website);
        rest = &url[end..];
    }
    safe + rest
}

fn hidden(url: &str, is_website: bool) -> String {
    let authority = &url[..url.find(['/', '?', '#']).unwrap_or(url.len())];
    // A password may have the characters that end an authority.
    let login = match authority.rfind('@') {
        None if !has_port_or_none(authority) => url.rfind('@'),
        at => at,
    };
    let (login, url) = url.split_at(login.map_or(0, |at| at + 1));
    let login = if !login.is_empty() && (is_website || login.contains(':')) { "***@" } else { login };
    match url.split_once('?').filter(|_| is_website) {
        Some((url, _)) => format!("{login}{url}?***"),
        None => format!("{login}{url}"),
    }
}

/// Whether a host has no port, or one that is a number.
fn has_port_or_none(host: &str) -> bool {
    let after = host.rsplit(']').next().unwrap_or(host);
    after.split_once(':').is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_the_last_part_of_the_path() {
        for url in [
            "/srv/hello",
            "../hello.git/",
            "git@example.org:hello.git",
            "git@example.org:ada/hello",
            "ssh://git@[::1]/hello",
            "https://u:SECRET@example.org:8080/ada/hello.git?token=SE/CRET",
        ] {
            assert_eq!(repository_name(url), Some("hello"), "{url}");
        }
        for url in [
            "https://u:SECRET@example.org/",
            "https://u:SEC/RET@example.org",
            "u:SECRET@h",
            "ext::sh -c \"x/SECRET\"",
            "/",
        ] {
            assert_eq!(repository_name(url), None, "{url}");
        }
    }

    #[test]
    fn login_is_left_out() {
        let of = |url, is_ssh| without_login(url, is_ssh);
        assert_eq!(of("u:p@h:80/a/@b", false).as_deref(), Some("h:80/a/@b"));
        assert_eq!(of("git:p@h/a", true).as_deref(), Some("git@h/a"));
        assert_eq!(of("[::1]:22/a", true).as_deref(), Some("[::1]:22/a"));
        for url in ["u:SEC/RET@h/a", "u:12/RET@h/a", "h"] {
            assert_eq!(of(url, false), None, "{url}");
        }
    }

    #[test]
    fn secrets_are_hidden_in_texts() {
        for (text, expected) in [
            ("'https://u:p@h/a?t=x/': no", "'https://***@h/a?***': no"),
            ("https://u:p/q?r@h/a, ssh://git@h/a", "https://***@h/a, ssh://git@h/a"),
            ("https://token@h/a ssh://git:p@h/a", "https://***@h/a ssh://***@h/a"),
            ("git+file:///a?rev=1 https://h:80/@a", "git+file:///a?rev=1 https://h:80/@a"),
        ] {
            assert_eq!(without_secrets(text), expected);
        }
    }
}
