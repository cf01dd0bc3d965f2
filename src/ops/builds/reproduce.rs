//! Building a result a second time and comparing; the record says `reproduced` or `differs`.

use std::collections::HashMap;

use anyhow::Result;

use super::builder::{Builder, times_of};
use super::outside::Outsides;
use super::running::RunningBuilders;
use super::undecided::Undecided;
use super::{Done, Job, Progress};
use crate::git::commit::now;
use crate::nix::{self, Checked, Options, Rebuilt, StorePath};
use crate::record::pending::{self, Recorded};
use crate::record::{Record, Verdict};

/// A build to be compared.
struct Subject<'a> {
    job: &'a Job,
    built: &'a Record,
    drv: StorePath,
}

/// Compares all built jobs. Jobs that cannot be compared are reported; they and jobs without a verdict get no record.
///
/// # Errors
/// When Nix cannot be run, or a record cannot be written.
pub(super) fn all(
    builder: &Builder<'_>,
    jobs: &[&Job],
    built: &[Option<Done>],
    on: &mut dyn FnMut(Progress<'_>),
) -> Result<(Vec<Done>, Vec<Undecided>)> {
    let subjects = jobs.iter().zip(built).filter_map(|(job, done)| subject(job, done.as_ref()?));
    let (able, unable): (Vec<_>, Vec<_>) = subjects.partition(|it| builder.machines.can_compare(&it.job.system));
    unable.iter().for_each(|subject| on(Progress::NotCompared(subject.job)));
    let since = now();
    let Some(checked) = compare(builder, &able, on)? else { return Ok((Vec::new(), Vec::new())) };
    let drvs: Vec<_> = able.iter().map(|subject| subject.drv.clone()).collect();
    let outside = Outsides::read(&builder.nix, &drvs, builder.machines.host())?;
    let (mut done, mut undecided) = (Vec::new(), Vec::new());
    for Subject { job, built, drv } in &able {
        let rebuilt = checked.get(drv);
        let (started, seconds) = times_of(rebuilt.and_then(|rebuilt| rebuilt.ran), since.clone());
        let mut again = builder.record(job, Verdict::Reproduced, started, seconds);
        (again.drv, again.outputs) = (built.drv.clone(), built.outputs.clone());
        builder.machines.note_place(&mut again, None);
        outside.note(&mut again, drv);
        again.impure = rebuilt.and_then(|rebuilt| rebuilt.ran).and_then(|_| outside.impure(drv, None));
        match judge(job, again, rebuilt.map(|rebuilt| &rebuilt.checked), &builder.machines.options) {
            Ok(judge) => done.push(Done { has_run: rebuilt.is_some_and(|it| it.ran.is_some()), ..judge }),
            Err(open) => undecided.push(*open),
        }
    }
    let records: Vec<Record> = done.iter().map(|done| done.record.clone()).collect();
    if let Recorded::Kept { file, why } = pending::append(&builder.context.repo, &records)? {
        on(Progress::Kept { file: &file, why: &why });
    }
    done.iter().for_each(|done| on(Progress::End(done)));
    undecided.iter().for_each(|open| on(Progress::Undecided(open)));
    Ok((done, undecided))
}

/// Runs the comparison; `None` when the user interrupted it. The first builds are recorded already.
fn compare(
    builder: &Builder<'_>,
    subjects: &[Subject<'_>],
    on: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<HashMap<StorePath, Rebuilt>>> {
    if subjects.is_empty() {
        return Ok(None);
    }
    subjects.iter().for_each(|subject| on(Progress::Begin(subject.job)));
    let drvs: Vec<StorePath> = subjects.iter().map(|subject| subject.drv.clone()).collect();
    let mut builders = RunningBuilders::default();
    let on_event = &mut |event: &nix::Event| {
        let is_own =
            |subject: &&Subject<'_>| matches!(event, nix::Event::BuildStarted { drv, .. } if subject.drv == *drv);
        let own = subjects.iter().find(is_own).map(|subject| subject.job);
        builders.note(event, own, own.as_slice(), on);
    };
    match builder.nix.check(&drvs, &builder.machines.options, on_event) {
        Err(nix::Error::Interrupted { .. }) => Ok(None),
        checked => Ok(Some(checked?)),
    }
}

fn subject<'a>(job: &'a Job, done: &'a Done) -> Option<Subject<'a>> {
    let built = Some(&done.record).filter(|record| record.verdict.is_good())?;
    Some(Subject { job, built, drv: built.drv.clone()? })
}

/// Turns the result of a comparison into a record.
fn judge(job: &Job, mut record: Record, checked: Option<&Checked>, options: &Options) -> Result<Done, Box<Undecided>> {
    let mut tail = Vec::new();
    match checked {
        Some(Checked::Same) => {}
        Some(Checked::Differs(text)) => (record.verdict, record.error) = (Verdict::Differs, Some(text.clone())),
        Some(Checked::Failed(failure)) if failure.kind.is_of_content() => {
            (record.verdict, record.error) = (Verdict::Failed, Some(failure.summary.clone()));
            // The second build failed, so it has no outputs.
            record.outputs.clear();
            tail = failure.beyond_summary().lines().map(str::to_owned).collect();
        }
        Some(Checked::Failed(failure)) => return Err(Undecided::of_failure(job, failure, options).into()),
        None => return Err(Undecided::new(job, "Nix did not report the result of the second build", Vec::new()).into()),
    }
    Ok(Done { tail, ..Done::fresh(record) })
}
