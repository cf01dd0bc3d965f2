//! Strings and paths that are valid on one machine only.

use std::collections::HashMap;

use rnix::SyntaxKind as K;

use super::Hit;
use super::node::Range;

rules! {
    /// A literal store path.
    ///
    /// It exists on this machine only, and until garbage collection: Nix does not know that the flake depends on it.
    ///
    ///     "/nix/store/5i1ns1h2cb5sxjv9lqmrk0xzv1h9p9g4-bash-5.2/bin/bash"      wrong
    ///     "${pkgs.bash}/bin/bash"                                              right
    STORE_PATH = "L20" "store-path" Warning;

    /// The home directory of one user.
    ///
    /// It is missing on other machines, and sandboxed builds cannot read it. Strings are checked in flakes only, since the
    /// configuration of a machine may contain one.
    ///
    ///     src = /home/ann/project;     wrong
    ///     src = ./.;                   right
    HOME = "L21" "home-directory" Warning;

    /// One hash for two sources.
    ///
    /// A hash identifies one content. If it is used with two names, one of them was probably changed without its hash; Nix
    /// would silently use the old content.
    ///
    ///     { url = "https://example.org/a-1.tar.gz"; sha256 = "X"; } and
    ///     { url = "https://example.org/a-2.tar.gz"; sha256 = "X"; }      wrong
    TWO_NAMES = "L22" "one-hash-two-names" Warning;
}

const STORE: &str = "/nix/store/";
/// Length of the hash in a store path.
const HASH: usize = 32;
const HOMES: [&str; 3] = ["/home/", "/Users/", "/root/"];

/// The hashes seen so far, each with its name and place.
#[derive(Debug)]
pub(super) struct Hashes {
    is_flake: bool,
    seen: HashMap<String, (String, Range)>,
}

impl Hashes {
    pub(super) fn new(is_flake: bool) -> Self {
        Self { is_flake, seen: HashMap::new() }
    }

    /// Records a hash with the name of its source.
    pub(super) fn see(&mut self, hash: &str, name: &str, at: Range, hits: &mut Vec<Hit>) {
        let Some((first, first_at)) = self.seen.get(hash) else {
            self.seen.insert(hash.to_owned(), (name.to_owned(), at));
            return;
        };
        // If an interpolation follows, only a prefix of the name is known.
        if !first.starts_with(name) && !name.starts_with(first.as_str()) {
            let message = format!("the hash of `{first}` is used for `{name}` here");
            hits.push(Hit::new(&TWO_NAMES, at, message).note(*first_at, "its first use"));
        }
    }

    pub(super) fn token(&mut self, kind: K, token: &str, start: usize, hits: &mut Vec<Hit>) {
        match kind {
            K::TOKEN_STRING_CONTENT | K::TOKEN_PATH_ABS => {
                self.store(token, start, hits);
                if self.is_flake || kind == K::TOKEN_PATH_ABS {
                    home(token, start, hits);
                }
            }
            K::TOKEN_PATH_HOME => {
                hits.push(Hit::new(&HOME, (start, start + token.len()), "`~` is a different directory for each user"));
            }
            _ => {}
        }
    }

    fn store(&mut self, token: &str, start: usize, hits: &mut Vec<Hit>) {
        for (place, _) in token.match_indices(STORE) {
            let rest = &token[place + STORE.len()..];
            let Some((hash, name)) = rest.split_at_checked(HASH) else { continue };
            let Some(name) = name.strip_prefix('-').filter(|_| is_hash(hash)) else { continue };
            let end = name.find(|char: char| !is_name(char)).unwrap_or(name.len());
            let at = (start + place, start + place + STORE.len() + HASH + 1 + end);
            let message = "a store path exists on this machine only, and until garbage collection";
            hits.push(Hit::new(&STORE_PATH, at, message));
            self.see(hash, &name[..end], at, hits);
        }
    }
}

fn home(token: &str, start: usize, hits: &mut Vec<Hit>) {
    for home in HOMES {
        for (place, _) in token.match_indices(home) {
            let starts = token[..place].chars().next_back().is_none_or(|before| " \t\n\r\"'`=:(<[,;".contains(before));
            let rest = &token[place + home.len()..];
            let user = rest.find(|char: char| !is_name(char)).unwrap_or(rest.len());
            if starts && (user > 0 || home == "/root/") {
                let at = (start + place, start + place + home.len() + user);
                let message = format!("`{}{}` is the home directory of one user", home, &rest[..user]);
                hits.push(Hit::new(&HOME, at, message));
            }
        }
    }
}

/// Whether this is a hash, and not a placeholder of equal letters.
fn is_hash(hash: &str) -> bool {
    hash.bytes().all(is_base32) && hash.bytes().any(|byte| !hash.starts_with(char::from(byte)))
}

fn is_base32(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'z') && !matches!(byte, b'e' | b'o' | b't' | b'u')
}

fn is_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.' | '_' | '?' | '=')
}
