//! Names of refs, checked before they are used.

/// What the full names of branches begin with.
pub const HEADS: &str = "refs/heads/";

/// Whether this is the full name of a ref, as git-check-ref-format(1) allows one.
pub fn is_full_name(name: &str) -> bool {
    name.starts_with("refs/") && gix::refs::FullName::try_from(name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        assert!(is_full_name("refs/heads/feature/a+b/step1") && is_full_name("refs/notes/lattice/0f"));
        for name in ["HEAD", "refs/heads/../../x", "refs/heads/a\0b", "refs/heads/a b", "refs/heads/x.lock", "/etc/x"] {
            assert!(!is_full_name(name), "{name:?}");
        }
    }
}
