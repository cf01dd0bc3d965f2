//! What `status` found out before: it follows from ids, so it never gets stale, only unneeded. What was found of records holds within
//! a span of time as well.
//!
//! A text file under the common dir, one fact a line. Whoever deletes it loses nothing but time; a line that does not parse is
//! left out.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::rc::Rc;

use crate::config::Config;
use crate::git::{Oid, Repo, Shared};
use crate::lattice::{Lattice, Point};
use crate::record::{Records, Span, Verdict, Verdicts};
use crate::system::System;
use crate::temporary;

/// What the first line begins with; another version begins anew.
const MAGIC: &str = concat!("git-lattice ", env!("CARGO_PKG_VERSION"), " cache 4");

/// What follows a verdict that other records contradict.
const DISPUTED: &str = "!";

/// A point as a number: with the configuration's fingerprint in the first line, coordinates mean the same every time.
type PointId = u64;

/// What follows from a point and its commit alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The build key.
    pub key: Option<Oid>,
    /// The commit's parents.
    pub parents: Vec<Oid>,
}

/// Facts about commits, keys and records.
pub struct Cache {
    path: PathBuf,
    shared: Shared,
    head: String,
    facts: HashMap<(PointId, Oid), Facts>,
    contained: HashMap<(Oid, Oid), bool>,
    writers: String,
    /// When the verdicts hold; `None` when that is not known.
    span: Option<Span>,
    verdicts: HashMap<Oid, Vec<(PointId, Rc<Verdicts>)>>,
    /// How many lines of the notes are not believed.
    skipped: usize,
    /// Which of the facts somebody asked for.
    asked: HashSet<(PointId, Oid)>,
    changed: bool,
}

impl Cache {
    /// A cache that knows nothing.
    pub fn empty(repo: &Repo, config: &Config) -> Self {
        Self {
            path: repo.common_dir().join("lattice").join("cache"),
            shared: repo.shared(),
            head: format!("{MAGIC} {:016x}", config.fingerprint),
            facts: HashMap::new(),
            contained: HashMap::new(),
            writers: String::new(),
            span: None,
            verdicts: HashMap::new(),
            skipped: 0,
            asked: HashSet::new(),
            changed: false,
        }
    }

    /// Reads what there is for this configuration.
    pub fn load(repo: &Repo, config: &Config) -> Self {
        let mut cache = Self::empty(repo, config);
        let text = std::fs::read_to_string(&cache.path).unwrap_or_default();
        let mut lines = text.lines();
        if lines.next() == Some(&cache.head) {
            let (count, mut systems) = (text.len() / 100, HashMap::new());
            cache.facts.reserve(count);
            for line in lines {
                cache.read_line(line, &mut systems);
            }
        }
        cache
    }

    /// A line that does not parse is left out.
    fn read_line<'t>(&mut self, line: &'t str, systems: &mut HashMap<&'t str, System>) -> Option<()> {
        let mut words = line.split(' ');
        match words.next()? {
            "p" => {
                let (point, commit) = (PointId::from_str_radix(words.next()?, 16).ok()?, oid(words.next()?)?);
                let key = words.next().filter(|key| *key != "-").map(oid);
                let facts = Facts {
                    key: key.map_or(Some(None), |key| key.map(Some))?,
                    parents: words.map(oid).collect::<Option<_>>()?,
                };
                self.facts.insert((point, commit), facts);
            }
            "c" => {
                let pair = (oid(words.next()?)?, oid(words.next()?)?);
                self.contained.insert(pair, words.next()? == "1");
            }
            "w" => line.get(2..)?.clone_into(&mut self.writers),
            "t" => self.span = Some(Span::parse(words.next()?)?),
            "s" => self.skipped = words.next()?.parse().ok()?,
            "v" => {
                let (point, key) = (PointId::from_str_radix(words.next()?, 16).ok()?, oid(words.next()?)?);
                let verdicts = words.map(|word| verdict(word, systems)).collect::<Option<_>>()?;
                self.verdicts.entry(key).or_default().push((point, Rc::new(verdicts)));
            }
            _ => return None,
        }
        Some(())
    }

    /// Makes the verdicts those of `records`: the remembered ones as long as no writer's ref has moved and the clock has neither been
    /// set back nor come to a record that was still to come.
    pub fn take_records(&mut self, records: &Records<'_>, lattice: &Lattice) {
        let writers: Vec<_> = records.writers().iter().map(|(name, id)| format!("{name}={id}")).collect();
        let writers = writers.join(" ");
        if writers != self.writers || !self.span.as_ref().is_some_and(|span| records.are_as_in(span)) {
            let scan = records.scan(lattice);
            let known = |(point, verdicts): (Point, Verdicts)| (point_id(&point), Rc::new(verdicts));
            self.verdicts =
                scan.verdicts.into_iter().map(|(key, all)| (key, all.into_iter().map(known).collect())).collect();
            (self.skipped, self.span) = (scan.skipped, Some(scan.span));
            self.writers = writers;
            self.changed = true;
        }
    }

    /// What counts of the records for a key that is this point's, and how many other points' records hang on it.
    pub fn verdicts(&self, key: Oid, point: &Point) -> (Rc<Verdicts>, usize) {
        let Some(all) = self.verdicts.get(&key) else { return Default::default() };
        let id = point_id(point);
        let own = all.iter().find(|(point, _)| *point == id).map(|(_, verdicts)| Rc::clone(verdicts));
        let strangers = all.len() - usize::from(own.is_some());
        (own.unwrap_or_default(), strangers)
    }

    /// How many lines of the notes are not believed, whatever key they hang on.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Makes the verdicts on a point's key those of records that were just read.
    pub fn put_verdicts(&mut self, key: Oid, point: &Point, verdicts: Verdicts) {
        self.verdicts.insert(key, vec![(point_id(point), Rc::new(verdicts))]);
    }

    /// What is known of a point at this commit.
    pub fn facts(&mut self, point: &Point, commit: Oid) -> Option<Facts> {
        let id = (point_id(point), commit);
        let facts = self.facts.get(&id)?;
        self.asked.insert(id);
        Some(facts.clone())
    }

    /// Remembers what was found.
    pub fn put_facts(&mut self, point: &Point, commit: Oid, facts: Facts) {
        let id = (point_id(point), commit);
        self.asked.insert(id);
        self.facts.insert(id, facts);
        self.changed = true;
    }

    /// Whether `commit` contains `ancestor`, if that is known.
    pub fn contains(&self, commit: Oid, ancestor: Oid) -> Option<bool> {
        self.contained.get(&(commit, ancestor)).copied()
    }

    /// Remembers what was found.
    pub fn put_contains(&mut self, commit: Oid, ancestor: Oid, contained: bool) {
        self.contained.insert((commit, ancestor), contained);
        self.changed = true;
    }

    /// Keeps everything for the next time; that it cannot be written is no misfortune.
    pub fn save(mut self) {
        if !self.changed {
            return;
        }
        // Branches move on, and what was known of their old tips is of no use: let at most half be of that kind.
        if self.facts.len() > 2 * self.asked.len() + 1000 {
            self.facts.retain(|id, _| self.asked.contains(id));
            let commits: HashSet<Oid> = self.asked.iter().map(|(_, commit)| *commit).collect();
            self.contained.retain(|(commit, _), _| commits.contains(commit));
        }
        let write = || -> std::io::Result<()> {
            let dir = self.path.parent().unwrap_or(&self.path);
            self.shared.create_dir_all(dir)?;
            temporary::sweep(dir);
            temporary::replace(&self.path, |new| self.shared.write(new, self.text().as_bytes()))
        };
        write().ok();
    }

    fn text(&self) -> String {
        let mut text = format!("{}\nw {}\ns {}\n", self.head, self.writers, self.skipped);
        if let Some(span) = &self.span {
            writeln!(text, "t {}", span.to_text()).ok();
        }
        for ((point, commit), Facts { key, parents }) in &self.facts {
            let key = key.map_or_else(|| "-".to_owned(), |key| key.to_string());
            write!(text, "p {point:x} {commit} {key}").ok();
            for parent in parents {
                write!(text, " {parent}").ok();
            }
            text.push('\n');
        }
        for ((commit, ancestor), contained) in &self.contained {
            writeln!(text, "c {commit} {ancestor} {}", u8::from(*contained)).ok();
        }
        for (key, all) in &self.verdicts {
            for (point, verdicts) in all {
                write!(text, "v {point:x} {key}").ok();
                for (system, verdict, is_disputed) in verdicts.iter() {
                    write!(text, " {system}={}{}", verdict.word(), if *is_disputed { DISPUTED } else { "" }).ok();
                }
                text.push('\n');
            }
        }
        text
    }
}

fn point_id(point: &Point) -> PointId {
    let mut hasher = DefaultHasher::new();
    point.hash(&mut hasher);
    hasher.finish()
}

fn oid(text: &str) -> Option<Oid> {
    Repo::oid(text).ok()
}

/// The same few systems stand in every line.
fn verdict<'t>(word: &'t str, systems: &mut HashMap<&'t str, System>) -> Option<(System, Verdict, bool)> {
    let (name, verdict) = word.split_once('=')?;
    let (verdict, is_disputed) = verdict.strip_suffix(DISPUTED).map_or((verdict, false), |word| (word, true));
    if !systems.contains_key(name) {
        systems.insert(name, System::parse(name).ok()?);
    }
    Some((systems.get(name)?.clone(), verdict_of(verdict)?, is_disputed))
}

fn verdict_of(word: &str) -> Option<Verdict> {
    Verdict::ALL.into_iter().find(|verdict| verdict.word() == word)
}
