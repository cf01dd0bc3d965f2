//! The output of builds: the live view, a row per result, and the JSON document.

use anyhow::Result;
use serde_json::{Value, json};

use super::events;
use crate::ops::builds::{Done, Job, Progress, Pushed, Undecided};
use crate::record::{Record, Verdict};
use crate::ui::live::Live;
use crate::ui::result::{log_end, missing_row, row, same_reason_row};
use crate::ui::{Ui, duration, terminal_safe};

/// What stdout gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A row per result.
    Rows,
    /// One JSON document at the end.
    Json,
    /// Events as JSON, one per line.
    Events,
}

/// The output during a build.
pub(super) struct View<'a> {
    ui: &'a Ui,
    form: Form,
    live: Live<'a>,
    evaluator: Option<&'static str>,
    /// Why the point of the last row has no builder.
    no_builder: Option<String>,
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
    pub(super) fn new(ui: &'a Ui, form: Form, live: Live<'a>) -> Self {
        // The events tell the same; on one terminal they and the view would be mixed up.
        let live =
            live.telling_results(form == Form::Json).silent(form == Form::Events && (ui.out.is_terminal || !ui.draws));
        let (hinted, not_compared, results, undecided) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (evaluator, copied) = (None, Value::Null);
        Self {
            ui,
            form,
            live,
            evaluator,
            no_builder: None,
            hinted,
            not_compared,
            results,
            undecided,
            copied,
            changed: None,
        }
    }

    /// The output of a trial, whose files differ from the commit or not.
    pub(super) fn of_trial(self, is_changed: bool) -> Self {
        Self { changed: Some(is_changed), ..self }
    }

    /// Whether copying and comparing succeeded.
    pub(super) fn is_good(&self) -> bool {
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

    /// Removes the live view and prints what stdout gets at the end. `proposed` is what lattice.toml proposes and is not used.
    pub(super) fn finish(&self, built: &Result<Vec<Done>>, proposed: Option<Value>) {
        self.live.clear();
        let records = match built {
            Ok(done) => done.iter().map(|done| &done.record).collect(),
            Err(_) => self.results.iter().collect::<Vec<_>>(),
        };
        let mut document = self.document(&records);
        if let Some(proposed) = proposed {
            document["proposed"] = proposed;
        }
        if !self.undecided.is_empty() {
            document["undecided"] = self.undecided.clone().into();
        }
        match self.form {
            // An error is reported instead of a document, unless there are results beside it.
            Form::Json if built.is_ok() || !self.undecided.is_empty() => self.ui.json(document),
            Form::Rows | Form::Json => {}
            Form::Events => {
                let error = built.as_ref().err().map(|error| format!("{error:#}"));
                self.ui.json_line(events::summary(document, error.as_deref()));
            }
        }
    }

    /// Shows what has happened.
    pub(super) fn show(&mut self, progress: &Progress<'_>) {
        if self.form == Form::Events {
            events::event(progress).into_iter().for_each(|event| self.ui.json_line(event));
        }
        self.live.apply(progress);
        self.print(progress);
        self.live.draw();
    }

    /// Prints what stays on the terminal.
    fn print(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Evaluated { by, .. } => self.evaluator = Some(by),
            Progress::Waits { job, background, seconds } => {
                let place = if *background { "in the background" } else { "by another `git lattice build`" };
                let elapsed = duration::exact(*seconds);
                self.ui.say(format!(
                    "{} is being built {place} since {elapsed}: waiting for its result",
                    job.named.spelled
                ));
            }
            Progress::End(done) => {
                if self.form == Form::Rows {
                    self.row(done);
                }
                self.explain(done);
                self.results.push(done.record.clone());
            }
            Progress::Undecided(undecided) => self.undecided(undecided),
            Progress::Kept { file, why } => {
                self.ui.warn(format!("the result could not be recorded yet: {}", terminal_safe(why)));
                self.hint(&format!(
                    "it is kept in `{}`; the next `git lattice build` or `sync` records it",
                    file.display()
                ));
            }
            Progress::NotCompared(job) => self.not_compared(job),
            Progress::Pushed(pushed) => self.pushed(pushed),
            _ => {}
        }
    }

    /// Prints a result. On a terminal, a reason that holds for many points is printed once; elsewhere each line stands alone.
    fn row(&mut self, done: &Done) {
        let reason = done.record.error.as_ref().filter(|_| done.record.verdict == Verdict::NoBuilder);
        let is_known = self.ui.out.is_terminal && reason.is_some() && self.no_builder.as_ref() == reason;
        self.ui.table(&[if is_known { same_reason_row(done) } else { row(done) }]);
        self.no_builder = reason.cloned();
    }

    fn undecided(&mut self, undecided: &Undecided) {
        if self.form == Form::Rows && !undecided.missing.is_empty() {
            self.ui.table(&[missing_row(undecided)]);
        }
        self.undecided.push(events::undecided(undecided));
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
        self.copied = events::copied(pushed);
        if let Some(error) = pushed.failed.as_ref().map(ToString::to_string) {
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
        log_end(self.ui, done);
        done.hints.iter().for_each(|hint| self.hint(hint));
    }
}
