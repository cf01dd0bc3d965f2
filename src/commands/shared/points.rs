//! Points on the command line: a flag per axis, `component/arch/phase/step` with `*` and `{a,b}`, or a branch.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::session::Session;
use crate::commands::complete::Slot;
use crate::config::{Config, StepData};
use crate::context::Context;
use crate::git::names;
use crate::lattice::{self, Lattice, Point, Selector};
use crate::ops::Cannot;
use crate::points::census::Census;

/// The id of the argument that names points.
pub(in crate::commands) const POINTS: &str = "points";

/// The id of an axis' flag. The space keeps it distinct from the ids of a command's own arguments.
fn flag_id(axis: &str) -> String {
    format!("axis {axis}")
}

/// Adds the arguments that name points, with a flag for each of `axes`.
pub(in crate::commands) fn add_args(command: Command, axes: &[String], many: bool) -> Command {
    let help = if many {
        "Points, as component/arch/phase/step with `*` and `{a,b}`, or by branch"
    } else {
        "A point, as component/arch/phase/step or by its branch"
    };
    let points =
        Arg::new(POINTS).value_name("POINT").action(if many { ArgAction::Append } else { ArgAction::Set }).help(help);
    add_flags(command.arg(Slot::Point.of(points)), axes)
}

/// Adds a flag for each of `axes`.
pub(in crate::commands) fn add_flags(command: Command, axes: &[String]) -> Command {
    let flag = |axis: &String| {
        let flag = Arg::new(flag_id(axis))
            .long(axis.clone())
            .value_name("VALUE")
            .action(ArgAction::Append)
            .allow_hyphen_values(true)
            .help(format!("The value on axis `{axis}`; several separated by commas"))
            .help_heading("Axes");
        Slot::Value(axis.clone()).of(flag)
    };
    command.args(axes.iter().map(flag))
}

/// Lets the shell complete points that do not exist yet.
pub(in crate::commands) fn complete_new(command: Command) -> Command {
    command.mut_args(|arg| match arg.get::<Slot>().cloned() {
        Some(Slot::Point) => Slot::NewPoint.of(arg),
        Some(Slot::Value(axis)) => Slot::NewValue(axis).of(arg),
        _ => arg,
    })
}

/// The values of an axis' flag.
fn values<'a>(args: &'a ArgMatches, axis: &str) -> impl Iterator<Item = &'a String> {
    args.try_get_many::<String>(&flag_id(axis)).ok().flatten().into_iter().flatten()
}

/// Whether a flag of an axis is given.
pub(in crate::commands) fn has_flags(config: &Config, args: &ArgMatches) -> bool {
    config.lattice.axes().iter().any(|axis| values(args, axis.name.as_str()).next().is_some())
}

/// The selectors from the arguments; empty if no point is named.
pub(in crate::commands) struct Selection {
    selectors: Vec<Selector>,
}

impl Selection {
    /// Reads the arguments.
    pub(in crate::commands) fn read(config: &Config, args: &ArgMatches) -> Result<Self> {
        let lattice = &config.lattice;
        let mut flags = Selector::open(lattice);
        for axis in lattice.axes() {
            let name = axis.name.as_str();
            for value in values(args, name) {
                flags.choose(lattice, name, value)?;
            }
        }
        let mut selectors = Vec::new();
        for text in args.try_get_many::<String>(POINTS).ok().flatten().into_iter().flatten() {
            selectors.push(given(config, text)?);
        }
        if !flags.is_open() {
            if !selectors.is_empty() {
                anyhow::bail!("name points either by flags or as component/arch/phase/step, not both");
            }
            selectors.push(flags);
        }
        Ok(Self { selectors })
    }

    /// Whether no point is named.
    pub(in crate::commands) fn is_empty(&self) -> bool {
        self.selectors.is_empty()
    }

    /// Fills the coordinates that the arguments leave open from `[git]` of a `config.toml`, which `origin` names.
    ///
    /// # Errors
    /// The errors of values, with the key.
    pub(in crate::commands) fn or_from_file(self, config: &Config, data: &StepData, origin: &str) -> Result<Self> {
        let (lattice, keys) = (&config.lattice, data.keys());
        let own = if self.is_empty() { vec![Selector::open(lattice)] } else { self.selectors };
        let mut file = Selector::open(lattice);
        for (i, axis) in lattice.axes().iter().enumerate() {
            let key = format!("git.{}", axis.name);
            let texts = if own.iter().any(|own| own.leaves_open(i)) { keys.texts(&key) } else { Vec::new() };
            let read = texts.iter().try_for_each(|text| file.choose(lattice, axis.name.as_str(), text));
            read.and_then(|()| file.check_words(lattice)).with_context(|| format!("`{key}` in `{origin}`"))?;
        }
        Ok(Self { selectors: own.into_iter().map(|selector| selector.or(lattice, &file)).collect() })
    }

    /// The selected points, which need not exist. Missing coordinates come from `head`, else from the axis.
    pub(in crate::commands) fn expand(&self, config: &Config, head: Option<&Point>) -> Result<Vec<Point>> {
        let lattice = &config.lattice;
        let open = [Selector::open(lattice)];
        let selectors = if self.is_empty() { &open[..] } else { &self.selectors };
        let mut points = Vec::new();
        for selector in selectors {
            points.extend(fill(lattice, selector, head)?);
        }
        Ok(points)
    }

    /// The points that are selected without a pattern; missing coordinates that neither HEAD nor the axis gives are a pattern too.
    pub(in crate::commands) fn exact(&self, session: &Session, config: &Config) -> Result<HashSet<Point>> {
        let head = session.context()?.head_point(config)?;
        let exact = self.selectors.iter().filter(|selector| !selector.has_wildcards());
        let points = exact.filter_map(|selector| fill(&config.lattice, selector, head.as_ref()).ok());
        Ok(points.flatten().collect())
    }

    /// The selected points of the population; all of them if none is named.
    pub(in crate::commands) fn filter(&self, config: &Config, census: &Census) -> Result<Vec<Point>> {
        if self.is_empty() {
            return Ok(census.population().points().cloned().collect());
        }
        let mut points = Vec::new();
        for selector in &self.selectors {
            points.extend(selector.filter(&config.lattice, census.population())?.into_iter().cloned());
        }
        points.sort();
        points.dedup();
        Ok(points)
    }

    /// The census needed for [`Self::filter`]: everything, unless each point is named in full.
    pub(in crate::commands) fn census_to_filter(&self, context: &Context, config: &Config) -> Result<Census> {
        let axes = config.lattice.axes().len();
        let is_full = |selector: &Selector| !(0..axes).any(|axis| selector.leaves_open(axis));
        let is_exact = !self.is_empty() && self.selectors.iter().all(is_full) && !self.has_wildcards();
        Ok(match self.expand(config, None).ok().filter(|_| is_exact) {
            Some(points) => Census::around(&context.repo, config, &points)?,
            None => Census::take(&context.repo, config)?,
        })
    }

    /// The census needed for the selected points: their neighbourhood, or everything if there are wildcards.
    pub(in crate::commands) fn census(&self, session: &Session, config: &Config) -> Result<Census> {
        let context = session.context()?;
        match self.expand(config, context.head_point(config)?.as_ref()) {
            Ok(points) if !self.has_wildcards() => Ok(Census::around(&context.repo, config, &points)?),
            _ => Ok(Census::take(&context.repo, config)?),
        }
    }

    /// The one selected point, else HEAD's; it must exist.
    pub(in crate::commands) fn one(&self, session: &Session, config: &Config, census: &Census) -> Result<Point> {
        match self.existing(session, config, census)?.as_slice() {
            [one] => Ok(one.clone()),
            several => {
                let head = session.context()?.head_point(config)?;
                Err(self.several(session, config, head.as_ref(), several).into())
            }
        }
    }

    /// The selected point, which need not exist.
    pub(in crate::commands) fn expand_one(
        &self,
        session: &Session,
        config: &Config,
        head: Option<&Point>,
    ) -> Result<Point> {
        match self.expand(config, head)?.as_slice() {
            [one] => Ok(one.clone()),
            several => Err(self.several(session, config, head, several).into()),
        }
    }

    fn several(&self, session: &Session, config: &Config, head: Option<&Point>, points: &[Point]) -> Cannot {
        let is_open = |selector: &Selector| (0..config.lattice.axes().len()).any(|axis| selector.leaves_open(axis));
        Cannot::SeveralPoints {
            named: self.describe(),
            from_head: head.is_some() && !self.has_wildcards() && self.selectors.iter().any(is_open),
            count: points.len(),
            first: points.first().map(|point| config.spell(point).into()).unwrap_or_default(),
            command: session.environment.command.first().cloned().unwrap_or_default(),
        }
    }

    /// The selected points, each of which must exist, else HEAD's.
    pub(in crate::commands) fn existing(
        &self,
        session: &Session,
        config: &Config,
        census: &Census,
    ) -> Result<Vec<Point>> {
        let head = session.context()?.head_point(config)?;
        if self.is_empty() && head.is_none() {
            return Err(Cannot::NoHeadPoint.into());
        }
        let named = self.expand(config, head.as_ref());
        if let Ok(points) = named.as_ref()
            && let Some(absent) = points.iter().find(|point| census.commit(point).is_none())
            && !self.has_wildcards()
        {
            return Err(Cannot::no_point(config, absent).into());
        }
        if self.is_empty() || (named.is_ok() && !self.has_wildcards()) {
            return named;
        }
        match self.filter(config, census)? {
            none if none.is_empty() => Err(Cannot::NothingSelected(self.describe()).into()),
            points => Ok(points),
        }
    }

    /// Like [`Self::existing`], for commands that only show: it may select nothing.
    pub(in crate::commands) fn shown(&self, session: &Session, config: &Config, census: &Census) -> Result<Vec<Point>> {
        match self.existing(session, config, census) {
            Err(error) if matches!(error.downcast_ref(), Some(Cannot::NoPoint { .. } | Cannot::NothingSelected(_))) => {
                self.filter(config, census)
            }
            existing => existing,
        }
    }

    /// The selected points that have a branch, at least one, and those that have none.
    pub(in crate::commands) fn present(
        &self,
        session: &Session,
        config: &Config,
        census: &Census,
    ) -> Result<(Vec<Point>, Vec<Point>)> {
        let error = match self.existing(session, config, census) {
            Err(error) if matches!(error.downcast_ref(), Some(Cannot::NoPoint { .. })) => error,
            existing => return existing.map(|points| (points, Vec::new())),
        };
        let named = self.expand(config, session.context()?.head_point(config)?.as_ref())?;
        let (present, absent): (Vec<_>, Vec<_>) = named.into_iter().partition(|it| census.commit(it).is_some());
        if present.is_empty() { Err(error) } else { Ok((present, absent)) }
    }

    /// Selects every value of a set axis.
    #[must_use]
    pub(in crate::commands) fn with_every_value(mut self, lattice: &Lattice, axis: usize) -> Self {
        if self.selectors.is_empty() {
            self.selectors.push(Selector::open(lattice));
        }
        Self { selectors: self.selectors.into_iter().map(|selector| selector.choose_all(axis)).collect() }
    }

    fn has_wildcards(&self) -> bool {
        self.selectors.iter().any(Selector::has_wildcards)
    }

    /// The selectors as text, for messages.
    pub(in crate::commands) fn describe(&self) -> String {
        self.selectors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// The points of a selector. Missing coordinates come from `head`, else from the axis.
fn fill(lattice: &Lattice, selector: &Selector, head: Option<&Point>) -> Result<Vec<Point>> {
    let filled = match head {
        Some(head) => selector.clone().or_from(lattice, head),
        None => selector.clone(),
    };
    Ok(filled.expand(lattice)?)
}

/// The command that makes the first point, with a flag for each axis that needs a value.
pub(in crate::commands) fn command_of_first(lattice: &Lattice) -> String {
    let (mut selector, mut command) = (Selector::open(lattice), String::from("git lattice new"));
    while let Err(lattice::Error::Open { axis, .. }) = selector.expand(lattice) {
        let listed = lattice.axis_index(&axis).ok().and_then(|i| lattice.axes()[i].listed());
        let Some(value) = listed.and_then(|values| values.first()) else { break };
        if selector.choose(lattice, &axis, value.as_str()).is_err() {
            break;
        }
        command = format!("{command} --{axis} {value}");
    }
    command
}

/// Reads exactly one point, which need not exist.
pub(in crate::commands) fn one(config: &Config, text: &str) -> Result<Point> {
    match selector(config, text)?.expand(&config.lattice)?.as_slice() {
        [one] => Ok(one.clone()),
        several => anyhow::bail!("expected one point, but `{text}` names {}", several.len()),
    }
}

/// Reads an argument that names points. An unquoted pattern arrives as the names of files.
///
/// # Errors
/// [`Cannot::NotQuoted`] for an existing file, and the errors of selectors.
fn given(config: &Config, text: &str) -> Result<Selector> {
    let lattice = &config.lattice;
    // Shells complete names of folders with a slash.
    let read = selector(config, text.strip_suffix('/').unwrap_or(text));
    if !is_known(config, &read) && Path::new(text).exists() {
        let pattern = format!("'{}'", vec!["*"; lattice.axes().len()].join("/"));
        return Err(Cannot::NotQuoted { text: text.to_owned(), pattern }.into());
    }
    read
}

/// Whether a text names points of this lattice.
pub(in crate::commands) fn are_points(config: &Config, text: &str) -> bool {
    is_known(config, &selector(config, text.strip_suffix('/').unwrap_or(text)))
}

fn is_known(config: &Config, read: &Result<Selector>) -> bool {
    read.as_ref().is_ok_and(|selector| selector.check_words(&config.lattice).is_ok())
}

/// Reads a point or the name of a branch. A branch may also have a wrong or missing part, or wildcards.
fn selector(config: &Config, text: &str) -> Result<Selector> {
    let (lattice, pattern) = (&config.lattice, &config.branch);
    let remote = config.remote.as_ref().and_then(|remote| text.strip_prefix(&format!("{remote}/")));
    let names: Vec<&str> = [Some(text), names::short(text), remote].into_iter().flatten().collect();
    if let Some(point) = names.iter().find_map(|name| pattern.decode(lattice, name)) {
        return Ok(Selector::open(lattice).or_from(lattice, &point));
    }
    let is_branch = |name: &&&str| !pattern.prefix().is_empty() && name.starts_with(pattern.prefix());
    let is_point = || Selector::parse(lattice, text).and_then(|it| it.check_words(lattice)).is_ok();
    let Some(name) = names.iter().find(is_branch).filter(|_| !is_point()) else {
        return Ok(Selector::parse(lattice, text)?);
    };
    match pattern.coordinates(lattice, name) {
        Some(coordinates) => Ok(Selector::parse(lattice, &coordinates.join("/"))?),
        None => Ok(Selector::parse(lattice, &name[pattern.prefix().len()..])?),
    }
}
