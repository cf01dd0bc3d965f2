//! A validator for the keywords of JSON Schema 2020-12 that our schemas use; any other keyword is an error.
//!
//! The validators on crates.io bring some thirty crates, and switch on features of crates that git-lattice itself uses, so that the
//! tests would run another program than users do.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::{Map, Value};

/// Schemas that refer to each other as `NAME.json#/$defs/DEFINITION`.
pub(super) struct Schemas(pub(super) BTreeMap<String, Value>);

/// A value, and where it is in the document and in the schemas.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    value: &'a Value,
    at: &'a str,
}

impl Schemas {
    /// The ways in which a document breaks a schema.
    pub(super) fn errors(&self, name: &str, document: &Value) -> Vec<String> {
        let mut errors = Vec::new();
        self.look(Place { file: name, value: document, at: "" }, &self.0[name], &mut errors);
        errors
    }

    /// Applies a schema; returns the fields that it describes.
    fn look(&self, place: Place<'_>, schema: &Value, errors: &mut Vec<String>) -> BTreeSet<String> {
        let words = schema.as_object().unwrap_or_else(|| panic!("{}: a schema is an object: {schema}", place.file));
        let Place { file, value, at } = place;
        let mut seen = BTreeSet::new();
        for (word, rule) in words {
            match word.as_str() {
                "$schema" | "title" | "description" | "$defs" | "additionalProperties" | "unevaluatedProperties" => {}
                "$ref" => {
                    let (file, schema) = self.target(file, rule.as_str().unwrap());
                    seen.extend(self.look(Place { file, value, at }, schema, errors));
                }
                "anyOf" | "oneOf" => seen.extend(self.choose(place, word == "oneOf", rule, errors)),
                "properties" => {
                    for (name, schema) in rule.as_object().unwrap() {
                        let Some(value) = value.get(name) else { continue };
                        self.look(Place { file, value, at: &format!("{at}/{name}") }, schema, errors);
                        seen.insert(name.clone());
                    }
                }
                "items" => {
                    for (i, value) in value.as_array().into_iter().flatten().enumerate() {
                        self.look(Place { file, value, at: &format!("{at}/{i}") }, rule, errors);
                    }
                }
                _ => errors.extend(broken(word, rule, value).map(|error| format!("{at}: {error}"))),
            }
        }
        self.others(place, words, &mut seen, errors);
        seen
    }

    /// Applies the keywords for all other fields.
    fn others(
        &self,
        place: Place<'_>,
        words: &Map<String, Value>,
        seen: &mut BTreeSet<String>,
        errors: &mut Vec<String>,
    ) {
        let own = words.get("properties").and_then(Value::as_object);
        for (name, value) in place.value.as_object().into_iter().flatten() {
            let at = format!("{}/{name}", place.at);
            match (words.get("additionalProperties"), words.get("unevaluatedProperties")) {
                (Some(rule), _) if own.is_none_or(|own| !own.contains_key(name)) => {
                    seen.insert(name.clone());
                    if *rule == Value::Bool(false) {
                        errors.push(format!("{at} is not described"));
                    } else {
                        self.look(Place { value, at: &at, ..place }, rule, errors);
                    }
                }
                (_, Some(Value::Bool(false))) if !seen.contains(name) => errors.push(format!("{at} is not described")),
                _ => {}
            }
        }
    }

    /// Applies alternatives, of which one has to match; with `only_one`, no other. If none does, the errors of the nearest are kept.
    fn choose(&self, place: Place<'_>, only_one: bool, rules: &Value, errors: &mut Vec<String>) -> BTreeSet<String> {
        let tried = rules.as_array().unwrap().iter().map(|schema| {
            let mut errors = Vec::new();
            (self.look(place, schema, &mut errors), errors)
        });
        let (fit, unfit): (Vec<_>, Vec<_>) = tried.partition(|(_, errors)| errors.is_empty());
        if only_one && fit.len() > 1 {
            errors.push(format!("{}: several alternatives match", place.at));
        }
        if fit.is_empty() {
            let here = format!("{}: ", place.at);
            let distance =
                |errors: &Vec<String>| (errors.iter().filter(|it| it.starts_with(&here)).count(), errors.len());
            errors.extend(unfit.into_iter().map(|(_, errors)| errors).min_by_key(distance).unwrap_or_default());
        }
        fit.into_iter().flat_map(|(seen, _)| seen).collect()
    }

    /// The schema that a reference in `file` means, and its file.
    fn target<'a>(&'a self, file: &'a str, reference: &'a str) -> (&'a str, &'a Value) {
        let (other, pointer) = reference.split_once('#').unwrap();
        let file = if other.is_empty() { file } else { other.strip_suffix(".json").unwrap() };
        let schema = self.0.get(file).and_then(|schema| schema.pointer(pointer));
        (file, schema.unwrap_or_else(|| panic!("`{reference}` should be in {file}.json")))
    }
}

/// How a value breaks a rule that looks at nothing else.
fn broken(word: &str, rule: &Value, value: &Value) -> Option<String> {
    let listed = |list: &Value| list.as_array().is_some_and(|list| list.contains(value));
    let at_least = |size: Option<usize>| size.is_none_or(|size| size as u64 >= rule.as_u64().unwrap());
    let is_fine = match word {
        "type" => rule.as_array().unwrap_or(&vec![rule.clone()]).iter().any(|name| is_a(name.as_str().unwrap(), value)),
        "enum" => listed(rule),
        "const" => rule == value,
        "pattern" => value.as_str().is_none_or(|text| Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)),
        "required" => {
            let missing = |name: &&Value| value.is_object() && value.get(name.as_str().unwrap()).is_none();
            return rule.as_array().unwrap().iter().find(missing).map(|name| format!("{name} is missing"));
        }
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
        "minLength" => at_least(value.as_str().map(str::len)),
        "minItems" => at_least(value.as_array().map(Vec::len)),
        "maxItems" => value.as_array().is_none_or(|list| list.len() as u64 <= rule.as_u64().unwrap()),
        _ => panic!("`{word}` is not a known keyword"),
    };
    (!is_fine).then(|| format!("{value} breaks `{word}`: {rule}"))
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("`{name}` is not a type"),
    }
}

#[test]
fn the_validator_finds_what_is_wrong() {
    let schemas = |schema: &str, other: &str| {
        let read = |text| serde_json::from_str(text).unwrap();
        Schemas(BTreeMap::from([("a".to_owned(), read(schema)), ("b".to_owned(), read(other))]))
    };
    let schemas = schemas(
        r##"{ "$ref": "b.json#/$defs/open", "required": ["list"], "unevaluatedProperties": false, "properties": {
            "list": { "type": "array", "items": { "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/one" }] } } },
            "$defs": { "one": { "type": "object", "additionalProperties": false, "properties": { "n": { "minimum": 1 } } } } }"##,
        r#"{ "$defs": { "open": { "type": "object", "properties": { "id": { "pattern": "^[0-9]+$" } } } } }"#,
    );
    for (document, errors) in [
        (r#"{ "id": "1", "list": [null, { "n": 1 }] }"#, ""),
        (r#"{ "list": [{ "n": 0 }] }"#, "/list/0/n"),
        (r#"{ "list": [{ "m": 1 }] }"#, "/list/0/m is not described"),
        (r#"{ "id": "x", "list": [] }"#, "pattern"),
        (r#"{ "id": "1" }"#, "\"list\" is missing"),
        (r#"{ "list": [], "more": 1 }"#, "/more is not described"),
        ("[]", "type"),
    ] {
        let found = schemas.errors("a", &serde_json::from_str(document).unwrap()).join("; ");
        assert_eq!((errors.is_empty(), found.contains(errors)), (found.is_empty(), true), "{document}: {found}");
    }
}
