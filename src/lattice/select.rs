//! Selectors of points: `comp/aarch64/phase0/step1` with `*` and `{a,b}`, or a choice per axis from flags.

use std::collections::HashSet;
use std::fmt;

use super::glob::{self, Fault, MAX_POINTS, matches};
use super::{Axis, Chain, Coordinate, Error, Kind, Lattice, Point, Population, Result, Value};

/// A choice of words for each axis. An axis without a choice is *open*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    choices: Vec<Vec<String>>,
}

impl Selector {
    /// A selector with all axes open.
    pub fn open(lattice: &Lattice) -> Self {
        Self { choices: vec![Vec::new(); lattice.axes().len()] }
    }

    /// The coordinates in a selector's text: its parts between `/`, as far as these are outside braces.
    pub fn parts(text: &str) -> Vec<&str> {
        glob::split(text, '/')
    }

    /// Parses `component/arch/phase/step`, where each part may have `*` and `{a,b}`.
    ///
    /// # Errors
    /// [`Error::NotAPoint`] if the number of coordinates differs from that of the axes or a brace is not closed,
    /// [`Error::BareList`] for commas without braces, [`Error::TooMany`] if there are too many alternatives.
    pub fn parse(lattice: &Lattice, text: &str) -> Result<Self> {
        Self::parse_parts(lattice, text, &Self::parts(text), 0)
    }

    fn parse_parts(lattice: &Lattice, text: &str, parts: &[&str], open: usize) -> Result<Self> {
        let bad = |why: &str| lattice.not_a_point(text, why, &[]);
        if text.matches('{').count() != text.matches('}').count() {
            return Err(bad("a brace is not closed"));
        }
        if parts.len() + open != lattice.axes().len() {
            return Err(lattice.wrong_count(text, parts));
        }
        let words = |(axis, part): (&Axis, &&str)| {
            if glob::split(part, ',').len() > 1 {
                let (axis, is_set) = (axis.name.to_string(), matches!(axis.kind, Kind::Set(_)));
                return Err(Error::BareList { axis, text: (*part).to_owned(), is_set });
            }
            words_of(part, || bad("a value is empty, or braces are not in pairs"))
        };
        let mut choices = lattice.axes().iter().zip(parts).map(words).collect::<Result<Vec<_>>>()?;
        choices.resize(lattice.axes().len(), Vec::new());
        Ok(Self { choices })
    }

    /// Parses the first coordinates of a selector, one text per axis; the other axes are open.
    ///
    /// # Errors
    /// The same as those of [`Selector::parse`].
    pub fn parse_first(lattice: &Lattice, texts: &[&str]) -> Result<Self> {
        let open = lattice.axes().len().saturating_sub(texts.len());
        Self::parse_parts(lattice, &texts.join("/"), texts, open)
    }

    /// Adds the value of a flag to the choice for an axis: `a`, `a,b`, `x{a,b}`, `*`; `a+b` is a point over two values.
    ///
    /// # Errors
    /// [`Error::UnknownAxis`], [`Error::BadValue`] for an empty word or a brace that is not closed, or [`Error::TooMany`].
    pub fn choose(&mut self, lattice: &Lattice, axis: &str, text: &str) -> Result<()> {
        let i = lattice.axis_index(axis)?;
        let bad = || Error::BadValue {
            text: text.to_owned(),
            why: format!("axis `{axis}` needs one of: {}", lattice.axes()[i].describe()),
        };
        for part in glob::split(text, ',') {
            self.choices[i].extend(words_of(part, bad)?);
            if self.choices[i].len() > MAX_POINTS {
                return Err(too_many(text));
            }
        }
        self.choices[i].sort_unstable();
        self.choices[i].dedup();
        Ok(())
    }

    /// Chooses every value of a set axis.
    #[must_use]
    pub fn choose_all(mut self, axis: usize) -> Self {
        self.choices[axis] = vec!["*".to_owned()];
        self
    }

    /// Whether any word has a `*`, and so may match several values.
    pub fn has_wildcards(&self) -> bool {
        self.choices.iter().flatten().any(|word| !is_plain(word))
    }

    /// Whether an axis is open.
    pub fn leaves_open(&self, axis: usize) -> bool {
        self.choices[axis].is_empty()
    }

    /// Whether all axes are open.
    pub fn is_open(&self) -> bool {
        self.choices.iter().all(Vec::is_empty)
    }

    /// Fills open axes from `point`.
    ///
    /// If the selector chooses another phase than that of `point`, an axis whose lists depend on the phase stays open: the
    /// step of `point` may not exist in that phase.
    #[must_use]
    pub fn or_from(self, lattice: &Lattice, point: &Point) -> Self {
        let choices = lattice.texts(point).into_iter().map(|text| vec![text]).collect();
        self.or(lattice, &Self { choices })
    }

    /// Fills open axes from another selector; like [`Self::or_from`] where it chooses another phase.
    #[must_use]
    pub fn or(mut self, lattice: &Lattice, other: &Self) -> Self {
        let mut has_left = false;
        for ((choice, other), axis) in self.choices.iter_mut().zip(&other.choices).zip(lattice.axes()) {
            let depends = matches!(axis.kind, Kind::Chain(Chain::Per { .. }));
            if choice.is_empty() && !(depends && has_left) {
                choice.clone_from(other);
            } else if !other.is_empty() {
                has_left |= matches!(axis.kind, Kind::Chain(_)) && choice != other;
            }
        }
        self
    }

    /// The selected points, which need not exist. An open axis takes its only value, or the first of a chain.
    ///
    /// On a set axis `*` stands for each single value. Where lists differ per value, a word with `*` matches in each list.
    ///
    /// # Errors
    /// [`Error::Open`] for an open set axis with several values, [`Error::Endless`] for `*` on an open chain,
    /// [`Error::TooMany`], and the errors of values.
    pub fn expand(&self, lattice: &Lattice) -> Result<Vec<Point>> {
        let mut found = vec![Partial::default()];
        for i in 0..lattice.axes().len() {
            found = self.extend(lattice, i, &found)?;
            found.sort_unstable();
            found.dedup();
        }
        Ok(found.into_iter().map(|partial| Point::from_coordinates(partial.coordinates)).collect())
    }

    /// Extends each of `found` by the choice for axis `i`.
    fn extend(&self, lattice: &Lattice, i: usize, found: &[Partial]) -> Result<Vec<Partial>> {
        let mut longer = Vec::new();
        if self.choices[i].is_empty() {
            for partial in found {
                longer.push(partial.with(lattice, &default_word(lattice, i, partial.before.as_ref())?)?);
            }
        }
        for word in &self.choices[i] {
            let had = longer.len();
            for partial in found {
                partial.extend(lattice, word, &mut longer)?;
                if longer.len() > MAX_POINTS {
                    return Err(too_many(&self.to_string()));
                }
            }
            if longer.len() == had {
                return Err(lattice.no_such(i, found.iter().find_map(|partial| partial.before.as_ref()), word));
            }
        }
        Ok(longer)
    }

    /// The selected points of the population; an open axis matches all values.
    ///
    /// `a+b`, in any order, selects the points over exactly these values of a set axis. With `*`, each value of the point
    /// must match one side of a `+` and each side must match a value: `a+*` selects all points over `a`.
    ///
    /// # Errors
    /// The errors of values: a word without `*` must be a coordinate of its axis.
    pub fn filter<'a>(&self, lattice: &Lattice, population: &'a Population) -> Result<Vec<&'a Point>> {
        self.check_words(lattice)?;
        let fits = self.matcher();
        Ok(population.points().filter(|point| fits(&lattice.texts(point))).collect())
    }

    /// Whether it selects the point with these texts, one per axis.
    pub fn matcher<T: AsRef<str>>(&self) -> impl Fn(&[T]) -> bool {
        let wanted: Vec<_> = self.choices.iter().map(|choice| Wanted::new(choice)).collect();
        move |texts| texts.iter().zip(&wanted).all(|(text, wanted)| wanted.takes(text.as_ref()))
    }

    /// Refuses unknown words: a misspelt word would silently select nothing.
    ///
    /// # Errors
    /// The errors of values: a word without `*` must be a coordinate of its axis.
    pub fn check_words(&self, lattice: &Lattice) -> Result<()> {
        for (i, axis) in lattice.axes().iter().enumerate() {
            for word in &self.choices[i] {
                let unknown = match &axis.kind {
                    Kind::Chain(_) if word.contains('+') => return Err(lattice.not_a_set(i, word)),
                    Kind::Chain(chain) => Some(&**word).filter(|word| is_plain(word) && !chain.has_value(word)),
                    Kind::Set(values) => word.split('+').find(|word| is_plain(word) && values.position(word).is_none()),
                };
                if let Some(unknown) = unknown {
                    return Err(lattice.unknown(i, None, unknown));
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

/// A matcher for the words of one axis.
struct Wanted<'a> {
    words: HashSet<String>,
    globs: Vec<Vec<&'a str>>,
    all: bool,
}

impl<'a> Wanted<'a> {
    fn new(choice: &'a [String]) -> Self {
        let (words, globs): (Vec<_>, Vec<_>) = choice.iter().partition(|word| is_plain(word));
        let canonical = |word: &String| {
            let mut values: Vec<_> = word.split('+').collect();
            values.sort_unstable();
            values.dedup();
            values.join("+")
        };
        Self {
            all: choice.is_empty(),
            words: words.into_iter().map(canonical).collect(),
            globs: globs.into_iter().map(|glob| glob.split('+').collect()).collect(),
        }
    }

    fn takes(&self, text: &str) -> bool {
        let fits = |sides: &Vec<&str>| {
            text.split('+').all(|value| sides.iter().any(|side| matches(side, value)))
                && sides.iter().all(|side| text.split('+').any(|value| matches(side, value)))
        };
        self.all || self.words.contains(text) || self.globs.iter().any(fits)
    }
}

/// The first coordinates of a point, and the last chain value of these.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
struct Partial {
    coordinates: Vec<Coordinate>,
    before: Option<Value>,
}

impl Partial {
    fn with(&self, lattice: &Lattice, text: &str) -> Result<Self> {
        let i = self.coordinates.len();
        let coordinate = lattice.parse_coordinate(i, self.before.as_ref(), text)?;
        let before = match coordinate {
            Coordinate::Rank(rank) => lattice.value_at(i, self.before.as_ref(), rank),
            Coordinate::Members(_) => self.before.clone(),
        };
        Ok(Self { coordinates: [self.coordinates.as_slice(), &[coordinate]].concat(), before })
    }

    /// Appends to `longer` this prefix extended by each value that matches `word`; none, if `word` has a `*` and no value
    /// matches.
    fn extend(&self, lattice: &Lattice, word: &str, longer: &mut Vec<Self>) -> Result<()> {
        if is_plain(word) {
            longer.push(self.with(lattice, word)?);
            return Ok(());
        }
        let (i, before) = (self.coordinates.len(), self.before.as_ref());
        let endless = || Error::Endless { axis: lattice.axes()[i].name.to_string(), pattern: word.to_owned() };
        for value in lattice.listed(i, before).ok_or_else(endless)? {
            if matches(word, value.as_str()) {
                longer.push(self.with(lattice, value.as_str())?);
            }
        }
        Ok(())
    }
}

fn is_plain(word: &str) -> bool {
    !word.contains('*')
}

fn too_many(text: &str) -> Error {
    Error::TooMany { text: super::shorten(text), most: MAX_POINTS }
}

/// The words of one coordinate; the error `bad` if one is empty or a brace is not closed.
fn words_of(part: &str, bad: impl Fn() -> Error) -> Result<Vec<String>> {
    match glob::alternatives(part) {
        Ok(words) if words.iter().any(String::is_empty) => Err(bad()),
        Ok(words) => Ok(words),
        Err(Fault::Unbalanced) => Err(bad()),
        Err(Fault::TooMany) => Err(too_many(part)),
    }
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
