//! What a step takes from outside: the tables `[sources.NAME]` and `[seeds.NAME]` of its `config.toml`.

use std::fmt;

use serde::{Deserialize, Serialize};
use toml_edit::{Item, TableLike, Value};

use super::{Flaw, StepData, document};
use crate::sha256::Sha256;

/// The longest name of an input, in characters.
const LONGEST_NAME: usize = 100;

/// The two kinds of inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// A file, which is fetched from a URL or put into the store.
    Source,
    /// A tree that is put into the store, such as the compiler that a chain starts from.
    Seed,
}

/// A file or tree from outside, named by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its kind.
    pub kind: InputKind,
    /// Its name, also that of its store path.
    pub name: String,
    /// The hash of the file or, for a tree, of its NAR; `None` if it is empty or a placeholder.
    pub hash: Option<Sha256>,
    /// Where a file is fetched from; the first is used by Nix.
    pub urls: Vec<String>,
    /// Whether an archive is unpacked.
    pub unpack: bool,
    /// Where a tree comes from, in the user's words.
    pub origin: Option<String>,
    /// What it is, in the user's words.
    pub description: Option<String>,
}

/// Why a table is no input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadInput {
    /// The file is not TOML.
    #[error(transparent)]
    Flaw(#[from] Flaw),
    /// The name cannot be that of a store path.
    #[error("invalid name `{0}`: expected letters, digits and `+-._?=`, at most {LONGEST_NAME}, not a `.` first")]
    Name(String),
    /// A value has another type.
    #[error("`{at}` must be {expected}")]
    Type {
        /// The key.
        at: String,
        /// What is expected.
        expected: &'static str,
    },
    /// The hash is none of SHA-256.
    #[error(
        "`{at}` is `{hash}`: expected a SHA-256 hash such as `sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=`"
    )]
    Hash {
        /// The key.
        at: String,
        /// The text.
        hash: String,
    },
}

impl InputKind {
    /// The table in `config.toml`.
    pub fn table(self) -> &'static str {
        match self {
            Self::Source => "sources",
            Self::Seed => "seeds",
        }
    }

    /// Whether its hash is that of a tree.
    pub fn is_tree(self) -> bool {
        self == Self::Seed
    }
}

impl fmt::Display for InputKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Seed => "seed",
        })
    }
}

impl Input {
    /// An input with a hash and nothing else.
    pub fn new(kind: InputKind, name: String, hash: Sha256) -> Self {
        let (urls, unpack, origin, description) = (Vec::new(), false, None, None);
        Self { kind, name, hash: Some(hash), urls, unpack, origin, description }
    }

    fn read(kind: InputKind, name: &str, item: &Item) -> Result<Self, BadInput> {
        let at = format!("{}.{name}", kind.table());
        let table = item.as_table_like().ok_or_else(|| bad(&at, "", "a table"))?;
        let text = |key: &str| text(table, &at, key);
        let url = text("url")?;
        let unpack = match table.get("unpack") {
            None => false,
            Some(item) => item.as_bool().ok_or_else(|| bad(&at, "unpack", "true or false"))?,
        };
        let bad_hash = |hash| BadInput::Hash { at: format!("{at}.hash"), hash };
        let hash = text("hash")?.filter(|hash| !hash.is_empty());
        let hash = hash.map(|hash| Sha256::parse(&hash).ok_or_else(|| bad_hash(hash))).transpose()?;
        let hash = hash.filter(|hash| !hash.is_placeholder());
        let urls = match table.get("urls") {
            None => url.into_iter().collect(),
            Some(item) => {
                list(item).filter(|all| !all.is_empty()).ok_or_else(|| bad(&at, "urls", "a list of texts"))?
            }
        };
        let name = input_name(name)?.to_owned();
        Ok(Self { kind, name, hash, urls, unpack, origin: text("origin")?, description: text("description")? })
    }
}

/// Checks the name of an input.
///
/// # Errors
/// [`BadInput::Name`] with what is expected.
pub fn input_name(name: &str) -> Result<&str, BadInput> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+-._?=".contains(c);
    let is_name =
        !name.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with('.') && name.chars().all(is_plain);
    if is_name { Ok(name) } else { Err(BadInput::Name(name.to_owned())) }
}

impl StepData {
    /// The inputs, sources first.
    ///
    /// # Errors
    /// For the first table that is no input.
    pub fn inputs(&self) -> Result<Vec<Input>, BadInput> {
        if !self.has_inputs {
            return Ok(Vec::new());
        }
        let toml = document::parse(self.bytes())?;
        let mut inputs = Vec::new();
        for kind in [InputKind::Source, InputKind::Seed] {
            let Some(item) = toml.get(kind.table()) else { continue };
            let table = item.as_table_like().ok_or_else(|| bad(kind.table(), "", "a table of tables"))?;
            for (name, item) in table.iter() {
                inputs.push(Input::read(kind, name, item)?);
            }
        }
        Ok(inputs)
    }

    /// Sets the keys of an input that it has; others, comments and order stay.
    ///
    /// # Errors
    /// A message when a part of the file is not a table.
    pub fn with_input(&self, input: &Input) -> Result<Self, String> {
        let mut values: Vec<(&str, Value)> = Vec::new();
        match input.urls.as_slice() {
            [] => {}
            [url] => values.push(("url", url.into())),
            urls => values.push(("urls", urls.iter().collect())),
        }
        values.extend(input.hash.map(|hash| ("hash", hash.to_string().into())));
        let texts = [("origin", &input.origin), ("description", &input.description)];
        values.extend(texts.into_iter().filter_map(|(key, text)| Some((key, text.as_ref()?.into()))));
        values.extend(input.unpack.then(|| ("unpack", true.into())));
        let keys = [input.kind.table(), &input.name];
        values.into_iter().try_fold(self.clone(), |data, (key, value)| data.set(&[&keys[..], &[key]].concat(), value))
    }
}

fn bad(at: &str, key: &str, expected: &'static str) -> BadInput {
    let at = if key.is_empty() { at.to_owned() } else { format!("{at}.{key}") };
    BadInput::Type { at, expected }
}

fn text(table: &dyn TableLike, at: &str, key: &str) -> Result<Option<String>, BadInput> {
    let Some(item) = table.get(key) else { return Ok(None) };
    item.as_str().map(|text| Some(text.to_owned())).ok_or_else(|| bad(at, key, "a text"))
}

fn list(item: &Item) -> Option<Vec<String>> {
    item.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(text: &str) -> StepData {
        StepData::parse(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn reads_what_it_writes() {
        let before = "# my step\n[rust]\nversion = \"1\" # the version\n";
        let mut source = Input::new(InputKind::Source, "tcc".to_owned(), Sha256::of(b""));
        source.urls = vec!["https://example.org/tcc.tar.bz2".to_owned()];
        source.unpack = true;
        let mut seed = Input::new(InputKind::Seed, "gcc-12.2".to_owned(), Sha256::of(b"gcc"));
        seed.origin = Some("Debian's \"gcc\"".to_owned());
        let after = data(before).with_input(&source).and_then(|data| data.with_input(&seed)).unwrap();
        assert_eq!(after.inputs().unwrap(), [source.clone(), seed]);
        let text = String::from_utf8(after.bytes().to_vec()).unwrap();
        assert!(text.starts_with(before), "{text}");
        assert!(text.contains("[sources.tcc]\nurl = ") && text.contains("[seeds.\"gcc-12.2\"]\n"), "{text}");
        source.hash = Some(Sha256::of(b"tcc"));
        let again = after.with_input(&source).unwrap();
        assert_eq!(again.inputs().unwrap()[0], source, "an input is changed in its place");
        assert_eq!(again.bytes().len(), after.bytes().len());
    }

    #[test]
    fn names_what_is_wrong() {
        for (text, expected) in [
            ("sources = 1", "`sources` must be a table"),
            ("sources.a = 1", "`sources.a` must be a table"),
            ("[sources.\"a/b\"]", "invalid name `a/b`"),
            ("[sources.\".a\"]", "invalid name `.a`"),
            ("[seeds.a]\nhash = 1", "`seeds.a.hash` must be a text"),
            ("[seeds.a]\nhash = \"sha256-AAAA\"", "`seeds.a.hash` is `sha256-AAAA`"),
            ("[sources.a]\nurls = []", "`sources.a.urls` must be a list"),
            ("[sources.a]\nunpack = 1", "`sources.a.unpack` must be true or false"),
        ] {
            let error = data(text).inputs().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
        for unknown in ["", "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
            assert_eq!(data(&format!("[sources.a]\nhash = {unknown:?}")).inputs().unwrap()[0].hash, None, "{unknown}");
        }
    }
}
