//! The lines of the live view: totals, failures, and the builders that run.

use std::time::{Duration, Instant};

use super::model::{FAILED, Failure, Model, Row};
use crate::nix::without_parameters;
use crate::record::Verdict;
use crate::text::{tally, terminal_safe};
use crate::ui::region::Size;
use crate::ui::{Tone, duration, paint, wrap};

/// The columns between two parts of a line.
const GAP: &str = "  ";

/// The lines of a view.
pub(super) struct Lines<'m> {
    pub(super) model: &'m Model,
    pub(super) now: Instant,
    pub(super) size: Size,
    pub(super) color: bool,
}

impl Lines<'_> {
    /// The lines, at most half of the terminal's rows, each cut to its columns.
    pub(super) fn all(&self) -> Vec<String> {
        let most = (self.size.rows / 2).max(1);
        let mut lines = vec![self.header()];
        let failures: Vec<_> =
            self.model.failures.iter().filter(|failure| failure.word != Verdict::NoBuilder.word()).collect();
        let shown = failures.len().min(most.saturating_sub(1).div_ceil(3));
        // The header has the number of all. Those without a builder were printed before the first builder started.
        lines.extend(failures[failures.len() - shown..].iter().map(|failure| self.failure(failure)));
        lines.extend(self.running(most - lines.len()));
        if lines.len() < most && self.model.running.is_empty() && !self.model.doing.is_empty() {
            lines.push(self.log(&self.model.doing));
        }
        lines
    }

    fn header(&self) -> String {
        let Model { needed, ended, failures, running, .. } = self.model;
        let elapsed = clock(self.now.saturating_duration_since(self.model.since));
        if self.model.is_evaluating {
            return self
                .cut(&format!("evaluating {}, {elapsed}", tally(needed.len() - ended.len(), "build", "builds")));
        }
        let mut words: Vec<_> = failures.iter().map(|failure| failure.word).collect();
        // Failures first.
        words.sort_by_key(|word| (*word != FAILED, *word));
        let running = if running.is_empty() { String::new() } else { format!(", {} running", running.len()) };
        let header = |color| {
            let count =
                |same: &[&str]| format!(", {}", paint(&format!("{} {}", same.len(), same[0]), tone(same[0]), color));
            let counts: String = words.chunk_by(|a, b| a == b).map(count).collect();
            format!("{}/{} done{counts}{running}, {elapsed}", ended.len(), needed.len())
        };
        let plain = header(false);
        if wrap::columns(&plain) <= self.room() { header(self.color) } else { self.cut(&plain) }
    }

    fn failure(&self, failure: &Failure) -> String {
        let (first, point) = (failure.why.lines().next().unwrap_or_default(), terminal_safe(&failure.point));
        let why = if first.is_empty() { String::new() } else { format!(": {}", one_line(first)) };
        let room = self.room().saturating_sub(failure.word.len() + GAP.len());
        let text = format!("{point}{why}");
        format!("{}{GAP}{}", paint(failure.word, tone(failure.word), self.color), wrap::beginning(&text, room))
    }

    /// The builders in `most` lines: two lines for each if there is room, one for each, or the oldest ones and how many more there are.
    fn running(&self, most: usize) -> Vec<String> {
        let all = &self.model.running;
        let (shown, has_logs) = match all.len() {
            count if 2 * count <= most => (count, true),
            count if count <= most => (count, false),
            _ => (most.saturating_sub(1), false),
        };
        let names: Vec<_> = all[..shown].iter().map(|row| wrap::ending(&self.name(row), self.room() / 2)).collect();
        let widest = names.iter().map(|name| wrap::columns(name)).max().unwrap_or(0);
        let mut lines = Vec::new();
        for (row, name) in all.iter().zip(&names) {
            let head = format!(
                "{GAP}{name}{:pad$}{GAP}{}",
                "",
                self.time(row),
                pad = widest.saturating_sub(wrap::columns(name))
            );
            match (has_logs, row.last.is_empty()) {
                (true, false) => lines.extend([self.cut(&head), self.log(&row.last)]),
                (_, true) => lines.push(self.cut(&head)),
                (false, false) => lines.push(self.with_log(&head, &row.last)),
            }
        }
        if shown < all.len() && most > 0 {
            lines.push(self.cut(&format!("{GAP}and {} more", all.len() - shown)));
        }
        lines
    }

    /// The name of a builder, with the system if another one has the same name.
    fn name(&self, row: &Row) -> String {
        let is_same = |other: &&Row| other.name == row.name;
        let has_several = self.model.running.iter().filter(is_same).count() > 1;
        let system = row.build.as_ref().filter(|_| has_several).map(|(_, system)| format!(" for {system}"));
        terminal_safe(&format!("{}{}", row.name, system.unwrap_or_default()))
    }

    /// Since when, how long it usually takes, and where.
    fn time(&self, row: &Row) -> String {
        let elapsed = duration::exact(self.now.saturating_duration_since(row.since).as_secs());
        let expected = row.expected.map(|all| format!(" of {}", duration::rough(all))).unwrap_or_default();
        let machine = row.machine.as_ref().map(|it| format!(" on {}", terminal_safe(without_parameters(it))));
        format!("{elapsed}{expected}{}", machine.unwrap_or_default())
    }

    fn log(&self, text: &str) -> String {
        let line = self.cut(&format!("    {}", one_line(text)));
        paint(&line, Tone::Faint, self.color)
    }

    fn with_log(&self, head: &str, text: &str) -> String {
        let head = self.cut(head);
        let room = self.room().saturating_sub(wrap::columns(&head) + GAP.len());
        if room == 0 {
            return head;
        }
        format!("{head}{GAP}{}", paint(&wrap::beginning(&one_line(text), room), Tone::Faint, self.color))
    }

    /// The columns of a line. The last one stays free: some terminals wrap when it is written.
    fn room(&self) -> usize {
        self.size.columns.saturating_sub(1)
    }

    fn cut(&self, text: &str) -> String {
        wrap::beginning(text, self.room())
    }
}

fn tone(word: &str) -> Tone {
    if word == FAILED { Tone::Bad } else { Tone::Odd }
}

/// Text that has no line breaks, tabs or characters that a terminal interprets.
fn one_line(text: &str) -> String {
    let text: String = text.trim().chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
    terminal_safe(&text)
}

/// `0:42`, `12:05`, `1:02:03`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 { format!("{minutes}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}
