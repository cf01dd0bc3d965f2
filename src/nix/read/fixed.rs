//! Fixed-output derivations: files and trees from outside, which are named by a hash.

use serde_json::Value;

use crate::config::InputKind;
use crate::env;
use crate::nix::store_path::StorePath;
use crate::sha256::Sha256;

/// The URL of a seed in a generated flake, before its name: it leads nowhere, so the tree must be in the store.
pub(in crate::nix) const SEED_URL: &str = "git-lattice-seed:";
/// The URL of a source for which `config.toml` has none, before its name.
pub(in crate::nix) const SOURCE_URL: &str = "git-lattice-source:";

/// The output of a fixed-output derivation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FixedOutput {
    /// A seed, or anything else.
    pub kind: InputKind,
    /// The name of its store path.
    pub name: String,
    /// Its hash: in SRI form, or, for hashes that Nix prints otherwise, `ALGORITHM:HEX`.
    pub hash: String,
    /// Where Nix fetches it, if the derivation says so.
    pub url: Option<String>,
    /// Whether it cannot be fetched, so that it has to be put into the store.
    pub is_to_be_added: bool,
    /// Its store path.
    pub path: Option<StorePath>,
}

impl FixedOutput {
    /// Reads the output of a derivation in each format of `nix derivation show`; `None` if it is not fixed.
    pub(super) fn of(drv: &Value, base: &str) -> Option<Self> {
        let (_, output) = drv.get("outputs")?.as_object()?.iter().find(|(_, output)| output.get("hash").is_some())?;
        let text = |name: &str| output.get(name).and_then(Value::as_str);
        let algorithm = text("hashAlgo").unwrap_or_default();
        let is_tree = algorithm.starts_with("r:") || text("method") == Some("nar");
        let sha256 = text("hash").and_then(Sha256::parse);
        let name = attribute(drv, "name").and_then(Value::as_str).unwrap_or_else(|| name_of(base)).to_owned();
        let at = text("path").or_else(|| attribute(drv, "out")?.as_str());
        let computed = || StorePath::of_fixed(&env::nix_store_dir(), &name, sha256?, is_tree).ok();
        let path = at.and_then(|path| StorePath::parse(path).ok()).or_else(computed);
        let url = url(drv);
        let is_seed = url.as_ref().is_some_and(|url| url.starts_with(SEED_URL));
        let kind = if is_seed { InputKind::Seed } else { InputKind::Source };
        let hash = sha256.map_or_else(|| hash_text(algorithm, text("hash").unwrap_or_default()), |it| it.to_string());
        let is_to_be_added = url.as_ref().is_some_and(|url| is_ours(url));
        Some(Self { kind, name, hash, url: url.filter(|_| !is_to_be_added), is_to_be_added, path })
    }
}

/// A value from the environment of the builder, or from the structured attributes that replace it.
pub(super) fn attribute<'d>(drv: &'d Value, name: &str) -> Option<&'d Value> {
    ["env", "structuredAttrs"].iter().find_map(|place| drv.get(*place)?.get(name))
}

fn url(drv: &Value) -> Option<String> {
    let first = |value: &Value| match value {
        Value::Array(all) => all.first()?.as_str().map(str::to_owned),
        value => value.as_str()?.split_whitespace().next().map(str::to_owned),
    };
    ["url", "urls"].iter().find_map(|name| first(attribute(drv, name)?))
}

fn is_ours(url: &str) -> bool {
    url.starts_with(SEED_URL) || url.starts_with(SOURCE_URL)
}

fn hash_text(algorithm: &str, hash: &str) -> String {
    let algorithm = algorithm.trim_start_matches("r:");
    if hash.contains('-') || algorithm.is_empty() { hash.to_owned() } else { format!("{algorithm}:{hash}") }
}

fn name_of(base: &str) -> &str {
    base.split_once('-').map_or(base, |(_, name)| name).trim_end_matches(".drv")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HEX: &str = "98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4";
    const SRI: &str = "sha256-mOpuTyFvL7S2n/+bOkSELDhobKaF8/VdxIxdP7EQe+Q=";
    const PATH: &str = "/nix/store/1xhn3xfh9vchq5mas63m8s98mpyrd58k-foo";

    #[test]
    fn reads_both_formats_alike() {
        let env = json!({ "name": "foo", "url": "git-lattice-source:foo", "out": PATH });
        let old = json!({ "outputs": { "out": { "path": PATH, "hashAlgo": "sha256", "hash": HEX } }, "env": env });
        let new = json!({ "outputs": { "out": { "method": "flat", "hash": SRI } }, "env": env });
        let bare = json!({ "outputs": { "out": { "method": "flat", "hash": SRI } } });
        for drv in [old, new, bare] {
            let output = FixedOutput::of(&drv, "nykxr35kcb1dgqpxh4888rncmc5wlanv-foo.drv").unwrap();
            assert_eq!((output.name.as_str(), output.hash.as_str(), output.url), ("foo", SRI, None), "{drv}");
            assert_eq!(output.path.unwrap().as_str(), PATH, "{drv}");
            assert_eq!(output.is_to_be_added, drv.get("env").is_some(), "{drv}");
        }
        assert_eq!(FixedOutput::of(&json!({ "outputs": { "out": { "path": PATH } } }), "x"), None);
    }

    #[test]
    fn other_fetchers_are_sources_with_a_url() {
        let drv = json!({
            "outputs": { "out": { "path": PATH, "hashAlgo": "r:sha1", "hash": "98ea" } },
            "env": { "name": "foo", "urls": "https://a.org/foo mirror://foo" },
        });
        let output = FixedOutput::of(&drv, "x").unwrap();
        assert_eq!((output.kind, output.hash.as_str()), (InputKind::Source, "sha1:98ea"));
        assert!(!output.is_to_be_added);
        assert_eq!(output.url.as_deref(), Some("https://a.org/foo"));
        let attributes = json!({ "name": "foo", "urls": ["https://a.org/foo"] });
        let drv =
            json!({ "outputs": { "out": { "method": "nar", "hash": "sha512-x" } }, "structuredAttrs": attributes });
        let output = FixedOutput::of(&drv, "x").unwrap();
        assert_eq!((output.name.as_str(), output.hash.as_str(), output.path), ("foo", "sha512-x", None));
        assert_eq!(output.url.as_deref(), Some("https://a.org/foo"));
    }
}
