//! `git lattice bisect`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Session;
use super::shared::points::{self, Selection};
use crate::config::Config;
use crate::error;
use crate::git::Repo;
use crate::git::show_diff::DiffFormat;
use crate::ops::bisect::{self, Bisection, Chain, Finding, Step};
use crate::ops::builds::Progress;
use crate::ops::diff::{Comparison, Side};
use crate::ops::expect::Estimates;
use crate::ops::queue;
use crate::points::census::Census;
use crate::text::tally;
use crate::ui::live::Live;
use crate::ui::result::row;
use crate::ui::table::Cell;
use crate::ui::{Tone, Ui, duration, terminal_safe};

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("bisect")
        .about("Find the first step of a chain that fails")
        .long_about(
            "Find the first step of a chain that fails, show its error, and what differs from a step that is built.\n\n\
             A point stands for the chain up to it; HEAD's is the default. Records are used first; then what is between the last built \
             and the first failed step is built by halves. With several values of a set axis, as in `a/*/phase0/step2`, each chain is \
             searched, and a failed step is compared with the same step of a chain in which it is built.\n\n\
             Exit status: 0 when the step was found or all are built, 1 when it cannot be decided, such as without a builder.",
        )
        .arg(flag("dry-run", "Show what is known, and what would be built"))
        .arg(flag("json", "Print JSON"));
    points::add_args(command, axes, true)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (dry, json) = (args.get_flag("dry-run"), args.get_flag("json"));
    if !dry {
        session.recover()?;
    }
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let census = Census::take(&context.repo, config)?;
    let points = Selection::read(config, args)?.existing(session, config, &census)?;
    let bisection = if dry {
        let chains = bisect::look(context, config, &census, &points)?;
        Bisection { chains, records: Vec::new(), is_interrupted: false }
    } else {
        queue::resume(context)?;
        let mut live = Live::new(ui, []).estimating(|points| Estimates::read(context, points).ok());
        let bisection = bisect::run(context, config, &census, &points, &mut |progress| {
            live.apply(&progress);
            print(ui, &progress);
            live.draw();
        });
        live.clear();
        bisection?
    };
    if bisection.is_interrupted {
        ui.say("interrupted: the same command goes on with the results so far");
        return Ok(error::NO);
    }
    let compared = comparisons(session, config, &bisection)?;
    if json {
        ui.json(to_json(&context.repo, &bisection, &compared, dry));
    } else {
        show(ui, &context.repo, &bisection, &compared)?;
    }
    Ok(if dry || bisection.is_decided() { error::OK } else { error::NO })
}

/// Prints what stays on the terminal.
fn print(ui: &Ui, progress: &Progress<'_>) {
    match progress {
        Progress::Waits { job, seconds, .. } => {
            let elapsed = duration::exact(*seconds);
            ui.say(format!("{} is being built since {elapsed}: waiting for its result", job.named.spelled));
        }
        Progress::End(done) if done.fresh => ui.say_table(&[row(done)]),
        Progress::Kept { file, why } => {
            ui.warn(format!(
                "the result could not be recorded yet and is kept in `{}`: {}",
                file.display(),
                terminal_safe(why)
            ));
        }
        _ => {}
    }
}

/// For each chain with a red step, what differs from a green one to that step.
fn comparisons(session: &Session, config: &Config, bisection: &Bisection) -> Result<Vec<Option<Comparison>>> {
    let side = |step: &Step| Side { named: step.named.clone(), commit: step.commit };
    let compare = |chain: &Chain| {
        let Finding::Red { at } = chain.finding() else { return Ok(None) };
        let red = &chain.steps[at];
        let green = bisect::reference(&bisection.chains, chain, red);
        green.map(|green| Comparison::of(session.context()?, config, side(green), side(red))).transpose()
    };
    bisection.chains.iter().map(compare).collect()
}

fn show(ui: &Ui, repo: &Repo, bisection: &Bisection, compared: &[Option<Comparison>]) -> Result<()> {
    ui.table(&bisection.chains.iter().flat_map(rows).collect::<Vec<_>>());
    for (chain, comparison) in bisection.chains.iter().zip(compared) {
        if let Finding::Red { at } = chain.finding() {
            chain.steps[at].logs(repo).iter().for_each(|log| ui.say(format!("full log: {}", ui.path(log))));
        }
        let Some(comparison) = comparison else { continue };
        let (from, to) = (&comparison.from.named.spelled, &comparison.to.named.spelled);
        if comparison.is_empty() {
            ui.tell(format!("`{from}` and `{to}` differ in nothing but the coordinates"));
        } else {
            ui.tell(format!("from `{from}` to `{to}`:"));
            comparison.show(&[], DiffFormat::Patch, ui.out.color, false)?;
        }
    }
    Ok(())
}

fn rows(chain: &Chain) -> Vec<Vec<Cell>> {
    let row = |word: &str, tone: Tone, step: &Step, what: String| {
        vec![Cell::new(word, tone), step.named.spelled.as_str().into(), Cell::prose(what)]
    };
    let steps = &chain.steps;
    let all = || if steps.len() > 1 { "with all steps below it".to_owned() } else { String::new() };
    let known = chain.last_green().map(|step| row("green", Tone::Good, step, String::new()));
    let found = match chain.finding() {
        Finding::Green => return steps.last().map(|last| row("green", Tone::Good, last, all())).into_iter().collect(),
        Finding::Red { at } => row("first red", Tone::Bad, &steps[at], steps[at].error.clone().unwrap_or_default()),
        Finding::Open { next, most } => {
            row("would build", Tone::Odd, &steps[next], format!("at most {}", tally(most, "build", "builds")))
        }
        Finding::Undecided { at } => {
            row("unknown", Tone::Odd, &steps[at], steps[at].undecided.unwrap_or_default().to_owned())
        }
    };
    known.into_iter().chain([found]).collect()
}

fn to_json(repo: &Repo, bisection: &Bisection, compared: &[Option<Comparison>], dry: bool) -> Value {
    let chains =
        bisection.chains.iter().zip(compared).map(|(chain, comparison)| chain_json(repo, chain, comparison.as_ref()));
    json!({ "chains": chains.collect::<Vec<_>>(), "results": bisection.records, "dry_run": dry })
}

fn chain_json(repo: &Repo, chain: &Chain, comparison: Option<&Comparison>) -> Value {
    let finding = chain.finding();
    let step = |step: &Step| {
        json!({
            "point": step.named.spelled, "branch": step.named.branch, "commit": step.commit.to_string(), "state": step.colour.word(),
        })
    };
    let (verdict, at) = match finding {
        Finding::Green => ("green", None),
        Finding::Red { at } => ("red", Some(at)),
        Finding::Open { next, .. } => ("open", Some(next)),
        Finding::Undecided { at } => ("undecided", Some(at)),
    };
    let at = at.map(|at| &chain.steps[at]);
    let red = at.filter(|_| matches!(finding, Finding::Red { .. }));
    let files = |comparison: &Comparison| {
        comparison.files().map(|(path, status)| json!({ "path": path, "status": status.word() })).collect::<Vec<_>>()
    };
    json!({
        "steps": chain.steps.iter().map(step).collect::<Vec<_>>(), "verdict": verdict,
        "at": at.map(|step| &step.named.spelled), "last_green": chain.last_green().map(|step| &step.named.spelled),
        "error": at.and_then(|step| step.error.as_deref().or(step.undecided)),
        "logs": red.map(|step| step.logs(repo)).unwrap_or_default(),
        "compared": comparison.map(|comparison| json!({ "from": comparison.from.named.spelled, "files": files(comparison) })),
        "most": if let Finding::Open { most, .. } = finding { json!(most) } else { Value::Null },
    })
}
