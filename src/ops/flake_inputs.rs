//! Checks that the inputs of an untrusted flake come from the network and not from this machine.
//!
//! Nix copies an input such as `path:/etc/ssh` into the world-readable store before it finds out that it must not lock
//! it. No setting of Nix 2.8 or 2.34 prevents that, so this module reads the inputs without Nix. It accepts only what
//! it can read for certain: each input is a plain string, is locked as written (Nix takes a locked input from
//! flake.lock without looking at it again), and is locked to a network source.

use rnix::ast::{Attr, Attrpath, Entry, Expr, HasEntry, InterpolPart, Param, Str};
use serde_json::{Map, Value};

use crate::lint::parsed_shallow;

/// Why the inputs of a flake are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadInput {
    /// The inputs cannot be read without evaluating them.
    #[error("the inputs of `flake.nix` cannot be read without evaluating it: {0}")]
    Opaque(&'static str),
    /// An input is a path on this machine.
    #[error("input `{name}` is `{place}`, which is read from this machine")]
    Local {
        /// The input, or the node of flake.lock.
        name: String,
        /// The path.
        place: String,
    },
    /// An input is not locked as written, so Nix would fetch something else.
    #[error("input `{name}` is not in the lock file `flake.lock` as written in `flake.nix`")]
    Unlocked {
        /// The input.
        name: String,
    },
}

type Result<T> = std::result::Result<T, BadInput>;

/// The declared source of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Url(String),
    Follows,
}

/// Checks the bytes of a `flake.nix` and its `flake.lock`.
///
/// # Errors
/// When an input is, or may be, read from this machine.
pub fn check(flake: &[u8], lock: Option<&[u8]>) -> Result<()> {
    let inputs = inputs(flake)?;
    let Some((first, _)) = inputs.first() else { return Ok(()) };
    if let Some((name, place)) = inputs.iter().find_map(|(name, source)| Some((name, local(source)?))) {
        return Err(BadInput::Local { name: name.clone(), place });
    }
    let unlocked = |name: &String| BadInput::Unlocked { name: name.clone() };
    let lock: Value = lock.and_then(|bytes| serde_json::from_slice(bytes).ok()).ok_or_else(|| unlocked(first))?;
    let root = lock["root"].as_str().unwrap_or_default();
    for (name, source) in &inputs {
        let node = &lock["nodes"][root]["inputs"][name];
        let is_locked = match source {
            Source::Follows => node.is_array(),
            Source::Url(url) => node.as_str().is_some_and(|node| is_original(url, &lock["nodes"][node]["original"])),
        };
        if !is_locked {
            return Err(unlocked(name));
        }
    }
    let nodes = lock["nodes"].as_object().into_iter().flatten().filter(|(name, _)| *name != root);
    nodes.into_iter().try_for_each(|(name, node)| {
        let locked = &node["locked"];
        if is_remote(locked) {
            return Ok(());
        }
        let place = ["path", "url", "type"].into_iter().find_map(|key| locked[key].as_str()).unwrap_or("nothing");
        Err(BadInput::Local { name: name.clone(), place: place.to_owned() })
    })
}

/// The inputs by name: those that are declared, and further arguments of `outputs`, which Nix looks up in the registry.
fn inputs(flake: &[u8]) -> Result<Vec<(String, Source)>> {
    let text = std::str::from_utf8(flake).map_err(|_| BadInput::Opaque("it is not UTF-8"))?;
    let root = parsed_shallow(text).ok_or(BadInput::Opaque("it is nested too deeply"))?;
    let Some(Expr::AttrSet(set)) = root.tree().expr().filter(|_| root.errors().is_empty()) else {
        return Err(BadInput::Opaque("it is not an attribute set"));
    };
    let (mut leaves, mut taken) = (Vec::new(), Vec::new());
    for entry in set.entries() {
        let Entry::AttrpathValue(pair) = entry else { return Err(BadInput::Opaque("it has `inherit`")) };
        let (path, value) = (pair.attrpath().map_or_else(|| Ok(Vec::new()), |path| words(&path))?, pair.value());
        match (path.first().map(String::as_str), value) {
            (Some("inputs"), Some(value)) => read(&path[1..], &value, &mut leaves)?,
            (Some("outputs"), Some(Expr::Lambda(lambda))) => taken = arguments(lambda.param()),
            // Nix also accepts a function in parentheses, whose arguments are inputs too.
            (Some("outputs"), _) => return Err(BadInput::Opaque("`outputs` is not a plain function")),
            _ => {}
        }
    }
    let mut inputs: Vec<(String, Source)> = Vec::new();
    for (path, source) in leaves {
        match path.as_slice() {
            [name, key] if key == "url" || key == "follows" => inputs.push((name.clone(), source)),
            [_, key] if key == "flake" => {}
            [_, rest @ ..] if rest.last().is_some_and(|key| key == "follows") => {}
            _ => return Err(BadInput::Opaque("an input has more than `url`, `flake` and `follows`")),
        }
    }
    for name in taken.into_iter().filter(|name| name != "self") {
        if inputs.iter().all(|(known, _)| *known != name) {
            inputs.push((name.clone(), Source::Url(name)));
        }
    }
    Ok(inputs)
}

fn arguments(param: Option<Param>) -> Vec<String> {
    let Some(Param::Pattern(pattern)) = param else { return Vec::new() };
    pattern.pat_entries().filter_map(|entry| Some(entry.ident()?.to_string())).collect()
}

/// Collects the strings within `inputs`, each with its attribute path.
fn read(path: &[String], value: &Expr, leaves: &mut Vec<(Vec<String>, Source)>) -> Result<()> {
    match value {
        Expr::AttrSet(set) if set.rec_token().is_none() => {
            for entry in set.entries() {
                let Entry::AttrpathValue(pair) = entry else { return Err(BadInput::Opaque("an input has `inherit`")) };
                let more = pair.attrpath().map_or_else(|| Ok(Vec::new()), |path| words(&path))?;
                let value = pair.value().ok_or(BadInput::Opaque("an input has no value"))?;
                read(&[path, &more].concat(), &value, leaves)?;
            }
            Ok(())
        }
        Expr::Str(text) => {
            let text = plain(text)?;
            let follows = path.last().is_some_and(|key| key == "follows");
            leaves.push((path.to_vec(), if follows { Source::Follows } else { Source::Url(text) }));
            Ok(())
        }
        Expr::Ident(word) if matches!(word.to_string().as_str(), "true" | "false") => {
            leaves.push((path.to_vec(), Source::Follows));
            Ok(())
        }
        _ => Err(BadInput::Opaque("an input is not a plain string")),
    }
}

fn words(path: &Attrpath) -> Result<Vec<String>> {
    let word = |attr: Attr| match attr {
        Attr::Ident(word) => Ok(word.to_string()),
        Attr::Str(text) => plain(&text),
        Attr::Dynamic(_) => Err(BadInput::Opaque("an attribute has no fixed name")),
    };
    path.attrs().map(word).collect()
}

fn plain(text: &Str) -> Result<String> {
    let part = |part| match part {
        InterpolPart::Literal(text) => Ok(text),
        InterpolPart::Interpolation(_) => Err(BadInput::Opaque("an input is not a plain string")),
    };
    text.normalized_parts().into_iter().map(part).collect()
}

/// The path on this machine that an input names, if it is one.
fn local(source: &Source) -> Option<String> {
    let Source::Url(url) = source else { return None };
    let is_local = url.starts_with(['/', '.', '~']) || url.starts_with("path:") || url.contains("file:");
    is_local.then(|| url.clone())
}

/// URL schemes of flakes that come from the network.
const NETWORK_SCHEMES: [&str; 11] = [
    "flake",
    "git+http",
    "git+https",
    "git+ssh",
    "github",
    "gitlab",
    "http",
    "https",
    "sourcehut",
    "tarball+http",
    "tarball+https",
];

/// Whether a flake reference certainly comes from the network: a registry name, or a known scheme.
pub fn is_network(url: &str) -> bool {
    match url.split_once(':') {
        Some((scheme, _)) => NETWORK_SCHEMES.contains(&scheme),
        None => url.starts_with(|c: char| c.is_ascii_alphanumeric()),
    }
}

/// Whether `original` in flake.lock is this flake reference; unknown forms are not accepted.
fn is_original(url: &str, original: &Value) -> bool {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let mut expected = Map::new();
    let mut put = |key: &str, value: &str| drop(expected.insert(key.to_owned(), Value::from(value)));
    let (scheme, rest) = place.split_once(':').unwrap_or(("indirect", place));
    let parts: Vec<&str> = rest.split('/').collect();
    match (scheme, parts.as_slice()) {
        ("github" | "gitlab" | "sourcehut", [owner, repo, version @ ..]) if version.len() <= 1 => {
            put("type", scheme);
            put("owner", owner);
            put("repo", repo);
            version.iter().for_each(|version| put(version_key(version), version));
        }
        ("indirect" | "flake", [id, version @ ..]) if version.len() <= 1 => {
            put("type", "indirect");
            put("id", id);
            version.iter().for_each(|version| put(version_key(version), version));
        }
        ("git+https" | "git+http" | "git+ssh", _) => {
            put("type", "git");
            put("url", place.trim_start_matches("git+"));
        }
        ("https" | "http", _) => {
            let kind = original["type"].as_str().filter(|kind| matches!(*kind, "tarball" | "file"));
            put("type", kind.unwrap_or("tarball"));
            put("url", place);
        }
        _ => return false,
    }
    query.split('&').filter_map(|pair| pair.split_once('=')).for_each(|(key, value)| put(key, value));
    original.as_object() == Some(&expected)
}

/// `rev` for a commit (40 hexadecimal digits), `ref` for a branch or tag.
fn version_key(version: &str) -> &'static str {
    let is_commit = version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit { "rev" } else { "ref" }
}

/// Whether a locked source is on the network.
fn is_remote(locked: &Value) -> bool {
    let url = locked["url"].as_str().unwrap_or_default();
    let has_scheme = |schemes: &[&str]| schemes.iter().any(|scheme| url.starts_with(scheme));
    match locked["type"].as_str() {
        Some("github" | "gitlab" | "sourcehut") => true,
        Some("git" | "hg") => has_scheme(&["https://", "http://", "ssh://"]),
        Some("tarball" | "file") => has_scheme(&["https://", "http://"]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"{"nodes":{"root":{"inputs":{"nixpkgs":"n","same":["nixpkgs"]}},
        "n":{"original":{"owner":"NixOS","ref":"nixos-unstable","repo":"nixpkgs","type":"github"},"locked":{"type":"github"}}},"root":"root"}"#;

    fn checked(inputs: &str, lock: &str) -> Result<()> {
        check(format!("{{ {inputs} outputs = {{ self, ... }}: {{ }}; }}").as_bytes(), Some(lock.as_bytes()))
    }

    #[test]
    fn accepts_inputs_locked_as_written() {
        let nixpkgs = "inputs.nixpkgs.url = \"github:NixOS/nixpkgs/nixos-unstable\";";
        assert_eq!(checked("", ""), Ok(()), "no inputs need no lock");
        assert_eq!(checked(nixpkgs, LOCK), Ok(()));
        assert_eq!(checked(&format!("{nixpkgs} inputs.same.follows = \"nixpkgs\";"), LOCK), Ok(()));
        let set = "inputs = { nixpkgs = { url = \"github:NixOS/nixpkgs/nixos-unstable\"; flake = true; }; };";
        assert_eq!(checked(set, LOCK), Ok(()));
        let other = nixpkgs.replace("nixos-unstable", "evil");
        assert_eq!(checked(&other, LOCK), Err(BadInput::Unlocked { name: "nixpkgs".to_owned() }));
        assert_eq!(checked(nixpkgs, "{"), Err(BadInput::Unlocked { name: "nixpkgs".to_owned() }));
    }

    #[test]
    fn refuses_local_inputs() {
        for url in ["path:/etc", "/etc", "./x", "git+file:///home", "file:///etc/passwd", "tarball+file:///x", "~/x"] {
            let found = checked(&format!("inputs.x.url = \"{url}\";"), LOCK);
            assert_eq!(found, Err(BadInput::Local { name: "x".to_owned(), place: url.to_owned() }));
        }
        let nixpkgs = "inputs.nixpkgs.url = \"github:NixOS/nixpkgs/nixos-unstable\";";
        for locked in [r#"{"type":"path","path":"/etc"}"#, r#"{"type":"git","url":"file:///x"}"#, "{}"] {
            let lock = LOCK.replace(r#"{"type":"github"}"#, locked);
            assert!(matches!(checked(nixpkgs, &lock), Err(BadInput::Local { .. })), "{locked}");
        }
    }

    #[test]
    fn refuses_unclear_inputs() {
        for inputs in [
            "inputs.x = { type = \"path\"; path = \"/etc\"; };",
            "inputs.${\"x\"}.url = \"path:/etc\";",
            "inputs.x.url = \"path:${\"/etc\"}\";",
            "inputs.x.url = /etc;",
            "inputs = rec { a = \"path:/etc\"; x.url = a; };",
            "inputs = let u = \"path:/etc\"; in { x.url = u; };",
            "inputs.x.inputs.y.url = \"path:/etc\";",
            "inherit (x) inputs;",
            "\"inputs\".x.type = \"path\";",
        ] {
            assert!(matches!(checked(inputs, LOCK), Err(BadInput::Opaque(_))), "{inputs}");
        }
        let taken = b"{ outputs = { self, secret }: { }; }";
        assert_eq!(check(taken, None), Err(BadInput::Unlocked { name: "secret".to_owned() }));
        let hidden = b"{ outputs = ({ self, secret }: { }); }";
        assert!(matches!(check(hidden, None), Err(BadInput::Opaque(_))));
    }
}
