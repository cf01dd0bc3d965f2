//! A list from which the user picks one item by typing a part of it.

use anyhow::Result;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};

use super::picture::mark;
use super::redraw::{Key, Redraw};
use super::{Tone, Ui, paint, wrap};
use crate::process;
use crate::record::State;

/// What the keys do, the longest text first.
const FEET: [&str; 3] =
    ["type to search; Enter picks, Escape leaves", "Enter picks, Escape leaves", "Enter, or Escape"];

/// The same if no item fits.
const NOTHING_FITS: [&str; 2] = ["nothing fits: Backspace erases, Escape leaves", "nothing fits"];
/// The columns of a name before its state is left out.
const MIN_NAME: usize = 20;

/// A point that can be picked.
pub struct Item {
    /// Its name.
    pub name: String,
    /// Its state, if it can be read.
    pub state: Option<State>,
}

/// The items that fit what was typed, and the chosen one.
struct Picker<'a> {
    items: &'a [Item],
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
pub fn pick(ui: Ui, items: &[Item], at: usize, what: &str) -> Result<Option<usize>> {
    let redraw = Redraw::begin(ui, what)?;
    let mut picker = Picker::new(items, at);
    loop {
        let width = ui.out.width.unwrap_or(usize::MAX);
        let lines = picker.lines((width, redraw.room()), ui.out.color);
        redraw.draw(&lines, &paint(picker.foot(width), Tone::Faint, ui.out.color));
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

impl<'a> Picker<'a> {
    fn new(items: &'a [Item], at: usize) -> Self {
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

    /// Finds the items whose name and state have all words, each with its characters in this order, the best first.
    fn search(&mut self) {
        let pattern = Pattern::parse(&self.typed, CaseMatching::Smart, Normalization::Never);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, usize)> = Vec::new();
        for (i, item) in self.items.iter().enumerate() {
            let text = format!("{} {}", item.name, item.state.map_or("", State::word));
            let text = nucleo_matcher::Utf32Str::new(&text, &mut buffer);
            scored.extend(pattern.score(text, &mut self.matcher).map(|score| (score, i)));
        }
        scored.sort_by_key(|(score, i)| (std::cmp::Reverse(*score), *i));
        (self.found, self.at) = (scored.into_iter().map(|(_, i)| i).collect(), 0);
    }

    /// What the keys do, in `width` columns.
    fn foot(&self, width: usize) -> &'static str {
        let feet = if self.found.is_empty() { &NOTHING_FITS[..] } else { &FEET };
        feet.iter().find(|text| wrap::columns(text) <= width).copied().unwrap_or_default()
    }

    /// What was typed, and the items around the chosen one, in so many columns and lines.
    fn lines(&self, (width, room): (usize, usize), color: bool) -> Vec<String> {
        let shown = room.saturating_sub(1).max(1);
        let first = (self.at + 1).saturating_sub(shown);
        let count = paint(&format!("{}/{}", self.found.len(), self.items.len()), Tone::Faint, color);
        let mut lines = vec![format!("find: {}  {count}", self.typed)];
        for (at, i) in self.found.iter().enumerate().skip(first).take(shown) {
            let line =
                format!("{} {}", if at == self.at { '>' } else { ' ' }, self.items[*i].text(width.saturating_sub(2)));
            lines.push(if at == self.at { paint(&line, Tone::Good, color) } else { line });
        }
        lines.truncate(room);
        lines
    }
}

impl Item {
    /// The name and the state, in `width` columns: the end of a long name, and no state beside a short part of it.
    fn text(&self, width: usize) -> String {
        let shown = |state: State| format!("  {} {}", mark(state, false).0, state.word());
        let state = self.state.map(shown).unwrap_or_default();
        match width.checked_sub(wrap::columns(&state)) {
            Some(room) if room >= MIN_NAME => wrap::ending(&self.name, room) + &state,
            _ => wrap::ending(&self.name, width),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foot_says_that_nothing_fits() {
        let items = [Item { name: "gcc/step1".to_owned(), state: Some(State::Failed) }];
        let mut picker = Picker::new(&items, 0);
        assert_eq!(picker.foot(80), FEET[0]);
        "failed".chars().for_each(|char| picker.take(Key::Char(char)));
        assert_eq!((picker.found.len(), picker.foot(30)), (1, FEET[1]));
        picker.take(Key::Char('z'));
        assert_eq!([picker.foot(80), picker.foot(30)], NOTHING_FITS);
    }

    fn after(keys: &str) -> Vec<String> {
        let items = ["gcc/aarch64/phase0/step1", "gcc/x86_64/phase0/step1", "rust/x86_64/phase1/step2"];
        let item = |name: &str| Item { name: name.to_owned(), state: Some(State::New) };
        let items = items.map(item);
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
        assert_eq!(after("")[1..], ["  gcc/aarch64/phase0/step1  · new", "> gcc/x86_64/phase0/step1  · new"]);
        assert_eq!(after("^")[1], "> gcc/aarch64/phase0/step1  · new");
        assert_eq!(after("vv")[1..], ["  gcc/x86_64/phase0/step1  · new", "> rust/x86_64/phase1/step2  · new"]);
        assert_eq!(after("rs2"), ["find: rs2  1/3", "> rust/x86_64/phase1/step2  · new"]);
        assert_eq!(after("x86 p0"), ["find: x86 p0  1/3", "> gcc/x86_64/phase0/step1  · new"]);
        assert_eq!(after("zz"), ["find: zz  0/3"]);
        assert_eq!(after("zz<<")[0], "find:   3/3");
    }
}
