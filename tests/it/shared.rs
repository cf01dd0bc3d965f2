//! `core.sharedRepository`: what is created in the git directory has the permissions that git gives there.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;

/// The permissions of files and directories below a directory, by path.
fn modes(dir: &Path) -> BTreeMap<PathBuf, u32> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let meta = entry.path().symlink_metadata().unwrap();
            if meta.is_dir() {
                open.push(entry.path());
            }
            if !meta.is_symlink() {
                found.insert(entry.path(), meta.permissions().mode() & 0o7777);
            }
        }
    }
    found
}

/// The permissions that plain git gives a directory of objects, an object and a file in this repository.
struct GitModes {
    dir: u32,
    object: u32,
    file: u32,
}

impl GitModes {
    fn of(sandbox: &Sandbox) -> Self {
        let before = modes(&sandbox.path("work/.git"));
        for i in 0..8 {
            sandbox.git(&["commit", "-q", "--allow-empty", "-m", &i.to_string()]);
        }
        sandbox.git(&["update-ref", "--create-reflog", "refs/other/x", "HEAD"]);
        let after = modes(&sandbox.path("work/.git"));
        let new = |below: &str, is_dir: bool| {
            let mut found = after.iter().filter(|(path, _)| !before.contains_key(*path) && path.is_dir() == is_dir);
            let below = sandbox.path("work/.git").join(below);
            *found.find(|(path, _)| path.starts_with(&below)).expect("git should have made an entry of this kind").1
        };
        Self { dir: new("objects", true), object: new("objects", false), file: new("refs/other", false) }
    }

    /// The permissions that git would give a file of this kind.
    fn mode(&self, path: &Path) -> u32 {
        if path.is_dir() {
            return self.dir;
        }
        if is_below(path, "objects")
            && path.extension().is_none()
            && path.file_name().is_some_and(|name| name != "alternates")
        {
            return self.object;
        }
        if is_below(path, "hooks") { self.file | (self.file & 0o444) >> 2 } else { self.file }
    }
}

fn is_below(path: &Path, name: &str) -> bool {
    path.components().any(|part| part.as_os_str() == name)
}

#[test]
fn created_files_have_gits_shared_permissions() {
    for value in ["group", "all", "0640", "0600", "umask"] {
        let mut sandbox = Sandbox::new();
        let nix = every_nix();
        nix.first().into_iter().for_each(|nix| sandbox.use_nix(nix));
        sandbox.git(&["config", "core.sharedRepository", value]);
        let by_git = GitModes::of(&sandbox);
        fs::remove_dir_all(sandbox.path("work/.git/hooks")).ok();
        let before = modes(&sandbox.path("work/.git"));
        sandbox.lattice(&["hooks", "install", "--shim"]).exits(0);
        sandbox.lattice(&["new", "--arch", "x86_64"]).exits(0);
        sandbox.lattice(&["status"]).exits(0);
        if !nix.is_empty() {
            sandbox.lattice(&["build", "--background", "--again", "--wait"]).exits(0);
            sandbox.lattice(&["build", "--again"]).exits(0);
        }
        for (path, mode) in modes(&sandbox.path("work/.git")) {
            if before.contains_key(&path) {
                continue;
            }
            let expected = by_git.mode(&path);
            assert_eq!(format!("{mode:o}"), format!("{expected:o}"), "{value}: {}", path.display());
        }
    }
}
