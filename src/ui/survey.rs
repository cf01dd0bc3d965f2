//! The text of `git lattice status`: the picture, whole or folded, and what can be done next.

use super::layout::Layout;
use super::link::Link;
use super::table::{self, Cell};
use super::{Screen, folded, picture, wrap};
use crate::config::Config;
use crate::lattice::Point;
use crate::points::next::{Action, NextAction};
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
        let mut lines = if points.len() < folded::MANY || self.is_whole {
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
        let next = &self.survey.next;
        if next.is_empty() {
            return Vec::new();
        }
        let rows: Vec<_> = next.iter().take(MAX_SUGGESTIONS).map(|next| self.suggestion(next)).collect();
        let mut lines = vec![String::new()];
        lines.extend(table::lines(&rows, screen));
        if next.len() > MAX_SUGGESTIONS {
            let more = next.len() - MAX_SUGGESTIONS;
            lines.extend(told(&format!("and {more} more, which `git lattice status --json` lists"), screen));
        }
        lines
    }

    /// A suggestion, as a row of a table.
    fn suggestion(&self, next: &NextAction) -> Vec<Cell> {
        let label = match next.action {
            Action::Settle => "disputed:",
            Action::Mend => "failed:",
            Action::Reconcile => "diverged:",
            Action::Restack => "behind:",
            Action::Build => "to build:",
            Action::NextStep => "go on:",
            Action::Promote => "next phase:",
            Action::FindBuilder => "no builder:",
            Action::Push => "to push:",
        };
        vec![label.into(), next.action.command(self.config, &self.survey.points[next.at]).into()]
    }
}

/// A sentence, broken into lines of the screen.
fn told(text: &str, screen: Screen) -> Vec<String> {
    wrap::message(text, screen.width).lines().map(str::to_owned).collect()
}
