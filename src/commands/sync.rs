//! `git lattice sync`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Session;
use super::shared::created;
use super::shared::points::{self, Selection};
use crate::error;
use crate::ops::Cannot;
use crate::ops::refspec;
use crate::ops::remote_failure::lock_hint;
use crate::ops::sync::{
    self, Action, BranchComparison, Entry, KindReport, OwnRecords, RecordsReport, Report, SyncOptions,
};
use crate::points::census::Census;
use crate::record::store::RefKind;
use crate::ui::table::Cell;
use crate::ui::{Tone, Ui, terminal_safe};

/// If no point is named, the maximum number of points only on the remote that are listed: a fresh clone has all of them
/// there.
const MAX_SHOWN: usize = 10;

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("sync")
        .about("Fetch and push points and records together; nothing is overwritten")
        .long_about(
            "Fetch the remote's points and the records of all clones, push what is only here, and move forward what is behind.\n\n\
             Nothing is forced. Where both sides added the same point, the remote's commit is taken; another branch that differs on \
             both sides is left alone, with the command that brings the two together. One that is behind and checked out in a \
             worktree is not moved. The first sync of a clone adds a refspec, so that `git fetch` brings records too. Exit status: 0 done, 1 when something was refused or differs on both sides.",
        )
        .arg(flag("no-fetch", "Push only, based on the last fetch"))
        .arg(flag("no-push", "Fetch only"))
        .arg(flag("dry-run", "Query the remote and show what would be done; write nothing"))
        .arg(flag("json", "Print JSON"));
    points::add_args(command, axes, true)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if !args.get_flag("dry-run") {
        session.recover()?;
    }
    let (context, config) = (session.context()?, session.config()?);
    let options = SyncOptions {
        dry_run: args.get_flag("dry-run"),
        fetch: !args.get_flag("no-fetch"),
        push: !args.get_flag("no-push"),
    };
    let named = Selection::read(config, args)?;
    let mut census = Census::take(&context.repo, config)?;
    let remote_state = sync::look(context, config, options.fetch)?;
    remote_state.points().for_each(|point| census.add(point.clone()));
    let points = named.filter(config, &census)?;
    if points.is_empty() && !named.is_empty() {
        return Err(Cannot::NothingSelected(named.describe()).into());
    }
    let report = sync::sync(context, config, &census, remote_state, &points, options)?;
    if args.get_flag("json") {
        session.ui.json(to_json(&report, options));
    } else {
        show(session, &report, named.is_empty(), options);
    }
    created::hint_to_push_base(session)?;
    Ok(if report.is_fine() { error::OK } else { error::NO })
}

fn show(session: &Session, report: &Report, is_all: bool, options: SyncOptions) {
    let ui = &session.ui;
    let count = |standing: BranchComparison| report.points.iter().filter(|entry| entry.standing == standing).count();
    let (same, there) = (count(BranchComparison::Same), count(BranchComparison::OnlyThere));
    let is_quiet = |entry: &&Entry| match entry.standing {
        BranchComparison::Same => is_all,
        BranchComparison::OnlyThere => is_all && there > MAX_SHOWN,
        _ => false,
    };
    let row = |entry: &Entry| {
        let (word, tone) = word(entry, options);
        vec![Cell::new(word, tone), entry.named.spelled.as_str().into(), Cell::prose(advice(entry, report))]
    };
    let rows: Vec<_> = report.points.iter().filter(|entry| !is_quiet(entry)).map(row).collect();
    ui.table(&rows);
    if is_all && same > 0 {
        ui.tell(if same == 1 { "one point is up to date".to_owned() } else { format!("{same} points are up to date") });
    }
    if is_all && there > MAX_SHOWN {
        ui.tell(format!("{there} points are only on the remote; to create one here: `git switch BRANCH`"));
    }
    records_lines(&report.records, options).iter().for_each(|line| ui.tell(terminal_safe(line)));
    report.messages.iter().for_each(|line| ui.say(format!("the remote said: {}", terminal_safe(line))));
    hint(ui, report);
    if report.refspec.is_some() {
        ui.say(refspec::notice(&report.remote));
    }
    RefKind::ALL.into_iter().for_each(|kind| warn_of_diverged(ui, report, kind));
}

fn warn_of_diverged(ui: &Ui, report: &Report, kind: RefKind) {
    for writer in &report.records.of(kind).diverged {
        let (own, what) = (kind.of(writer), what(kind));
        let (here, there) = (own.full(), own.fetched(&report.remote));
        ui.warn(format!("the {what} of writer `{writer}` have diverged; the local ones were kept"));
        ui.hint(format!("`git update-ref {here} {there}` takes those of `{}`", report.remote));
    }
}

/// What a kind holds.
fn what(kind: RefKind) -> &'static str {
    match kind {
        RefKind::Records => "records",
        RefKind::PointNotes => "notes",
    }
}

fn word(entry: &Entry, options: SyncOptions) -> (&'static str, Tone) {
    match (&entry.action, entry.standing) {
        (Action::Pushed, _) => ("pushed", Tone::Good),
        (Action::FastForwarded, _) => ("fast-forwarded", Tone::Good),
        (Action::Taken, _) => ("moved", Tone::Good),
        (Action::Refused(_), _) => ("refused", Tone::Bad),
        (Action::Planned, BranchComparison::Behind) => ("would fast-forward", Tone::Good),
        (Action::Planned, BranchComparison::Diverged) => ("would move", Tone::Good),
        (Action::Planned, _) => ("would push", Tone::Good),
        (Action::CheckedOut(_), _) | (_, BranchComparison::Behind) => ("behind", Tone::Odd),
        (_, BranchComparison::Same) => ("up to date", Tone::Faint),
        (_, BranchComparison::OnlyHere) => ("only here", Tone::Odd),
        (_, BranchComparison::OnlyThere) => ("only on the remote", Tone::Plain),
        (_, BranchComparison::Gone) => ("deleted on the remote", Tone::Odd),
        (_, BranchComparison::Ahead) => ("ahead", Tone::Odd),
        (_, BranchComparison::Diverged) => ("diverged", Tone::Bad),
        (_, BranchComparison::Unknown) if options.dry_run => ("behind or diverged", Tone::Odd),
        (_, BranchComparison::Unknown) => ("not fetched", Tone::Odd),
    }
}

/// Details and advice about a point.
fn advice(entry: &Entry, Report { remote, .. }: &Report) -> String {
    let branch = &entry.named.branch;
    match (&entry.action, entry.standing) {
        (Action::Refused(why), _) => why.to_string(),
        (Action::CheckedOut(worktree), _) => {
            format!("checked out in `{}`; run `git pull` there", worktree.display())
        }
        (Action::Pushed, BranchComparison::OnlyHere) => "was only here".to_owned(),
        (_, BranchComparison::OnlyThere) if entry.is_tracked => format!("to create it here: `git switch {branch}`"),
        (_, BranchComparison::OnlyThere) => {
            format!("to create it here: `git switch --create {branch} {remote}/{branch}`")
        }
        (_, BranchComparison::Gone) if entry.local.is_some() => {
            format!("to delete it here, too: `git branch -D {branch}`; to push it again: `git push {remote} {branch}`")
        }
        (_, BranchComparison::Gone) => format!("to forget it: `git branch -d -r {remote}/{branch}`"),
        (Action::Taken | Action::Planned, BranchComparison::Diverged) => {
            format!("to the commit of `{remote}`, which adds the same point")
        }
        _ => entry.advice.as_ref().map(|advice| advice.what.clone()).unwrap_or_default(),
    }
}

/// Hints for refused and diverged branches.
fn hint(ui: &Ui, report: &Report) {
    let refusals = report.points.iter().filter_map(|entry| match &entry.action {
        Action::Refused(why) if why.is_diverged() => {
            Some("another clone pushed meanwhile: `git lattice sync` again compares the two".to_owned())
        }
        Action::Refused(why) => why.hint(),
        _ => None,
    });
    let locked = || report.messages.iter().find_map(|line| lock_hint(line));
    refusals.take(1).next().or_else(locked).iter().for_each(|hint| ui.hint(terminal_safe(hint)));
    let diverged: Vec<_> = report.points.iter().filter_map(|entry| entry.advice.as_ref()).collect();
    diverged.iter().take(MAX_SHOWN).for_each(|advice| ui.hint(terminal_safe(&advice.hint())));
}

fn records_lines(records: &RecordsReport, options: SyncOptions) -> Vec<String> {
    let mut lines: Vec<_> = RefKind::ALL.into_iter().filter_map(|kind| received_line(records, kind, options)).collect();
    if let Some(old) = &records.renamed_from {
        lines.push(match &records.writer {
            Some(new) if !options.dry_run => {
                format!("another clone writes records as `{old}` too: this one writes as `{new}` from now on")
            }
            _ => format!("another clone writes records as `{old}` too: this one would take a new name"),
        });
    }
    lines.extend(RefKind::ALL.into_iter().filter_map(|kind| own_line(records, kind, options)));
    if records.strange > 0 {
        lines.push(format!("{} notes refs of the remote left alone: they hold no records", records.strange));
    }
    lines
}

fn received_line(records: &RecordsReport, kind: RefKind, options: SyncOptions) -> Option<String> {
    let (what, would) = (what(kind), if options.dry_run { "would be " } else { "" });
    match records.of(kind).received.len() {
        0 => None,
        1 => Some(format!("{what} of one other clone {would}fetched")),
        count => Some(format!("{what} of {count} other clones {would}fetched")),
    }
}

fn own_line(records: &RecordsReport, kind: RefKind, options: SyncOptions) -> Option<String> {
    let what = what(kind);
    Some(match &records.of(kind).own {
        OwnRecords::Due if options.dry_run && options.push => format!("{what} of this clone would be pushed"),
        OwnRecords::Due => format!("{what} of this clone not pushed"),
        OwnRecords::Pushed => format!("{what} of this clone pushed"),
        OwnRecords::Refused(why) => format!("{what} of this clone refused: {why}"),
        OwnRecords::Nothing | OwnRecords::Same => return None,
    })
}

fn to_json(report: &Report, options: SyncOptions) -> Value {
    let entry = |entry: &Entry| {
        let refused = match &entry.action {
            Action::Refused(why) => Some(why.to_string()),
            _ => None,
        };
        json!({
            "point": entry.named.spelled,
            "branch": entry.named.branch,
            "local": entry.local.map(|id| id.to_string()),
            "remote": entry.remote.map(|id| id.to_string()),
            "standing": standing(entry.standing),
            "done": done(&entry.action),
            "refused": refused,
            "differs": entry.advice.as_ref().map(|advice| &advice.differs),
            "command": entry.advice.as_ref().map(|advice| &advice.command),
        })
    };
    let records = &report.records;
    let (own, refused) = own_json(&records.records.own);
    json!({
        "remote": report.remote,
        "dry_run": options.dry_run,
        "points": report.points.iter().map(entry).collect::<Vec<_>>(),
        "records": {
            "writer": records.writer, "own": own, "refused": refused, "renamed_from": records.renamed_from,
            "received": records.records.received, "diverged": records.records.diverged,
        },
        "notes": notes_json(&records.notes),
        "said": report.messages,
        "refspec": report.refspec,
    })
}

fn notes_json(notes: &KindReport) -> Value {
    let (own, refused) = own_json(&notes.own);
    json!({ "own": own, "refused": refused, "received": notes.received, "diverged": notes.diverged })
}

/// The word for what this clone wrote, and why the remote refused it.
fn own_json(own: &OwnRecords) -> (&'static str, Option<String>) {
    match own {
        OwnRecords::Nothing => ("none", None),
        OwnRecords::Same => ("same", None),
        OwnRecords::Due => ("ahead", None),
        OwnRecords::Pushed => ("pushed", None),
        OwnRecords::Refused(why) => ("refused", Some(why.to_string())),
    }
}

fn standing(standing: BranchComparison) -> &'static str {
    match standing {
        BranchComparison::Same => "same",
        BranchComparison::OnlyHere => "only-here",
        BranchComparison::OnlyThere => "only-there",
        BranchComparison::Gone => "deleted-there",
        BranchComparison::Ahead => "ahead",
        BranchComparison::Behind => "behind",
        BranchComparison::Diverged => "diverged",
        BranchComparison::Unknown => "unknown",
    }
}

fn done(action: &Action) -> Option<&'static str> {
    match action {
        Action::Pushed => Some("pushed"),
        Action::FastForwarded => Some("fast-forwarded"),
        Action::Taken => Some("taken"),
        Action::CheckedOut(_) => Some("left-checked-out"),
        Action::Nothing | Action::Planned | Action::Refused(_) => None,
    }
}
