//! `/proc`, if it belongs to our pid namespace.
//!
//! A container with its own pid namespace may have the host's `/proc` mounted, where a number means another process
//! (`pid_namespaces`(7)).

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let own = std::fs::read_link("/proc/self").ok()?;
    (own.as_os_str().to_str() == Some(&std::process::id().to_string())).then(|| PathBuf::from("/proc"))
});

/// Returns `/proc`; `None` if it is missing or belongs to another pid namespace.
pub fn folder() -> Option<&'static Path> {
    FOLDER.as_deref()
}

/// Returns the name of our pid namespace; `None` on systems without them.
pub fn space() -> Option<String> {
    Some(std::fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned())
}
