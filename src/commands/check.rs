//! `git lattice check`

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Session;
use super::shared::points::{self, Selection};
use crate::error;
use crate::git::repo::UNSHALLOW;
use crate::lint::Severity;
use crate::ops::check::{self, Finding, Report};
use crate::points::census::Census;
use crate::text::tally;
use crate::ui::{Tone, Ui, paint, terminal_safe};

/// The maximum number of diff lines shown.
const DIFF: usize = 30;
/// The maximum number of characters shown of a line, name or message.
const WIDTH: usize = 500;
/// The maximum number of characters of a text in JSON.
const JSON_DIFF: usize = 16 << 10;
/// The maximum number of findings shown.
const FINDINGS: usize = 200;
/// The maximum number of findings in JSON.
const JSON_FINDINGS: usize = 10_000;

pub(super) fn command(axes: &[String]) -> Command {
    let command = Command::new("check")
        .about("Check that branches, directories, files and history of points agree")
        .long_about(
            "Check that branches, directories, files and history agree, for all points or for the named ones.\n\n\
             It reads refs and objects only, and so works in a bare repository and in CI. A flake.nix that is not generated has to say \
             so in a comment: `# git-lattice: hand-written`. Exit status: 0 when there is nothing but hints, 1 otherwise.",
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"));
    points::add_args(command, axes, true)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, config, ui) = (session.context()?, session.config()?, &session.ui);
    let census = Census::take(&context.repo, config)?;
    let named = Selection::read(config, args)?;
    let which = if named.is_empty() { None } else { Some(named.existing(session, config, &census)?) };
    let report = check::check(context, config, &census, which.as_deref())?;
    if args.get_flag("json") {
        let findings: Vec<_> = report.findings.iter().take(JSON_FINDINGS).map(to_json).collect();
        let left_out = report.findings.len() - findings.len();
        ui.json(json!({
            "points": report.points, "branches": report.branches, "shallow": context.repo.is_shallow(), "findings": findings,
            "left_out": left_out,
        }));
    } else {
        let more = report.findings.len().saturating_sub(FINDINGS);
        report.findings.iter().take(FINDINGS).for_each(|finding| show(ui, finding));
        if more > 0 {
            ui.tell(format!("({} more; `--json` has up to {JSON_FINDINGS})", tally(more, "finding", "findings")));
        }
        ui.tell(summary(&report));
        if context.repo.is_shallow() {
            ui.say(format!("not checked: the history that this shallow clone lacks; `{UNSHALLOW}` brings it"));
        }
    }
    let is_fine = report.findings.iter().all(|finding| finding.code.severity() == Severity::Hint);
    Ok(if is_fine { error::OK } else { error::NO })
}

fn show(ui: &Ui, finding: &Finding) {
    let severity = finding.code.severity();
    let tone = match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Odd,
        Severity::Hint => Tone::Faint,
    };
    let code = format!("{}[{} {}]", severity.as_str(), finding.code.number(), finding.code.name());
    let point = finding.point.as_ref().map(|point| format!("{point}: ")).unwrap_or_default();
    let text = terminal_safe(&shortened(&format!("{point}`{}` {}", finding.place, finding.message), WIDTH));
    ui.tell(format!("{}: {text}", paint(&code, tone, ui.out.color)));
    let lines: Vec<_> = finding.diff.iter().flat_map(|diff| diff.lines()).collect();
    lines.iter().take(DIFF).for_each(|line| ui.data(format!("    {}", diff_line(line, ui.out.color))));
    if lines.len() > DIFF {
        ui.data(format!("    ({} lines more)", lines.len() - DIFF));
    }
    if let Some(command) = &finding.command {
        ui.data(format!("    {}", terminal_safe(command)));
    }
}

fn diff_line(line: &str, color: bool) -> String {
    let tone = match line.as_bytes().first() {
        Some(b'-') => Tone::Bad,
        Some(b'+') => Tone::Good,
        Some(b'@') => Tone::Faint,
        _ => Tone::Plain,
    };
    paint(&terminal_safe(&shortened(line, WIDTH)), tone, color)
}

/// The last line, such as `checked 3 points and 7 branches: 1 error, 2 warnings`.
fn summary(report: &Report) -> String {
    let count = |wanted: Severity| report.findings.iter().filter(|finding| finding.code.severity() == wanted).count();
    let branches = (report.branches > 0).then(|| format!(" and {}", tally(report.branches, "branch", "branches")));
    let found = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Hint, "hint")];
    let found: Vec<_> = found
        .into_iter()
        .map(|(severity, word)| (count(severity), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| tally(count, word, &format!("{word}s")))
        .collect();
    let found = if found.is_empty() { "nothing found".to_owned() } else { found.join(", ") };
    format!("checked {}{}: {found}", tally(report.points, "point", "points"), branches.unwrap_or_default())
}

/// Cuts a text from a branch, which may be arbitrarily long.
fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{} ... ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

fn to_json(finding: &Finding) -> Value {
    json!({
        "code": finding.code.number(),
        "name": finding.code.name(),
        "severity": finding.code.severity().as_str(),
        "point": finding.point,
        "place": shortened(&finding.place, JSON_DIFF),
        "message": shortened(&finding.message, JSON_DIFF),
        "command": finding.command.as_ref().map(|command| shortened(command, JSON_DIFF)),
        "diff": finding.diff.as_ref().map(|diff| shortened(diff, JSON_DIFF)),
    })
}
