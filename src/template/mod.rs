//! The files that git-lattice generates: values in, text out. This shelf knows no git and touches no file.
//!
//! A *template* is an askama text under `templates/`, compiled in; it renders a point's `flake.nix`. A *starter* is the
//! first `step.nix` of a point, which belongs to the user from then on.

use askama::Template as _;
use askama::filters::Safe;

use crate::system::System;

mod escape;
#[cfg(test)]
mod tests;

use escape::{AttrName, FlakePath};

/// The nixpkgs that a flake takes when nothing else is said.
pub const DEFAULT_NIXPKGS: &str = "github:NixOS/nixpkgs/nixos-unstable";

/// Longer axis names would make nixfmt break lines elsewhere.
const LONGEST_AXIS: usize = 80;

/// Store paths have names of up to 211 bytes, a derivation's with `.drv` at the end.
const LONGEST_NAME: usize = 160;

/// Why a flake cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No template has this name.
    #[error("unknown template `{0}`: expected one of config, step, nixpkgs, rust")]
    Unknown(String),
    /// A value holds a zero byte.
    #[error("{what} `{}` holds a zero byte, which no Nix string can", value.escape_debug())]
    ZeroByte {
        /// What the value is: a point, a branch, ...
        what: &'static str,
        /// The value.
        value: String,
    },
    /// A directory has characters that a Nix path cannot hold.
    #[error("directory `{0}` of a point below cannot be written as a Nix path: letters, digits and `._+-` can")]
    Path(String),
    /// Two axes have the same name.
    #[error("axis `{0}` is there twice")]
    AxisTwice(String),
    /// The name of an axis is too long for a line.
    #[error("axis name `{0}` is longer than {LONGEST_AXIS} characters")]
    AxisTooLong(String),
    /// askama failed, which it has no reason to once the values are checked.
    #[error("template `{}` could not be rendered", template.name())]
    Render {
        /// The template.
        template: Template,
        /// What askama said.
        source: askama::Error,
    },
}

/// What a point's `flake.nix` is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flake {
    /// The point, written `component/arch/phase/step`.
    pub point: String,
    /// Each axis with the point's values on it, in the order of the axes.
    pub coordinates: Vec<(String, Vec<String>)>,
    /// The systems that it builds for.
    pub systems: Vec<System>,
    /// The branch that holds it.
    pub branch: String,
    /// The points below it, whose outputs it takes.
    pub previous: Vec<Previous>,
    /// The flake reference of nixpkgs, for the templates that have that input; [`DEFAULT_NIXPKGS`] if there is none.
    pub nixpkgs: Option<String>,
}

/// A point below, taken by relative import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// The point.
    pub point: String,
    /// The directory of its flake, relative to that of the flake which takes it: `../step1`.
    pub dir: String,
}

/// The kinds of flake that can be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Template {
    /// Puts config.toml into the store; no inputs, builds offline on any machine with Nix.
    #[default]
    Config,
    /// Builds what the user's `step.nix` says; no inputs.
    Step,
    /// Builds what the user's `step.nix` says, with nixpkgs.
    Nixpkgs,
    /// A stage of a Rust toolchain from `[rust]` in config.toml, with nixpkgs.
    Rust,
}

impl Template {
    /// All templates, the default first.
    pub const ALL: [Self; 4] = [Self::Config, Self::Step, Self::Nixpkgs, Self::Rust];

    /// The template with this name.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|it| it.name() == name).ok_or_else(|| Error::Unknown(name.to_owned()))
    }

    /// Its name, as `--template` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Step => "step",
            Self::Nixpkgs => "nixpkgs",
            Self::Rust => "rust",
        }
    }

    /// The whole text of the template, for hashing: two versions of git-lattice with the same text render the same.
    pub fn source(self) -> &'static str {
        macro_rules! source {
            ($file:literal) => {
                concat!(include_str!("../../templates/flake.nix"), include_str!(concat!("../../templates/", $file)))
            };
        }
        match self {
            Self::Config => source!("config.nix"),
            Self::Step => source!("step.nix"),
            Self::Nixpkgs => source!("nixpkgs.nix"),
            Self::Rust => source!("rust.nix"),
        }
    }

    /// The first `step.nix`, for the templates whose flakes call one.
    pub fn starter(self) -> Option<&'static str> {
        match self {
            Self::Config => None,
            Self::Step => Some(include_str!("../../templates/starter/step.nix")),
            Self::Nixpkgs => Some(include_str!("../../templates/starter/nixpkgs.nix")),
            Self::Rust => Some(include_str!("../../templates/starter/rust.nix")),
        }
    }

    /// Whether its flakes have the input nixpkgs, and so need a lock.
    pub fn takes_nixpkgs(self) -> bool {
        matches!(self, Self::Nixpkgs | Self::Rust)
    }

    /// The text of `flake.nix`, formatted as nixfmt would.
    pub fn render(self, flake: &Flake) -> Result<String, Error> {
        flake.check()?;
        let flake = &View::of(flake, self.takes_nixpkgs())?;
        let text = match self {
            Self::Config => Config { flake }.render(),
            Self::Step => Step { flake }.render(),
            Self::Nixpkgs => Nixpkgs { flake }.render(),
            Self::Rust => Rust { flake }.render(),
        };
        // askama takes away the last newline of a template.
        text.map(|text| text + "\n").map_err(|source| Error::Render { template: self, source })
    }
}

impl Flake {
    fn check(&self) -> Result<(), Error> {
        let axes = || self.coordinates.iter().map(|(axis, _)| axis);
        if let Some((_, axis)) = axes().enumerate().find(|(n, axis)| axes().take(*n).any(|other| other == *axis)) {
            return Err(Error::AxisTwice(axis.clone()));
        }
        if let Some(axis) = axes().find(|axis| AttrName(axis).to_string().chars().count() > LONGEST_AXIS) {
            return Err(Error::AxisTooLong(axis.clone()));
        }
        match self.strings().find(|(_, value)| value.contains('\0')) {
            Some((what, value)) => Err(Error::ZeroByte { what, value: value.clone() }),
            None => Ok(()),
        }
    }

    fn strings(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let values = self.coordinates.iter().flat_map(|(_, values)| values);
        [("point", &self.point), ("branch", &self.branch)]
            .into_iter()
            .chain(self.coordinates.iter().map(|(axis, _)| ("axis", axis)))
            .chain(values.map(|value| ("value", value)))
            .chain(self.previous.iter().map(|it| ("point", &it.point)))
            .chain(self.nixpkgs.iter().map(|it| ("nixpkgs", it)))
    }
}

/// A [`Flake`] in the words of the templates.
struct View<'a> {
    name: String,
    point: &'a str,
    branch: &'a str,
    coordinates: Vec<(Safe<AttrName<'a>>, &'a [String])>,
    systems: &'a [System],
    below: Vec<Below<'a>>,
    nixpkgs: &'a str,
    takes_inputs: bool,
}

struct Below<'a> {
    point: &'a str,
    flake: Safe<FlakePath>,
}

impl<'a> View<'a> {
    fn of(flake: &'a Flake, takes_nixpkgs: bool) -> Result<Self, Error> {
        let axes = flake.coordinates.iter();
        let below = flake.previous.iter().map(Below::of).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            name: store_name(&flake.point),
            point: &flake.point,
            branch: &flake.branch,
            coordinates: axes.map(|(axis, values)| (Safe(AttrName(axis)), values.as_slice())).collect(),
            systems: &flake.systems,
            takes_inputs: takes_nixpkgs || !below.is_empty(),
            below,
            nixpkgs: flake.nixpkgs.as_deref().unwrap_or(DEFAULT_NIXPKGS),
        })
    }
}

impl<'a> Below<'a> {
    fn of(previous: &'a Previous) -> Result<Self, Error> {
        let flake = FlakePath::in_dir(&previous.dir).ok_or_else(|| Error::Path(previous.dir.clone()))?;
        Ok(Self { point: &previous.point, flake: Safe(flake) })
    }
}

/// The point as the name of a store path: no `/`, no dot in front, not too long, and not that of a derivation.
fn store_name(point: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "+-._?=".contains(c) { c } else { '-' };
    let name: String = point.chars().map(plain).take(LONGEST_NAME).collect();
    let name = name.strip_suffix(".drv").map(|stem| format!("{stem}-drv")).unwrap_or(name);
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) { name } else { format!("point{name}") }
}

#[derive(askama::Template)]
#[template(path = "config.nix")]
struct Config<'a> {
    flake: &'a View<'a>,
}

#[derive(askama::Template)]
#[template(path = "step.nix")]
struct Step<'a> {
    flake: &'a View<'a>,
}

#[derive(askama::Template)]
#[template(path = "nixpkgs.nix")]
struct Nixpkgs<'a> {
    flake: &'a View<'a>,
}

#[derive(askama::Template)]
#[template(path = "rust.nix")]
struct Rust<'a> {
    flake: &'a View<'a>,
}
