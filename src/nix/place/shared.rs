//! Stores and builders named in a shared file: lattice.toml, which any contributor may have pushed.
//!
//! Nix's parser of these texts differs between versions, and many store parameters name a program, file or credential of *this*
//! machine: `ssh://localhost?remote-program=/any/program` runs that program without ssh. So only a listed subset is accepted, in a
//! grammar that all versions read the same way: `SCHEME://HOST[:PORT][/PATH][?KEY=VALUE&..]` without percent-encoding, with the schemes
//! and parameters below. Source: the `*-store-config` files of Nix's libstore.

use super::{BadPlace, Builders, StoreUrl};

/// Schemes whose URLs mean the same on every machine. Left out: `auto`, `daemon`, `unix:`, `local` and paths (a daemon or store of this
/// machine), `mounted-ssh-ng:` and `local-overlay:` (directories of this machine).
const SCHEMES: [&str; 6] = ["ssh", "ssh-ng", "https", "http", "s3", "file"];

/// Parameters that select no program, file, credential, trust or other store.
const PARAMETERS: [&str; 20] = [
    "addressing-style",
    "buffer-size",
    "compress",
    "compression",
    "compression-level",
    "endpoint",
    "index-debug-info",
    "log-compression",
    "ls-compression",
    "max-connection-age",
    "max-connections",
    "multipart-upload",
    "narinfo-compression",
    "parallel-compression",
    "path-info-cache-size",
    "priority",
    "region",
    "scheme",
    "want-mass-query",
    "write-nar-listing",
];

/// The fields of a builder line after its URI (`src/libstore/machines.cc`).
const FIELDS: [(&str, Field); 7] = [
    ("systems", Field::Names),
    ("ssh key", Field::Unset),
    ("jobs", Field::Number),
    ("speed factor", Field::Number),
    ("features", Field::Names),
    ("mandatory features", Field::Names),
    ("public host key", Field::Unset),
];

#[derive(Clone, Copy)]
enum Field {
    Names,
    Number,
    /// A file of this machine or a trusted key: must be unset.
    Unset,
}

/// Why a shared file may not name this store or builder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotShareable {
    /// The text is invalid anyway.
    #[error(transparent)]
    Bad(#[from] BadPlace),
    /// The parameter is not on the list.
    #[error("`{place}` has the parameter `{parameter}`, which a shared file may not set")]
    Parameter {
        /// The text.
        place: String,
        /// The parameter.
        parameter: String,
    },
    /// A store of this machine, or of an unknown kind.
    #[error("`{place}` is not another machine or a cache: a shared file may use {}", SCHEMES.map(|scheme| format!("{scheme}://")).join(", "))]
    Scheme {
        /// The text.
        place: String,
    },
    /// A part contains other than plain characters.
    #[error("`{place}` has the {part} `{text}`, which a shared file may not have")]
    Part {
        /// The whole text.
        place: String,
        /// The name of the part.
        part: &'static str,
        /// The part.
        text: String,
    },
    /// A field of a builder line names more than which machine builds what.
    #[error("the builder line `{line}` has the {field} `{text}`, which a shared file may not have")]
    Field {
        /// The line.
        line: String,
        /// The name of the field.
        field: &'static str,
        /// The field.
        text: String,
    },
    /// A builder line that includes a file.
    #[error("`{line}` names a file of this machine, which a shared file may not do")]
    File {
        /// The line.
        line: String,
    },
}

impl StoreUrl {
    /// Parses a store URL from a shared file.
    ///
    /// # Errors
    /// When it names no remote store or cache, or selects more than its location.
    pub fn shared(text: &str) -> Result<Self, NotShareable> {
        let url = Self::parse(text)?;
        Url::split(url.as_str())?.check()?;
        Ok(url)
    }
}

impl Builders {
    /// Parses builder lines from a shared file; the empty text means no builders.
    ///
    /// # Errors
    /// When a line names a file, a key, or more than which machine builds what.
    pub fn shared(text: &str) -> Result<Self, NotShareable> {
        let builders = Self::parse(text)?;
        let mut lines = builders.as_str().split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty());
        lines.try_for_each(check_line)?;
        Ok(builders)
    }
}

fn check_line(line: &str) -> Result<(), NotShareable> {
    if line.starts_with('@') {
        return Err(NotShareable::File { line: line.to_owned() });
    }
    let mut words = line.split_whitespace();
    let uri = words.next().unwrap_or_default();
    let url = Url::split(uri)?;
    if !url.is_ssh() {
        return Err(NotShareable::Scheme { place: uri.to_owned() });
    }
    url.check()?;
    for (index, text) in words.enumerate() {
        let (field, kind) = FIELDS.get(index).copied().unwrap_or(("further field", Field::Unset));
        if !kind.takes(text) {
            return Err(NotShareable::Field { line: line.to_owned(), field, text: text.to_owned() });
        }
    }
    Ok(())
}

impl Field {
    fn takes(self, text: &str) -> bool {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.,".contains(c);
        match self {
            _ if text == "-" => true,
            Self::Names => text.chars().all(is_name),
            Self::Number => text.chars().all(|c| c.is_ascii_digit() || c == '.'),
            Self::Unset => false,
        }
    }
}

/// A URL split into its parts.
struct Url<'a> {
    text: &'a str,
    scheme: &'a str,
    authority: &'a str,
    /// The path with its leading `/`, or empty.
    path: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Url<'a> {
    fn split(text: &'a str) -> Result<Self, NotShareable> {
        let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| SCHEMES.contains(scheme)) else {
            return Err(NotShareable::Scheme { place: text.to_owned() });
        };
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let parameters = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
        Ok(Self { text, scheme, authority, path, parameters })
    }

    fn is_ssh(&self) -> bool {
        matches!(self.scheme, "ssh" | "ssh-ng")
    }

    fn check(&self) -> Result<(), NotShareable> {
        let place = || self.text.to_owned();
        if let Some((key, _)) = self.parameters.iter().find(|(key, _)| !PARAMETERS.contains(key)) {
            return Err(NotShareable::Parameter { place: place(), parameter: (*key).to_owned() });
        }
        let is_value = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
        let values = self.parameters.iter().map(|(_, value)| ("parameter value", *value, value.chars().all(is_value)));
        let others = [("host", self.authority, self.has_host()), ("path", self.path, self.has_path())];
        match values.chain(others).find(|(_, _, is_good)| !is_good) {
            Some((part, text, _)) => Err(NotShareable::Part { place: place(), part, text: text.to_owned() }),
            None => Ok(()),
        }
    }

    /// Checks `[USER@]HOST[:PORT]`: a user only for ssh, no host for `file`.
    fn has_host(&self) -> bool {
        let is_word =
            |text: &str| !text.starts_with('-') && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        let (user, rest) = match self.authority.split_once('@') {
            Some((user, rest)) if self.is_ssh() && !user.is_empty() => (user, rest),
            Some(_) => return false,
            None => ("", self.authority),
        };
        let (host, port) = split_port(rest);
        let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(ip) => !ip.is_empty() && ip.chars().all(|c| c.is_ascii_hexdigit() || c == ':' || c == '.'),
            None => is_word(host) && host.is_empty() == (self.scheme == "file"),
        };
        is_word(user) && is_host && port.is_none_or(|port| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()))
    }

    /// Checks the path: empty for ssh, where old versions take it as part of the host; absolute for `file`.
    fn has_path(&self) -> bool {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-~+,=/".contains(c);
        let climbs = self.path.split('/').any(|part| matches!(part, "." | ".."));
        match self.scheme {
            "ssh" | "ssh-ng" => self.path.is_empty(),
            "file" => self.path.len() > 1 && self.path.chars().all(is_plain) && !climbs,
            _ => self.path.chars().all(is_plain) && !climbs,
        }
    }
}

/// Splits host and port; the colons of `[::1]` belong to the host.
fn split_port(text: &str) -> (&str, Option<&str>) {
    let end = text.rfind(']').map_or(0, |at| at + 1);
    match text[end..].split_once(':') {
        Some((rest, port)) => (&text[..end + rest.len()], Some(port)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_machines_and_caches() {
        for text in [
            "ssh-ng://ada@far.example.org:2222?compress=true&max-connections=4",
            "ssh://localhost",
            "ssh-ng://[2001:db8::1]:22",
            "https://cache.example.org/a/b?priority=10",
            "s3://bucket?region=eu-west-1&endpoint=minio.example.org:9000&scheme=https",
            "file:///srv/cache",
        ] {
            assert_eq!(StoreUrl::shared(text).unwrap().as_str(), text);
        }
        let lines = "ssh-ng://a x86_64-linux,aarch64-linux - 4 1.5 kvm,big-parallel - -\nssh://b - ; ssh://c";
        assert_eq!(Builders::shared(lines).unwrap().as_str(), lines);
        assert!(Builders::shared("").is_ok());
    }

    #[test]
    fn refuses_parameters_that_are_not_on_the_list() {
        for (parameter, place) in [
            ("remote-program", "ssh://localhost?remote-program=/x"),
            ("remote-program", "ssh-ng://a?compress=true&remote-program=/x"),
            ("Remote-Program", "ssh-ng://a?Remote-Program=/x"),
            ("remote%2dprogram", "ssh-ng://a?remote%2dprogram=/x"),
            ("remote%2Dprogram", "ssh-ng://a?remote%2Dprogram=/x"),
            ("ssh-key", "ssh-ng://a?ssh-key=/k"),
            ("secret-key", "file:///c?secret-key=/k"),
            ("local-nar-cache", "https://c?local-nar-cache=/home"),
            ("trusted", "https://c?trusted=true"),
            ("base64-ssh-public-host-key", "ssh-ng://a?base64-ssh-public-host-key=AAAA"),
            ("remote-store", "ssh-ng://a?remote-store=local"),
            ("profile", "s3://c?profile=root"),
            ("root", "file:///c?root=/x"),
            ("x?remote-program", "ssh-ng://a?x?remote-program=/x"),
            ("", "ssh-ng://a?=x"),
        ] {
            let (place, parameter) = (place.to_owned(), parameter.to_owned());
            let found = StoreUrl::shared(&place);
            assert_eq!(found, Err(NotShareable::Parameter { place: place.clone(), parameter }), "`{place}`");
            if place.starts_with("ssh") {
                assert!(Builders::shared(&format!("ssh://good;{place} x86_64-linux")).is_err(), "`{place}`");
            }
        }
    }

    #[test]
    fn refuses_stores_of_this_machine() {
        for text in [
            "auto",
            "daemon",
            "local",
            "local?root=/x",
            "/mnt/store",
            "./x",
            "unix:///run/socket",
            "local://",
            "mounted-ssh-ng://a",
            "local-overlay://",
            "dummy://",
            "SSH://a",
            "ssh:a",
            "ssh",
            "ssh+x://a",
            "channel:x",
        ] {
            assert_eq!(StoreUrl::shared(text), Err(NotShareable::Scheme { place: text.to_owned() }));
            assert!(Builders::shared(&format!("{text} x86_64-linux")).is_err(), "`{text}`");
        }
    }

    #[test]
    fn refuses_what_versions_of_nix_read_differently() {
        for text in [
            "ssh://",
            "ssh://a/b",
            "ssh://a%3Fremote-program=/x",
            "ssh://a#?remote-program=/x",
            "ssh://a,ssh://b",
            "ssh://a\\b",
            "ssh://$(x)",
            "ssh://-oProxyCommand=x",
            "ssh://ada@-x",
            "ssh://ada@b@c",
            "ssh://@a",
            "ssh://a:",
            "ssh://a:22:33",
            "ssh://[::1",
            "https://ada:word@c",
            "https://c/%2e%2e/x",
            "https://c/../x",
            "https://c#x",
            "file://host/x",
            "file://",
            "file:///",
            "file:///a/../b",
            "s3://c?endpoint=http%3A%2F%2Fx",
            "ssh://\u{430}",
            "ssh://a b",
            "",
        ] {
            assert!(StoreUrl::shared(text).is_err(), "`{text}`");
        }
    }

    #[test]
    fn refuses_lines_with_files_and_keys() {
        for line in [
            "@/etc/nix/machines",
            "ssh://a;@/etc/nix/machines",
            "ssh://a;  @x",
            "ssh://a x86_64-linux /home/ada/.ssh/key",
            "ssh://a x86_64-linux ~/key 1 1",
            "ssh://a x86_64-linux - 1 1 - - c3NoLWVk",
            "ssh://a x86_64-linux - 1 1 - - - -x",
            "ssh://a x86_64-linux - $(x)",
            "ssh://a # ;@/etc/nix/machines",
            "ada@a x86_64-linux",
            "https://c x86_64-linux",
            "a",
        ] {
            assert!(Builders::shared(line).is_err(), "`{line}`");
        }
        let error = Builders::shared("ssh://a x86_64-linux /k").unwrap_err().to_string();
        assert_eq!(
            error,
            "the builder line `ssh://a x86_64-linux /k` has the ssh key `/k`, which a shared file may not have"
        );
    }
}
