//! Patterns such as `feature/{component}/{arch}/{phase}/{step}`: how a point names its branch and its directory.
//!
//! A pattern is accepted only if every point gets a distinct name that decodes to the point again, and no name is a path
//! prefix of another (git cannot hold both `a/b` and `a/b/c`). The form of the pattern ensures both: it names each axis with
//! more than one value, a character that no value contains separates two axes, and so all names have the same number of `/`.

use std::fmt;

use super::value::is_device;
use super::{Error, Kind, Lattice, Point, Result, Spelled, Value};

/// Characters that literals may contain but coordinates cannot: they separate two axes.
const SEPARATORS: [char; 4] = ['/', '@', '=', ','];

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Axis(usize),
}

/// A pattern, checked against its lattice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
    segments: Vec<Segment>,
}

/// One path segment of a name, for walking directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A fixed text.
    Literal(String),
    /// The values of this set axis only.
    Set(usize),
    /// Anything else.
    Mixed,
}

impl Pattern {
    /// Parses a pattern and checks that it gives each point of `lattice` a distinct name.
    ///
    /// # Errors
    /// [`Error::BadPattern`] or [`Error::UnknownAxis`].
    pub fn parse(lattice: &Lattice, text: &str) -> Result<Self> {
        let parts = split(text, |name| lattice.axis_index(name))?;
        let bad = |why: String| Err(Error::BadPattern { pattern: text.to_owned(), why });
        for (i, axis) in lattice.axes().iter().enumerate() {
            match parts.iter().filter(|part| **part == Part::Axis(i)).count() {
                0 if !axis.is_constant() => {
                    return bad(format!("it does not name axis `{}`, so two points would share a name", axis.name));
                }
                0 | 1 => {}
                _ => return bad(format!("it names axis `{}` twice", axis.name)),
            }
        }
        if let Some(why) = unreadable(lattice, &parts).or_else(|| illegal(lattice, text, &parts)) {
            return bad(why);
        }
        let segments = text.split('/').map(|part| segment(lattice, part)).collect::<Result<_>>()?;
        Ok(Self { text: text.to_owned(), parts, segments })
    }

    /// The name of a point.
    pub fn encode(&self, lattice: &Lattice, point: &Point) -> String {
        self.name_of(&lattice.spell(point))
    }

    /// The name of a point that is spelled like this in the lattice.
    pub fn name_of(&self, spelled: &Spelled) -> String {
        let texts: Vec<&str> = spelled.split('/').collect();
        let mut name = String::with_capacity(self.text.len() + spelled.len());
        for part in &self.parts {
            name.push_str(match part {
                Part::Literal(literal) => literal,
                Part::Axis(i) => texts[*i],
            });
        }
        name
    }

    /// The point of this name; `None` if it is not the name of a point.
    pub fn decode(&self, lattice: &Lattice, name: &str) -> Option<Point> {
        self.read(lattice, name)?.ok()
    }

    /// Decodes a name and reports why it fails: `None` if the name does not match the pattern, an error if it matches but is
    /// not the name of a point.
    pub fn read(&self, lattice: &Lattice, name: &str) -> Option<Result<Point>> {
        let point = match lattice.point_of(&self.texts(lattice, name)?) {
            Ok(point) => point,
            Err(error) => return Some(Err(error)),
        };
        // `b+a` parses as the point whose name is `a+b`.
        let other = || Some(self.encode(lattice, &point)).filter(|own| own != name);
        match name.contains('+').then(other).flatten() {
            Some(own) => Some(Err(Error::OtherSpelling { name: name.to_owned(), own })),
            None => Some(Ok(point)),
        }
    }

    /// The text of each axis in a name that has the form of the pattern; whether the texts are values is not checked.
    pub fn texts<'a>(&self, lattice: &'a Lattice, name: &'a str) -> Option<Vec<&'a str>> {
        let mut texts: Vec<&str> = lattice.axes().iter().map(|axis| only_value(axis).unwrap_or_default()).collect();
        read(&self.parts, name, |axis, text| texts[axis] = text).then_some(texts)
    }

    /// The coordinates in the name of a branch or directory, in the order of the axes; `None` if it does not match the pattern. They
    /// need not be values.
    pub fn coordinates<'a>(&self, lattice: &'a Lattice, name: &'a str) -> Option<Vec<&'a str>> {
        self.texts(lattice, name)
    }

    /// The common prefix of all names, up to the first axis: the ref prefix to list.
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Literal(literal)) => literal,
            _ => "",
        }
    }

    /// The common prefix of the names of a point and of all points below it. It includes set axes on which the point has a
    /// single value, since all points below have that value too.
    pub fn prefix_below(&self, lattice: &Lattice, point: &Point) -> String {
        let (texts, values) = (lattice.texts(point), lattice.values(point));
        let is_fixed = |i: usize| matches!(lattice.axes()[i].kind, Kind::Set(_)) && values[i].len() == 1;
        self.prefix_with(|i| is_fixed(i).then_some(texts[i].as_str()))
    }

    /// The common prefix of all names whose axes have these texts; `None` leaves an axis open.
    pub fn prefix_with<'t>(&'t self, text: impl Fn(usize) -> Option<&'t str>) -> String {
        let piece = |part: &'t Part| match part {
            Part::Literal(literal) => Some(literal.as_str()),
            Part::Axis(i) => text(*i),
        };
        self.parts.iter().map_while(piece).collect()
    }

    /// Whether names with the same texts on the axes before `axis` differ first in a path segment that is the text on `axis`.
    pub fn differ_next_on(&self, axis: usize) -> bool {
        let is_open = |part: &Part| matches!(part, Part::Axis(i) if *i >= axis);
        let Some(at) = self.parts.iter().position(is_open) else { return false };
        let begins =
            self.parts[..at].last().is_none_or(|part| matches!(part, Part::Literal(text) if text.ends_with('/')));
        let ends =
            self.parts.get(at + 1).is_none_or(|part| matches!(part, Part::Literal(text) if text.starts_with('/')));
        let has_earlier = self.parts[at..].iter().any(|part| matches!(part, Part::Axis(i) if *i < axis));
        self.parts[at] == Part::Axis(axis) && begins && ends && !has_earlier
    }

    /// The path segments of names.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn segment(lattice: &Lattice, text: &str) -> Result<Segment> {
    Ok(match split(text, |name| lattice.axis_index(name))?.as_slice() {
        [Part::Literal(literal)] => Segment::Literal(literal.clone()),
        [Part::Axis(i)] if matches!(lattice.axes()[*i].kind, Kind::Set(_)) => Segment::Set(*i),
        _ => Segment::Mixed,
    })
}

fn only_value(axis: &super::Axis) -> Option<&str> {
    match axis.listed()? {
        [only] => Some(only.as_str()),
        _ => None,
    }
}

/// Takes a name apart and gives the text of each axis to `put`; `false` if the name does not have the form of the pattern.
pub(super) fn read<'n>(parts: &[Part], name: &'n str, mut put: impl FnMut(usize, &'n str)) -> bool {
    let mut rest = name;
    let mut parts = parts.iter().peekable();
    while let Some(part) = parts.next() {
        let end = match (part, parts.peek()) {
            (Part::Literal(literal), _) => rest.starts_with(literal.as_str()).then_some(literal.len()),
            // The last literal must reach the end; between two axes the separator occurs only once.
            (_, Some(Part::Literal(literal))) if literal.contains(SEPARATORS) => rest.find(literal.as_str()),
            (_, Some(Part::Literal(literal))) => rest.len().checked_sub(literal.len()),
            _ => Some(rest.len()),
        };
        let Some((text, after)) = end.and_then(|end| rest.split_at_checked(end)) else { return false };
        if let Part::Axis(axis) = part {
            put(*axis, text);
        }
        rest = after;
    }
    rest.is_empty()
}

/// Splits a pattern at its axes in braces; `axis` gives the number of each.
pub(super) fn split(text: &str, mut axis: impl FnMut(&str) -> Result<usize>) -> Result<Vec<Part>> {
    let bad = |why: &str| Error::BadPattern { pattern: text.to_owned(), why: why.to_owned() };
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let literal = rest.split('{').next().unwrap_or_default();
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_owned()));
        }
        rest = &rest[literal.len()..];
        if let Some(inside) = rest.strip_prefix('{') {
            let (name, after) = inside.split_once('}').ok_or_else(|| bad("a `{` is not closed"))?;
            parts.push(Part::Axis(axis(name)?));
            rest = after;
        }
    }
    Ok(parts)
}

/// Returns why names could not be decoded, if so.
fn unreadable(lattice: &Lattice, parts: &[Part]) -> Option<String> {
    let (a, b) = unseparated(parts)?;
    let (a, b) = (&lattice.axes()[a].name, &lattice.axes()[b].name);
    Some(format!("two points could share a name: separate {{{a}}} and {{{b}}} by `/` or `@`, which no value contains"))
}

/// Two axes without a separator between them, if there are any.
pub(super) fn unseparated(parts: &[Part]) -> Option<(usize, usize)> {
    parts.windows(2).enumerate().find_map(|(at, pair)| match (&pair[0], &pair[1], parts.get(at + 2)) {
        (Part::Axis(a), Part::Axis(b), _) => Some((*a, *b)),
        (Part::Axis(a), Part::Literal(literal), Some(Part::Axis(b))) if !literal.contains(SEPARATORS) => Some((*a, *b)),
        _ => None,
    })
}

/// Returns why names would be invalid as branches or directories by git-check-ref-format(1), if so. Values are valid by
/// themselves.
fn illegal(lattice: &Lattice, text: &str, parts: &[Part]) -> Option<String> {
    let is_invalid = |c: &char| !(c.is_ascii_alphanumeric() || "._-+".contains(*c) || SEPARATORS.contains(c));
    let literals = parts.iter().filter_map(|part| if let Part::Literal(literal) = part { Some(literal) } else { None });
    if let Some(c) = literals.flat_map(|literal| literal.chars()).find(is_invalid) {
        return Some(format!("the character {c:?} is not allowed"));
    }
    let wrong = |segment: &str| {
        segment.is_empty() || segment.starts_with(['.', '-']) || segment.ends_with('.') || is_lock(segment)
    };
    if text.split('/').any(wrong) || text.contains("..") {
        return Some("a part between two `/` is empty, begins with `.` or `-`, or ends in `.` or `.lock`".to_owned());
    }
    if let Some(value) = text.split('/').find_map(|segment| completing(lattice, segment, is_lock)) {
        return Some(format!("with the value `{value}` a part between two `/` ends in `.lock`, which git reserves"));
    }
    let reserved = "is a device on Windows: no folder can have that name";
    if let Some(segment) = text.split('/').find(|segment| is_device(segment)) {
        return Some(format!("`{segment}` {reserved}"));
    }
    if let Some(value) = text.split('/').find_map(|segment| completing(lattice, segment, is_device)) {
        return Some(format!("with the value `{value}` a part between two `/` {reserved}"));
    }
    (!text.contains('/')).then(|| "it needs a `/`: names without one could not be told from other branches".to_owned())
}

fn is_lock(segment: &str) -> bool {
    segment.to_ascii_lowercase().ends_with(".lock")
}

/// The value that makes a segment such as `v.{axis}` a reserved name, if any: of the last axis in it.
fn completing(lattice: &Lattice, segment: &str, is_reserved: fn(&str) -> bool) -> Option<Value> {
    let (head, tail) = segment.rsplit_once('}')?;
    let (head, name) = head.rsplit_once('{')?;
    let head = head.rsplit('}').next()?;
    let axis = &lattice.axes()[lattice.axis_index(name).ok()?];
    axis.samples().into_iter().find(|value| is_reserved(&format!("{head}{value}{tail}")))
}
