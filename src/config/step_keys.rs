//! The keys of a `config.toml`, by path.

use toml_edit::{DocumentMut, Item, TableLike};

/// The keys of a `config.toml`. A path is `table.key`, or `key` at the top.
pub struct StepKeys(DocumentMut);

impl StepKeys {
    pub(super) fn new(toml: DocumentMut) -> Self {
        Self(toml)
    }

    /// Whether there is such a key.
    pub fn has(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    /// The text at a path, unless it is empty; a number is its digits.
    pub fn text(&self, path: &str) -> Option<String> {
        self.find(path).and_then(word)
    }

    /// The text at a path as Nix reads it: a number is none, and spaces stay.
    pub fn raw_text(&self, path: &str) -> Option<&str> {
        self.find(path).and_then(Item::as_str)
    }

    /// The first path that has a text, and that text.
    pub fn first_text<'p>(&self, paths: impl IntoIterator<Item = &'p str>) -> Option<(&'p str, String)> {
        paths.into_iter().find_map(|path| Some((path, self.text(path)?)))
    }

    /// The texts at a path: of a list, or of a single value.
    pub fn texts(&self, path: &str) -> Vec<String> {
        let Some(item) = self.find(path) else { return Vec::new() };
        match item.as_array() {
            Some(list) => list.iter().filter_map(|value| word(&Item::Value(value.clone()))).collect(),
            None => word(item).into_iter().collect(),
        }
    }

    /// The keys of a table.
    pub fn names(&self, table: &str) -> Vec<String> {
        let table = self.find(table).and_then(Item::as_table_like);
        table.into_iter().flat_map(TableLike::iter).map(|(key, _)| key.to_owned()).collect()
    }

    /// The names of the tables at the top.
    pub fn tables(&self) -> Vec<String> {
        self.0.iter().filter(|(_, item)| item.is_table_like()).map(|(key, _)| key.to_owned()).collect()
    }

    /// The first key whose value is a date or a time, which Nix cannot read.
    pub fn first_date(&self) -> Option<String> {
        first_date(self.0.as_table(), "")
    }

    fn find(&self, path: &str) -> Option<&Item> {
        let mut words = path.split('.');
        let first = self.0.get(words.next()?)?;
        words.try_fold(first, |item, word| item.as_table_like()?.get(word))
    }
}

fn word(item: &Item) -> Option<String> {
    let text = item.as_str().map(|text| text.trim().to_owned());
    text.or_else(|| item.as_integer().map(|number| number.to_string())).filter(|text| !text.is_empty())
}

fn first_date(table: &dyn TableLike, path: &str) -> Option<String> {
    table.iter().find_map(|(key, item)| {
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match item.as_table_like() {
            Some(table) => first_date(table, &path),
            None => item.is_datetime().then_some(path),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::StepData;

    #[test]
    fn reads_texts_numbers_and_lists() {
        let text = "a = 1\n[git]\narch = ['x', 'y']\nstep = ' step1 '\nphase = ''\n[x.y]\nz = 2025-01-30\n";
        let keys = StepData::parse(text.as_bytes().to_vec()).unwrap().keys();
        assert_eq!(keys.text("a").as_deref(), Some("1"));
        assert_eq!(keys.texts("git.arch"), ["x", "y"]);
        assert_eq!(keys.texts("git.step"), ["step1"]);
        assert!(keys.has("x.y.z") && !keys.has("x.y.a") && !keys.has("a.b"));
        assert_eq!((keys.text("git.phase"), keys.has("git.phase")), (None, true));
        assert_eq!(keys.first_text(["git.phase", "git.step"]), Some(("git.step", "step1".to_owned())));
        assert_eq!(keys.names("git"), ["arch", "step", "phase"]);
        assert_eq!(keys.first_date().as_deref(), Some("x.y.z"));
    }
}
