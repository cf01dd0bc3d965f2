//! The known keys of `lattice.toml`; commands warn about all others.

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
