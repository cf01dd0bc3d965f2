//! Nix's own log files, which tell when a builder has ended.
//!
//! Nix compresses the log of a builder as one stream. It ends the stream when the builder has ended, then registers the outputs, and then
//! counts the end; all in one thread (`buildDone` in libstore). So the file of a builder that runs has no end mark, and files get
//! theirs in the order in which Nix counts the ends. There are no such files, and then nothing is known, of a store on another machine,
//! and with `keep-build-log` or `compress-build-log` off.

use std::cell::OnceCell;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::env;
use crate::nix::exe::Nix;
use crate::nix::options::Options;

/// The mark at the end of a bzip2 stream, before 32 bits of checksum and up to 7 bits that fill the last byte.
const END_MARK: u128 = 0x1772_4538_5090;
/// The bytes that have the mark, the checksum and the filling.
const END_BYTES: usize = 11;
/// By how much a file's time may precede what it tells of: file systems use a coarser clock.
const CLOCK_TOLERANCE: Duration = Duration::from_millis(10);

/// The log files of the store that builds.
#[derive(Debug)]
pub(super) struct LogFiles<'n> {
    nix: &'n Nix,
    options: &'n Options,
    folder: OnceCell<Option<PathBuf>>,
}

impl<'n> LogFiles<'n> {
    pub(super) fn new(nix: &'n Nix, options: &'n Options) -> Self {
        Self { nix, options, folder: OnceCell::new() }
    }

    /// The folder; Nix is asked for its store only when that is needed.
    fn folder(&self) -> Option<&Path> {
        let find = || match &self.options.store {
            Some(url) => folder_of(url.as_str()),
            None => folder_of(&self.nix.settings().ok()?.store),
        };
        self.folder.get_or_init(find).as_deref()
    }

    /// When the builder of this derivation ended, given its base name and when it started; `None` if it runs, or if that is not known.
    pub(super) fn end(&self, drv: &str, started: SystemTime) -> Option<SystemTime> {
        let (start, rest) = drv.split_at_checked(2)?;
        let file = File::open(self.folder()?.join("drvs").join(start).join(format!("{rest}.bz2"))).ok()?;
        let about = file.metadata().ok()?;
        let changed = about.modified().ok()?;
        // A file of an earlier build.
        if changed + CLOCK_TOLERANCE < started {
            return None;
        }
        let mut end = [0; END_BYTES];
        file.read_exact_at(&mut end, about.len().checked_sub(END_BYTES as u64)?).ok()?;
        is_end(&end).then_some(changed)
    }
}

/// The folder of the log files of the store with this URL; `None` if it is on another machine.
fn folder_of(url: &str) -> Option<PathBuf> {
    let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
    let parameter = |name: &str| parameters.split('&').find_map(|one| one.strip_prefix(name)?.strip_prefix('='));
    let below = |root: &str| Path::new(root).join("nix/var/log/nix");
    if place.starts_with('/') {
        return Some(below(place));
    }
    let is_here = matches!(place, "" | "auto" | "daemon" | "local") || place.starts_with("unix://");
    let found = || parameter("log").map(PathBuf::from).or_else(|| parameter("root").map(below));
    is_here.then(|| found().unwrap_or_else(env::nix_log_dir))
}

/// Whether these are the last bytes of a whole bzip2 stream.
fn is_end(bytes: &[u8; END_BYTES]) -> bool {
    let bits = bytes.iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte));
    (0..8).any(|filling| bits >> (32 + filling) & 0xffff_ffff_ffff == END_MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_that_of_the_store() {
        let folder = |url: &str| folder_of(url).map(|folder| folder.display().to_string());
        assert_eq!(folder("local?root=/r").as_deref(), Some("/r/nix/var/log/nix"));
        assert_eq!(folder("/r").as_deref(), Some("/r/nix/var/log/nix"));
        assert_eq!(folder("local?read-only=true&log=/l").as_deref(), Some("/l"));
        assert!(folder("auto").is_some() && folder("daemon").is_some() && folder("unix:///socket").is_some());
        assert_eq!((folder("ssh-ng://far"), folder("ssh://far?log=/l"), folder("https://cache")), (None, None, None));
    }

    #[test]
    fn only_a_whole_stream_has_an_end() {
        // `printf '' | bzip2`, and `echo soon | bzip2`, whose mark begins within a byte.
        let empty = *b"h9\x17\x72\x45\x38\x50\x90\0\0\0\0";
        let soon = [0x17u8, 0x72, 0x45, 0x38, 0x50, 0x90, 0x12, 0x34, 0x56, 0x78];
        let shifted = soon.iter().fold(1, |bits: u128, byte| bits << 8 | u128::from(*byte)) << 3;
        let last = |bytes: &[u8]| <[u8; END_BYTES]>::try_from(&bytes[bytes.len() - END_BYTES..]).unwrap();
        assert!(is_end(&last(&empty)) && is_end(&last(&shifted.to_be_bytes())));
        assert!(!is_end(&last(&(shifted << 6).to_be_bytes())) && !is_end(&[0; END_BYTES]));
    }
}
