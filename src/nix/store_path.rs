//! Paths in the Nix store.

use std::fmt;
use std::path::Path;

use crate::sha256::Sha256;

const HASH_LEN: usize = 32;
/// Maximum length of a name (`src/libstore/path.cc`).
const NAME_LEN: usize = 211;

/// A valid `DIR/HASH-NAME`: an absolute directory (usually `/nix/store`; `NIX_STORE_DIR` changes it), 32 hash characters, a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorePath {
    text: String,
    base: usize,
}

/// The text is not a store path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a store path: expected an absolute directory, then HASH-NAME")]
pub struct NotAStorePath(pub String);

impl StorePath {
    /// Parses a store path; a file below one is refused.
    pub fn parse(text: &str) -> Result<Self, NotAStorePath> {
        let base = start_of_base(text);
        base.map(|base| Self { text: text.to_owned(), base }).ok_or_else(|| NotAStorePath(text.to_owned()))
    }

    /// Returns whether [`Self::parse`] accepts a text.
    pub fn is_valid(text: &str) -> bool {
        start_of_base(text).is_some()
    }

    /// Returns the path of a file or tree that is named by its hash (`makeFixedOutputPath` in `src/libstore/store-api.cc`): the hash of
    /// a file, or of the NAR of a tree. `dir` is the store's directory.
    pub fn of_fixed(dir: &str, name: &str, hash: Sha256, is_tree: bool) -> Result<Self, NotAStorePath> {
        let (kind, inner) = if is_tree {
            ("source", hash)
        } else {
            ("output:out", Sha256::of(format!("fixed:out:sha256:{}:", hash.hex()).as_bytes()))
        };
        let path = Sha256::of(format!("{kind}:sha256:{}:{dir}:{name}", inner.hex()).as_bytes());
        Self::parse(&format!("{dir}/{}-{name}", path.store_hash()))
    }

    /// Returns the whole path.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the whole path.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.text)
    }

    /// Returns the 32 hash characters.
    pub fn hash(&self) -> &str {
        &self.text[self.base..self.base + HASH_LEN]
    }

    /// Returns the name after the hash, such as `hello-2.12` or `hello-2.12.drv`.
    pub fn name(&self) -> &str {
        &self.text[self.base + HASH_LEN + 1..]
    }

    /// Returns whether this is a derivation and not an output.
    pub fn is_derivation(&self) -> bool {
        self.name().strip_suffix(".drv").is_some()
    }
}

/// Finds where `HASH-NAME` starts in a valid store path.
fn start_of_base(text: &str) -> Option<usize> {
    let (dir, base) = text.rsplit_once('/')?;
    let (hash, name) = base.split_at_checked(HASH_LEN)?;
    let good = is_store_dir(dir) && is_hash(hash) && name.strip_prefix('-').is_some_and(is_name);
    good.then_some(dir.len() + 1)
}

fn is_store_dir(dir: &str) -> bool {
    if dir == "/nix/store" {
        return true;
    }
    let clean = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(char::is_control);
    dir.strip_prefix('/').is_some_and(|rest| rest.split('/').all(clean))
}

/// Returns whether all characters are digits of Nix's base 32 (`src/libutil/hash.cc`).
fn is_hash(hash: &str) -> bool {
    hash.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'z') && !matches!(c, b'e' | b'o' | b't' | b'u'))
}

fn is_name(name: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.' | b'_' | b'?' | b'=');
    (1..=NAME_LEN).contains(&name.len()) && !matches!(name, "." | "..") && name.bytes().all(allowed)
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for StorePath {
    type Err = NotAStorePath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "190dcwls8d1n1anspzqi3hrl025y56cn";

    #[test]
    fn parses_hash_and_name() {
        let path = StorePath::parse(&format!("/nix/store/{HASH}-bad-1.0.drv")).unwrap();
        assert_eq!((path.hash(), path.name(), path.is_derivation()), (HASH, "bad-1.0.drv", true));
        assert!(StorePath::parse(&format!("/home/ada/my store/{HASH}-x")).is_ok(), "NIX_STORE_DIR may be anywhere");
    }

    #[test]
    fn fixed_paths_are_those_that_nix_computes() {
        for (hash, name, is_tree, expected) in [
            (
                "sha256-mOpuTyFvL7S2n/+bOkSELDhobKaF8/VdxIxdP7EQe+Q=",
                "foo",
                false,
                "/nix/store/1xhn3xfh9vchq5mas63m8s98mpyrd58k-foo",
            ),
            (
                "sha256-77dlDcqTnlOIvhVcgRCg77MIUBXSOhzwYrzh+budw6g=",
                "gcc",
                true,
                "/nix/store/9c08xl4ml340fkdiqlakrlfy0ng1nsxc-gcc",
            ),
        ] {
            let path = StorePath::of_fixed("/nix/store", name, Sha256::parse(hash).unwrap(), is_tree).unwrap();
            assert_eq!(path.as_str(), expected);
        }
    }

    #[test]
    fn refuses_other_texts() {
        let long = "x".repeat(NAME_LEN + 1);
        let wrong = [
            String::new(),
            format!("/nix/store/{HASH}"),
            format!("/nix/store/{HASH}-"),
            format!("/nix/store/{HASH}-.."),
            format!("/nix/store/{HASH}-a/b"),
            format!("/nix/store/{HASH}-a b"),
            format!("/nix/store/{HASH}-é"),
            format!("/nix/store/{HASH}-{long}"),
            format!("/nix/store/{}-x", HASH.replace('1', "e")),
            format!("/nix/store/{}-x", "é".repeat(16)),
            format!("/nix/../{HASH}-x"),
            format!("nix/store/{HASH}-x"),
            format!("{HASH}-x"),
            format!("/{HASH}-x"),
        ];
        for text in wrong {
            assert!(StorePath::parse(&text).is_err(), "`{text}` is not a store path");
        }
    }
}
