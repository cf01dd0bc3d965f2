//! For which times of the clock a judgement of records holds.
//!
//! A record that began later than now is not believed. So what was judged once is judged otherwise when the clock is set back behind a
//! record that counted, or has come to one that did not.

/// The times at which the same records are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Span {
    /// The start of the newest record that is believed: as long as that is past, they all are.
    from: String,
    /// The start of the first record that is still to come.
    before: Option<String>,
}

impl Span {
    /// Whether the same records are believed when nothing is that began after `latest`.
    pub fn holds(&self, latest: &str) -> bool {
        self.from.as_str() <= latest && self.before.as_deref().is_none_or(|before| latest < before)
    }

    /// Takes in the newest record of a note that is believed, and the first one that is still to come.
    pub fn note(&mut self, newest: Option<&str>, to_come: Option<String>) {
        self.widen(Self { from: newest.unwrap_or_default().to_owned(), before: to_come });
    }

    /// Takes in the times of other records: what holds for both is left.
    pub fn widen(&mut self, other: Self) {
        if other.from > self.from {
            self.from = other.from;
        }
        self.before = match (self.before.take(), other.before) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// The span as a text without spaces, for a file.
    pub fn to_text(&self) -> String {
        format!("{}..{}", self.from, self.before.as_deref().unwrap_or_default())
    }

    /// Reads what [`Self::to_text`] gives.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, before) = text.split_once("..")?;
        Some(Self { from: from.to_owned(), before: (!before.is_empty()).then(|| before.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_where_other_records_would_count() {
        let mut span = Span::default();
        assert!(span.holds(""), "without records nothing changes");
        span.note(Some("2026-02"), None);
        span.note(Some("2026-01"), Some("2027-05".into()));
        span.note(None, Some("2027-04".into()));
        for (latest, holds) in [("2026-01", false), ("2026-02", true), ("2027-03", true), ("2027-04", false)] {
            assert_eq!(span.holds(latest), holds, "{latest}");
        }
        assert_eq!(Span::parse(&span.to_text()), Some(span));
        assert_eq!(Span::parse(&Span::default().to_text()), Some(Span::default()));
        assert_eq!(Span::parse("2026"), None);
    }
}
