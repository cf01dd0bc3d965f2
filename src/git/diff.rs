//! Unified diffs of two texts.

use gix::diff::blob::unified_diff::{ConsumeBinaryHunk, ContextSize};
use gix::diff::blob::{Algorithm, Diff, InternedInput, UnifiedDiff};

/// Format the unified diff from `before` to `after`, with three lines of context and without file names; empty if they are equal.
pub fn unified(before: &str, after: &str) -> String {
    let input = InternedInput::new(before.as_bytes(), after.as_bytes());
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let hunks = ConsumeBinaryHunk::new(Vec::new(), "\n");
    // Writing to memory cannot fail.
    let text = UnifiedDiff::new(&diff, &input, hunks, ContextSize::symmetrical(3)).consume().unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn shows_only_changed_lines() {
        assert_eq!(unified("a\nb\n", "a\nb\n"), "");
        assert_eq!(unified("a\nb\nc\n", "a\nB\nc\n"), "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
    }
}
