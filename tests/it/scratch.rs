//! A scratch folder with its own programs and git repositories, out of reach of the developer's configuration.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use git_lattice::process::{Cmd, Output};
use tempfile::TempDir;

/// A folder with a space in its name, removed at the end of the test.
pub(crate) struct Scratch {
    root: PathBuf,
    _temp: TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self::named("a folder")
    }

    /// The same without the space, for console output: paths with spaces would be quoted.
    pub(crate) fn without_space() -> Self {
        Self::named("folder")
    }

    fn named(name: &str) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap().join(name);
        fs::create_dir_all(root.join("home")).unwrap();
        Self { root, _temp: temp }
    }

    /// Sets a command's environment to this folder: the built git-lattice, the programs of `path`, and a separate HOME.
    pub(crate) fn environment(&self, command: &mut std::process::Command, path: &OsStr) {
        let binary = Path::new(env!("CARGO_BIN_EXE_git-lattice")).parent().unwrap().to_owned();
        let path = std::iter::once(binary).chain(std::env::split_paths(path));
        command
            .env_clear()
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("HOME", self.path("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a program. A child process does it: were the file open for writing in this process while another test forks,
    /// starting it would fail with "text file busy".
    pub(crate) fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let write = Cmd::new("sh").args(["-c", r#"cat >"$1" && chmod 755 "$1""#, "sh"]).arg(&path);
        write.stdin(text).read().unwrap();
        path
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A `git` without the developer's configuration, for code that starts git itself.
    pub(crate) fn git_program(&self) -> OsString {
        let text = format!(
            "#!/bin/sh\nexport HOME='{}' GIT_CONFIG_NOSYSTEM=1\nunset XDG_CONFIG_HOME GIT_DIR\nexec git \"$@\"\n",
            self.path("home").display()
        );
        self.program("bin-git/git", &text).into_os_string()
    }

    pub(crate) fn git(&self, cwd: &str, args: &[&str]) -> Output {
        let who =
            ["-c", "user.name=A U Thor", "-c", "user.email=author@example.com", "-c", "advice.detachedHead=false"];
        let git = Cmd::new("git").args(who).args(args).cwd(self.path(cwd)).without_git_env();
        git.env("HOME", self.path("home")).env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C").output().unwrap()
    }

    /// A repository with one commit on `main` and a branch `other`.
    pub(crate) fn repo(&self, name: &str) {
        fs::create_dir_all(self.path(name)).unwrap();
        for args in
            [&["init", "-q", "-b", "main"][..], &["commit", "-q", "--allow-empty", "-m", "first"], &["branch", "other"]]
        {
            let output = self.git(name, args);
            assert!(output.status.success(), "{args:?}: {}", output.error_text());
        }
    }

    /// Everything in a folder as text: names, modes, link targets, contents.
    pub(crate) fn snapshot(&self, name: &str) -> Option<String> {
        let folder = self.path(name);
        let mut names: Vec<PathBuf> = fs::read_dir(&folder).ok()?.map(|entry| entry.unwrap().path()).collect();
        names.sort();
        Some(names.iter().map(|path| describe(path)).collect())
    }
}

/// The `.lock` files in a repository. An ending git may remove a folder meanwhile, such as the quarantine of a push.
pub(crate) fn locks(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return found,
        entries => entries.unwrap(),
    };
    for entry in entries.map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(locks(&entry.path()));
        } else if entry.path().extension().is_some_and(|ending| ending == "lock") {
            found.push(entry.path());
        }
    }
    found
}

fn describe(path: &Path) -> String {
    let meta = fs::symlink_metadata(path).unwrap();
    let content = fs::read_link(path).map_or_else(
        |_| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned(),
        |target| format!("-> {}", target.display()),
    );
    format!("{} {:o}\n{content}\n", path.display(), meta.permissions().mode())
}

/// A folder with links to the programs that tests need, and to no `nix` and no `statix`: each test chooses those.
pub(crate) fn tool_folder() -> PathBuf {
    static FOLDER: std::sync::LazyLock<TempDir> = std::sync::LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let wanted = [
            "awk",
            "basename",
            "bash",
            "cat",
            "chmod",
            "cp",
            "cut",
            "date",
            "dirname",
            "echo",
            "env",
            "find",
            "git",
            "grep",
            "head",
            "kill",
            "ln",
            "ls",
            "mkdir",
            "mktemp",
            "mv",
            "node",
            "printf",
            "ps",
            "rm",
            "sed",
            "sh",
            "sleep",
            "sort",
            "ssh",
            "ssh-keygen",
            "tail",
            "test",
            "touch",
            "tr",
            "true",
            "uname",
            "wc",
            "xargs",
        ];
        for program in wanted {
            if let Ok(path) = which::which(program) {
                std::os::unix::fs::symlink(path, folder.path().join(program)).unwrap();
            }
        }
        folder
    });
    FOLDER.path().to_owned()
}
