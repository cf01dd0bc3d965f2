//! Points as lines for scripts, and as `list --json`: both have the fields of a format.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt::Display;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::format::{Format, FormatError};
use crate::config::Config;
use crate::lattice::Point;
use crate::note::Note;
use crate::points::census::{Census, Tip};
use crate::points::rows::{Depth, Row};

/// The format of a line by default.
pub const DEFAULT: &str = "%(point)";
/// Begins the name of a field that is an axis, even if a field has the name of that axis.
const AXIS: &str = "axis:";

/// A field of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Point,
    Branch,
    Refname,
    Upstream,
    Commit,
    Parents,
    Dir,
    Systems,
    Pushed,
    Key,
    State,
    Note,
    /// The text of the axis at this position.
    Axis(usize),
}

impl Field {
    /// The name of the object of all axes in JSON.
    const AXES: &'static str = "axes";
    /// The fields of all lattices, with their names.
    pub const NAMED: [(&'static str, Self); 12] = [
        ("point", Self::Point),
        ("branch", Self::Branch),
        ("refname", Self::Refname),
        ("upstream", Self::Upstream),
        ("commit", Self::Commit),
        ("parents", Self::Parents),
        ("dir", Self::Dir),
        ("systems", Self::Systems),
        ("pushed", Self::Pushed),
        ("key", Self::Key),
        ("state", Self::State),
        ("note", Self::Note),
    ];

    /// The names of all fields.
    pub fn names(config: &Config) -> impl Iterator<Item = String> {
        let axes = config.lattice.axes().iter().map(|axis| axis.name.to_string());
        Self::NAMED.iter().map(|(name, _)| (*name).to_owned()).chain(axes)
    }

    fn read(config: &Config, name: &str) -> Result<Self, FormatError> {
        if let Some((_, field)) = Self::NAMED.iter().find(|(known, _)| *known == name) {
            return Ok(*field);
        }
        let axis = config.lattice.axis_index(name.strip_prefix(AXIS).unwrap_or(name));
        axis.map(Self::Axis)
            .map_err(|_| FormatError::Unknown { field: name.to_owned(), known: Self::names(config).collect() })
    }

    /// Its name; that of all axes is `axes`.
    fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, field)| *field == self).map_or(Self::AXES, |(name, _)| name)
    }

    fn depth(self) -> Depth {
        match self {
            Self::State => Depth::State,
            Self::Key | Self::Parents => Depth::Commit,
            _ => Depth::Refs,
        }
    }
}

/// The format of a line.
pub struct ListFormat(Format<Field>);

impl ListFormat {
    /// Parse a format, such as `%(point) %(state)`.
    ///
    /// # Errors
    /// When it has an unknown field, or one that is not closed.
    pub fn parse(config: &Config, text: &str) -> Result<Self, FormatError> {
        Format::parse(text, |name| Field::read(config, name)).map(Self)
    }

    /// What has to be read of each point.
    pub fn depth(&self) -> Depth {
        self.0.fields().map(|field| field.depth()).max().unwrap_or(Depth::Refs)
    }

    /// Whether it has notes.
    pub fn has_notes(&self) -> bool {
        self.0.fields().any(|field| *field == Field::Note)
    }
}

/// The list. Lines and objects are made one by one.
pub struct List<'a> {
    /// The lattice.
    pub config: &'a Config,
    /// The refs of the points.
    pub census: &'a Census,
    /// The fields.
    pub format: &'a ListFormat,
    /// The points.
    pub rows: &'a [Row],
    /// The notes of the points, if the format has them.
    pub notes: &'a BTreeMap<Point, Vec<Note>>,
}

impl<'a> List<'a> {
    /// The lines, without their ends.
    pub fn lines(&self) -> impl Iterator<Item = Vec<u8>> {
        self.rows.iter().map(|row| {
            let item = self.item(row);
            self.format.0.fill(|field, line| item.value(*field).push(line))
        })
    }

    fn item(&self, row: &'a Row) -> Item<'a> {
        let notes = self.notes.get(&row.point).map_or(&[][..], Vec::as_slice);
        Item { config: self.config, row, tip: self.census.tip(&row.point), notes, texts: OnceCell::new() }
    }
}

/// A point of the list.
struct Item<'a> {
    config: &'a Config,
    row: &'a Row,
    tip: Tip,
    notes: &'a [Note],
    /// The texts of the axes, if they were needed.
    texts: OnceCell<Vec<String>>,
}

/// The value of a field.
#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Optional(Option<String>),
    List(Vec<String>),
    /// Texts of several lines, of which a line has the first of each.
    Paragraphs(Vec<String>),
    Flag(bool),
}

impl Item<'_> {
    fn value(&self, field: Field) -> Value {
        let (config, point, facts) = (self.config, &self.row.point, self.row.facts.as_ref());
        match field {
            Field::Point => Value::Text(config.spell(point).into()),
            Field::Branch => Value::Text(config.branch_of(point).to_string()),
            Field::Refname if self.tip.local.is_some() => Value::Text(config.branch_of(point).full_ref()),
            Field::Refname => Value::Text(self.tracking().unwrap_or_default()),
            Field::Upstream => Value::Optional(self.tip.remote.and_then(|_| self.tracking())),
            Field::Commit => Value::Optional(self.tip.commit().map(|commit| commit.to_string())),
            Field::Parents => Value::List(texts(facts.iter().flat_map(|facts| facts.parents.iter()))),
            Field::Dir => Value::Text(config.dir_of(point)),
            Field::Systems => Value::List(texts(&config.systems.of(&config.lattice, point))),
            Field::Pushed => Value::Flag(self.tip.is_pushed()),
            Field::Key => Value::Optional(facts.and_then(|facts| facts.key).map(|key| key.to_string())),
            Field::State => Value::Optional(self.row.state.map(|state| state.word().to_owned())),
            Field::Note => Value::Paragraphs(texts(self.notes.iter().map(|note| &note.text))),
            Field::Axis(axis) => Value::Text(self.axis_texts()[axis].clone()),
        }
    }

    /// The remote-tracking branch.
    fn tracking(&self) -> Option<String> {
        self.config.remote.as_ref().map(|remote| self.config.branch_of(&self.row.point).tracking(remote))
    }

    fn axis_texts(&self) -> &[String] {
        self.texts.get_or_init(|| self.config.lattice.texts(&self.row.point))
    }
}

impl Value {
    fn push(&self, line: &mut Vec<u8>) {
        match self {
            Self::Text(text) | Self::Optional(Some(text)) => line.extend(text.as_bytes()),
            Self::Optional(None) => {}
            Self::List(texts) => line.extend(texts.join(" ").as_bytes()),
            Self::Paragraphs(texts) => {
                let firsts: Vec<_> = texts.iter().filter_map(|text| text.lines().next()).collect();
                line.extend(firsts.join("; ").as_bytes());
            }
            Self::Flag(flag) => line.extend(if *flag { &b"yes"[..] } else { b"no" }),
        }
    }
}

fn texts<'t, T: Display + 't>(values: impl IntoIterator<Item = &'t T>) -> Vec<String> {
    values.into_iter().map(ToString::to_string).collect()
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields: Vec<Field> = Vec::new();
        for field in self.format.0.fields() {
            if !fields.contains(field) {
                fields.push(*field);
            }
        }
        // A map cannot have the same name twice: all axes share one.
        let (axes, fields): (Vec<_>, Vec<_>) = fields.iter().partition(|field| matches!(field, Field::Axis(_)));
        let mut map = to.serialize_map(Some(1))?;
        map.serialize_entry("points", &Objects { list: self, fields: &fields, axes: &axes })?;
        map.end()
    }
}

/// The array of `list --json`.
struct Objects<'a> {
    list: &'a List<'a>,
    fields: &'a [Field],
    axes: &'a [Field],
}

/// A point in `list --json`.
struct Object<'a>(&'a Objects<'a>, Item<'a>);

/// The axes of a point in `list --json`.
struct Axes<'a>(&'a Object<'a>);

impl Serialize for Objects<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.list.rows.iter().map(|row| Object(self, self.list.item(row))))
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for field in self.0.fields {
            map.serialize_entry(field.name(), &self.1.value(*field))?;
        }
        if !self.0.axes.is_empty() {
            map.serialize_entry(Field::AXES, &Axes(self))?;
        }
        map.end()
    }
}

impl Serialize for Axes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Object(Objects { list, axes, .. }, item) = self.0;
        let names = list.config.lattice.axes();
        let entry = |field: &Field| match field {
            Field::Axis(at) => Some((names[*at].name.as_str(), &item.axis_texts()[*at])),
            _ => None,
        };
        to.collect_map(axes.iter().filter_map(entry))
    }
}
