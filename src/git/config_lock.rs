//! The lock of a configuration file, by git's protocol: `config.lock` is made, written and renamed to `config` (lockfile.c).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Attempts to take the lock, and the pause between them: two seconds in total.
const LOCK_TRIES: usize = 100;
const LOCK_WAIT: Duration = Duration::from_millis(20);

/// The lock file of a configuration file; dropping the value removes it.
#[derive(Debug)]
pub struct ConfigLock {
    path: PathBuf,
    file: File,
}

impl ConfigLock {
    /// Take the lock of a file; `None` if another process holds it.
    ///
    /// # Errors
    /// When the lock file cannot be created.
    pub fn take(config: &Path) -> io::Result<Option<Self>> {
        let path = Self::path_of(config);
        for _ in 0..LOCK_TRIES {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Some(Self { path, file })),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => std::thread::sleep(LOCK_WAIT),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The path of a file's lock.
    pub fn path_of(config: &Path) -> PathBuf {
        let mut name = config.as_os_str().to_owned();
        name.push(".lock");
        name.into()
    }

    /// Replace the content of the file, and release the lock.
    ///
    /// # Errors
    /// When it cannot be written; the file is left as it was.
    pub fn replace(mut self, config: &Path, text: &[u8]) -> io::Result<()> {
        self.file.write_all(text)?;
        if let Ok(meta) = fs::metadata(config) {
            fs::set_permissions(&self.path, meta.permissions())?;
        }
        self.file.sync_all()?;
        fs::rename(&self.path, config)
    }
}

impl Drop for ConfigLock {
    fn drop(&mut self) {
        // After the rename the lock file is gone or belongs to another process; compare inodes to remove only ours.
        if is_same_file(&self.file, &self.path) {
            fs::remove_file(&self.path).ok();
        }
    }
}

fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |meta: fs::Metadata| (meta.dev(), meta.ino());
    matches!((file.metadata().map(id), fs::metadata(path).map(id)), (Ok(ours), Ok(theirs)) if ours == theirs)
}
