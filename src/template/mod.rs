//! Renders the files that git-lattice generates: values in, text out, without git and file access.
//!
//! A *template* is an askama text under `templates/`, compiled into the program, that renders the `flake.nix` of a point. A
//! *starter* is the first `step.nix` of a point; git-lattice never changes it afterwards.

use askama::Template as _;
use askama::filters::Safe;

use crate::system::System;

mod escape;
#[cfg(test)]
mod tests;

use escape::{AttrName, FlakePath};

/// The default flake reference of nixpkgs.
pub const DEFAULT_NIXPKGS: &str = "github:NixOS/nixpkgs/nixos-unstable";

/// Maximum length of an axis name in characters: nixfmt would wrap lines with a longer one.
const LONGEST_AXIS: usize = 80;

/// Maximum length of the name of a store path. Nix allows 211 bytes, including the `.drv` of a derivation.
const LONGEST_NAME: usize = 160;

/// Why a flake cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No template has this name.
    #[error("unknown template `{0}`: expected one of config, step, nixpkgs, rust")]
    Unknown(String),
    /// A value contains a zero byte.
    #[error("{what} `{}` contains a zero byte, which a Nix string cannot hold", value.escape_debug())]
    ZeroByte {
        /// The kind of value: a point, a branch, ...
        what: &'static str,
        /// The value.
        value: String,
    },
    /// A directory has characters that a Nix path literal cannot hold.
    #[error("directory `{0}` of a point below is not a valid Nix path: expected letters, digits and `._+-`")]
    Path(String),
    /// Two axes have the same name.
    #[error("axis `{0}` is declared twice")]
    AxisTwice(String),
    /// The name of an axis is too long for a line.
    #[error("axis name `{0}` is longer than {LONGEST_AXIS} characters")]
    AxisTooLong(String),
    /// askama failed, which is unexpected after the values have been checked.
    #[error("template `{}` could not be rendered", template.name())]
    Render {
        /// The template.
        template: Template,
        /// The error of askama.
        source: askama::Error,
    },
}

/// The values for the `flake.nix` of a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flake {
    /// The text form of the point, `component/arch/phase/step`.
    pub point: String,
    /// Each axis with the point's values on it, in the order of the axes.
    pub coordinates: Vec<(String, Vec<String>)>,
    /// The systems that it builds for.
    pub systems: Vec<System>,
    /// The branch that holds it.
    pub branch: String,
    /// The points below whose outputs it uses.
    pub previous: Vec<Previous>,
    /// The flake reference of nixpkgs, for templates with that input; default [`DEFAULT_NIXPKGS`].
    pub nixpkgs: Option<String>,
}

/// A point below, imported by relative path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// The point.
    pub point: String,
    /// The directory of its flake, relative to that of the importing flake: `../step1`.
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
    /// All templates; the default is first.
    pub const ALL: [Self; 4] = [Self::Config, Self::Step, Self::Nixpkgs, Self::Rust];

    /// The template with this name.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|it| it.name() == name).ok_or_else(|| Error::Unknown(name.to_owned()))
    }

    /// The name that `--template` accepts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Step => "step",
            Self::Nixpkgs => "nixpkgs",
            Self::Rust => "rust",
        }
    }

    /// The whole text of the template, for hashing: versions of git-lattice with the same text render the same files.
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

    /// The starter `step.nix`; `None` if the flakes of this template call none.
    pub fn starter(self) -> Option<&'static str> {
        match self {
            Self::Config => None,
            Self::Step => Some(include_str!("../../templates/starter/step.nix")),
            Self::Nixpkgs => Some(include_str!("../../templates/starter/nixpkgs.nix")),
            Self::Rust => Some(include_str!("../../templates/starter/rust.nix")),
        }
    }

    /// Whether its flakes have the input nixpkgs, and so need a lock file.
    pub fn takes_nixpkgs(self) -> bool {
        matches!(self, Self::Nixpkgs | Self::Rust)
    }

    /// Renders `flake.nix` in the format of nixfmt.
    pub fn render(self, flake: &Flake) -> Result<String, Error> {
        flake.check()?;
        let flake = &View::of(flake, self.takes_nixpkgs())?;
        let text = match self {
            Self::Config => Config { flake }.render(),
            Self::Step => Step { flake }.render(),
            Self::Nixpkgs => Nixpkgs { flake }.render(),
            Self::Rust => Rust { flake }.render(),
        };
        // askama strips the last newline of a template.
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

/// A [`Flake`] converted for the templates.
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

/// Converts a point to the name of its outputs, a valid store path name: without `/`, leading dot or `.drv`, and at most [`LONGEST_NAME`] characters.
pub fn store_name(point: &str) -> String {
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
