//! The known keys of `lattice.toml`; commands warn about all others.

use crate::lattice;

pub(super) const TOP_KEYS: [&str; 12] = [
    "base",
    "remote",
    "branch",
    "flake",
    "template",
    "system-axis",
    "axes",
    "systems",
    "promote",
    "build",
    "lint",
    "hooks",
];
pub(super) const AXIS_KEYS: [&str; 3] = ["set", "chain", "from"];
pub(super) const PROMOTE_KEYS: [&str; 3] = ["across", "systems", "require"];
pub(super) const BUILD_KEYS: [&str; 6] = ["include", "supersede", "builders", "store", "substituters", "push-cache"];
pub(super) const LINT_KEYS: [&str; 2] = ["require", "off"];
pub(super) const HOOKS_KEYS: [&str; 1] = ["on-worktree-add"];

/// The known key that was probably meant by an unknown one, with its path.
pub(super) fn similar(unknown: &str) -> Option<String> {
    let (path, key) = unknown.rsplit_once('.').map_or(("", unknown), |(path, key)| (path, key));
    let known: &[&str] = match path.split('.').next() {
        Some("") | None => &TOP_KEYS,
        Some("axes") => &AXIS_KEYS,
        Some("promote") => &PROMOTE_KEYS,
        Some("build") => &BUILD_KEYS,
        Some("lint") => &LINT_KEYS,
        Some("hooks") => &HOOKS_KEYS,
        Some(_) => &[],
    };
    let near = lattice::nearest(key, known.iter().copied())?;
    Some(if path.is_empty() { near } else { format!("{path}.{near}") })
}
