//! Parses all formats of `nix path-info --json`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::nix::error::Error;
use crate::nix::store_path::StorePath;

const COMMAND: &str = "path-info --json";

/// What Nix knows of a valid path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::nix) struct PathInfo {
    /// The NAR hash of its contents (SRI).
    pub(in crate::nix) nar_hash: String,
    /// The size of its NAR in bytes.
    pub(in crate::nix) nar_size: Option<u64>,
    /// When it was added to the store, in seconds after 1970.
    pub(in crate::nix) registered: Option<u64>,
}

/// Returns what Nix knows of each valid path.
///
/// Nix up to 2.18 and Lix print an array, newer versions an object by path, format 2 an object by base name under `info`.
pub(in crate::nix) fn infos(json: &[u8]) -> Result<HashMap<StorePath, PathInfo>, Error> {
    let value: Value = serde_json::from_slice(json).map_err(|e| Error::unreadable(COMMAND, &e))?;
    let entries: Vec<(String, &Value)> = match &value {
        Value::Array(all) => {
            all.iter().filter_map(|info| Some((info.get("path")?.as_str()?.to_owned(), info))).collect()
        }
        Value::Object(all) => by_base_name(all).unwrap_or_else(|| all.iter().map(|(k, v)| (k.clone(), v)).collect()),
        _ => return Err(Error::unreadable(COMMAND, &"neither a list nor an object")),
    };
    let info = |(path, info): (String, &Value)| {
        let nar_hash = info.get("narHash")?.as_str()?.to_owned();
        let registered = info.get("registrationTime").and_then(Value::as_u64).filter(|seconds| *seconds > 0);
        let nar_size = info.get("narSize").and_then(Value::as_u64);
        Some((StorePath::parse(&path).ok()?, PathInfo { nar_hash, nar_size, registered }))
    };
    Ok(entries.into_iter().filter_map(info).collect())
}

fn by_base_name(all: &Map<String, Value>) -> Option<Vec<(String, &Value)>> {
    let dir = all.get("storeDir")?.as_str()?;
    let info = all.get("info")?.as_object()?;
    Some(info.iter().map(|(base, v)| (format!("{dir}/{base}"), v)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/nix/store/ypnvhl6h6hbyh07aiiwkbw9n7clf6hwc-multi";
    const HASH: &str = "sha256-HDfQGvQL4ugGkd48w99EN3ppmvuxfGjwgJZLL9Bx/BM=";

    #[test]
    fn parses_all_formats_alike() {
        let shapes = [
            format!(
                r#"[{{"path":"{PATH}","narHash":"{HASH}","narSize":120,"references":[],"registrationTime":7,"ultimate":true}}]"#
            ),
            format!(
                r#"{{"{PATH}":{{"ca":null,"narHash":"{HASH}","narSize":120,"registrationTime":7,"storeDir":"/nix/store","version":1}}}}"#
            ),
            format!(
                r#"{{"info":{{"ypnvhl6h6hbyh07aiiwkbw9n7clf6hwc-multi":{{"narHash":"{HASH}","narSize":120,"registrationTime":7}}}},"storeDir":"/nix/store","version":2}}"#
            ),
        ];
        for json in shapes {
            let infos = infos(json.as_bytes()).unwrap();
            let expected = PathInfo { nar_hash: HASH.to_owned(), nar_size: Some(120), registered: Some(7) };
            assert_eq!(infos.get(&StorePath::parse(PATH).unwrap()), Some(&expected), "{json}");
        }
    }

    #[test]
    fn invalid_paths_have_no_hash() {
        for json in [format!(r#"[{{"path":"{PATH}","valid":false}}]"#), format!(r#"{{"{PATH}":null}}"#)] {
            assert!(infos(json.as_bytes()).unwrap().is_empty(), "{json}");
        }
        assert!(infos(b"").is_err() && infos(b"7").is_err());
    }
}
