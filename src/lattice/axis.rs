//! Axes and their values, and the lattice that they span.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::{Error, Numbered, Result, Value, nearest};

/// Maximum number of axes: each one becomes a flag and a part of branch and directory names.
pub const MAX_AXES: usize = 64;

/// The name of an axis: lower-case letters, digits, `-` and `_`, starting with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AxisName(Box<str>);

impl AxisName {
    /// Parses the name of an axis, which is also its flag: `--arch`.
    ///
    /// # Errors
    /// [`Error::BadAxis`] if it is not usable as a flag.
    pub fn parse(text: &str) -> Result<Self> {
        let fits = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= 40
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        let why = "its name becomes a flag: expected lower-case letters, digits, `-` and `_`, starting with a letter"
            .to_owned();
        if fits { Ok(Self(text.into())) } else { Err(Error::BadAxis { axis: super::shorten(text), why }) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AxisName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The values of a closed chain or a set, in order, with an index by text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    values: Vec<Value>,
    index: HashMap<Box<str>, u32>,
}

impl Listed {
    /// Makes a list of distinct values.
    ///
    /// # Errors
    /// A message if the list is empty, or if two values are equal or differ only in letter case (a case-insensitive file
    /// system cannot hold both branches).
    pub fn new(values: Vec<Value>) -> std::result::Result<Self, String> {
        if values.is_empty() {
            return Err("it has no values".to_owned());
        }
        let mut folded: HashMap<String, &Value> = HashMap::new();
        for value in &values {
            match folded.insert(value.as_str().to_ascii_lowercase(), value) {
                Some(other) if other == value => return Err(format!("`{value}` is listed twice")),
                Some(other) => return Err(format!("`{other}` and `{value}` differ only in letter case")),
                None => {}
            }
        }
        let index = (0..).zip(&values).map(|(i, value)| (value.as_str().into(), i)).collect();
        Ok(Self { values, index })
    }

    /// The values in order.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The position of a value.
    pub(super) fn position(&self, text: &str) -> Option<u32> {
        self.index.get(text).copied()
    }
}

/// The values of an ordered axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chain {
    /// Listed in order.
    Closed(Listed),
    /// Numbered without end.
    Open(Numbered),
    /// A separate chain for each value of the preceding chain axis.
    Per {
        /// The chains by value of the preceding chain axis.
        of: HashMap<Value, Chain>,
        /// The chain for all values that `of` does not list.
        rest: Option<Box<Chain>>,
    },
}

impl Chain {
    fn rank(&self, text: &str) -> Option<u64> {
        match self {
            Self::Closed(listed) => listed.position(text).map(u64::from),
            Self::Open(numbered) => numbered.number(text),
            Self::Per { .. } => None,
        }
    }

    fn value(&self, rank: u64) -> Option<Value> {
        match self {
            Self::Closed(listed) => listed.values().get(usize::try_from(rank).ok()?).cloned(),
            Self::Open(numbered) => numbered.value(rank),
            Self::Per { .. } => None,
        }
    }

    fn first(&self) -> u64 {
        match self {
            Self::Open(numbered) => numbered.first(),
            Self::Closed(_) | Self::Per { .. } => 0,
        }
    }

    /// The chain to use where the preceding chain axis has the value `before`.
    pub(super) fn under(&self, before: Option<&Value>) -> Option<&Self> {
        match self {
            Self::Per { of, rest } => before.and_then(|value| of.get(value).or(rest.as_deref())),
            plain => Some(plain),
        }
    }

    /// All chains that [`Chain::under`] can return: this one, or those per value.
    pub(super) fn lists(&self) -> Vec<&Self> {
        match self {
            Self::Per { of, rest } => of.values().chain(rest.as_deref()).collect(),
            plain => vec![plain],
        }
    }

    /// Whether any point can have this value.
    pub(super) fn has_value(&self, text: &str) -> bool {
        self.lists().iter().any(|chain| chain.rank(text).is_some())
    }

    /// Whether any of the open chains has this value.
    fn has_number(&self, text: &str) -> bool {
        self.lists().iter().any(|chain| matches!(chain, Self::Open(numbered) if numbered.number(text).is_some()))
    }

    /// The values of all closed chains.
    fn listed(&self) -> Vec<&Value> {
        let closed =
            self.lists().into_iter().filter_map(|chain| if let Self::Closed(l) = chain { Some(l) } else { None });
        closed.flat_map(Listed::values).collect()
    }

    /// Checks lists per value against the preceding chain axis; returns what is wrong.
    fn fault(&self, before: Option<&Self>) -> Option<String> {
        let Self::Per { of, rest } = self else { return None };
        let Some(before) = before else {
            return Some("its lists depend on the preceding chain axis, but there is none".to_owned());
        };
        if self.lists().iter().any(|chain| matches!(chain, Self::Per { .. })) {
            return Some("a list per value must not contain further lists per value".to_owned());
        }
        let known: HashSet<&Value> = before.listed().into_iter().collect();
        if let Some(key) = of.keys().filter(|key| !known.contains(key) && !before.has_number(key.as_str())).min() {
            return Some(format!("it has a list for `{key}`, which is not a value of the preceding chain axis"));
        }
        if rest.is_some() {
            return None;
        }
        // A value without a list would leave a gap in the chain.
        if before.lists().iter().any(|chain| matches!(chain, Self::Open(_))) {
            return Some("the preceding chain axis is open: add a list for the other values, `\"*\"`".to_owned());
        }
        let missing = before.listed().into_iter().find(|value| !of.contains_key(value))?;
        Some(format!("it has no list for `{missing}`"))
    }

    /// Whether any of its values are numbered.
    fn is_numbered(&self) -> bool {
        match self {
            Self::Closed(_) => false,
            Self::Open(_) => true,
            Self::Per { of, rest } => of.values().chain(rest.as_deref()).any(Self::is_numbered),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Closed(listed) => enumerate(listed.values()),
            Self::Open(numbered) => numbered.describe(),
            Self::Per { of, rest } => {
                let mut keys: Vec<_> = of.iter().map(|(key, chain)| format!("{key}: {}", chain.describe())).collect();
                keys.sort();
                keys.extend(rest.iter().map(|chain| format!("else {}", chain.describe())));
                keys.join("; ")
            }
        }
    }
}

/// The values of an axis, and whether they are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Unordered; a point has one or more.
    Set(Listed),
    /// Ordered; a point has exactly one.
    Chain(Chain),
}

/// A named axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// Its name.
    pub name: AxisName,
    /// Its values.
    pub kind: Kind,
}

impl Axis {
    /// Whether the axis has a single value, the same for all points.
    pub fn is_constant(&self) -> bool {
        match &self.kind {
            Kind::Set(listed) | Kind::Chain(Chain::Closed(listed)) => listed.values().len() == 1,
            Kind::Chain(_) => false,
        }
    }

    /// The listed values; `None` if the chain is open or depends on another axis.
    pub fn listed(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::Set(listed) | Kind::Chain(Chain::Closed(listed)) => Some(listed.values()),
            Kind::Chain(_) => None,
        }
    }

    /// Its open chains.
    fn numbered(&self) -> impl Iterator<Item = &Numbered> {
        let lists = if let Kind::Chain(chain) = &self.kind { chain.lists() } else { Vec::new() };
        lists.into_iter().filter_map(|chain| if let Chain::Open(numbered) = chain { Some(numbered) } else { None })
    }

    /// The values as text, for messages.
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Set(listed) => enumerate(listed.values()),
            Kind::Chain(chain) => chain.describe(),
        }
    }

    /// Sample values for checks of how values end: all listed values, and one per open chain, whose values all end alike.
    pub(super) fn samples(&self) -> Vec<Value> {
        let chain = match &self.kind {
            Kind::Set(listed) => return listed.values().to_vec(),
            Kind::Chain(chain) => chain,
        };
        let first =
            |chain: &Chain| if let Chain::Open(numbered) = chain { numbered.value(numbered.first()) } else { None };
        chain.listed().into_iter().cloned().chain(chain.lists().into_iter().filter_map(first)).collect()
    }
}

fn enumerate(values: &[Value]) -> String {
    const MAX_SHOWN: usize = 12;
    let mut words: Vec<_> = values.iter().take(MAX_SHOWN).map(Value::as_str).collect();
    if values.len() > MAX_SHOWN {
        words.push("…");
    }
    words.join(", ")
}

/// The axes in order of declaration: all that is needed to parse and format points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lattice {
    axes: Vec<Axis>,
}

impl Lattice {
    /// Makes the lattice over these axes.
    ///
    /// # Errors
    /// [`Error::BadAxis`] for no axis, too many, a name used twice, or lists per value that do not fit the preceding chain axis.
    pub fn new(axes: Vec<Axis>) -> Result<Self> {
        let bad = |axis: &str, why: String| Err(Error::BadAxis { axis: axis.to_owned(), why });
        if axes.is_empty() {
            return bad("(none)", "a lattice needs at least one axis".to_owned());
        }
        if axes.len() > MAX_AXES {
            return bad("(all)", format!("there are {} axes, and {MAX_AXES} is the maximum", axes.len()));
        }
        let (mut names, mut before) = (HashSet::new(), None);
        for Axis { name, kind } in &axes {
            if !names.insert(name.as_str()) {
                return bad(name.as_str(), "it is declared twice".to_owned());
            }
            if let Kind::Chain(chain) = kind {
                if let Some(why) = chain.fault(before) {
                    return bad(name.as_str(), why);
                }
                before = Some(chain);
            }
        }
        Ok(Self { axes })
    }

    /// Whether an axis after `i` has lists per value.
    pub(super) fn depends_on(&self, i: usize) -> bool {
        self.axes[i + 1..].iter().any(|axis| matches!(axis.kind, Kind::Chain(Chain::Per { .. })))
    }

    /// The axes in order.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// The position of the axis of this name.
    ///
    /// # Errors
    /// [`Error::UnknownAxis`].
    pub fn axis_index(&self, name: &str) -> Result<usize> {
        self.axes.iter().position(|axis| axis.name.as_str() == name).ok_or_else(|| Error::UnknownAxis {
            axis: super::shorten(name),
            known: self.axes.iter().map(|axis| axis.name.to_string()).collect(),
        })
    }

    /// The chain of axis `i` where the preceding chain axis has the value `before`.
    pub(super) fn chain(&self, i: usize, before: Option<&Value>) -> Option<&Chain> {
        match &self.axes[i].kind {
            Kind::Chain(chain) => chain.under(before),
            Kind::Set(_) => None,
        }
    }

    /// Checks that a word is a value of axis `i`, in any of its lists.
    ///
    /// # Errors
    /// [`Error::UnknownValue`], or the syntax error.
    pub fn check_value(&self, i: usize, text: &str) -> Result<()> {
        let is_known = match &self.axes[i].kind {
            Kind::Set(listed) => listed.position(text).is_some(),
            Kind::Chain(chain) => chain.has_value(text),
        };
        if is_known { Ok(()) } else { Err(self.unknown(i, None, text)) }
    }

    /// The rank of a value on chain axis `i`.
    pub(super) fn rank(&self, i: usize, before: Option<&Value>, text: &str) -> Result<u64> {
        self.chain(i, before).and_then(|chain| chain.rank(text)).ok_or_else(|| self.unknown(i, before, text))
    }

    /// The value of a rank on chain axis `i`.
    pub(super) fn value_at(&self, i: usize, before: Option<&Value>, rank: u64) -> Option<Value> {
        self.chain(i, before)?.value(rank)
    }

    /// The least rank of chain axis `i`.
    pub(super) fn first(&self, i: usize, before: Option<&Value>) -> Option<u64> {
        self.chain(i, before).map(Chain::first)
    }

    /// The values of axis `i` where the preceding chain axis has the value `before`; `None` for an open chain.
    pub(super) fn listed(&self, i: usize, before: Option<&Value>) -> Option<&[Value]> {
        match &self.axes[i].kind {
            Kind::Set(listed) => Some(listed.values()),
            Kind::Chain(chain) => match chain.under(before)? {
                Chain::Closed(listed) => Some(listed.values()),
                Chain::Open(_) | Chain::Per { .. } => None,
            },
        }
    }

    /// The error for a text that is not a value of axis `i`: the syntax error if there is one, else "unknown value".
    pub(super) fn unknown(&self, i: usize, before: Option<&Value>, text: &str) -> Error {
        Value::parse(text).err().unwrap_or_else(|| self.no_such(i, before, text))
    }

    /// The "unknown value" error for a word on axis `i`; suggests a similar value unless the word has a `*`.
    pub(super) fn no_such(&self, i: usize, before: Option<&Value>, text: &str) -> Error {
        let axis = &self.axes[i];
        let (known, is_numbered, listed) = match &axis.kind {
            Kind::Set(listed) => (enumerate(listed.values()), false, listed.values().iter().collect()),
            Kind::Chain(chain) => {
                let chain = chain.under(before).unwrap_or(chain);
                (chain.describe(), chain.is_numbered(), chain.listed())
            }
        };
        let numbered: Vec<Value> = axis.numbered().filter_map(|numbered| numbered.similar(text)).collect();
        let candidates = || listed.iter().copied().chain(&numbered).map(Value::as_str);
        let near = || with_number(text, candidates()).or_else(|| nearest(text, candidates()));
        let near = Value::parse(text).is_ok().then(near).flatten().map(Into::into);
        Error::UnknownValue { axis: axis.name.to_string(), value: text.to_owned(), known, is_numbered, near }
    }
}

/// The value whose number is all that was given: `step3` for `3`.
fn with_number<'a>(number: &str, values: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_number = |value: &&str| {
        let before = value.strip_suffix(number);
        before.is_some_and(|before| !before.is_empty() && !before.ends_with(|c: char| c.is_ascii_digit()))
    };
    if is_number(number) { values.into_iter().find(has_number).map(str::to_owned) } else { None }
}
