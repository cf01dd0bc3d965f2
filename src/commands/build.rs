//! `git lattice build`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use super::{Session, background, choice, points};
use crate::error;
use crate::nix::Event;
use crate::ops::build::{self, Done, How, Progress};
use crate::ops::census::Census;
use crate::ops::{limits, queue};
use crate::record::Verdict;
use crate::ui::crowd::Crowd;
use crate::ui::{Tone, Ui, duration, harmless, paint};

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("build")
        .about("Build points with Nix and record the results in git")
        .long_about(
            "Build HEAD's point, the named ones, or those that a flag chooses (together with names: among them), with Nix and \
             record the results in git. All are evaluated first and then built by one call to Nix, which spreads them over \
             cores and builders and goes on where some fail.\n\n\
             The branch's commit is built, not the worktree. What has a `built` record for the same content is not built again. \
             Exit status: 0 when everything is built, 1 when something is not.",
        )
        .arg(flag("again", "Build even what has a record"))
        .arg(flag("json", "Print JSON"));
    points::add_args(choice::add_args(background::add_args(command)), axes, true)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if background::is_meant(args) {
        return background::run(session, args);
    }
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    queue::go_on(context)?;
    let census = Census::take(&context.repo, config)?;
    let points = choice::points(session, config, &census, args)?;
    let mut plan = build::plan(context, config, &census, &points)?;
    let how = How::typed(args.get_flag("again")).within(limits::typed(&context.repo)?);
    let json = args.get_flag("json");
    let crowd = Crowd::of(plan.jobs.iter().filter(|job| how.is_needed(job)).count());
    let mut view = View { ui, json, current: String::new(), crowd, evaluator: None, hinted: Vec::new() };
    let done = queue::build(context, &mut plan, &how, &mut |progress| view.show(&progress))?;
    if json {
        let records: Vec<_> = done.iter().map(|done| &done.record).collect();
        ui.json(json!({ "evaluator": view.evaluator, "results": records }));
    }
    Ok(if done.iter().all(|done| done.record.verdict.is_good()) { error::OK } else { error::NO })
}

/// What is shown while building: a line that changes, then a line per result.
struct View<'a> {
    ui: &'a Ui,
    json: bool,
    current: String,
    crowd: Crowd,
    evaluator: Option<&'static str>,
    /// The hints of a missing builder are the same for every point that lacks it.
    hinted: Vec<String>,
}

impl View<'_> {
    fn show(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Begin(job) => {
                self.current = format!("building {} for {}", job.point, job.system);
                self.ui.progress(&if self.crowd.is_crowd() { self.crowd.line() } else { self.current.clone() });
            }
            Progress::Evaluated { by, .. } => {
                self.evaluator = Some(by);
                self.crowd.evaluated();
            }
            Progress::Said { event, jobs } if self.crowd.is_crowd() => {
                self.crowd.note(event, jobs);
                self.ui.progress(&self.crowd.line());
            }
            Progress::Said { event: Event::LogLine { text, .. }, .. } => {
                self.ui.progress(&format!("{}: {text}", self.current));
            }
            Progress::Said { .. } => {}
            Progress::Waits { job, background, seconds } => {
                let place = if *background { "in the background" } else { "by another `git lattice build`" };
                let elapsed = duration::exact(*seconds);
                self.ui.progress("");
                self.ui.say(format!("{} is being built {place} since {elapsed}: waiting for its result", job.point));
            }
            Progress::End(done) => {
                self.crowd.end(done);
                self.ui.progress("");
                if !self.json {
                    self.ui.data(line(done, self.ui.color));
                }
                self.explain(done);
            }
        }
    }

    fn explain(&mut self, done: &Done) {
        for line in &done.tail {
            self.ui.say(format!("  {}", harmless(line)));
        }
        if let (Some(log), false) = (&done.log, done.record.verdict.is_good()) {
            self.ui.say(format!("the whole log: {}", log.display()));
        }
        for hint in &done.hints {
            if !self.hinted.contains(hint) {
                self.ui.hint(hint);
                self.hinted.push(hint.clone());
            }
        }
    }
}

/// A result as one line.
pub(super) fn line(done: &Done, color: bool) -> String {
    let record = &done.record;
    let word = record.verdict.word();
    let tone = match record.verdict {
        Verdict::Built | Verdict::Reproduced => Tone::Good,
        Verdict::Failed | Verdict::Differs => Tone::Bad,
        Verdict::NoBuilder | Verdict::Cancelled => Tone::Odd,
    };
    let place = match (record.outputs.get("out"), &record.error) {
        (Some(out), _) => out.path.clone(),
        (None, error) => error.clone().unwrap_or_default(),
    };
    let when = if done.fresh { format!("{:.1} s", record.seconds) } else { format!("recorded {}", record.started) };
    let text = harmless(&format!("{}  {}  {when}  {place}", record.point, record.system));
    format!("{}  {}", paint(word, tone, color), text.trim_end())
}
