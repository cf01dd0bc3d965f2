//! Parses dates and ages that users type, in git's formats but in UTC.

use gix::date::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The seconds after 1970 of a time such as `2026-11-30`, `2026-11-30T09:00:00Z` or `2 days ago`; `None` if it is no time. Without a
/// time zone it is in UTC, as the times of records are.
pub fn parse(text: &str) -> Option<i64> {
    let now = Timestamp::from_second(Time::now_utc().seconds).ok()?.to_zoned(TimeZone::UTC);
    gix::date::parse(text.trim(), Some(now)).ok().map(|time| time.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_and_ages() {
        assert_eq!(parse("2026-11-30T09:00:00Z"), parse("2026-11-30 11:00:00 +0200"));
        assert_eq!(parse("1970-01-02"), Some(24 * 60 * 60));
        let now = Time::now_utc().seconds;
        let hours_ago = parse("2 hours ago").map(|at| now - at);
        assert!(hours_ago.is_some_and(|age| (7199..7300).contains(&age)), "{hours_ago:?}");
        assert_eq!(parse("1.day"), parse("yesterday"));
        for text in ["", "monday-ish", "2026-13-40", "ago"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
