//! Building once more what is built, and comparing: a record `reproduced` or `differs`.

use std::time::Instant;

use anyhow::{Context as _, Result};

use super::run::Builder;
use super::{Done, Job, Progress};
use crate::git::commit::now;
use crate::nix::{self, Checked, StorePath};
use crate::record::{Record, Verdict, store};

/// Compares all that is built. What cannot be compared is told, and has no record.
///
/// # Errors
/// When Nix cannot be run, or a record cannot be written.
pub(super) fn all(
    builder: &Builder<'_>,
    jobs: &[&Job],
    built: &[Option<Done>],
    on: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Done>> {
    let good = jobs.iter().zip(built).filter_map(|(job, done)| Some((*job, &done.as_ref()?.record)));
    let (able, unable): (Vec<_>, Vec<_>) = good
        .filter(|(_, record)| record.verdict.is_good())
        .filter_map(|(job, record)| Some((job, record, StorePath::parse(record.drv.as_deref()?).ok()?)))
        .partition(|(job, ..)| builder.machines.can_compare(&job.system));
    unable.iter().for_each(|(job, ..)| on(Progress::NotCompared(job)));
    if able.is_empty() {
        return Ok(Vec::new());
    }
    let (started, clock) = (now(), Instant::now());
    able.iter().for_each(|(job, ..)| on(Progress::Begin(job)));
    let drvs: Vec<StorePath> = able.iter().map(|(.., drv)| drv.clone()).collect();
    let said = &mut |event: &nix::Event| on(Progress::Said { event, jobs: &[] });
    let checked = match builder.nix.check(&drvs, &builder.machines.options, said) {
        // The first builds are recorded, and a comparison that somebody stopped says nothing.
        Err(nix::Error::Interrupted { .. }) => return Ok(Vec::new()),
        checked => checked?,
    };
    let seconds = (clock.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    let done = able.iter().map(|(job, record, drv)| {
        let mut again = builder.record(job, Verdict::Reproduced, started.clone(), seconds);
        (again.drv, again.outputs) = (record.drv.clone(), record.outputs.clone());
        builder.machines.note_place(&mut again, None);
        judged(again, checked.get(drv))
    });
    let done: Vec<Done> = done.collect::<Result<_>>()?;
    let records: Vec<Record> = done.iter().map(|done| done.record.clone()).collect();
    store::append(&builder.context.repo, &records).context("could not record the result")?;
    done.iter().for_each(|done| on(Progress::End(done)));
    Ok(done)
}

/// What the comparison came to.
fn judged(mut record: Record, checked: Option<&Checked>) -> Result<Done> {
    let mut tail = Vec::new();
    match checked {
        Some(Checked::Same) => {}
        Some(Checked::Differs(said)) => (record.verdict, record.error) = (Verdict::Differs, Some(said.clone())),
        Some(Checked::Failed(failure)) if failure.kind != nix::Kind::Trouble => {
            (record.verdict, record.error) = (Verdict::Failed, Some(failure.summary.clone()));
            // What was not built again came to no outputs.
            record.outputs.clear();
            tail = failure.detail.lines().map(str::to_owned).collect();
        }
        Some(Checked::Failed(failure)) => {
            anyhow::bail!("Nix could not build `{}` once more: {}", record.point, failure.summary)
        }
        None => anyhow::bail!("Nix does not say what building `{}` once more came to", record.point),
    }
    Ok(Done { record, fresh: true, tail, log: None, hints: Vec::new() })
}
