//! `/proc`, where it speaks of the process ids that this process knows.
//!
//! In a container with process ids of its own, the `/proc` of the surrounding system may still be mounted: a number there is another
//! process here (`pid_namespaces`(7)).

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let own = std::fs::read_link("/proc/self").ok()?;
    (own.as_os_str().to_str() == Some(&std::process::id().to_string())).then(|| PathBuf::from("/proc"))
});

/// The folder; `None` where there is none, or it is that of other process ids.
pub fn folder() -> Option<&'static Path> {
    FOLDER.as_deref()
}

/// A name for the space of our process ids; `None` where the system has no such thing.
pub fn space() -> Option<String> {
    Some(std::fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned())
}
