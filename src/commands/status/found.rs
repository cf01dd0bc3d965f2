//! The points that `git lattice status` shows, and how it shows them.

use std::collections::BTreeMap;

use anyhow::Result;
use clap::ArgMatches;

use crate::commands::Session;
use crate::commands::shared::points::Selection;
use crate::commands::shared::wanted;
use crate::config::Config;
use crate::context::Context;
use crate::git::Repo;
use crate::lattice::Point;
use crate::note::Note;
use crate::ops::addresses::Addresses;
use crate::ops::note;
use crate::points::census::Census;
use crate::points::start::Start;
use crate::points::status::{self, PointStatus, Survey};
use crate::points::wanted::Wanted;
use crate::record::State;
use crate::ui::Screen;
use crate::ui::layout::{Layout, WantedAxes};
use crate::ui::link::Link;
use crate::ui::survey::{Place, SurveyText};

/// What `status` shows.
pub(super) struct Found {
    pub(super) survey: Survey,
    census: Census,
    layout: Layout,
    head: Option<Point>,
    /// Whether only some points are asked for.
    pub(super) is_part: bool,
    /// What to say if there is no point to show.
    none: &'static str,
    /// Whether each point is shown.
    is_whole: bool,
    ascii: bool,
}

impl Found {
    pub(super) fn look(session: &Session, args: Option<&ArgMatches>) -> Result<Self> {
        let (context, config) = (session.context()?, session.config()?);
        let (census, start) = Start::with_census(&context.repo, config)?;
        let (mut which, mut conditions, mut axes) = (None, Wanted::default(), WantedAxes::default());
        if let Some(args) = args {
            let named = Selection::read(config, args)?;
            which = (!named.is_empty()).then(|| named.filter(config, &census)).transpose()?;
            conditions = wanted::read(args)?;
            axes = WantedAxes { rows: axes_of(config, args, "rows")?, columns: axes_of(config, args, "cols")? };
        }
        let flag = |name| args.is_some_and(|args| args.get_flag(name));
        let is_nothing = which.as_ref().map_or(census.population().is_empty(), Vec::is_empty);
        let is_refused = !is_nothing && !conditions.is_anything();
        Ok(Self {
            none: if is_refused { wanted::NONE_FULFILS } else { wanted::none(which.is_some()) },
            layout: Layout::with(config, axes)?,
            survey: status::survey(context, config, (&census, start), (which.as_deref(), &conditions))?,
            head: context.head_point(config)?,
            census,
            is_part: which.is_some() || !conditions.is_anything(),
            is_whole: flag("all"),
            ascii: flag("ascii"),
        })
    }

    /// What to say if there is no point to show.
    pub(super) fn none(&self) -> Option<&'static str> {
        self.survey.points.is_empty().then_some(self.none)
    }

    /// The notes of the points that have any.
    pub(super) fn notes(&self, context: &Context, config: &Config) -> Result<BTreeMap<Point, Vec<Note>>> {
        note::of(context, config, &self.census, self.survey.points.iter().map(|status| &status.named.point))
    }

    /// The lines for the place where they are read.
    pub(super) fn lines(&self, repo: &Repo, config: &Config, screen: Screen, place: Place) -> Vec<String> {
        let Self { survey, layout, is_whole, .. } = self;
        let addresses = Addresses::of(repo, config);
        let link = |status: &PointStatus| link(&addresses, status);
        let text = SurveyText { config, survey, layout, head: self.head.as_ref(), is_whole: *is_whole, link: &link };
        text.lines(Screen { ascii: self.ascii, ..screen }, place)
    }
}

/// Where to read about a point: the log if it failed here, else the page of its branch.
fn link(addresses: &Addresses<'_>, status: &PointStatus) -> Option<Link> {
    let log = if status.state == State::Failed { addresses.logs(status).into_iter().next() } else { None };
    let page = || addresses.page(status).as_deref().and_then(Link::to_page);
    log.as_deref().map(Link::to_file).or_else(page)
}

/// The positions of the axes that an option names.
fn axes_of(config: &Config, args: &ArgMatches, option: &str) -> Result<Option<Vec<usize>>> {
    let names = args.get_many::<String>(option);
    Ok(names.map(|names| names.map(|name| config.lattice.axis_index(name)).collect::<Result<_, _>>()).transpose()?)
}
