//! The clock times for which a judgement of records stays valid.
//!
//! Records from the future are rejected. So a judgement becomes invalid when the clock is set back before a record that counted, or
//! reaches the start of one that was rejected.

/// The clock times at which the same records are accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Span {
    /// The start of the newest accepted record: all are accepted from then on.
    from: String,
    /// The start of the earliest record in the future.
    before: Option<String>,
}

impl Span {
    /// Returns whether the same records are accepted if `latest` is the latest allowed start.
    pub fn holds(&self, latest: &str) -> bool {
        self.from.as_str() <= latest && self.before.as_deref().is_none_or(|before| latest < before)
    }

    /// Adds the starts of a note's newest accepted record, empty if there is none, and of its earliest record in the future.
    pub fn note(&mut self, newest: &str, first_future: Option<String>) {
        self.widen(Self { from: newest.to_owned(), before: first_future });
    }

    /// Intersects with another span.
    pub fn widen(&mut self, other: Self) {
        if other.from > self.from {
            self.from = other.from;
        }
        self.before = match (self.before.take(), other.before) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// Formats the span without spaces, for a file.
    pub fn to_text(&self) -> String {
        format!("{}..{}", self.from, self.before.as_deref().unwrap_or_default())
    }

    /// Parses the output of [`Self::to_text`].
    pub fn parse(text: &str) -> Option<Self> {
        let (from, before) = text.split_once("..")?;
        Some(Self { from: from.to_owned(), before: (!before.is_empty()).then(|| before.to_owned()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_ends_where_other_records_count() {
        let mut span = Span::default();
        assert!(span.holds(""), "without records the span is unlimited");
        span.note("2026-02", None);
        span.note("2026-01", Some("2027-05".into()));
        span.note("", Some("2027-04".into()));
        for (latest, holds) in [("2026-01", false), ("2026-02", true), ("2027-03", true), ("2027-04", false)] {
            assert_eq!(span.holds(latest), holds, "{latest}");
        }
        assert_eq!(Span::parse(&span.to_text()), Some(span));
        assert_eq!(Span::parse(&Span::default().to_text()), Some(Span::default()));
        assert_eq!(Span::parse("2026"), None);
    }
}
