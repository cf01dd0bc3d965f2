//! Points: one coordinate per axis, stored as numbers. The [`Lattice`] parses and formats their text.

use std::sync::Arc;

use super::axis::Listed;
use super::{Error, Kind, Lattice, Result, Spelled, Value};

/// The position of a point on one axis.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coordinate {
    /// On a chain: the rank of its value.
    Rank(u64),
    /// On a set: the positions of its values, ascending, at least one.
    Members(Box<[u32]>),
}

/// A point of a lattice.
///
/// The derived `Ord` is the table order (axis by axis). The order of the lattice is [`Point::is_at_or_below`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    // Shared, since a population, its chains and its branch tips hold the same points.
    coordinates: Arc<[Coordinate]>,
}

impl Point {
    pub(super) fn from_coordinates(coordinates: Vec<Coordinate>) -> Self {
        Self { coordinates: coordinates.into() }
    }

    /// The coordinates in the order of the axes.
    pub fn coordinates(&self) -> &[Coordinate] {
        &self.coordinates
    }
}

impl Spelled {
    /// Parses the point in a lattice.
    ///
    /// # Errors
    /// When the text is not a point of that lattice.
    pub fn read(&self, lattice: &Lattice) -> Result<Point> {
        lattice.parse_point(self.as_str())
    }

    /// Parses the point; `None` unless this is its canonical spelling.
    pub fn read_exactly(&self, lattice: &Lattice) -> Option<Point> {
        self.read(lattice).ok().filter(|point| lattice.spell(point) == *self)
    }
}

/// Whether some lattice may have such a point: values, joined by `+` on an axis, and by `/` between axes.
pub fn is_point(text: &str) -> bool {
    text.split('/').all(|coordinate| coordinate.split('+').all(Value::is_valid))
}

impl Lattice {
    /// Parses `solana-rust-1.83/aarch64/phase0/step1`; `+` joins several values of a set axis.
    ///
    /// # Errors
    /// When the number of coordinates or one of them is wrong.
    pub fn parse_point(&self, text: &str) -> Result<Point> {
        self.point_of(&text.split('/').collect::<Vec<_>>())
    }

    /// Parses the point with these coordinates, one text per axis.
    ///
    /// # Errors
    /// When one of them is not a coordinate of its axis.
    pub fn point_of<T: AsRef<str>>(&self, texts: &[T]) -> Result<Point> {
        if texts.len() != self.axes().len() {
            let text = texts.iter().map(AsRef::as_ref).collect::<Vec<_>>().join("/");
            return Err(self.wrong_count(&text, &text.split('/').collect::<Vec<_>>()));
        }
        let mut before: Option<Value> = None;
        let mut coordinates = Vec::with_capacity(texts.len());
        for (i, text) in texts.iter().enumerate() {
            let coordinate = self.parse_coordinate(i, before.as_ref(), text.as_ref())?;
            if let (true, Coordinate::Rank(rank)) = (self.depends_on(i), &coordinate) {
                before = self.value_at(i, before.as_ref(), *rank);
            }
            coordinates.push(coordinate);
        }
        Ok(Point::from_coordinates(coordinates))
    }

    /// Parses the coordinate of axis `i`, where the preceding chain axis has the value `before`.
    pub(super) fn parse_coordinate(&self, i: usize, before: Option<&Value>, text: &str) -> Result<Coordinate> {
        let Kind::Set(listed) = &self.axes()[i].kind else {
            if text.contains('+') {
                return Err(self.not_a_set(i, text));
            }
            return self.rank(i, before, text).map(Coordinate::Rank);
        };
        if text.split('+').any(str::is_empty) {
            let axis = &self.axes()[i];
            let why = format!("axis `{}` needs one of: {}", axis.name, axis.describe());
            return Err(Error::BadValue { text: text.to_owned(), why });
        }
        let member = |word: &str| listed.position(word).ok_or_else(|| self.unknown(i, before, word));
        let mut members = text.split('+').map(member).collect::<Result<Vec<_>>>()?;
        members.sort_unstable();
        members.dedup();
        Ok(Coordinate::Members(members.into()))
    }

    pub(super) fn not_a_set(&self, i: usize, text: &str) -> Error {
        Error::NotASet { axis: self.axes()[i].name.to_string(), text: text.to_owned() }
    }

    /// The members of `point` on set axis `axis`: positions in the list of values.
    pub fn members<'a>(&self, point: &'a Point, axis: usize) -> &'a [u32] {
        match &point.coordinates()[axis] {
            Coordinate::Members(members) => members,
            Coordinate::Rank(_) => &[],
        }
    }

    /// The values of a point per axis: one on a chain, one or more on a set.
    pub fn values(&self, point: &Point) -> Vec<Vec<Value>> {
        let mut before: Option<Value> = None;
        let mut all = Vec::with_capacity(self.axes().len());
        for (i, coordinate) in point.coordinates().iter().enumerate() {
            match (coordinate, &self.axes()[i].kind) {
                (Coordinate::Members(members), Kind::Set(listed)) => {
                    let mut values: Vec<_> = members.iter().map(|&m| listed.values()[m as usize].clone()).collect();
                    // The same order as in the name of the point.
                    values.sort();
                    all.push(values);
                }
                (Coordinate::Rank(rank), _) => {
                    before = self.value_at(i, before.as_ref(), *rank);
                    all.push(before.iter().cloned().collect());
                }
                (Coordinate::Members(_), Kind::Chain(_)) => all.push(Vec::new()),
            }
        }
        all
    }

    /// The coordinates of a point as texts, one per axis.
    pub fn texts(&self, point: &Point) -> Vec<String> {
        let mut texts = Vec::with_capacity(self.axes().len());
        self.each_text(point, |push| {
            let mut text = String::new();
            push(&mut text);
            texts.push(text);
        });
        texts
    }

    /// Formats a point as on the command line.
    pub fn spell(&self, point: &Point) -> Spelled {
        let mut spelled = String::with_capacity(64);
        self.each_text(point, |push| {
            if !spelled.is_empty() {
                spelled.push('/');
            }
            push(&mut spelled);
        });
        spelled.into()
    }

    /// Calls `on` for each coordinate with a function that appends its text. This saves a `String` per coordinate: commands
    /// format tens of thousands of points.
    fn each_text(&self, point: &Point, mut on: impl FnMut(&dyn Fn(&mut String))) {
        let mut before: Option<Value> = None;
        for (i, (coordinate, axis)) in point.coordinates().iter().zip(self.axes()).enumerate() {
            match (coordinate, &axis.kind) {
                (Coordinate::Members(members), Kind::Set(listed)) => on(&|text| push_members(text, members, listed)),
                (Coordinate::Rank(rank), _) => {
                    let value = self.value_at(i, before.as_ref(), *rank);
                    on(&|text| text.extend(value.as_ref().map(Value::as_str)));
                    before = value.filter(|_| self.depends_on(i));
                }
                (Coordinate::Members(_), Kind::Chain(_)) => on(&|_| {}),
            }
        }
    }
}

/// Appends the members sorted by name, so that the branch of a point does not depend on the order of the values in the file.
fn push_members(text: &mut String, members: &[u32], listed: &Listed) {
    if let [member] = members {
        return text.push_str(listed.values()[*member as usize].as_str());
    }
    let mut names: Vec<_> = members.iter().map(|&m| listed.values()[m as usize].as_str()).collect();
    names.sort_unstable();
    for (i, name) in names.into_iter().enumerate() {
        text.extend((i > 0).then_some('+'));
        text.push_str(name);
    }
}
