//! A list from which the user picks one item by typing a part of it.

use anyhow::Result;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};

use super::redraw::{Key, Redraw};
use super::{Tone, Ui, paint, wrap};
use crate::process;

/// What the keys do, the longest text first.
const FEET: [&str; 3] =
    ["type to search; Enter picks, Escape leaves", "Enter picks, Escape leaves", "Enter, or Escape"];

/// The items that fit what was typed, and the chosen one.
struct Picker<'a> {
    items: &'a [String],
    typed: String,
    /// Indices of items, the best first.
    found: Vec<usize>,
    /// A position in `found`.
    at: usize,
    matcher: Matcher,
}

/// Lets the user pick one of `items`; returns its index, or `None` if the user leaves. At first, item `at` is chosen.
///
/// # Errors
/// When there is no terminal, or its mode cannot be changed.
pub fn pick(ui: Ui, items: &[String], at: usize, what: &str) -> Result<Option<usize>> {
    let redraw = Redraw::begin(ui, what)?;
    let mut picker = Picker::new(items, at);
    loop {
        let width = ui.out.width.unwrap_or(usize::MAX);
        let lines = picker.lines((width, redraw.room()), ui.out.color);
        redraw.draw(&lines, &paint(foot(width), Tone::Faint, ui.out.color));
        for key in redraw.keys_within(None) {
            match key {
                Key::End => return Ok(None),
                Key::Interrupt => {
                    process::end_by_interrupt_later();
                    return Ok(None);
                }
                Key::Enter if !picker.found.is_empty() => return Ok(Some(picker.found[picker.at])),
                key => picker.take(key),
            }
        }
    }
}

/// What the keys do, in `width` columns.
fn foot(width: usize) -> &'static str {
    FEET.into_iter().find(|text| wrap::columns(text) <= width).unwrap_or_default()
}

impl<'a> Picker<'a> {
    fn new(items: &'a [String], at: usize) -> Self {
        let matcher = Matcher::new(Config::DEFAULT.match_paths());
        Self { items, typed: String::new(), found: (0..items.len()).collect(), at, matcher }
    }

    fn take(&mut self, key: Key) {
        match key {
            Key::Up => self.at = self.at.saturating_sub(1),
            Key::Down => self.at = (self.at + 1).min(self.found.len().saturating_sub(1)),
            Key::Char(char) => {
                self.typed.push(char);
                self.search();
            }
            Key::Erase => {
                self.typed.pop();
                self.search();
            }
            Key::EraseAll => {
                self.typed.clear();
                self.search();
            }
            Key::Enter | Key::End | Key::Interrupt | Key::Stop | Key::Continued => {}
        }
    }

    /// Finds the items that have all words, each with its characters in this order, the best first.
    fn search(&mut self) {
        let pattern = Pattern::parse(&self.typed, CaseMatching::Smart, Normalization::Never);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, usize)> = Vec::new();
        for (i, item) in self.items.iter().enumerate() {
            let text = nucleo_matcher::Utf32Str::new(item, &mut buffer);
            scored.extend(pattern.score(text, &mut self.matcher).map(|score| (score, i)));
        }
        scored.sort_by_key(|(score, i)| (std::cmp::Reverse(*score), *i));
        (self.found, self.at) = (scored.into_iter().map(|(_, i)| i).collect(), 0);
    }

    /// What was typed, and the items around the chosen one, in so many columns and lines.
    fn lines(&self, (width, room): (usize, usize), color: bool) -> Vec<String> {
        let shown = room.saturating_sub(1).max(1);
        let first = (self.at + 1).saturating_sub(shown);
        let count = paint(&format!("{}/{}", self.found.len(), self.items.len()), Tone::Faint, color);
        let mut lines = vec![format!("> {}  {count}", self.typed)];
        for (at, i) in self.found.iter().enumerate().skip(first).take(shown) {
            let name = wrap::ending(&self.items[*i], width.saturating_sub(2));
            let line = format!("{} {name}", if at == self.at { '>' } else { ' ' });
            lines.push(if at == self.at { paint(&line, Tone::Good, color) } else { line });
        }
        lines.truncate(room);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(keys: &str) -> Vec<String> {
        let items = ["gcc/aarch64/phase0/step1", "gcc/x86_64/phase0/step1", "rust/x86_64/phase1/step2"];
        let items = items.map(str::to_owned);
        let mut picker = Picker::new(&items, 1);
        for char in keys.chars() {
            picker.take(match char {
                '^' => Key::Up,
                'v' => Key::Down,
                '<' => Key::Erase,
                char => Key::Char(char),
            });
        }
        picker.lines((80, 3), false)
    }

    #[test]
    fn typed_words_choose_items() {
        assert_eq!(after("")[1..], ["  gcc/aarch64/phase0/step1", "> gcc/x86_64/phase0/step1"]);
        assert_eq!(after("^")[1], "> gcc/aarch64/phase0/step1");
        assert_eq!(after("vv")[1..], ["  gcc/x86_64/phase0/step1", "> rust/x86_64/phase1/step2"]);
        assert_eq!(after("rs2"), ["> rs2  1/3", "> rust/x86_64/phase1/step2"]);
        assert_eq!(after("x86 p0"), ["> x86 p0  1/3", "> gcc/x86_64/phase0/step1"]);
        assert_eq!(after("zz"), ["> zz  0/3"]);
        assert_eq!(after("zz<<")[0], ">   3/3");
    }
}
