//! Names of refs by prefix, without reading the refs: fast enough for each press of the Tab key.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

use gix::bstr::ByteSlice as _;

use super::packed::Packed;
use super::repo::RefFormat;
use super::{Repo, Result, doing};

impl Repo {
    /// List the full names of the refs that begin with `prefix` (`refs/heads/feature/a`), sorted. A damaged ref is listed too.
    ///
    /// # Errors
    /// When packed-refs or a reftable cannot be read.
    pub fn ref_names(&self, prefix: &str) -> Result<Vec<String>> {
        let (dir, _) = split(prefix);
        let mut names = Vec::new();
        if self.format == RefFormat::Reftable {
            names.extend(self.git.list_refs(&[dir.to_owned()])?.refs.into_iter().map(|(name, _)| name));
            names.retain(|name| name.starts_with(prefix));
        } else {
            self.packed_names(prefix, &mut names)?;
            let _ = each_loose(&self.common_dir().join(dir), dir, prefix, &mut |name| {
                names.push(name);
                ControlFlow::Continue(())
            });
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// List the refs that begin with `prefix` and that `fits` takes, sorted, and say whether these are all. If there are more than
    /// `most`, there is one for each way in which the names go on up to the next `/`; where all go on in one way, for each way after
    /// that. So the cost depends on the ways, not on the refs.
    ///
    /// # Errors
    /// When packed-refs or a reftable cannot be read.
    pub fn next_ref_names(
        &self,
        prefix: &str,
        most: usize,
        fits: &dyn Fn(&str) -> bool,
    ) -> Result<(Vec<String>, bool)> {
        if self.format == RefFormat::Reftable {
            let mut names = self.ref_names(prefix)?;
            names.retain(|name| fits(name));
            let is_all = names.len() <= most;
            return Ok((names, is_all));
        }
        let packed = self.gix.refs.cached_packed_buffer().map_err(doing("open packed-refs"))?;
        let packed = packed.as_ref().map(|packed| Packed::new((***packed).as_ref()));
        Ok(Ways { packed, loose: self.common_dir(), most, fits }.next(prefix))
    }

    fn packed_names(&self, prefix: &str, names: &mut Vec<String>) -> Result<()> {
        let packed = self.gix.refs.cached_packed_buffer().map_err(doing("open packed-refs"))?;
        let Some(packed) = packed else { return Ok(()) };
        let packed = Packed::new((**packed).as_ref());
        names.extend(packed.beginning_with(prefix.as_bytes()).filter_map(|name| name.to_str().ok().map(str::to_owned)));
        Ok(())
    }
}

/// A search for the ways in which names of refs go on.
struct Ways<'a> {
    packed: Option<Packed<'a>>,
    /// The folder of the loose refs.
    loose: &'a Path,
    most: usize,
    fits: &'a dyn Fn(&str) -> bool,
}

impl Ways<'_> {
    fn next(&self, prefix: &str) -> (Vec<String>, bool) {
        let few = self.up_to(prefix, self.most + 1);
        if few.len() <= self.most {
            return (few.into_iter().collect(), true);
        }
        let ways: Vec<_> = self.children(prefix).into_iter().filter_map(|way| Some((self.first(&way)?, way))).collect();
        match ways.as_slice() {
            [(_, way)] if way.ends_with('/') => (self.next(way).0, false),
            _ => (ways.into_iter().map(|(first, _)| first).collect(), false),
        }
    }

    /// A name that goes on in this way.
    fn first(&self, way: &str) -> Option<String> {
        let is_dir = way.ends_with('/');
        if is_dir {
            self.up_to(way, 1).into_iter().next()
        } else {
            Some(way.to_owned()).filter(|name| (self.fits)(name))
        }
    }

    /// At least `limit` names that begin with `prefix`, if there are as many.
    fn up_to(&self, prefix: &str, limit: usize) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let packed = self.packed.iter().flat_map(|packed| packed.beginning_with(prefix.as_bytes()));
        let fits = |name: &&str| (self.fits)(name);
        found.extend(packed.filter_map(|name| name.to_str().ok()).filter(fits).take(limit).map(str::to_owned));
        let (dir, _) = split(prefix);
        let mut loose = 0;
        let _ = each_loose(&self.loose.join(dir), dir, prefix, &mut |name| {
            if (self.fits)(&name) {
                found.insert(name);
                loose += 1;
            }
            if loose < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        found
    }

    /// The names that begin with `prefix`, up to the next `/` after it.
    fn children(&self, prefix: &str) -> BTreeSet<String> {
        let (dir, _) = split(prefix);
        let packed = self.packed.iter().flat_map(|packed| packed.children(dir.as_bytes()));
        let mut found: BTreeSet<String> =
            packed.filter_map(|(name, is_dir)| Some(child(dir, name.to_str().ok()?, is_dir))).collect();
        for entry in std::fs::read_dir(self.loose.join(dir)).into_iter().flatten().flatten() {
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            found.extend(entry.file_name().to_str().map(|name| child(dir, name, is_dir)));
        }
        found.retain(|name| name.starts_with(prefix));
        found
    }
}

fn child(dir: &str, name: &str, is_dir: bool) -> String {
    format!("{dir}{name}{}", if is_dir { "/" } else { "" })
}

/// The directory of a prefix, and the rest.
fn split(prefix: &str) -> (&str, &str) {
    prefix.split_at(prefix.rfind('/').map_or(0, |at| at + 1))
}

/// Calls `on` for the loose refs in a folder that begin with `prefix`, until it breaks. Their names begin with `dir`, which is empty or
/// ends in `/`. Unreadable folders are skipped.
fn each_loose(
    folder: &Path,
    dir: &str,
    prefix: &str,
    on: &mut dyn FnMut(String) -> ControlFlow<()>,
) -> ControlFlow<()> {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let mut path = String::with_capacity(dir.len() + name.len() + 1);
        path.extend([dir, name]);
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir {
            path.push('/');
        }
        if !path.starts_with(prefix) {
            continue;
        }
        if is_dir {
            each_loose(&folder.join(name), &path, prefix, on)?;
        } else if Path::new(name).extension().is_none_or(|extension| extension != "lock") {
            on(path)?;
        }
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The ways in which names go on after `prefix`, after that in which all go on.
    fn ways(names: &[&String], prefix: &str) -> BTreeSet<String> {
        let (dir, _) = split(prefix);
        let way = |name: &&String| {
            name[dir.len()..].find('/').map_or((*name).clone(), |at| name[..=dir.len() + at].to_owned())
        };
        let found: BTreeSet<String> = names.iter().map(way).collect();
        match found.first() {
            Some(only) if found.len() == 1 && only.ends_with('/') => ways(names, only),
            _ => found,
        }
    }

    proptest! {
        #[test]
        fn next_names_are_all_or_show_each_way(
            packed in prop::collection::btree_set("r/([ab]{1,2}/){0,2}[abx]{1,2}", 0..30),
            loose in prop::collection::btree_set("r/([ab]{1,2}/){0,2}[abx]{1,2}", 0..4),
            prefix in "r/([ab]{1,2}/){0,1}[ab]{0,1}",
        ) {
            let (folder, most) = (tempfile::tempdir().unwrap(), 3);
            let is_dir = |name: &str, names: &BTreeSet<String>| names.iter().any(|other| other.starts_with(&format!("{name}/")));
            // git cannot hold a/b beside a/b/c.
            let mut all: BTreeSet<String> = packed.union(&loose).cloned().collect();
            all = all.iter().filter(|name| !is_dir(name, &all)).cloned().collect();
            for name in all.intersection(&loose) {
                std::fs::create_dir_all(folder.path().join(split(name).0)).unwrap();
                std::fs::write(folder.path().join(name), "").unwrap();
            }
            let id = "0123456789012345678901234567890123456789";
            let lines: Vec<_> = all.intersection(&packed).map(|name| format!("{id} {name}\n")).collect();
            let text = lines.concat();
            let fits = |name: &str| !name.contains('x');
            let ways_of = Ways { packed: Some(Packed::new(text.as_bytes())), loose: folder.path(), most, fits: &fits };
            let (found, is_all) = ways_of.next(&prefix);
            let wanted: Vec<_> = all.iter().filter(|name| name.starts_with(&prefix) && fits(name)).collect();
            prop_assert_eq!(is_all, wanted.len() <= most);
            prop_assert!(found.iter().all(|name| wanted.contains(&name)), "{:?}", found);
            if is_all {
                prop_assert_eq!(found.len(), wanted.len());
            } else {
                prop_assert_eq!(ways(&found.iter().collect::<Vec<_>>(), &prefix), ways(&wanted, &prefix));
            }
        }
    }
}
