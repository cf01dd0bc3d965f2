//! What can be done next: the commands that users paste, and one for many points where there is one.

use crate::config::Config;
use crate::points::next::Action;
use crate::points::status::Survey;

/// From this number of points on, one command for all is shorter than a command for each.
const MANY: usize = 3;

/// A command, and for how many points it is.
pub struct Suggestion {
    /// What it does.
    pub action: Action,
    /// The command.
    pub command: String,
    /// The number of points.
    pub points: usize,
}

/// The commands for the next actions of a survey, in their order.
pub fn suggestions<'a>(config: &'a Config, survey: &'a Survey) -> impl Iterator<Item = Suggestion> + 'a {
    let kinds = survey.next.chunk_by(|a, b| (a.is_elsewhere, a.action) == (b.is_elsewhere, b.action));
    kinds.flat_map(move |kind| {
        let action = kind[0].action;
        let for_all = action.command_for_all().filter(|_| survey.is_all() && kind.len() >= MANY);
        let each = if for_all.is_some() { &[] } else { kind };
        let for_all = for_all.map(|command| Suggestion { action, command: command.to_owned(), points: kind.len() });
        let one =
            move |at: usize| Suggestion { action, command: action.command(config, &survey.points[at]), points: 1 };
        for_all.into_iter().chain(each.iter().map(move |next| one(next.at)))
    })
}

/// The label of an action.
pub fn label(action: Action) -> &'static str {
    match action {
        Action::Settle => "disputed",
        Action::Mend => "failed",
        Action::Reconcile => "diverged",
        Action::Restack => "behind",
        Action::Build => "to build",
        Action::NextStep => "next step",
        Action::Promote => "next phase",
        Action::FindBuilder => "no builder",
        Action::Push => "to push",
    }
}
