//! Edits of the axes in a `lattice.toml`: other names, fewer values, another order. Comments, order and other keys stay.

use toml_edit::{Array, InlineTable, Item, Key, Table, TableLike, Value as Toml};

use super::document::{Document, set, subtable};
use super::{ARCH, Config, Error, Result};
use crate::lattice::{Kind, Lattice, Numbered};
use crate::system::System;

impl Document {
    /// Gives an axis another name, also in the patterns and the settings that name it.
    ///
    /// # Errors
    /// When there is no such axis, or one of the new name.
    pub fn rename_axis(&mut self, config: &Config, axis: &str, new: &str) -> Result<()> {
        let i = self.index(config, axis)?;
        if config.lattice.axis_index(new).is_ok() {
            return Err(self.bad(axis, &format!("cannot be named `{new}`: there is such an axis")));
        }
        let top = self.toml.as_table_mut();
        rename_key(&mut top["axes"], axis, new);
        for key in ["branch", "flake"] {
            if let Some(text) = top.get(key).and_then(Item::as_str) {
                let text = text.replace(&format!("{{{axis}}}"), &format!("{{{new}}}"));
                set(top, key, Toml::from(text));
            }
        }
        match top.get("system-axis").and_then(Item::as_str) {
            Some(named) if named == axis => set(top, "system-axis", Toml::from(new)),
            None if axis == ARCH && config.systems.axis() == Some(i) => set(top, "system-axis", Toml::from(new)),
            _ => {}
        }
        if let Some(across) = self.across() {
            replace(across, axis, new);
        }
        Ok(())
    }

    /// Gives a value of an axis another name; the value of a numbered chain is its pattern, `step{n}`. A renamed architecture keeps its
    /// system.
    ///
    /// # Errors
    /// When there is no such axis or value, when the axis has a value of the new name, or the value is a number of a numbered chain.
    pub fn rename_value(&mut self, config: &Config, axis: &str, value: &str, new: &str) -> Result<()> {
        let i = self.index(config, axis)?;
        if config.lattice.check_value(i, new).is_ok() && config.lattice.check_value(i, value).is_ok() {
            return Err(self.bad(axis, &format!("has the values `{value}` and `{new}`: two values cannot become one")));
        }
        let system = config.systems.of_value(value).filter(|_| config.systems.axis() == Some(i)).cloned();
        if !self.lists(axis, |list| replace(list, value, new), |text| (text == value).then(|| new.to_owned())) {
            self.check_value(config, i, value)?;
            return Err(self.bad(axis, "is numbered: its values are renamed by their pattern, such as `step{n}`"));
        }
        if let Some(later) = later_chain(&config.lattice, i) {
            self.rename_keys(later, value, new);
        }
        if let Some(system) = system {
            let systems = subtable(self.toml.as_table_mut(), "systems");
            if systems.contains_key(value) {
                rename_key(&mut self.toml["systems"], value, new);
            } else if System::of_arch(new).as_ref() != Some(&system) {
                self.add_system(new, system.as_str());
            }
        }
        Ok(())
    }

    /// Removes values of an axis, with the lists and systems that belong to them.
    ///
    /// # Errors
    /// When there is no such axis or value, or the values are numbered.
    pub fn remove_values(&mut self, config: &Config, axis: &str, values: &[String]) -> Result<()> {
        let i = self.index(config, axis)?;
        for value in values {
            if !self.lists(axis, |list| remove(list, value), |_| None) {
                self.check_value(config, i, value)?;
                return Err(self.bad(axis, "is numbered: it has no single values to remove"));
            }
            if let Some(table) = later_chain(&config.lattice, i).and_then(|later| self.chain(later)) {
                table.remove(value);
            }
            if config.systems.axis() == Some(i) {
                subtable(self.toml.as_table_mut(), "systems").remove(value);
            }
        }
        Ok(())
    }

    /// Removes an axis that has one value: the patterns get the value in its place, so that all names stay.
    ///
    /// # Errors
    /// When there is no such axis, or it has several values.
    pub fn remove_axis(&mut self, config: &Config, axis: &str) -> Result<()> {
        let i = self.index(config, axis)?;
        let Some([value]) = config.lattice.axes()[i].listed() else {
            return Err(self.bad(axis, "has several values: an axis can be removed when it has one"));
        };
        let value = value.as_str();
        let top = self.toml.as_table_mut();
        for (key, pattern) in [("branch", config.branch.as_str()), ("flake", config.flake.as_str())] {
            set(top, key, Toml::from(pattern.replace(&format!("{{{axis}}}"), value)));
        }
        subtable(top, "axes").remove(axis);
        let later = later_chain(&config.lattice, i).and_then(|later| self.axis(later));
        if let Some(chain) = later.and_then(|later| later.get_mut("chain"))
            && let Some(list) = chain.get(value).or_else(|| chain.get("*")).cloned()
        {
            *chain = list;
        }
        if let Some(system) = config.systems.of_value(value).filter(|_| config.systems.axis() == Some(i)) {
            self.toml.remove("system-axis");
            let systems = subtable(self.toml.as_table_mut(), "systems");
            systems.clear();
            systems.insert("*", toml_edit::value(system.as_str()));
        }
        if let Some(across) = self.across() {
            remove(across, axis);
        }
        Ok(())
    }

    /// Puts the values of an axis in another order.
    ///
    /// # Errors
    /// When there is no such axis, its values are not in one list, or `values` are not the values of the axis.
    pub fn reorder(&mut self, config: &Config, axis: &str, values: &[String]) -> Result<()> {
        let i = self.index(config, axis)?;
        values.iter().try_for_each(|value| self.check_value(config, i, value))?;
        let Some(listed) = config.lattice.axes()[i].listed() else {
            return Err(
                self.bad(axis, "has no single list of values to put in order: it is numbered, or listed per value")
            );
        };
        let mut sorted: Vec<&str> = values.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        let mut known: Vec<&str> = listed.iter().map(crate::lattice::Value::as_str).collect();
        known.sort_unstable();
        if sorted != known {
            return Err(self.bad(axis, "needs each of its values once, in the new order"));
        }
        self.lists(axis, |list| put_in_order(list, values), |_| None);
        Ok(())
    }

    /// Applies `edit` to each list of an axis, and `rename` to each pattern of numbers; returns whether one of them changed something.
    fn lists(
        &mut self,
        axis: &str,
        mut edit: impl FnMut(&mut Array) -> bool,
        rename: impl Fn(&str) -> Option<String>,
    ) -> bool {
        let Some(table) = self.axis(axis) else { return false };
        let mut has_changed = false;
        let mut visit = |item: &mut Item| {
            if let Some(list) = item.as_array_mut() {
                has_changed |= edit(list);
            } else if let Some(new) = item.as_str().and_then(&rename) {
                replace_text(item, &new);
                has_changed = true;
            }
        };
        for key in ["set", "chain"] {
            let Some(item) = table.get_mut(key) else { continue };
            match item.as_table_like_mut() {
                Some(lists) => lists.iter_mut().for_each(|(_, item)| visit(item)),
                None => visit(item),
            }
        }
        has_changed
    }

    /// Gives a key of the lists per value of a chain another name; for a pattern of numbers, each number that it has.
    fn rename_keys(&mut self, axis: &str, value: &str, new: &str) {
        let Some(keys) = self.chain(axis).map(|table| table.iter().map(|(key, _)| key.to_owned()).collect::<Vec<_>>())
        else {
            return;
        };
        let numbered = Numbered::parse(value, 0).ok().zip(Numbered::parse(new, 0).ok());
        for key in keys {
            let number =
                |(old, new): &(Numbered, Numbered)| new.value(old.number(&key)?).map(|value| value.to_string());
            let renamed = if key == value { Some(new.to_owned()) } else { numbered.as_ref().and_then(number) };
            if let Some(renamed) = renamed {
                rename_key(&mut self.toml["axes"][axis]["chain"], &key, &renamed);
            }
        }
    }

    /// The table of an axis. `Item::get_mut` would add a key that is missing.
    fn axis(&mut self, axis: &str) -> Option<&mut dyn TableLike> {
        self.toml.get_mut("axes")?.as_table_like_mut()?.get_mut(axis)?.as_table_like_mut()
    }

    /// The lists per value of a chain.
    fn chain(&mut self, axis: &str) -> Option<&mut dyn TableLike> {
        self.axis(axis)?.get_mut("chain")?.as_table_like_mut()
    }

    /// `[promote] across`.
    fn across(&mut self) -> Option<&mut Array> {
        self.toml.get_mut("promote")?.as_table_like_mut()?.get_mut("across")?.as_array_mut()
    }

    fn index(&self, config: &Config, axis: &str) -> Result<usize> {
        config.lattice.axis_index(axis).map_err(|source| self.wrap(source))
    }

    fn check_value(&self, config: &Config, axis: usize, value: &str) -> Result<()> {
        config.lattice.check_value(axis, value).map_err(|source| self.wrap(source))
    }

    fn wrap(&self, source: crate::lattice::Error) -> Error {
        Error::Lattice { origin: self.origin().to_owned(), source: source.into(), place: None }
    }

    fn bad(&self, axis: &str, why: &str) -> Error {
        let (origin, key, why) = (self.origin().to_owned(), format!("axes.{axis}"), why.to_owned());
        Error::Key { origin, key, why, near: None, place: None }.in_text(&self.to_string())
    }
}

/// The chain after chain axis `i`, whose lists may depend on it.
fn later_chain(lattice: &Lattice, i: usize) -> Option<&str> {
    let is_chain = |i: usize| matches!(lattice.axes()[i].kind, Kind::Chain(_));
    let later = (i + 1..lattice.axes().len()).find(|later| is_chain(*later)).filter(|_| is_chain(i))?;
    Some(lattice.axes()[later].name.as_str())
}

/// Gives a key another name in its place.
fn rename_key(item: &mut Item, old: &str, new: &str) {
    match item {
        Item::Table(table) => rename_in_table(table, old, new),
        Item::Value(Toml::InlineTable(table)) => rename_in_inline_table(table, old, new),
        _ => {}
    }
}

fn rename_in_table(table: &mut Table, old: &str, new: &str) {
    let keys: Vec<_> = table.iter().map(|(key, _)| key.to_owned()).collect();
    let entries: Vec<_> = keys.iter().filter_map(|key| table.remove_entry(key)).collect();
    for (key, item) in entries {
        let key = if key.get() == old { renamed(&key, new) } else { key };
        table.insert_formatted(&key, item);
    }
}

fn rename_in_inline_table(table: &mut InlineTable, old: &str, new: &str) {
    let keys: Vec<_> = table.iter().map(|(key, _)| key.to_owned()).collect();
    let entries: Vec<_> = keys.iter().filter_map(|key| table.remove_entry(key)).collect();
    for (key, value) in entries {
        let key = if key.get() == old { renamed(&key, new) } else { key };
        table.insert_formatted(&key, value);
    }
}

fn renamed(key: &Key, new: &str) -> Key {
    Key::new(new).with_leaf_decor(key.leaf_decor().clone()).with_dotted_decor(key.dotted_decor().clone())
}

/// Replaces a text, with what stands around it kept.
fn replace_text(item: &mut Item, new: &str) {
    if let Some(old) = item.as_value_mut() {
        let mut text = Toml::from(new);
        *text.decor_mut() = old.decor().clone();
        *old = text;
    }
}

/// Replaces a text in a list; returns whether the list has it.
fn replace(list: &mut Array, old: &str, new: &str) -> bool {
    let Some(found) = list.iter_mut().find(|value| value.as_str() == Some(old)) else { return false };
    let mut text = Toml::from(new);
    *text.decor_mut() = found.decor().clone();
    *found = text;
    true
}

/// Removes a text from a list; returns whether the list had it.
fn remove(list: &mut Array, value: &str) -> bool {
    let Some(at) = list.iter().position(|known| known.as_str() == Some(value)) else { return false };
    let removed = list.remove(at);
    if at == 0
        && let Some(first) = list.get_mut(0)
        && is_plain(first)
    {
        *first.decor_mut() = removed.decor().clone();
    }
    true
}

/// Puts the values of a list in this order. In a list on one line the spaces stay where they are; otherwise each value takes the line and
/// the comments before it along.
fn put_in_order(list: &mut Array, values: &[String]) -> bool {
    let old: Vec<Toml> = list.iter().cloned().collect();
    let is_one_line = old.iter().all(is_plain);
    let find = |value: &String| old.iter().find(|known| known.as_str() == Some(value)).cloned();
    for (at, mut value) in values.iter().filter_map(find).enumerate() {
        if is_one_line {
            *value.decor_mut() = old[at].decor().clone();
        }
        list.replace_formatted(at, value);
    }
    true
}

/// Whether only spaces stand before a value.
fn is_plain(value: &Toml) -> bool {
    let prefix = value.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
    !prefix.contains(['\n', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# Ours.
base = "main"
branch = "feature/{component}/{arch}/{phase}/{step}" # pattern
[axes]
# What we build.
component = { set = ["gcc"] }
arch = { set = ["aarch64", "x86_64"] } # machines
phase = { chain = [
  "boot", # first
  "final",
] }
step = { chain = { boot = ["a", "b"], "*" = "step{n}" } }

[systems]
aarch64 = "aarch64-linux"

[promote]
across = ["arch"] # all of them
"#;

    fn edited(edit: impl FnOnce(&mut Document, &Config) -> Result<()>) -> String {
        let mut document = Document::parse("lattice.toml", TEXT.as_bytes()).unwrap();
        let config = document.config().unwrap();
        edit(&mut document, &config).unwrap();
        document.config().unwrap();
        document.to_string()
    }

    #[test]
    fn renamed_axis_keeps_its_place_and_its_settings() {
        let text = edited(|it, config| it.rename_axis(config, "arch", "machine"));
        let expected = TEXT
            .replace("{arch}", "{machine}")
            .replace("arch = { set", "machine = { set")
            .replace("[\"arch\"]", "[\"machine\"]")
            .replace("# pattern\n", "# pattern\nsystem-axis = \"machine\"\n");
        assert_eq!(text, expected);
    }

    #[test]
    fn renamed_value_is_renamed_wherever_it_counts() {
        let text = edited(|it, config| it.rename_value(config, "phase", "boot", "seed"));
        assert_eq!(text, TEXT.replace("\"boot\"", "\"seed\"").replace("{ boot =", "{ seed ="));
        let text = edited(|it, config| it.rename_value(config, "arch", "aarch64", "arm"));
        assert_eq!(text, TEXT.replace("\"aarch64\"", "\"arm\"").replace("\naarch64 =", "\narm ="));
        let text = edited(|it, config| it.rename_value(config, "arch", "x86_64", "pc"));
        let system = "aarch64 = \"aarch64-linux\"\n";
        assert_eq!(
            text,
            TEXT.replace("\"x86_64\"", "\"pc\"").replace(system, &format!("{system}pc = \"x86_64-linux\"\n"))
        );
        let text = edited(|it, config| it.rename_value(config, "step", "step{n}", "stage{n}"));
        assert_eq!(text, TEXT.replace("step{n}", "stage{n}"));
    }

    #[test]
    fn removed_values_take_their_settings_along() {
        let text = edited(|it, config| it.remove_values(config, "arch", &["aarch64".to_owned()]));
        assert_eq!(
            text,
            TEXT.replace("[\"aarch64\", \"x86_64\"]", "[\"x86_64\"]").replace("aarch64 = \"aarch64-linux\"\n", "")
        );
        let text = edited(|it, config| it.remove_values(config, "phase", &["boot".to_owned()]));
        assert!(!text.contains("boot") && text.contains("\"final\""), "{text}");
    }

    #[test]
    fn removed_axis_leaves_its_value_in_the_patterns() {
        let text = edited(|it, config| it.remove_axis(config, "component"));
        let expected = TEXT
            .replace("{component}", "gcc")
            .replace("component = { set = [\"gcc\"] }\n", "")
            .replace("# What we build.\n", "");
        let (head, tail) = expected.split_once("[axes]").unwrap();
        assert_eq!(text, format!("{head}flake = \"flakes/gcc/{{arch}}/{{phase}}/{{step}}\"\n[axes]{tail}"));
    }

    #[test]
    fn reordered_values_keep_their_comments() {
        let order = |values: [&str; 2]| values.map(str::to_owned);
        let text = edited(|it, config| it.reorder(config, "arch", &order(["x86_64", "aarch64"])));
        assert_eq!(text, TEXT.replace("[\"aarch64\", \"x86_64\"]", "[\"x86_64\", \"aarch64\"]"));
        let text = edited(|it, config| it.reorder(config, "phase", &order(["final", "boot"])));
        assert!(text.find("\"final\"") < text.find("\"boot\"") && text.contains("# first"), "{text}");
    }

    #[test]
    fn numbers_and_unknown_names_are_refused() {
        let mut document = Document::parse("lattice.toml", TEXT.as_bytes()).unwrap();
        let config = document.config().unwrap();
        let step = ["step2".to_owned()];
        assert!(document.rename_value(&config, "step", "step2", "x").unwrap_err().to_string().contains("numbered"));
        assert!(document.remove_values(&config, "step", &step).unwrap_err().to_string().contains("numbered"));
        assert!(document.remove_axis(&config, "arch").unwrap_err().to_string().contains("several values"));
        assert!(document.rename_axis(&config, "colour", "x").is_err());
        assert!(document.reorder(&config, "arch", &["x86_64".to_owned()]).unwrap_err().to_string().contains("once"));
        assert_eq!(document.to_string(), TEXT);
    }
}
