//! What `status` found out before: all of it follows from ids, so it never gets stale, only unneeded.
//!
//! A text file under the common dir, one fact a line. Whoever deletes it loses nothing but time; a line that does not parse is
//! left out.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;

use super::status::{Facts, all_verdicts};
use crate::config::Config;
use crate::git::{Oid, Repo};
use crate::record::{Records, Verdict};

/// What the first line begins with; another version begins anew.
const MAGIC: &str = concat!("git-lattice ", env!("CARGO_PKG_VERSION"), " cache 1");

/// Facts about commits, keys and records.
pub struct Cache {
    path: PathBuf,
    head: String,
    facts: HashMap<String, (Oid, Facts)>,
    contained: HashMap<(Oid, Oid), bool>,
    writers: String,
    verdicts: HashMap<Oid, BTreeMap<String, Verdict>>,
    used: HashMap<String, (Oid, Facts)>,
    used_contained: HashMap<(Oid, Oid), bool>,
    changed: bool,
}

impl Cache {
    /// Reads what there is for this configuration.
    pub fn load(repo: &Repo, config: &Config) -> Self {
        let mut cache = Self {
            path: repo.common_dir().join("lattice").join("cache"),
            head: format!("{MAGIC} {:016x}", config.fingerprint),
            facts: HashMap::new(),
            contained: HashMap::new(),
            writers: String::new(),
            verdicts: HashMap::new(),
            used: HashMap::new(),
            used_contained: HashMap::new(),
            changed: false,
        };
        let text = std::fs::read_to_string(&cache.path).unwrap_or_default();
        let mut lines = text.lines();
        if lines.next() == Some(&cache.head) {
            for line in lines {
                cache.read_line(line);
            }
        }
        cache
    }

    /// A line that does not parse is left out.
    fn read_line(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        match kind {
            "p" => {
                let (point, commit, key) = (words.next()?, oid(words.next()?)?, words.next()?);
                let key = if key == "-" { None } else { Some(oid(key)?) };
                let parents = words.map(oid).collect::<Option<Vec<_>>>()?;
                self.facts.insert(point.to_owned(), (commit, Facts { key, parents }));
            }
            "c" => {
                let pair = (oid(words.next()?)?, oid(words.next()?)?);
                self.contained.insert(pair, words.next()? == "1");
            }
            "w" => line.get(2..)?.clone_into(&mut self.writers),
            "v" => {
                let key = oid(words.next()?)?;
                let verdict = |word: &str| {
                    let (system, verdict) = word.split_once('=')?;
                    Some((system.to_owned(), verdict_of(verdict)?))
                };
                self.verdicts.insert(key, words.map(verdict).collect::<Option<_>>()?);
            }
            _ => return None,
        }
        Some(())
    }

    /// Makes the verdicts those of `records`: the remembered ones as long as no writer's ref has moved.
    ///
    /// # Errors
    /// When notes cannot be read.
    pub fn take_records(&mut self, records: &Records<'_>) -> Result<()> {
        let writers: Vec<_> = records.writers().iter().map(|(name, id)| format!("{name}={id}")).collect();
        let writers = writers.join(" ");
        if writers != self.writers {
            self.verdicts = all_verdicts(records)?;
            self.writers = writers;
            self.changed = true;
        }
        Ok(())
    }

    /// What counts of the records for a key.
    pub fn verdicts(&self, key: Oid) -> BTreeMap<String, Verdict> {
        self.verdicts.get(&key).cloned().unwrap_or_default()
    }

    /// What is known of a point at this commit.
    pub fn facts(&mut self, point: &str, commit: Oid) -> Option<Facts> {
        let (known, facts) = self.facts.remove(point)?;
        if known != commit {
            return None;
        }
        self.used.insert(point.to_owned(), (commit, facts.clone()));
        Some(facts)
    }

    /// Remembers what was found.
    pub fn put_facts(&mut self, point: String, commit: Oid, facts: Facts) {
        self.used.insert(point, (commit, facts));
        self.changed = true;
    }

    /// Whether `commit` contains `ancestor`, if that is known.
    pub fn contains(&mut self, commit: Oid, ancestor: Oid) -> Option<bool> {
        let known = self.contained.get(&(commit, ancestor)).copied()?;
        self.used_contained.insert((commit, ancestor), known);
        Some(known)
    }

    /// Remembers what was found.
    pub fn put_contains(&mut self, commit: Oid, ancestor: Oid, contained: bool) {
        self.used_contained.insert((commit, ancestor), contained);
        self.changed = true;
    }

    /// Keeps everything for the next time; that it cannot be written is no misfortune.
    pub fn save(mut self) {
        if !self.changed {
            return;
        }
        // What was not asked for this time (another selection) stays known.
        for (point, fact) in std::mem::take(&mut self.facts) {
            self.used.entry(point).or_insert(fact);
        }
        let write = || -> std::io::Result<()> {
            let dir = self.path.parent().unwrap_or(&self.path);
            std::fs::create_dir_all(dir)?;
            let new = dir.join(format!("cache.{}", std::process::id()));
            std::fs::write(&new, self.text())?;
            std::fs::rename(&new, &self.path).inspect_err(|_| drop(std::fs::remove_file(&new)))
        };
        write().ok();
    }

    fn text(&self) -> String {
        let mut text = format!("{}\nw {}\n", self.head, self.writers);
        for (point, (commit, Facts { key, parents })) in &self.used {
            let key = key.map_or_else(|| "-".to_owned(), |key| key.to_string());
            write!(text, "p {point} {commit} {key}").ok();
            for parent in parents {
                write!(text, " {parent}").ok();
            }
            text.push('\n');
        }
        for ((commit, ancestor), contained) in &self.used_contained {
            writeln!(text, "c {commit} {ancestor} {}", u8::from(*contained)).ok();
        }
        for (key, verdicts) in &self.verdicts {
            write!(text, "v {key}").ok();
            for (system, verdict) in verdicts {
                write!(text, " {system}={}", verdict_word(*verdict)).ok();
            }
            text.push('\n');
        }
        text
    }
}

fn oid(text: &str) -> Option<Oid> {
    Repo::oid(text).ok()
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Built => "built",
        Verdict::Failed => "failed",
        Verdict::NoBuilder => "no-builder",
        Verdict::Cancelled => "cancelled",
    }
}

fn verdict_of(word: &str) -> Option<Verdict> {
    [Verdict::Built, Verdict::Failed, Verdict::NoBuilder, Verdict::Cancelled]
        .into_iter()
        .find(|verdict| verdict_word(*verdict) == word)
}
