//! Durations in human-readable form.

/// `12s`, `1m12s`, `2h05m`, `3d04h`: never more than two units.
pub fn exact(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{:02}s", seconds % 60),
        (0, _, _) => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

/// `~12s`, `~3m`, `~2h`: one unit, rounded, for estimates.
pub fn rough(seconds: u64) -> String {
    let rounded = |unit: u64| (seconds + unit / 2) / unit;
    match seconds {
        0..100 => format!("~{seconds}s"),
        100..5_970 => format!("~{}m", rounded(60)),
        5_970..171_000 => format!("~{}h", rounded(3600)),
        _ => format!("~{}d", rounded(86400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_at_most_two_units() {
        let shown = [0, 59, 72, 3_599, 7_500, 86_400, 273_600].map(exact);
        assert_eq!(shown, ["0s", "59s", "1m12s", "59m59s", "2h05m", "1d00h", "3d04h"]);
        assert_eq!([5, 99, 170, 5_969, 7_000, 200_000].map(rough), ["~5s", "~99s", "~3m", "~99m", "~2h", "~2d"]);
    }
}
