//! The text of `git lattice status`: the picture, whole or folded, and what can be done next.

use super::layout::Layout;
use super::link::Link;
use super::next::Suggestion;
use super::table::{self, Cell};
use super::{Screen, folded, next, picture, wrap};
use crate::config::Config;
use crate::lattice::Point;
use crate::points::next::Action;
use crate::points::status::{PointStatus, Survey};
use crate::record::State;

/// The most suggestions that are shown.
const MAX_SUGGESTIONS: usize = 4;

/// The fewest points that need attention which are named on a small screen, if there are so many.
const MIN_NAMED: usize = 3;
/// The states of points that are named before the tables if these do not fit, most urgent first.
const NAMED: [State; 3] = [State::Disputed, State::Failed, State::Building];

/// Where the lines are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// From the end of a terminal, or by a program.
    Anywhere,
    /// In a pager, from the first line on.
    Pager,
    /// On a screen that shows only so many of the first lines.
    Screen(usize),
}

/// A survey as text.
pub struct SurveyText<'a> {
    /// The lattice.
    pub config: &'a Config,
    /// The points, at least one.
    pub survey: &'a Survey,
    /// The axes of the picture.
    pub layout: &'a Layout,
    /// HEAD's point.
    pub head: Option<&'a Point>,
    /// Whether each point is shown, however many there are.
    pub is_whole: bool,
    /// Where to read about a point.
    pub link: &'a dyn Fn(&PointStatus) -> Option<Link>,
}

impl SurveyText<'_> {
    /// The lines. In a pager, and on a screen that does not show all, what matters most comes first; for such a screen the tables are
    /// folded.
    pub fn lines(&self, screen: Screen, place: Place) -> Vec<String> {
        let (mut tables, suggestions) = (self.tables(screen), self.suggestions(screen));
        let room = match place {
            Place::Screen(room) if tables.len() + suggestions.len() > room => room,
            Place::Pager => screen.height().unwrap_or_default(),
            Place::Anywhere | Place::Screen(_) => {
                tables.extend(suggestions);
                return tables;
            }
        };
        let mut lines = self.named(screen, (room / 3).max(MIN_NAMED));
        lines.extend(suggestions);
        lines.push(String::new());
        lines.extend(if place == Place::Pager { tables } else { self.folded(screen) });
        // The first part may have no lines.
        lines.into_iter().skip_while(String::is_empty).collect()
    }

    fn tables(&self, screen: Screen) -> Vec<String> {
        let points = &self.survey.points;
        if points.len() < crate::points::MANY || self.is_whole {
            picture::tables((self.config, self.layout), points, self.head, self.link, screen)
        } else {
            self.folded(screen)
        }
    }

    /// The folded tables, and how to see each point.
    fn folded(&self, screen: Screen) -> Vec<String> {
        let points = &self.survey.points;
        let rows = folded::rows(self.config, self.layout, points, self.head, screen.ascii);
        let mut lines = table::lines(&rows, screen);
        lines.extend(told(&format!("{} points; `git lattice status --all` shows each", points.len()), screen));
        lines
    }

    /// HEAD's point, and those that are disputed, failed or are being built: `max` at most, and the number of the others.
    fn named(&self, screen: Screen, max: usize) -> Vec<String> {
        let is_head = |status: &PointStatus| self.head == Some(&status.named.point);
        let urgency = |status: &PointStatus| NAMED.iter().position(|state| *state == status.state);
        let mut named: Vec<_> =
            self.survey.points.iter().filter(|status| is_head(status) || urgency(status).is_some()).collect();
        named.sort_by_key(|status| (!is_head(status), urgency(status)));
        let has_remote = self.config.remote.is_some();
        let row = |status: &&PointStatus| {
            let cell = picture::cell(status, is_head(status), has_remote, screen.ascii);
            let link = if screen.links { (self.link)(status) } else { None };
            vec![Cell::from(status.named.spelled.as_str()), cell.linked(link)]
        };
        let mut lines = table::lines(&named.iter().take(max).map(row).collect::<Vec<_>>(), screen);
        let more = named.len().saturating_sub(max);
        lines.extend((more > 0).then(|| format!("and {more} more that are disputed, failed or are being built")));
        lines
    }

    /// An empty line, and the first suggestions of what to do next.
    fn suggestions(&self, screen: Screen) -> Vec<String> {
        let all = self.survey.next.len();
        if all == 0 {
            return Vec::new();
        }
        let mut suggestions = next::suggestions(self.config, self.survey);
        let shown: Vec<_> = suggestions.by_ref().take(MAX_SUGGESTIONS).collect();
        let builds = suggestions.any(|it| it.action == Action::Build);
        let more = all - shown.iter().map(|it| it.points).sum::<usize>();
        let row = |it: Suggestion| vec![Cell::from(format!("{}:", next::label(it.action))), it.command.into()];
        let mut lines = vec![String::new()];
        lines.extend(table::lines(&shown.into_iter().map(row).collect::<Vec<_>>(), screen));
        if more > 0 {
            let frontier = if builds { "; `git lattice build --frontier` builds what can be built now" } else { "" };
            lines.extend(told(&format!("and {more} more, which `git lattice status --json` lists{frontier}"), screen));
        }
        lines
    }
}

/// A sentence, broken into lines of the screen.
fn told(text: &str, screen: Screen) -> Vec<String> {
    wrap::message(text, screen.width).lines().map(str::to_owned).collect()
}
