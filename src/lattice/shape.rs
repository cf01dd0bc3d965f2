//! The shape of a point, and what is wrong with a text that does not have it.

use super::{Error, Kind, Lattice, Selector};

impl Lattice {
    /// The shape of a point here: `component/arch/phase/step`.
    pub fn shape(&self) -> String {
        let names: Vec<_> = self.axes().iter().map(|axis| axis.name.as_str()).collect();
        names.join("/")
    }

    /// The error for a text whose number of coordinates differs from that of the axes.
    pub(super) fn wrong_count(&self, text: &str, parts: &[&str]) -> Error {
        let axes = self.aligned(parts);
        let why = match &axes {
            Some(axes) => {
                let names = self.axes().iter().enumerate().filter(|(i, _)| !axes.contains(i));
                missing(&names.map(|(_, axis)| axis.name.as_str()).collect::<Vec<_>>())
            }
            None if parts.len() == 1 => format!("it has 1 coordinate, and a point has {}", self.axes().len()),
            None => format!("it has {} coordinates, and a point has {}", parts.len(), self.axes().len()),
        };
        if let Some(axes) = axes.as_ref().filter(|_| text.contains(['*', '{'])) {
            return self.with_example(text, why, self.pattern(axes, parts));
        }
        let given: Vec<_> = axes.unwrap_or_default().into_iter().zip(parts.iter().copied()).collect();
        self.not_a_point(text, why, &given)
    }

    /// The error for a text that is not a point; `given` are the coordinates that it has.
    pub(super) fn not_a_point(&self, text: &str, why: impl Into<Box<str>>, given: &[(usize, &str)]) -> Error {
        self.with_example(text, why, self.example(given))
    }

    fn with_example(&self, text: &str, why: impl Into<Box<str>>, example: String) -> Error {
        Error::NotAPoint { text: text.to_owned(), why: why.into(), shape: self.shape().into(), example: example.into() }
    }

    /// A pattern with these texts on their axes, and any value on each other axis.
    fn pattern(&self, axes: &[usize], parts: &[&str]) -> String {
        let text = |i: usize| axes.iter().position(|axis| *axis == i).map_or("*", |at| parts[at]);
        (0..self.axes().len()).map(text).collect::<Vec<_>>().join("/")
    }

    /// The axes of fewer texts than there are axes, in order: each text is a value of its axis.
    pub fn aligned(&self, parts: &[&str]) -> Option<Vec<usize>> {
        let mut axes = 0..self.axes().len();
        let found: Option<Vec<_>> = parts.iter().map(|part| axes.find(|i| self.may_be(*i, part))).collect();
        found.filter(|_| parts.len() < self.axes().len())
    }

    /// Whether a text may select values of an axis.
    pub fn may_be(&self, i: usize, text: &str) -> bool {
        text.contains(['*', '{'])
            || match &self.axes()[i].kind {
                Kind::Set(values) => text.split('+').all(|value| values.position(value).is_some()),
                Kind::Chain(chain) => chain.has_value(text),
            }
    }

    /// A point that has the given coordinates, and the first value on each other axis.
    fn example(&self, given: &[(usize, &str)]) -> String {
        let mut selector = Selector::open(self);
        for (i, axis) in self.axes().iter().enumerate() {
            let own = given.iter().find(|(axis, text)| *axis == i && !text.contains(['*', '{'])).map(|(_, text)| *text);
            let first = || axis.listed().and_then(|values| values.first()).map(super::Value::as_str);
            if let Some(word) = own.or_else(|| matches!(axis.kind, Kind::Set(_)).then(first).flatten()) {
                selector.choose(self, axis.name.as_str(), word).ok();
            }
        }
        let points = selector.expand(self).unwrap_or_default();
        points.first().map_or_else(|| self.shape(), |point| self.spell(point).into())
    }
}

/// `step` is missing; `phase` and `step` are missing.
fn missing(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => format!("{last} is missing"),
        Some((last, rest)) => format!("{} and {last} are missing", rest.join(", ")),
        None => "a coordinate is missing".to_owned(),
    }
}
