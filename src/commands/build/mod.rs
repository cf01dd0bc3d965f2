//! `git lattice build`

mod background;
pub(super) mod trial;

pub(super) use background::queue_changed;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Session;
use super::shared::{choice, machines, points};
use crate::config::Named;
use crate::error;
use crate::lattice::Point;
use crate::nix::Event;
use crate::ops::builds::{self, BuildOptions, Done, Job, Places, Progress, Pushed, Typed, Undecided};
use crate::ops::{limits, queue, regenerate, trust};
use crate::points::census::Census;
use crate::record::Record;
use crate::ui::batch::BatchProgress;
use crate::ui::result::{MISSING, missing_row, row};
use crate::ui::{Ui, duration, terminal_safe};

/// The command that allows the machines in lattice.toml.
const ALLOW_COMMAND: &str = "git lattice trust --settings";

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("build")
        .about("Build points with Nix and record the results in git")
        .long_about(
            "Build HEAD's point, or the named points, with Nix and record the results in git. `--all`, `--frontier` and `--failed` \
             choose from the named points, or from all points if none is named. All are evaluated first and then built by one call \
             to Nix, which spreads them over cores and builders and continues if some fail.\n\n\
             The branch's commit is built, not the worktree. What has a `built` record for the same content is not built again. \
             Exit status: 0 when everything is built, 1 when something is not.",
        )
        .arg(flag("again", "Build even what has a record"))
        .arg(flag("check", "Build each result a second time, and compare"))
        .arg(flag("json", "Print JSON"));
    points::add_args(choice::add_args(background::add_args(machines::add_args(command))), axes, true)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if background::is_requested(args) {
        return background::run(session, args);
    }
    session.recover()?;
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    queue::resume(context)?;
    let census = Census::take(&context.repo, config)?;
    let points = choice::points(session, config, &census, args)?;
    let mut plan = builds::plan(context, config, &census, &points)?;
    let settings = trust::settings(context, config)?;
    let Typed { places, unused } = Places::typed(&machines::read(args), &context.repo, &settings)?;
    report_unused(ui, &unused);
    for path in builds::submodules(&context.repo, config, &plan)? {
        ui.say(format!(
            "left out: `{path}` of `[build] include` is a submodule, whose files are not in this repository"
        ));
    }
    let options = BuildOptions::typed(args.get_flag("again")).within(limits::typed(&context.repo)?).at(places);
    let options = options.checking(args.get_flag("check"));
    let needed = plan.jobs.iter().filter(|job| options.is_needed(job)).map(|job| (&job.named, job.commit));
    warn_of_outdated(ui, &regenerate::outdated(&context.repo, config, needed)?);
    warn_of_uncommitted(session, &points)?;
    let json = args.get_flag("json");
    let batch = BatchProgress::of(plan.jobs.iter().filter(|job| options.is_needed(job)).count());
    let mut view = View::new(ui, json, batch);
    let done = match queue::build(context, &mut plan, &options, &mut |progress| view.show(&progress)) {
        Ok(done) => done,
        Err(error) => {
            view.give_up();
            return Err(error);
        }
    };
    if json {
        let records: Vec<_> = done.iter().map(|done| &done.record).collect();
        let mut document = view.document(&records);
        if !unused.is_empty() {
            document["proposed"] = json!({ "keys": unused, "settings": settings.proposal().lines(), "used": false, "command": ALLOW_COMMAND });
        }
        ui.json(document);
    }
    let is_good = view.is_good() && done.iter().all(|done| done.record.verdict.is_good());
    Ok(if is_good { error::OK } else { error::NO })
}

/// Warns of uncommitted changes in the directory of HEAD's point, if it is one of these: the commit is built.
fn warn_of_uncommitted(session: &Session, points: &[Point]) -> Result<()> {
    let (context, config) = (session.context()?, session.config()?);
    let head = context.head_point(config)?.filter(|head| points.contains(head));
    let Some(named) = head.filter(|_| context.repo.workdir().is_some()).map(|head| config.name(&head)) else {
        return Ok(());
    };
    if let Some((first, others)) = context.repo.git().uncommitted(&named.dir)?.split_first() {
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        session.ui.warn(format!("uncommitted changes are not built: `{}`{more}", terminal_safe(first)));
    }
    Ok(())
}

/// Warns of points that are built with a flake.nix that does not fit their config.toml.
fn warn_of_outdated(ui: &Ui, points: &[&Named]) {
    let Some((first, others)) = points.split_first() else { return };
    let more = if others.is_empty() { String::new() } else { format!(" and of {} more points", others.len()) };
    ui.warn(format!("`flake.nix` of `{}`{more} is not what `config.toml` and its template make", first.spelled));
    ui.hint(format!(
        "`git lattice check` shows the difference; to generate it again: `git lattice regenerate {}`",
        first.spelled
    ));
}

/// Reports machines in lattice.toml that are not used.
fn report_unused(ui: &Ui, keys: &[&str]) {
    if !keys.is_empty() {
        let keys = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        ui.say(format!(
            "not used: {keys} under `[build]` in lattice.toml; `{ALLOW_COMMAND}` shows what is proposed, and allows it"
        ));
    }
}

/// The output during a build: a progress line, and a line per result.
struct View<'a> {
    ui: &'a Ui,
    json: bool,
    current: String,
    batch: BatchProgress,
    evaluator: Option<&'static str>,
    /// Hints shown so far, so that each is shown once.
    hinted: Vec<String>,
    /// Jobs that could not be compared.
    not_compared: Vec<Value>,
    /// Records of finished builds.
    results: Vec<Record>,
    /// Builds without a verdict.
    undecided: Vec<Value>,
    /// The result of copying to a cache; null if nothing was copied.
    copied: Value,
    /// For a trial: whether the files differ from the commit.
    changed: Option<bool>,
}

impl<'a> View<'a> {
    fn new(ui: &'a Ui, json: bool, batch: BatchProgress) -> Self {
        let (current, hinted, not_compared) = (String::new(), Vec::new(), Vec::new());
        let (evaluator, results, undecided, copied) = (None, Vec::new(), Vec::new(), Value::Null);
        Self { ui, json, current, batch, evaluator, hinted, not_compared, results, undecided, copied, changed: None }
    }

    /// Whether copying and comparing succeeded.
    fn is_good(&self) -> bool {
        self.not_compared.is_empty() && self.copied["error"].is_null()
    }

    fn document(&self, records: &[&Record]) -> Value {
        let mut document = json!({ "evaluator": self.evaluator, "results": records });
        if !self.not_compared.is_empty() {
            document["not_compared"] = self.not_compared.clone().into();
        }
        if !self.copied.is_null() {
            document["copied"] = self.copied.clone();
        }
        if let Some(changed) = self.changed {
            document["changed"] = changed.into();
        }
        document
    }

    /// Prints the JSON document when some builds ended without a verdict.
    fn give_up(&self) {
        if self.json && !self.undecided.is_empty() {
            let mut document = self.document(&self.results.iter().collect::<Vec<_>>());
            document["undecided"] = self.undecided.clone().into();
            self.ui.json(document);
        }
    }

    fn show(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Begin(job) => {
                self.current = format!("building {} for {}", job.named.spelled, job.system);
                self.ui.progress(&if self.batch.is_batch() { self.batch.line() } else { self.current.clone() });
            }
            Progress::Evaluated { by, .. } => {
                self.evaluator = Some(by);
                self.batch.evaluated();
            }
            Progress::Said { event, jobs } if self.batch.is_batch() => {
                self.batch.note(event, jobs);
                self.ui.progress(&self.batch.line());
            }
            Progress::Said { event: Event::LogLine { text, .. }, .. } => {
                self.ui.progress(&format!("{}: {text}", self.current));
            }
            Progress::Said { .. } => {}
            Progress::Waits { job, background, seconds } => {
                let place = if *background { "in the background" } else { "by another `git lattice build`" };
                let elapsed = duration::exact(*seconds);
                self.ui.progress("");
                self.ui.say(format!(
                    "{} is being built {place} since {elapsed}: waiting for its result",
                    job.named.spelled
                ));
            }
            Progress::End(done) => {
                self.batch.end(done);
                self.ui.progress("");
                if !self.json {
                    self.ui.table(&[row(done)]);
                }
                self.explain(done);
                self.results.push(done.record.clone());
            }
            Progress::Undecided(undecided) => self.undecided(undecided),
            Progress::Kept { file, why } => {
                self.ui.progress("");
                self.ui.warn(format!("the result could not be recorded yet: {}", terminal_safe(why)));
                self.hint(&format!(
                    "it is kept in `{}`; the next `git lattice build` or `sync` records it",
                    file.display()
                ));
            }
            Progress::NotCompared(job) => self.not_compared(job),
            Progress::Pushing(to) => self.ui.progress(&format!("copying to {to}")),
            Progress::Pushed(pushed) => self.pushed(pushed),
        }
    }

    fn undecided(&mut self, undecided: &Undecided) {
        let Undecided { point, system, why, limit, missing, .. } = undecided;
        self.ui.progress("");
        if !self.json && !missing.is_empty() {
            self.ui.table(&[missing_row(undecided)]);
        }
        let limit = limit.map(|limit| limit.limit().key());
        let missing = missing.iter().map(|it| json!({ "kind": it.kind.to_string(), "name": it.name }));
        let missing = missing.collect::<Vec<_>>();
        let verdict = if missing.is_empty() { Value::Null } else { MISSING.into() };
        self.undecided.push(json!({
            "point": point, "system": system, "verdict": verdict, "error": why, "limit": limit, "missing": missing,
        }));
    }

    fn not_compared(&mut self, job: &Job) {
        self.not_compared.push(json!({ "point": job.named.spelled, "system": job.system.as_str() }));
        let point = terminal_safe(&job.named.spelled);
        self.ui.say(format!("not compared: {point}, since this machine does not build for {}", job.system));
        self.hint("Nix compares on this machine or in a store: give the builder as `--store ssh-ng://USER@HOST`");
    }

    fn hint(&mut self, hint: &str) {
        if !self.hinted.iter().any(|known| known == hint) {
            self.ui.hint(hint);
            self.hinted.push(hint.to_owned());
        }
    }

    fn pushed(&mut self, pushed: &Pushed) {
        self.ui.progress("");
        let error = pushed.failed.as_ref().map(ToString::to_string);
        self.copied = json!({ "to": pushed.to, "paths": pushed.paths, "error": error });
        if let Some(error) = error {
            self.ui.error(terminal_safe(&error));
        } else {
            let paths = if pushed.paths == 1 { "1 result".to_owned() } else { format!("{} results", pushed.paths) };
            self.ui.say(format!("copied to {}: {paths} with their dependencies", terminal_safe(&pushed.to)));
        }
        for hint in &pushed.hints {
            self.ui.hint(hint);
        }
    }

    fn explain(&mut self, done: &Done) {
        for line in &done.tail {
            self.ui.quote(format!("  {}", terminal_safe(line)));
        }
        if let (Some(log), false) = (&done.log, done.record.verdict.is_good()) {
            self.ui.say(format!("full log: {}", log.display()));
        }
        done.hints.iter().for_each(|hint| self.hint(hint));
    }
}
