//! What Nix fetches for a flake before anything else, and whether all of it comes from elsewhere.
//!
//! An input such as `path:/etc/ssh` is copied into the store, which everybody can read, while Nix finds out that it may not lock it: no
//! setting of Nix 2.8 or 2.34 keeps it from that. So for what a stranger wrote this is found out without Nix. Only what can be read
//! for sure passes: each input is a plain text, is locked as it is written (Nix takes what is locked from flake.lock and does not look
//! at it again), and is locked to something on the network.

use rnix::ast::{Attr, Attrpath, Entry, Expr, HasEntry, InterpolPart, Param, Str};
use serde_json::{Map, Value};

use crate::lint::parsed_shallow;

/// Why a flake's inputs are not let through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadInput {
    /// It is not written so that it can be read without evaluating it.
    #[error("what `flake.nix` takes as inputs cannot be read for sure: {0}")]
    Strange(&'static str),
    /// It is a place of this machine.
    #[error("input `{name}` is `{place}`, which is read from this machine")]
    Local {
        /// The input, or the node of flake.lock.
        name: String,
        /// Where it is.
        place: String,
    },
    /// Nix would fetch something that nobody wrote down.
    #[error("input `{name}` is not in the lock file `flake.lock` as `flake.nix` has it")]
    Unlocked {
        /// The input.
        name: String,
    },
}

type Result<T> = std::result::Result<T, BadInput>;

/// What an input is said to be.
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

/// The inputs by name: those that are declared, and those that `outputs` takes besides, which the registry names.
fn inputs(flake: &[u8]) -> Result<Vec<(String, Source)>> {
    let text = std::str::from_utf8(flake).map_err(|_| BadInput::Strange("it is not UTF-8"))?;
    let root = parsed_shallow(text).ok_or(BadInput::Strange("it is nested too deeply"))?;
    let Some(Expr::AttrSet(set)) = root.tree().expr().filter(|_| root.errors().is_empty()) else {
        return Err(BadInput::Strange("it is no attribute set"));
    };
    let (mut leaves, mut taken) = (Vec::new(), Vec::new());
    for entry in set.entries() {
        let Entry::AttrpathValue(pair) = entry else { return Err(BadInput::Strange("it inherits")) };
        let (path, value) = (pair.attrpath().map_or_else(|| Ok(Vec::new()), |path| words(&path))?, pair.value());
        match (path.first().map(String::as_str), value) {
            (Some("inputs"), Some(value)) => read(&path[1..], &value, &mut leaves)?,
            (Some("outputs"), Some(Expr::Lambda(lambda))) => taken = arguments(lambda.param()),
            // In parentheses Nix sees the same function, with arguments that are inputs.
            (Some("outputs"), _) => return Err(BadInput::Strange("`outputs` is no plain function")),
            _ => {}
        }
    }
    let mut inputs: Vec<(String, Source)> = Vec::new();
    for (path, source) in leaves {
        match path.as_slice() {
            [name, key] if key == "url" || key == "follows" => inputs.push((name.clone(), source)),
            [_, key] if key == "flake" => {}
            [_, rest @ ..] if rest.last().is_some_and(|key| key == "follows") => {}
            _ => return Err(BadInput::Strange("an input has more than `url`, `flake` and `follows`")),
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

/// The texts in what `inputs` is, each with its path.
fn read(path: &[String], value: &Expr, leaves: &mut Vec<(Vec<String>, Source)>) -> Result<()> {
    match value {
        Expr::AttrSet(set) if set.rec_token().is_none() => {
            for entry in set.entries() {
                let Entry::AttrpathValue(pair) = entry else { return Err(BadInput::Strange("an input inherits")) };
                let more = pair.attrpath().map_or_else(|| Ok(Vec::new()), |path| words(&path))?;
                let value = pair.value().ok_or(BadInput::Strange("an input has no value"))?;
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
        _ => Err(BadInput::Strange("an input is no plain text")),
    }
}

fn words(path: &Attrpath) -> Result<Vec<String>> {
    let word = |attr: Attr| match attr {
        Attr::Ident(word) => Ok(word.to_string()),
        Attr::Str(text) => plain(&text),
        Attr::Dynamic(_) => Err(BadInput::Strange("an attribute has no fixed name")),
    };
    path.attrs().map(word).collect()
}

fn plain(text: &Str) -> Result<String> {
    let part = |part| match part {
        InterpolPart::Literal(text) => Ok(text),
        InterpolPart::Interpolation(_) => Err(BadInput::Strange("an input is no plain text")),
    };
    text.normalized_parts().into_iter().map(part).collect()
}

/// The place of this machine that an input is, if it is one.
fn local(source: &Source) -> Option<String> {
    let Source::Url(url) = source else { return None };
    let is_local = url.starts_with(['/', '.', '~']) || url.starts_with("path:") || url.contains("file:");
    is_local.then(|| url.clone())
}

/// Where flakes come from over the network.
const FAR: [&str; 11] = [
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

/// Whether a flake reference is for sure not read from this machine: a name of the registry, or one of the known schemes.
pub fn is_far(url: &str) -> bool {
    match url.split_once(':') {
        Some((scheme, _)) => FAR.contains(&scheme),
        None => url.starts_with(|c: char| c.is_ascii_alphanumeric()),
    }
}

/// Whether `original` in a lock is how Nix writes down this flake reference; forms that are not known here are not.
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

/// A commit is 40 hexadecimal digits; anything else is a branch or a tag.
fn version_key(version: &str) -> &'static str {
    let is_commit = version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit { "rev" } else { "ref" }
}

/// Whether what is locked is on the network.
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
    fn what_is_locked_as_it_is_written_passes() {
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
    fn places_of_this_machine_do_not() {
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
    fn what_cannot_be_read_for_sure_does_not() {
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
            assert!(matches!(checked(inputs, LOCK), Err(BadInput::Strange(_))), "{inputs}");
        }
        let taken = b"{ outputs = { self, secret }: { }; }";
        assert_eq!(check(taken, None), Err(BadInput::Unlocked { name: "secret".to_owned() }));
        let hidden = b"{ outputs = ({ self, secret }: { }); }";
        assert!(matches!(check(hidden, None), Err(BadInput::Strange(_))));
    }
}
