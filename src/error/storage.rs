//! Hints for files that cannot be written: the disk is full, or the user may not write them.

use std::path::Path;

use crate::access::Unwritable;

/// What the system and git say when the disk is full.
const FULL: [&str; 5] = [
    "No space left on device",
    "uota exceeded",
    "couldn't write",
    "Out of diskspace",
    "failed to write new configuration file",
];
/// What the system says when a file cannot be written.
const DENIED: [&str; 2] = ["Read-only file system", "Permission denied"];
/// What our messages say when a file cannot be read.
const READING: &str = "could not read";

const FULL_HINT: &str =
    "the disk may be full: `df -h .` shows the free space; make room and run the same command again";
const DENIED_HINT: &str = "the repository cannot be written: run the command as the user who owns it; \
                           see `ls -ld .git .git/objects` and `findmnt -T .`";

/// The hint for an error with this message, if it is about storage.
pub(super) fn hint(message: &str) -> Option<String> {
    let has = |words: &[&str]| words.iter().any(|words| message.contains(words));
    if has(&FULL) {
        return Some(FULL_HINT.to_owned());
    }
    if !has(&DENIED) {
        return None;
    }
    let blocked = paths(message).find_map(|path| Unwritable::of(Path::new(path)));
    let general = || (!message.contains(READING)).then(|| DENIED_HINT.to_owned());
    blocked.map(|blocked| blocked.hint()).or_else(general)
}

/// The absolute paths in backticks.
fn paths(message: &str) -> impl Iterator<Item = &str> {
    message.split('`').skip(1).step_by(2).filter(|path| path.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hint_fits_the_message() {
        assert_eq!(hint("could not write `a`: No space left on device (os error 28)").as_deref(), Some(FULL_HINT));
        assert_eq!(hint("git failed: Permission denied").as_deref(), Some(DENIED_HINT));
        assert_eq!(hint("could not read `a/b`: Permission denied (os error 13)"), None, "nothing was to be written");
        assert_eq!(hint("could not lock `a`: it exists"), None);
        assert_eq!(paths("`/a` and `b` in `/c d`").collect::<Vec<_>>(), ["/a", "/c d"]);
    }
}
