//! Open chains: numbered values without an upper limit, such as `step{n}` from 1.

use super::Value;
use super::value::is_device;

/// The values `PREFIXnSUFFIX` for n = first, first + 1, ..., in the order of the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    prefix: String,
    suffix: String,
    first: u64,
}

impl Numbered {
    /// Parses `step{n}`; `first` is the least number.
    ///
    /// # Errors
    /// A message: no `{n}`, more than one, or numbers that would not give valid values.
    pub fn parse(text: &str, first: u64) -> std::result::Result<Self, String> {
        let (prefix, suffix) =
            text.split_once("{n}").ok_or_else(|| format!("`{text}` has no `{{n}}` for the number"))?;
        let ends_in_digit =
            prefix.ends_with(|c: char| c.is_ascii_digit()) || suffix.starts_with(|c: char| c.is_ascii_digit());
        if ends_in_digit {
            return Err(format!("`{text}` has a digit next to `{{n}}`, so the number could not be parsed"));
        }
        let numbered = Self { prefix: prefix.to_owned(), suffix: suffix.to_owned(), first };
        Value::parse(&numbered.spell(u64::MAX)).map_err(|error| error.to_string())?;
        if let Some(device) = (first..10).map(|n| numbered.spell(n)).find(|value| is_device(value)) {
            return Err(format!(
                "`{text}` has the value `{device}`, a device on Windows: no folder can have that name"
            ));
        }
        if first == u64::MAX {
            return Err(format!("`{text}` cannot start at {first}: there is no greater number"));
        }
        Ok(numbered)
    }

    /// The least number.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The value with the number `n`; `None` below the first number and for `u64::MAX`, which [`Numbered::number`] refuses too.
    pub fn value(&self, n: u64) -> Option<Value> {
        let is_one = n >= self.first && n < u64::MAX;
        // `parse` checked that all numbers give valid values.
        is_one.then(|| Value::trusted(self.spell(n)))
    }

    /// The first values, for messages.
    pub(super) fn describe(&self) -> String {
        let [one, two, three] = [0, 1, 2].map(|n| self.spell(self.first.saturating_add(n)));
        format!("{one}, {two}, {three} and so on")
    }

    /// The value with the number at the end of `text`, or the nearest one.
    pub(super) fn similar(&self, text: &str) -> Option<Value> {
        let to_digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let digits = &to_digits[to_digits.trim_end_matches(|c: char| c.is_ascii_digit()).len()..];
        self.value(digits.parse().unwrap_or(self.first).max(self.first))
    }

    fn spell(&self, n: u64) -> String {
        format!("{}{n}{}", self.prefix, self.suffix)
    }

    /// The number of a value, if it has one: decimal, without leading zeros, at or above the first.
    pub fn number(&self, text: &str) -> Option<u64> {
        let digits = text.strip_prefix(self.prefix.as_str())?.strip_suffix(self.suffix.as_str())?;
        let n: u64 = digits.parse().ok()?;
        (n >= self.first && n < u64::MAX && n.to_string() == digits).then_some(n)
    }
}
