//! Selecting points: `comp/aarch64/phase0/step1` with `*` and `{a,b}`, or a choice per axis from flags.

use std::fmt;

use super::{Coordinate, Error, Kind, Lattice, Point, Population, Result, Value};

/// What was said about each axis; an axis about which nothing was said is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    choices: Vec<Vec<String>>,
}

impl Selector {
    /// A selector that says nothing yet.
    pub fn open(lattice: &Lattice) -> Self {
        Self { choices: vec![Vec::new(); lattice.axes().len()] }
    }

    /// Reads `component/arch/phase/step`, each with `*` and `{a,b}`.
    ///
    /// # Errors
    /// [`Error::NotAPoint`] when the number of coordinates is not that of the axes or a brace is not closed.
    pub fn parse(lattice: &Lattice, text: &str) -> Result<Self> {
        let not_a_point = || Error::NotAPoint { text: text.to_owned(), expected: lattice.shape() };
        let choices = split_outside_braces(text, '/').iter().map(|part| alternatives(part)).collect::<Option<Vec<_>>>();
        let choices = choices.ok_or_else(not_a_point)?;
        if choices.len() != lattice.axes().len() || choices.iter().flatten().any(String::is_empty) {
            return Err(not_a_point());
        }
        Ok(Self { choices })
    }

    /// Adds what a flag said about an axis: `a`, `a,b`, `*`; a set of several values in one point is `a+b`.
    ///
    /// # Errors
    /// [`Error::UnknownAxis`], or [`Error::BadValue`] for an empty word.
    pub fn choose(&mut self, lattice: &Lattice, axis: &str, text: &str) -> Result<()> {
        let i = lattice.axis_index(axis)?;
        for word in text.split(',') {
            let words = alternatives(word).filter(|words| !words.iter().any(String::is_empty));
            let why = format!("axis `{axis}` needs one of: {}", lattice.axes()[i].describe());
            self.choices[i].extend(words.ok_or(Error::BadValue { text: text.to_owned(), why })?);
        }
        Ok(())
    }

    /// Chooses every value of a set axis.
    #[must_use]
    pub fn choose_all(mut self, axis: usize) -> Self {
        self.choices[axis] = vec!["*".to_owned()];
        self
    }

    /// Whether something was said that may mean several points of the population, or an axis was left open.
    pub fn has_wildcards(&self) -> bool {
        self.choices.iter().flatten().any(|word| word.contains('*'))
    }

    /// Whether nothing was said at all.
    pub fn is_open(&self) -> bool {
        self.choices.iter().all(Vec::is_empty)
    }

    /// Fills what was left open from `point`.
    #[must_use]
    pub fn or_from(mut self, lattice: &Lattice, point: &Point) -> Self {
        for (choice, text) in self.choices.iter_mut().zip(lattice.texts(point)) {
            if choice.is_empty() {
                choice.push(text);
            }
        }
        self
    }

    /// The points that are meant, which need not exist: what is still open is the axis' only value, or a chain's first.
    ///
    /// # Errors
    /// [`Error::Open`] for a set axis with several values, [`Error::Endless`] for `*` on an open chain, and those of values.
    pub fn expand(&self, lattice: &Lattice) -> Result<Vec<Point>> {
        let mut partial: Vec<Vec<String>> = vec![Vec::new()];
        for i in 0..lattice.axes().len() {
            let mut longer = Vec::new();
            for texts in partial {
                let before = last_chain_value(lattice, &texts);
                for word in self.words(lattice, i, before.as_ref())? {
                    longer.push([texts.as_slice(), &[word]].concat());
                }
            }
            partial = longer;
        }
        let mut points = partial.iter().map(|texts| lattice.point_of(texts)).collect::<Result<Vec<_>>>()?;
        points.sort();
        points.dedup();
        Ok(points)
    }

    fn words(&self, lattice: &Lattice, i: usize, before: Option<&Value>) -> Result<Vec<String>> {
        if self.choices[i].is_empty() {
            return default_word(lattice, i, before).map(|word| vec![word]);
        }
        let mut words = Vec::new();
        for choice in &self.choices[i] {
            if choice.contains('*') {
                words.extend(matching_values(lattice, i, before, choice)?);
            } else {
                words.push(choice.clone());
            }
        }
        Ok(words)
    }

    /// The points of the population that are meant; what was left open takes them all.
    ///
    /// # Errors
    /// Those of values: a word without `*` must be a coordinate of its axis.
    pub fn filter<'a>(&self, lattice: &Lattice, population: &'a Population) -> Result<Vec<&'a Point>> {
        self.check_words(lattice)?;
        let fits = |point: &&Point| {
            lattice.texts(point).iter().zip(&self.choices).all(|(text, choice)| {
                choice.is_empty() || choice.iter().any(|word| matches(word, text) || same_set(word, text))
            })
        };
        Ok(population.points().filter(fits).collect())
    }

    /// A misspelt word would otherwise just select nothing.
    fn check_words(&self, lattice: &Lattice) -> Result<()> {
        for (i, choice) in self.choices.iter().enumerate() {
            for word in choice.iter().filter(|word| !word.contains('*')) {
                match &lattice.axes()[i].kind {
                    Kind::Set(listed) => {
                        if let Some(wrong) = word.split('+').find(|part| listed.position(part).is_none()) {
                            return Err(lattice.unknown(i, None, wrong));
                        }
                    }
                    Kind::Chain(super::Chain::Per { .. }) => drop(Value::parse(word)?),
                    Kind::Chain(_) => drop(lattice.rank(i, None, word)?),
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |choice: &Vec<String>| match choice.as_slice() {
            [] => "*".to_owned(),
            [only] => only.clone(),
            several => format!("{{{}}}", several.join(",")),
        };
        f.write_str(&self.choices.iter().map(part).collect::<Vec<_>>().join("/"))
    }
}

fn last_chain_value(lattice: &Lattice, texts: &[String]) -> Option<Value> {
    let is_chain = |(i, _): &(usize, &String)| matches!(lattice.axes()[*i].kind, Kind::Chain(_));
    texts.iter().enumerate().rfind(is_chain).and_then(|(_, text)| Value::parse(text).ok())
}

fn default_word(lattice: &Lattice, i: usize, before: Option<&Value>) -> Result<String> {
    let axis = &lattice.axes()[i];
    let open = || Error::Open { axis: axis.name.to_string(), known: axis.describe() };
    match &axis.kind {
        Kind::Set(listed) => match listed.values() {
            [only] => Ok(only.to_string()),
            _ => Err(open()),
        },
        Kind::Chain(_) => {
            let first = lattice.first(i, before).and_then(|rank| lattice.value_at(i, before, rank));
            first.map(|value| value.to_string()).ok_or_else(open)
        }
    }
}

fn matching_values(lattice: &Lattice, i: usize, before: Option<&Value>, glob: &str) -> Result<Vec<String>> {
    let axis = &lattice.axes()[i];
    let listed = match &axis.kind {
        Kind::Set(listed) => Some(listed),
        Kind::Chain(_) => match lattice.chain(i, before) {
            Some(super::Chain::Closed(listed)) => Some(listed),
            _ => None,
        },
    };
    let endless = || Error::Endless { axis: axis.name.to_string(), pattern: glob.to_owned() };
    let values = listed.ok_or_else(endless)?.values().iter().map(ToString::to_string);
    let found: Vec<_> = values.filter(|text| matches(glob, text)).collect();
    if found.is_empty() { Err(lattice.unknown(i, before, glob)) } else { Ok(found) }
}

/// Whether `text` matches `glob`, in which `*` stands for any number of characters.
fn matches(glob: &str, text: &str) -> bool {
    let Some((head, rest)) = glob.split_once('*') else { return glob == text };
    let Some(text) = text.strip_prefix(head) else { return false };
    (0..=text.len()).filter(|&i| text.is_char_boundary(i)).any(|i| matches(rest, &text[i..]))
}

/// `b+a` means the set that is written `a+b`.
fn same_set(word: &str, text: &str) -> bool {
    let sorted = |text: &str| {
        let mut parts: Vec<_> = text.split('+').map(str::to_owned).collect();
        parts.sort();
        parts
    };
    word.contains('+') && sorted(word) == sorted(text)
}

/// The alternatives of `x{a,b}y`; `None` when a brace is not closed.
fn alternatives(part: &str) -> Option<Vec<String>> {
    let Some((head, rest)) = part.split_once('{') else {
        return (!part.contains('}')).then(|| vec![part.to_owned()]);
    };
    let (inside, tail) = rest.split_once('}')?;
    let tails = alternatives(tail)?;
    let one = |word: &str| tails.iter().map(|tail| format!("{head}{word}{tail}")).collect::<Vec<_>>();
    Some(inside.split(',').flat_map(one).collect())
}

fn split_outside_braces(text: &str, separator: char) -> Vec<&str> {
    let mut depth = 0_i32;
    let outside = move |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == separator && depth <= 0
    };
    text.split(outside).collect()
}

impl Lattice {
    /// The members of `point` on set axis `axis`.
    pub fn members<'a>(&self, point: &'a Point, axis: usize) -> &'a [u32] {
        match &point.coordinates()[axis] {
            Coordinate::Members(members) => members,
            Coordinate::Rank(_) => &[],
        }
    }
}
