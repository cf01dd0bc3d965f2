//! Arguments and output that `adopt` and `init --adopt` share.

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::error;
use crate::lattice::{AxisName, Outline};
use crate::ops::adopt::{Adopted, Misfit, Proposal, Request, Standing};
use crate::process::quote;
use crate::text::tally;
use crate::ui::table::Cell;
use crate::ui::{Tone, Ui};

/// The maximum number of branches shown.
const SHOWN: usize = 200;

/// Adds the options that say which branches are adopted.
pub(in crate::commands) fn add_args(command: Command) -> Command {
    command
        .arg(Arg::new("from").long("from").value_name("PATTERN").help(
            "The form of the branches, with `*` or `{AXIS}` for each axis, as in `feature/*/*/*/*`; otherwise guessed from their names",
        ))
        .arg(
            Arg::new("axes")
                .long("axes")
                .value_name("AXIS")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .help("The names of the axes in order; otherwise guessed from their values"),
        )
}

/// What to adopt.
///
/// # Errors
/// When the form of the branches or the name of an axis is not valid.
pub(in crate::commands) fn request(args: &ArgMatches) -> Result<Request> {
    let text = |name: &str| args.get_one::<String>(name).cloned();
    let list = |name: &str| args.get_many::<String>(name).into_iter().flatten().cloned().collect::<Vec<_>>();
    Ok(Request {
        from: text("from").map(|from| Outline::parse(&from)).transpose()?,
        axes: list("axes").iter().map(|name| AxisName::parse(name)).collect::<Result<_, _>>()?,
        chains: list("chain"),
        flake: text("flake"),
        base: text("base"),
        remote: text("remote"),
        systems: list("system"),
    })
}

/// Shows which branches become points and which do not; returns the exit code.
pub(in crate::commands) fn show(ui: &Ui, proposal: &Proposal) -> u8 {
    let Proposal { points, left_out, others, .. } = proposal;
    ui.tell(format!(
        "{}: {}",
        tally(points.len(), "branch becomes a point", "branches become points"),
        standings(points)
    ));
    let lacking = points.iter().filter(|point| point.standing == Standing::NoFlake).map(without_flake);
    let rows: Vec<_> = lacking.chain(left_out.iter().map(misfit)).collect();
    ui.table(&rows[..rows.len().min(SHOWN)]);
    if rows.len() > SHOWN {
        ui.data(format!(
            "({} more; `git lattice adopt --json` lists all)",
            tally(rows.len() - SHOWN, "branch", "branches")
        ));
    }
    if !others.is_empty() {
        let verb = if others.len() == 1 { "branch does" } else { "branches do" };
        ui.tell(format!("{} other {verb} not begin with `{}`", others.len(), proposal.from.prefix()));
    }
    hint(ui, proposal);
    if left_out.is_empty() { error::OK } else { error::NO }
}

/// `8 hand-written, 1 generated`.
fn standings(points: &[Adopted]) -> String {
    let words = [
        (Standing::HandWritten, "hand-written"),
        (Standing::Generated, "generated"),
        (Standing::NoFlake, "without a flake"),
    ];
    let count = |wanted| points.iter().filter(|point| point.standing == wanted).count();
    let counts = words.into_iter().map(|(standing, word)| (count(standing), word)).filter(|(count, _)| *count > 0);
    counts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

fn without_flake(point: &Adopted) -> Vec<Cell> {
    let names = point.named.names();
    let what = format!("it has no `{}`", names.path("flake.nix"));
    vec![Cell::new("no flake", Tone::Odd), names.branch.as_str().into(), Cell::prose(what)]
}

fn misfit(misfit: &Misfit) -> Vec<Cell> {
    let proposed = misfit.proposed.as_ref().map(|name| format!("; `{name}` would be one")).unwrap_or_default();
    let what = format!("{}{proposed}", misfit.reason);
    vec![Cell::new("left out", Tone::Odd), misfit.branch.as_str().into(), Cell::prose(what)]
}

fn hint(ui: &Ui, proposal: &Proposal) {
    if proposal.left_out.iter().any(|misfit| misfit.is_ragged) {
        ui.hint(
            "git refuses a branch `a/b` beside `a/b/c`: it keeps `a/b` as a file, and needs a folder of that name; so each point has \
             a value of each axis in its name",
        );
    }
    let mut local = proposal.left_out.iter().filter(|misfit| misfit.is_local);
    if let Some((misfit, name)) = local.find_map(|misfit| Some((misfit, misfit.proposed.as_ref()?))) {
        ui.hint(format!("`git branch -m {} {}` renames a branch", quote(&misfit.branch), quote(name)));
    }
    for shape in &proposal.shapes {
        let branches = tally(shape.branches, "other branch", "other branches");
        ui.hint(format!("`git lattice adopt --from {}` proposes a lattice of {branches}", quote(&shape.from)));
    }
}
