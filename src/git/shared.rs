//! `core.sharedRepository`: the permissions of new files in the git directory (git-config(1)).
//!
//! Like git (`adjust_shared_perm` in path.c), create a file with the umask's permissions and then adjust them. Files of other users
//! are not changed: their owners decide whether to share them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// The permissions of new files in the git directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shared {
    /// As the umask allows.
    #[default]
    Umask,
    /// These permissions in addition: `group` and `all`.
    Also(u32),
    /// Exactly these permissions, ignoring the umask: an octal number.
    Exactly(u32),
}

/// Read and write permissions of all files.
const GROUP: u32 = 0o660;
const ALL: u32 = 0o664;
/// setgid: new files in the directory inherit its group.
const SET_GROUP_ID: u32 = 0o2000;
const PERMISSIONS: u32 = 0o777;

impl Shared {
    /// Parse `core.sharedRepository` like git (`git_config_perm` in setup.c). Values that git refuses count as not set: no git command
    /// works then.
    pub fn parse(value: &str) -> Self {
        match value.to_ascii_lowercase().as_str() {
            "umask" | "false" | "no" | "off" | "" | "0" => Self::Umask,
            "group" | "true" | "yes" | "on" | "1" => Self::Also(GROUP),
            "all" | "world" | "everybody" | "2" => Self::Also(ALL),
            octal => match u32::from_str_radix(octal, 8) {
                Ok(mode) if mode & 0o600 == 0o600 => Self::Exactly(mode & 0o666),
                _ => Self::Umask,
            },
        }
    }

    pub(super) fn of(gix: &gix::Repository) -> Self {
        let config = gix.config_snapshot();
        let value = config.string("core.sharedRepository").map(|value| value.to_string());
        // A key without a value is `true`.
        let value = value.or_else(|| config.boolean("core.sharedRepository").map(|is_on| is_on.to_string()));
        value.map_or_else(Self::default, |value| Self::parse(&value))
    }

    /// Compute the adjusted permissions of a file or directory with `mode`.
    fn adjusted(self, mode: u32, is_dir: bool) -> u32 {
        let (Self::Also(wanted) | Self::Exactly(wanted)) = self else { return mode };
        let mut wanted = if mode & 0o200 == 0 { wanted & !0o222 } else { wanted };
        if is_dir || mode & 0o100 != 0 {
            wanted |= (wanted & 0o444) >> 2;
        }
        let kept = if matches!(self, Self::Exactly(_)) { mode & !PERMISSIONS } else { mode };
        let new = kept | wanted;
        if is_dir && new & 0o060 != 0 { new | SET_GROUP_ID } else { new }
    }

    /// Adjust the permissions of a file or directory that this process created.
    ///
    /// # Errors
    /// When it does not exist, or its permissions cannot be changed.
    pub fn adjust(self, path: &Path) -> io::Result<()> {
        if self == Self::Umask {
            return Ok(());
        }
        let meta = fs::symlink_metadata(path)?;
        let mode = meta.mode() & 0o7777;
        let new = self.adjusted(mode, meta.is_dir());
        if new == mode || meta.is_symlink() || meta.uid() != rustix::process::geteuid().as_raw() {
            return Ok(());
        }
        fs::set_permissions(path, fs::Permissions::from_mode(new))
    }

    /// Create a directory and its missing parents.
    ///
    /// # Errors
    /// When one cannot be created.
    pub fn create_dir_all(self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            self.create_dir_all(parent)?;
        }
        match fs::create_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.adjust(dir),
        }
    }

    /// Open a file and adjust its permissions, since opening may create it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(self, options: &OpenOptions, path: &Path) -> io::Result<File> {
        let file = options.open(path)?;
        self.adjust(path)?;
        Ok(file)
    }

    /// Write a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.open(OpenOptions::new().write(true).create(true).truncate(true), path)?.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_values_like_git() {
        let parsed = ["group", "TRUE", "1", "all", "world", "everybody", "2"].map(Shared::parse);
        assert_eq!(parsed[..3], [Shared::Also(GROUP); 3]);
        assert_eq!(parsed[3..], [Shared::Also(ALL); 4]);
        assert_eq!(["0640", "0660", "0777"].map(Shared::parse), [0o640, 0o660, 0o666].map(Shared::Exactly));
        for umask in ["umask", "false", "0", "", "0400", "nonsense"] {
            assert_eq!(Shared::parse(umask), Shared::Umask, "`{umask}`");
        }
    }

    #[test]
    fn adjusts_permissions_like_git() {
        let adjusted = |value: &str, mode, is_dir| Shared::parse(value).adjusted(mode, is_dir);
        assert_eq!(adjusted("umask", 0o644, false), 0o644);
        assert_eq!([adjusted("group", 0o644, false), adjusted("group", 0o444, false)], [0o664, 0o444]);
        assert_eq!([adjusted("group", 0o755, true), adjusted("group", 0o2700, true)], [0o2775, 0o2770]);
        assert_eq!([adjusted("all", 0o600, false), adjusted("all", 0o700, true)], [0o664, 0o2775]);
        assert_eq!([adjusted("0640", 0o666, false), adjusted("0640", 0o777, true)], [0o640, 0o2750]);
        assert_eq!([adjusted("0600", 0o644, false), adjusted("0600", 0o755, true)], [0o600, 0o700]);
        assert_eq!(adjusted("group", 0o755, false), 0o775, "a hook stays executable, for the group too");
    }
}
