//! Fetched sources: sets with a URL and a hash.

use super::Hit;
use super::node::{Range, fixed, range, unparen};
use super::paths::Hashes;
use super::set::{Set, Value};

const HASHES: [&str; 5] = ["hash", "sha256", "outputHash", "narHash", "sha512"];
const ADDRESSES: [&str; 5] = ["owner", "repo", "rev", "tag", "version"];

/// Records the hash of a set such as `{ url = ..; sha256 = ..; }` with the name of the source.
pub(super) fn check(text: &str, set: &Set, hashes: &mut Hashes, hits: &mut Vec<Hit>) {
    let found = HASHES.iter().find_map(|name| string(text, set, name));
    let Some((hash, at)) = found.filter(|(hash, _)| is_real(hash)) else { return };
    let name = match string(text, set, "url") {
        // Mirrors have the same file under another URL, so only the file name counts.
        Some((url, _)) => url.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned(),
        None => ADDRESSES
            .iter()
            .filter_map(|name| string(text, set, name))
            .map(|(part, _)| part)
            .collect::<Vec<_>>()
            .join("/"),
    };
    if !name.is_empty() {
        hashes.see(&hash, &name, at, hits);
    }
}

fn string(text: &str, set: &Set, name: &str) -> Option<(String, Range)> {
    let Value::Expr(node) = &set.get(name)?.value else { return None };
    let node = unparen(node.clone());
    let value = (node.kind() == rnix::SyntaxKind::NODE_STRING).then(|| fixed(text, &node)).flatten()?;
    Some((value.into_owned(), range(&node)))
}

/// Whether this is a hash, and not a placeholder such as `AAAA..`.
fn is_real(hash: &str) -> bool {
    let digits = hash.split_once(['-', ':']).map_or(hash, |(_, digits)| digits).trim_end_matches('=');
    let mut chars = digits.chars();
    let first = chars.next();
    digits.len() >= HASH_LENGTH && chars.any(|char| Some(char) != first)
}

/// Length of the shortest encoding of a hash.
const HASH_LENGTH: usize = 32;
