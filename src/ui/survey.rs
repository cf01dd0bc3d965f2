//! The text of `git lattice status`: the picture, whole or folded, and what can be done next.

use super::layout::Layout;
use super::link::Link;
use super::next::Suggestion;
use super::table::{self, Cell};
use super::{Screen, folded, next, picture, wrap};
use crate::config::Config;
use crate::lattice::Point;
use crate::points::status::{PointStatus, Survey};

/// The most suggestions that are shown.
const MAX_SUGGESTIONS: usize = 4;

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
    /// The lines.
    pub fn lines(&self, screen: Screen) -> Vec<String> {
        let points = &self.survey.points;
        let mut lines = if points.len() < crate::points::MANY || self.is_whole {
            picture::tables((self.config, self.layout), points, self.head, self.link, screen)
        } else {
            let rows = folded::rows(self.config, self.layout, points, self.head, screen.ascii);
            let mut lines = table::lines(&rows, screen);
            let count = format!("{} points; `git lattice status --all` shows each", points.len());
            lines.extend(told(&count, screen));
            lines
        };
        lines.extend(self.suggestions(screen));
        lines
    }

    /// An empty line, and the first suggestions of what to do next.
    fn suggestions(&self, screen: Screen) -> Vec<String> {
        let all = self.survey.next.len();
        if all == 0 {
            return Vec::new();
        }
        let shown: Vec<_> = next::suggestions(self.config, self.survey).take(MAX_SUGGESTIONS).collect();
        let more = all - shown.iter().map(|it| it.points).sum::<usize>();
        let row = |it: Suggestion| vec![Cell::from(format!("{}:", next::label(it.action))), it.command.into()];
        let mut lines = vec![String::new()];
        lines.extend(table::lines(&shown.into_iter().map(row).collect::<Vec<_>>(), screen));
        if more > 0 {
            lines.extend(told(&format!("and {more} more, which `git lattice status --json` lists"), screen));
        }
        lines
    }
}

/// A sentence, broken into lines of the screen.
fn told(text: &str, screen: Screen) -> Vec<String> {
    wrap::message(text, screen.width).lines().map(str::to_owned).collect()
}
