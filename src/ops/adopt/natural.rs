//! The order in which people count: `v5.9` before `v5.15`.

use std::cmp::Ordering;

/// Compares two texts; digits that follow each other are compared as a number.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let ((x, after_x), (y, after_y)) = (first_run(left), first_run(right));
        let order = match (number(x), number(y)) {
            (Some(x), Some(y)) => x.len().cmp(&y.len()).then_with(|| x.cmp(y)),
            _ => x.cmp(y),
        };
        if order.is_ne() || x.is_empty() {
            // `01` and `1` are the same number.
            return order.then_with(|| a.cmp(b));
        }
        (left, right) = (after_x, after_y);
    }
}

/// The digits at the start, or the other characters, and what follows them.
fn first_run(text: &str) -> (&str, &str) {
    let is_digit = |c: char| c.is_ascii_digit();
    let starts = text.starts_with(is_digit);
    text.split_at(text.find(|c| is_digit(c) != starts).unwrap_or(text.len()))
}

/// The digits of a number, without leading zeros.
fn number(run: &str) -> Option<&str> {
    run.starts_with(|c: char| c.is_ascii_digit()).then(|| run.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn numbers_are_compared_by_their_value() {
        let sorted = ["", "1.9", "1.10", "gcc", "gcc-9", "gcc-010", "gcc-10", "gcc-10a", "v5.9-rc1", "v5.15"];
        let mut texts = sorted.to_vec();
        texts.reverse();
        texts.sort_by(|a, b| compare(a, b));
        assert_eq!(texts, sorted);
    }
}
