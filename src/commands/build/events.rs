//! `--json-lines`: what happens during a run of builds, as one JSON object each.

use serde_json::{Value, json};

use crate::git::commit;
use crate::nix::without_parameters;
use crate::ops::builds::{Done, Job, Progress, Pushed, RunningBuilder, Undecided};
use crate::ui::result::MISSING;

/// What happened, with its name and time; `None` for what is no event: that time passes, and what Nix does between builds.
pub(super) fn event(progress: &Progress<'_>) -> Option<Value> {
    let (name, fields) = match progress {
        Progress::Begin(job) => ("begin", build(job)),
        Progress::Evaluated { by, jobs } => ("evaluated", json!({ "evaluator": by, "builds": jobs })),
        Progress::Started(running) => ("start", started(running)),
        Progress::Said { running, text } => ("log", merged(builder(running), json!({ "text": text }))),
        Progress::Stopped { running, is_good } => ("stop", stopped(running, *is_good)),
        Progress::Waits { job, background, seconds } => {
            ("wait", merged(build(job), json!({ "background": background, "seconds": seconds })))
        }
        Progress::End(done) => ("end", ended(done)),
        Progress::Undecided(open) => ("undecided", undecided(open)),
        Progress::Kept { file, why } => ("kept", json!({ "path": file, "error": why })),
        Progress::NotCompared(job) => ("not-compared", build(job)),
        Progress::Pushing(to) => ("copy", json!({ "to": to })),
        Progress::Pushed(pushed) => ("copied", copied(pushed)),
        Progress::Doing(_) | Progress::Tick => return None,
    };
    Some(named(name, fields))
}

/// The last event: the document of `--json`, and the error that ended the run.
pub(super) fn summary(document: Value, error: Option<&str>) -> Value {
    merged(named("summary", json!({ "error": error })), document)
}

fn named(name: &str, fields: Value) -> Value {
    merged(json!({ "event": name, "time": commit::now() }), fields)
}

/// The fields of both objects.
fn merged(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

fn build(job: &Job) -> Value {
    json!({ "point": job.named.spelled, "system": job.system.as_str() })
}

/// A derivation, and the point and system whose own it is.
fn builder(running: &RunningBuilder<'_>) -> Value {
    let own = running.own;
    json!({
        "derivation": running.drv.as_str(), "point": own.map(|job| &job.named.spelled), "system": own.map(|job| job.system.as_str()),
    })
}

fn started(running: &RunningBuilder<'_>) -> Value {
    let mut points: Vec<_> = running.needed_by.iter().map(|job| &job.named.spelled).collect();
    points.sort();
    points.dedup();
    let machine = running.machine.as_deref().map(without_parameters);
    merged(builder(running), json!({ "needed_by": points, "machine": machine }))
}

fn stopped(running: &RunningBuilder<'_>, is_good: Option<bool>) -> Value {
    let milliseconds = u32::try_from(running.since.elapsed().as_millis()).unwrap_or(u32::MAX);
    // The event of the point's end has the verdict.
    let succeeded = is_good.filter(|_| running.own.is_none());
    merged(builder(running), json!({ "seconds": f64::from(milliseconds) / 1000.0, "succeeded": succeeded }))
}

fn ended(done: &Done) -> Value {
    let record = &done.record;
    json!({
        "point": record.point, "system": record.system.as_str(), "new": done.fresh, "record": record, "log": done.log,
        "tail": done.tail,
    })
}

/// A build without a verdict as JSON.
pub(super) fn undecided(undecided: &Undecided) -> Value {
    let Undecided { point, system, why, limit, missing, .. } = undecided;
    let limit = limit.map(|limit| limit.limit().key());
    let missing = missing.iter().map(|it| json!({ "kind": it.kind.to_string(), "name": it.name }));
    let missing = missing.collect::<Vec<_>>();
    let verdict = if missing.is_empty() { Value::Null } else { MISSING.into() };
    json!({ "point": point, "system": system, "verdict": verdict, "error": why, "limit": limit, "missing": missing })
}

/// The result of copying as JSON.
pub(super) fn copied(pushed: &Pushed) -> Value {
    let error = pushed.failed.as_ref().map(ToString::to_string);
    json!({ "to": pushed.to, "paths": pushed.paths, "error": error })
}
