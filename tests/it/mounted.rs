//! File systems mounted for a test: small ones, and read-only ones.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system, unmounted on drop.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    /// An empty tmpfs; `None`, with a message, if this machine does not let the user mount one.
    pub(crate) fn tmpfs(at: &Path, options: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let is_mounted = mount(&["-t", "tmpfs", "-o", options, "none"], at);
        Self::of(at, is_mounted)
    }

    /// A read-only bind mount of the folder.
    pub(crate) fn read_only(at: &Path) -> Option<Self> {
        let is_mounted = mount(&["--bind", at.to_str().unwrap()], at);
        Self::of(at, is_mounted).filter(|_| mount(&["-o", "remount,bind,ro"], at))
    }

    fn of(at: &Path, is_mounted: bool) -> Option<Self> {
        if !is_mounted {
            crate::strace::sample::print_past_harness("NOT TESTED: nothing can be mounted here");
        }
        is_mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        Command::new("umount").args(["-l"]).arg(&self.0).status().ok();
    }
}

/// Fills the file system of `dir` except for `left` KiB while `work` runs.
pub(crate) fn with_free_kib<T>(dir: &Path, left: u64, work: impl FnOnce() -> T) -> T {
    let path = dir.join("fill");
    let mut file = fs::File::create(&path).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    file.set_len(file.metadata().unwrap().len().saturating_sub(left * 1024)).unwrap();
    let done = work();
    fs::remove_file(path).unwrap();
    done
}

fn mount(args: &[&str], at: &Path) -> bool {
    Command::new("mount").args(args).arg(at).output().is_ok_and(|output| output.status.success())
}
