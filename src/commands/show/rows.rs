//! The table of a point, the most important rows first.

use std::borrow::Cow;

use crate::commands::shared::notes;
use crate::config::{Config, Input};
use crate::git::commit::time_at;
use crate::git::repo::UNSHALLOW;
use crate::ops::Missing;
use crate::ops::reproduce::nix_build;
use crate::ops::show::{Details, Promotion, Times};
use crate::record::{Record, State, Verdict};
use crate::text;
use crate::ui::table::Cell;
use crate::ui::{Tone, dispute, terminal_safe, trusted_base};

/// The most rows of a kind; JSON has all.
const MAX_SHOWN: usize = 3;

pub(super) fn of(config: &Config, details: &Details) -> Vec<Vec<Cell>> {
    let mut table = Table { config, details, rows: Vec::new() };
    table.state();
    table.notes();
    table.results();
    table.promotion();
    table.place();
    table.inputs();
    table.content();
    table.rows
}

struct Table<'a> {
    config: &'a Config,
    details: &'a Details,
    rows: Vec<Vec<Cell>>,
}

impl<'a> Table<'a> {
    fn row(&mut self, name: &str, cell: impl Into<Cell>) {
        self.rows.push(vec![name.into(), cell.into()]);
    }

    fn prose(&mut self, name: &str, text: impl Into<String>) {
        self.row(name, Cell::prose(text));
    }

    /// Adds cells, the first of them with the name.
    fn cells(&mut self, name: &str, cells: impl IntoIterator<Item = Cell>) {
        for (i, cell) in cells.into_iter().enumerate() {
            self.row(if i == 0 { name } else { "" }, cell);
        }
    }

    /// Adds lines that are not broken, if there are any.
    fn lines(&mut self, name: &str, lines: impl IntoIterator<Item: AsRef<str>>) {
        let cell = Cell::lines(lines);
        if !cell.is_blank() {
            self.row(name, cell);
        }
    }

    fn spelled(&self) -> &'a str {
        self.details.status.named.spelled.as_str()
    }

    fn state(&mut self) {
        let Details { status, actions, lacks, may_lack, .. } = self.details;
        self.row("point", self.spelled());
        self.row("state", Cell::new(status.state.word(), tone(status.state)));
        let commands: Vec<_> = actions.iter().map(|action| action.command_in_show(self.config, status)).collect();
        self.lines("next", commands);
        let lacks: Vec<_> = lacks.iter().map(|point| format!("`{point}`")).collect();
        if !lacks.is_empty() {
            self.prose("behind", shortened(&lacks));
        } else if *may_lack {
            self.prose("behind", format!("not known: the clone is shallow; `{UNSHALLOW}` brings the history"));
        }
    }

    fn notes(&mut self) {
        let notes = &self.details.notes;
        let hidden = notes.len().saturating_sub(MAX_SHOWN);
        let mut lines: Vec<String> = notes[hidden..].iter().flat_map(notes::lines).collect();
        if hidden > 0 {
            lines.push(format!("{hidden} older: `git lattice note {} --list`", self.spelled()));
        }
        self.cells("notes", lines.into_iter().map(Cell::prose));
    }

    fn results(&mut self) {
        let Details { records, disputes, logs, .. } = self.details;
        let lines = |(head, sides): (String, Vec<String>)| {
            std::iter::once(head).chain(sides.into_iter().map(|side| format!("  {side}")))
        };
        let disputes = disputes.iter().map(|it| dispute::lines(records, it)).flat_map(lines);
        self.cells("disputed", disputes.map(|line| Cell::prose(line).toned(Tone::Bad)));
        let newest = records.iter().rev().take(MAX_SHOWN);
        let mut shown: Vec<_> = newest.flat_map(|it| record_cells(&it.record)).collect();
        let hidden = records.len().saturating_sub(MAX_SHOWN);
        shown.extend(
            (hidden > 0).then(|| Cell::prose(format!("{hidden} older: `git lattice show {} --json`", self.spelled()))),
        );
        self.cells("records", shown);
        self.cells("took", self.details.times.iter().map(|times| Cell::prose(times_line(times))));
        let read = (!logs.is_empty()).then(|| format!("git lattice log {}", self.spelled()));
        self.lines("logs", logs.iter().map(|log| log.display().to_string()).chain(read));
    }

    fn promotion(&mut self) {
        let Some(promotion) = &self.details.promotion else { return };
        self.cells("promotion", promotion_lines(promotion).into_iter().map(Cell::prose));
    }

    fn place(&mut self) {
        let Details { status, tip, below, above, .. } = self.details;
        self.prose("branch", status.named.branch.to_string());
        self.prose("commit", status.commit.to_string());
        let subject = tip.message.lines().next().unwrap_or_default();
        self.prose("", format!("{} {}, {subject}", time_at(tip.time), tip.author));
        self.prose("pushed", if status.pushed { "yes" } else { "no" });
        self.prose("parents", status.parents.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        self.prose("below", if below.is_empty() { self.config.base.to_string() } else { below.join(", ") });
        if !above.is_empty() {
            self.prose("above", above.join(", "));
        }
        self.prose("systems", status.systems.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    }

    fn inputs(&mut self) {
        let configured = &self.details.configured;
        let mut lines: Vec<_> = configured.iter().take(MAX_SHOWN).map(input_line).collect();
        let hidden = configured.len() - lines.len();
        lines.extend((hidden > 0).then(|| format!("and {hidden} more")));
        self.cells("inputs", lines.into_iter().map(Cell::prose));
        if let Some(base) = trusted_base_line(self.details) {
            self.prose("trusted base", base);
            self.row("", format!("git lattice show --trusted-base {}", self.spelled()));
        }
    }

    fn content(&mut self) {
        let Details { status, template, config_hash, flake, files, .. } = self.details;
        let no_key = || "none: the branch does not hold its directory".to_owned();
        self.prose("key", status.key.map_or_else(no_key, |key| key.to_string()));
        let no_template = "unknown: flake.nix was changed by hand, or generated by another version";
        self.prose("template", template.as_deref().unwrap_or(no_template));
        self.prose("config hash", config_hash.clone().unwrap_or_default());
        self.prose("flake", flake.as_ref().map(ToString::to_string).unwrap_or_default());
        self.lines("files", files);
        self.lines(
            "build",
            nix_build(flake.as_ref(), status).into_iter().chain([format!("git lattice build {}", self.spelled())]),
        );
    }
}

fn tone(state: State) -> Tone {
    match state {
        State::Built => Tone::Good,
        State::Failed | State::Disputed => Tone::Bad,
        State::New => Tone::Plain,
        State::Queued | State::Building | State::NoBuilder | State::Behind => Tone::Odd,
    }
}

/// The first ones, and the number of others.
fn shortened(names: &[String]) -> String {
    let shown = names[..names.len().min(MAX_SHOWN)].join(", ");
    match names.len().saturating_sub(MAX_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn promotion_lines(promotion: &Promotion) -> Vec<String> {
    let targets: Vec<_> = promotion.targets.iter().map(|target| format!("`{target}`")).collect();
    let to = shortened(&targets);
    if promotion.is_done {
        return vec![format!("to {to}: done")];
    }
    if promotion.missing.is_empty() {
        return vec![format!("to {to}: `{}`", promotion.command)];
    }
    let needs = text::tally(promotion.missing.len(), "requirement is", "requirements are");
    let lack = |lack: &Missing| {
        // The rest of a command may be a shell comment.
        let command = lack.command.split("  #").next().unwrap_or_default();
        format!("  `{}`: {}: `{command}`", lack.point, lack.what)
    };
    let shown = promotion.missing.iter().take(MAX_SHOWN).map(lack);
    std::iter::once(format!("to {to}: {needs} not met")).chain(shown).collect()
}

fn times_line(times: &Times) -> String {
    let usual = match times.builds {
        1 => String::new(),
        builds => format!(", usually {:.1} s ({builds} builds)", times.usual),
    };
    format!("{:.1} s on {}{usual}", times.last, times.system)
}

fn input_line(input: &Input) -> String {
    let hash = input.hash.map_or_else(|| "no hash".into(), |hash| Cow::from(hash.to_string()));
    terminal_safe(&format!("{} {} {hash}", input.kind, input.name))
}

/// The number of inputs and their size, as far as they are known without Nix.
fn trusted_base_line(details: &Details) -> Option<String> {
    let Some(inputs) = &details.inputs else {
        let count = text::tally(details.configured.len(), "source or seed", "sources and seeds");
        return (!details.configured.is_empty()).then(|| format!("{count} in config.toml; not built yet"));
    };
    let known: Vec<u64> = inputs.listed.iter().filter_map(|input| input.size).collect();
    let (sum, unknown) = (known.iter().copied().fold(0, u64::saturating_add), inputs.count() - known.len());
    Some(trusted_base::summary(inputs.count(), sum, unknown))
}

/// When, what and how long; by whom; then the output or the error.
fn record_cells(record: &Record) -> Vec<Cell> {
    let tone = match record.verdict {
        Verdict::Built | Verdict::Reproduced => Tone::Good,
        Verdict::Failed | Verdict::Differs => Tone::Bad,
        Verdict::NoBuilder | Verdict::Cancelled => Tone::Odd,
    };
    let what = record.outputs.get("out").map(|out| out.path.as_str()).or(record.error.as_deref());
    let head = [Cell::prose(result_line(record)).toned(tone), Cell::prose(builder_line(record))];
    head.into_iter().chain(what.map(|what| Cell::block(terminal_safe(what)))).collect()
}

fn result_line(record: &Record) -> String {
    let took = record.took().map(|seconds| format!(", {seconds:.1} s")).unwrap_or_default();
    terminal_safe(&format!("{} {} on {}{took}", record.started, record.verdict.word(), record.system))
}

fn builder_line(record: &Record) -> String {
    let impure = record.impure.as_ref().filter(|paths| !paths.is_empty());
    let impure = impure.map(|paths| format!(", with {} of the machine", paths.join(" "))).unwrap_or_default();
    let nix = record.nix.as_deref().unwrap_or("?");
    terminal_safe(&format!("by {}@{} with Nix {nix}{impure}", record.user, record.host))
}
