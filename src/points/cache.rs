//! The cache of `status`. Facts are derived from object ids, so they never become stale, only unused; facts about records are
//! valid for a span of time as well.
//!
//! It is a text file under the common dir with one fact per line; a later line replaces an earlier one for the same subject. The
//! cache is only an optimisation. A few new facts are appended; many cause a rewrite. Each line ends with a checksum: invalid and
//! incomplete lines are ignored.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::PathBuf;
use std::rc::Rc;

use foldhash::{HashMap, HashSet};

use crate::config::Config;
use crate::git::size::Kind;
use crate::git::{Oid, Repo, Shared, parse_oid};
use crate::lattice::Spelled;
use crate::record::store::{Judgement, Scan, Scanning, Writer};
use crate::record::{OnSystem, Records, Span, Verdict, Verdicts};
use crate::system::System;
use crate::temporary;

/// The file's format; a file in another format counts as empty.
const FORMAT: u32 = 9;
/// The mark after a verdict that other records contradict.
const DISPUTED: &str = "!";
/// The mark after the verdict of a build with files of the machine.
const IMPURE: &str = "~";
/// New lines are appended if they are at most one in `APPEND_RATIO` bytes of the file.
const APPEND_RATIO: usize = 4;

/// A point and a commit of its branch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The point.
    pub point: Spelled,
    /// The commit.
    pub commit: Oid,
}

/// Facts derived from a point and its commit alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The build key.
    pub key: Option<Oid>,
    /// The commit's parents.
    pub parents: Rc<[Oid]>,
}

/// Facts about commits, keys and records.
pub struct Cache {
    path: PathBuf,
    shared: Shared,
    head: String,
    /// The facts, and whether each was used.
    facts: HashMap<Place, (Facts, Cell<bool>)>,
    contained: HashMap<(Oid, Oid), bool>,
    writers: String,
    /// The span in which the judgements are valid; `None` if unknown.
    span: Option<Span>,
    judgements: HashMap<Oid, Judgement>,
    /// Number of note lines that are not trusted.
    skipped: usize,
    /// Number of judgements that the file should have.
    counted: usize,
    /// Whether facts are missing from the file.
    has_news: bool,
    /// The lines to append; if the file is missing, the lines of all facts.
    new: String,
    /// The file as it was read.
    file: File,
    /// The verdicts without records.
    nothing: Rc<Verdicts>,
}

/// The state of the cache file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum File {
    /// Missing for this configuration. Facts are kept only as lines, since each is used once.
    Missing,
    /// Present; lines can be appended.
    There { bytes: usize, lines: usize },
    /// Present with entries that must not be read again.
    Stale,
}

impl Cache {
    /// Create a cache without facts.
    pub fn empty(repo: &Repo, config: &Config) -> Self {
        // Which notes count depends on the size limit. If the limit cannot be read, neither can the records.
        let limit = repo.size_limit(Kind::Note).unwrap_or_default();
        Self {
            path: repo.common_dir().join("lattice").join("cache"),
            shared: repo.shared(),
            head: format!(
                "git-lattice cache {FORMAT} {} {:016x} {limit}",
                env!("CARGO_PKG_VERSION"),
                config.fingerprint
            ),
            facts: HashMap::default(),
            contained: HashMap::default(),
            writers: String::new(),
            span: None,
            judgements: HashMap::default(),
            skipped: 0,
            counted: 0,
            has_news: false,
            new: String::new(),
            file: File::Missing,
            nothing: Rc::default(),
        }
    }

    /// Load the facts for this configuration.
    pub fn load(repo: &Repo, config: &Config) -> Self {
        let mut cache = Self::empty(repo, config);
        let text = fs::read_to_string(&cache.path).unwrap_or_default();
        let mut lines = text.lines();
        if lines.next() == Some(&cache.head) {
            // Growing in steps would double the largest table.
            cache.facts.reserve(lines.clone().filter(|line| line.starts_with("p ")).count());
            let (mut count, mut known) = (0, Verdicted::default());
            for line in lines {
                checked(line).and_then(|line| cache.read_line(line, &mut known));
                count += 1;
            }
            cache.file = File::There { bytes: text.len(), lines: count };
            if cache.judgements.len() != cache.counted {
                cache.span = None;
            }
        }
        cache
    }

    /// Add the fact of one line; `None` if the line is invalid.
    fn read_line<'t>(&mut self, line: &'t str, known: &mut Verdicted<'t>) -> Option<()> {
        let (kind, rest) = line.split_once(' ')?;
        let mut words = rest.split(' ');
        match kind {
            "p" => {
                let place = Place { point: words.next()?.to_owned().into(), commit: oid(words.next()?)? };
                let key = words.next().filter(|key| *key != "-").map(oid);
                let key = key.map_or(Some(None), |key| key.map(Some))?;
                let facts = Facts { key, parents: words.map(oid).collect::<Option<_>>()? };
                self.facts.insert(place, (facts, Cell::new(false)));
            }
            "c" => {
                let pair = (oid(words.next()?)?, oid(words.next()?)?);
                self.contained.insert(pair, words.next()? == "1");
            }
            "w" => rest.clone_into(&mut self.writers),
            "t" => self.span = Some(Span::parse(rest)?),
            "s" => (self.skipped, self.counted) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?),
            "v" => {
                let key = oid(words.next()?)?;
                self.judgements.insert(key, judgement(words, known)?);
            }
            _ => return None,
        }
        Some(())
    }

    /// Start to update the verdicts from `records`; `None` while all writers' refs are unchanged and the clock is within the span.
    /// After a ref moved, the changed notes are read.
    pub fn start_scan(&self, records: &Records<'_>) -> Option<Scanning> {
        let is_valid = self.span.as_ref().is_some_and(|span| records.are_as_in(span));
        if is_valid && self.writers == writers(records) {
            return None;
        }
        Some(records.start_scan(|key| self.judgements.get(&key).filter(|_| is_valid)))
    }

    /// Update the verdicts from a finished scan of `records`.
    pub fn take_scan(&mut self, records: &Records<'_>, scan: Scan) {
        let Scan { keys, skipped, span: mut holds } = scan;
        // The judgements that stay are valid in the span of before.
        let before = self.span.take().filter(|span| records.are_as_in(span));
        before.into_iter().for_each(|span| holds.widen(span));
        self.take_judgements(keys);
        (self.writers, self.skipped, self.span) = (writers(records), skipped, Some(holds));
        for line in self.lines_of_records() {
            self.add_line(line);
        }
    }

    fn take_judgements(&mut self, keys: HashMap<Oid, Option<Judgement>>) {
        let before = self.judgements.len();
        self.judgements.retain(|key, _| keys.contains_key(key));
        if self.judgements.len() < before {
            // Verdicts of removed notes must not be read from the file again.
            self.file = File::Stale;
        }
        for (key, new) in keys.into_iter().filter_map(|(key, new)| Some((key, new?))) {
            self.add_line(format_args!("v {}", JudgementLine(key, &new)));
            self.judgements.insert(key, new);
        }
    }

    /// The point's verdicts for a key, and the number of other points with records for the same key.
    pub fn verdicts(&self, key: Oid, point: &Spelled) -> (Rc<Verdicts>, usize) {
        let Some(judgement) = self.judgements.get(&key) else { return (self.nothing(), 0) };
        let own = judgement.verdicts.iter().find(|(other, _)| other == point).map(|(_, verdicts)| Rc::clone(verdicts));
        let strangers = judgement.verdicts.len() - usize::from(own.is_some());
        (own.unwrap_or_else(|| self.nothing()), strangers)
    }

    /// The verdicts without records.
    pub fn nothing(&self) -> Rc<Verdicts> {
        Rc::clone(&self.nothing)
    }

    /// Number of note lines that are not trusted.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Set the verdicts of a point's key, from records that were just read.
    pub fn put_verdicts(&mut self, key: Oid, point: Spelled, verdicts: Verdicts) {
        let verdicts = vec![(point, Rc::new(verdicts))];
        self.judgements.insert(key, Judgement { verdicts, ..Judgement::default() });
    }

    /// The facts of a point at a commit, if known.
    pub fn facts(&self, place: &Place) -> Option<&Facts> {
        let (facts, is_asked) = self.facts.get(place)?;
        is_asked.set(true);
        Some(facts)
    }

    /// Store the facts of a point at a commit.
    pub fn put_facts(&mut self, place: Place, facts: Facts) {
        if self.file == File::Missing {
            self.has_news = true;
            push_line(&mut self.new, format_args!("p {}", FactsLine(&place, &facts)));
        } else {
            self.add_line(format_args!("p {}", FactsLine(&place, &facts)));
            self.facts.insert(place, (facts, Cell::new(true)));
        }
    }

    /// Whether `commit` contains `ancestor`, if that is known.
    pub fn contains(&self, commit: Oid, ancestor: Oid) -> Option<bool> {
        self.contained.get(&(commit, ancestor)).copied()
    }

    /// Store whether `commit` contains `ancestor`.
    pub fn put_contains(&mut self, commit: Oid, ancestor: Oid, contained: bool) {
        self.add_line(format_args!("c {commit} {ancestor} {}", u8::from(contained)));
        self.contained.insert((commit, ancestor), contained);
    }

    fn add_line(&mut self, line: impl fmt::Display) {
        self.has_news = true;
        if matches!(self.file, File::There { bytes, .. } if self.new.len() * APPEND_RATIO <= bytes) {
            push_line(&mut self.new, line);
        }
    }

    /// Save new facts. Write failures are ignored: the cache is only an optimisation.
    pub fn save(mut self) {
        if !self.has_news {
            return;
        }
        let appended = match self.file {
            File::There { bytes, lines } if self.new.len() * APPEND_RATIO <= bytes && !self.is_crowded(lines) => {
                self.append().is_ok()
            }
            _ => false,
        };
        if !appended {
            self.write().ok();
        }
    }

    /// Whether more than half of the file is unused: branches moved, and facts about old tips are not needed.
    fn is_crowded(&self, lines: usize) -> bool {
        let asked = self.facts.values().filter(|(_, is_asked)| is_asked.get()).count();
        self.facts.len() > 2 * asked + 1000
            || lines > 2 * (self.facts.len() + self.contained.len() + self.judgements.len()) + 1000
    }

    /// Append the new lines. Check the header first: another process may have replaced the file for another configuration. Start
    /// with a newline: a process killed while appending may have left an incomplete line.
    fn append(&self) -> io::Result<()> {
        let mut file = OpenOptions::new().read(true).append(true).open(&self.path)?;
        let mut head = vec![0; self.head.len() + 1];
        file.read_exact(&mut head)?;
        if head.strip_suffix(b"\n") != Some(self.head.as_bytes()) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        file.write_all(format!("\n{}", self.new).as_bytes())
    }

    fn write(&mut self) -> io::Result<()> {
        if self.is_crowded(0) {
            self.facts.retain(|_, (_, is_asked)| is_asked.get());
            let commits: HashSet<Oid> = self.facts.keys().map(|place| place.commit).collect();
            self.contained.retain(|(commit, _), _| commits.contains(commit));
        }
        let dir = self.path.parent().unwrap_or(&self.path);
        self.shared.create_dir_all(dir)?;
        temporary::sweep(dir);
        temporary::replace(&self.path, |new| {
            let options = &mut OpenOptions::new();
            let file = self.shared.open(options.write(true).create(true).truncate(true), new)?;
            self.write_to(BufWriter::new(file))
        })
    }

    fn write_to(&self, mut to: BufWriter<fs::File>) -> io::Result<()> {
        writeln!(to, "{}", self.head)?;
        if self.file == File::Missing {
            to.write_all(self.new.as_bytes())?;
        }
        let mut line = String::new();
        let mut put = |text: fmt::Arguments<'_>| {
            line.clear();
            push_line(&mut line, text);
            to.write_all(line.as_bytes())
        };
        for (place, (facts, _)) in &self.facts {
            put(format_args!("p {}", FactsLine(place, facts)))?;
        }
        for ((commit, ancestor), contained) in &self.contained {
            put(format_args!("c {commit} {ancestor} {}", u8::from(*contained)))?;
        }
        for (key, judgement) in &self.judgements {
            put(format_args!("v {}", JudgementLine(*key, judgement)))?;
        }
        for text in self.lines_of_records() {
            put(format_args!("{text}"))?;
        }
        to.flush()
    }

    /// The summary lines of all records. They come last, so the records of a truncated file are judged again.
    fn lines_of_records(&self) -> impl Iterator<Item = String> + use<> {
        let counts = format!("s {} {}", self.skipped, self.judgements.len());
        let span = self.span.as_ref().map(|span| format!("t {}", span.to_text()));
        [Some(counts), span, Some(format!("w {}", self.writers))].into_iter().flatten()
    }
}

/// Appends a line with its checksum.
fn push_line(to: &mut String, text: impl fmt::Display) {
    let start = to.len();
    write!(to, "{text}").ok();
    let sum = crc32fast::hash(&to.as_bytes()[start..]);
    writeln!(to, " {sum:08x}").ok();
}

/// Returns the text of a line, if its checksum is right.
fn checked(line: &str) -> Option<&str> {
    let (text, sum) = line.rsplit_once(' ')?;
    (u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(text.as_bytes())).then_some(text)
}

struct FactsLine<'a>(&'a Place, &'a Facts);

impl fmt::Display for FactsLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Place { point, commit }, Facts { key, parents }) = self;
        write!(f, "{point} {commit} ")?;
        match key {
            Some(key) => write!(f, "{key}")?,
            None => f.write_str("-")?,
        }
        parents.iter().try_for_each(|parent| write!(f, " {parent}"))
    }
}

/// The writers' refs with their tips, as text.
fn writers(records: &Records<'_>) -> String {
    let writer = |writer: &Writer| format!("{}={}", writer.notes, writer.tip);
    records.writers().iter().map(writer).collect::<Vec<_>>().join(" ")
}

struct JudgementLine<'a>(Oid, &'a Judgement);

impl fmt::Display for JudgementLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(key, Judgement { notes, size, skipped, verdicts }) = self;
        write!(f, "{key} {size} {skipped} {}", notes.len())?;
        notes.iter().try_for_each(|note| write!(f, " {note}"))?;
        for (point, verdicts) in verdicts {
            write!(f, " {point} ")?;
            for (i, OnSystem { system, verdict, is_disputed, is_impure }) in verdicts.iter().enumerate() {
                let comma = if i == 0 { "" } else { "," };
                let mark = |is: bool, mark: &'static str| if is { mark } else { "" };
                let (impure, disputed) = (mark(*is_impure, IMPURE), mark(*is_disputed, DISPUTED));
                write!(f, "{comma}{system}={}{impure}{disputed}", verdict.word())?;
            }
        }
        Ok(())
    }
}

/// Verdicts by their text: most lines share the same few verdicts.
type Verdicted<'t> = HashMap<&'t str, Rc<Verdicts>>;

fn judgement<'t>(mut words: impl Iterator<Item = &'t str>, known: &mut Verdicted<'t>) -> Option<Judgement> {
    let mut number = || words.next()?.parse::<u64>().ok();
    let (size, skipped, count) = (number()?, usize::try_from(number()?).ok()?, usize::try_from(number()?).ok()?);
    let notes: Box<[Oid]> = words.by_ref().take(count).map(oid).collect::<Option<_>>()?;
    let mut verdicts = Vec::new();
    while let Some(point) = words.next() {
        let text = words.next()?;
        if !known.contains_key(text) {
            known.insert(text, Rc::new(text.split(',').map(verdict).collect::<Option<_>>()?));
        }
        verdicts.push((point.to_owned().into(), Rc::clone(known.get(text)?)));
    }
    (notes.len() == count).then_some(Judgement { notes, size, skipped, verdicts })
}

fn oid(text: &str) -> Option<Oid> {
    parse_oid(text).ok()
}

fn verdict(word: &str) -> Option<OnSystem> {
    let (name, verdict) = word.split_once('=')?;
    let (verdict, is_disputed) = verdict.strip_suffix(DISPUTED).map_or((verdict, false), |word| (word, true));
    let (verdict, is_impure) = verdict.strip_suffix(IMPURE).map_or((verdict, false), |word| (word, true));
    let verdict = Verdict::ALL.into_iter().find(|known| known.word() == verdict)?;
    Some(OnSystem { system: System::parse(name).ok()?, verdict, is_disputed, is_impure })
}
