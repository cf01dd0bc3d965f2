//! A user's machine in a folder: a repository with a bare remote, a HOME, fixed names and dates, and a Nix with its own store.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use assert_cmd::Command;
use git_lattice::process::Output;
use serde_json::Value;

use crate::nix_setup;
use crate::scratch::Scratch;

/// The remote `remote.git` and its clone `work`, each with one commit on `main`.
pub(crate) struct Sandbox {
    scratch: Scratch,
    path: std::ffi::OsString,
    /// The temporary folder, if it is not the machine's.
    temporary: Option<PathBuf>,
}

/// Stands for the sandbox's folder in a prepared configuration.
const ROOT: &str = "@ROOT@";

/// A sandbox that is made once and copied for each test: the dozens of git processes that make one take longer than most tests.
pub(crate) struct Prepared {
    root: PathBuf,
    _temp: tempfile::TempDir,
}

impl Prepared {
    pub(crate) fn new(more: impl FnOnce(&Sandbox)) -> Self {
        let sandbox = Sandbox::empty();
        sandbox.scratch.write(
            "home/.gitconfig",
            "[user]\n\tname = A U Thor\n\temail = author@example.com\n[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n",
        );
        sandbox.git_in("", &["init", "-q", "--bare", "remote.git"]);
        sandbox.git_in("", &["clone", "-q", "remote.git", "work"]);
        sandbox.write("README", "a project\n");
        sandbox.git(&["add", "."]);
        sandbox.git(&["commit", "-q", "-m", "first"]);
        sandbox.git(&["push", "-q", "-u", "origin", "main"]);
        more(&sandbox);
        sandbox.git(&["remote", "set-url", "origin", &format!("{ROOT}/remote.git")]);
        let temp = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let root = temp.path().join("prepared");
        copy(&sandbox.path(""), &root);
        Self { root, _temp: temp }
    }

    pub(crate) fn copy(&self) -> Sandbox {
        let sandbox = Sandbox::empty();
        copy(&self.root, &sandbox.path(""));
        let config = sandbox.path("work/.git/config");
        let text = fs::read_to_string(&config)
            .unwrap()
            .replace(ROOT, sandbox.path("").to_str().unwrap().trim_end_matches('/'));
        fs::write(&config, text).unwrap();
        sandbox
    }
}

/// Copies a folder without git's sample hooks.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&path, &to);
        } else if path.extension().is_none_or(|extension| extension != "sample") {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// The result of a run of git-lattice.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that stdout, which is for data, contains this text.
    #[track_caller]
    pub(crate) fn says_out(self, text: &str) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert!(stdout.contains(text), "`{text}` should be on stdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    /// Asserts that stderr, which is for everything but data, contains this text.
    #[track_caller]
    pub(crate) fn says_err(self, text: &str) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert!(stderr.contains(text), "`{text}` should be on stderr:\n{stderr}\nstdout:\n{stdout}");
        self
    }

    /// stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

impl Sandbox {
    fn empty() -> Self {
        Self { path: nix_setup::path_without_tools(), scratch: Scratch::new(), temporary: None }
    }

    /// A clone with a remote, without a lattice.toml.
    pub(crate) fn without_lattice() -> Self {
        static PREPARED: LazyLock<Prepared> = LazyLock::new(|| Prepared::new(|_| {}));
        PREPARED.copy()
    }

    /// The same with a committed lattice.toml: component `toolchain`, architectures `aarch64` and `x86_64`, open phases and steps.
    pub(crate) fn new() -> Self {
        static PREPARED: LazyLock<Prepared> = LazyLock::new(|| {
            Prepared::new(|sandbox| {
                sandbox
                    .lattice(&["init", "--component", "toolchain", "--arch", "aarch64,x86_64", "--no-hooks"])
                    .exits(0);
                sandbox.commit_lattice();
            })
        });
        PREPARED.copy()
    }

    /// The same with this lattice.toml.
    pub(crate) fn with_toml(toml: &str) -> Self {
        let sandbox = Self::without_lattice();
        sandbox.write("lattice.toml", toml);
        sandbox.commit_lattice();
        sandbox
    }

    pub(crate) fn commit_lattice(&self) {
        self.git(&["add", "lattice.toml"]);
        self.git(&["commit", "-q", "-m", "declare the lattice"]);
        self.git(&["push", "-q"]);
    }

    /// Puts this `nix`, wrapped so that it has a private store, first on PATH.
    pub(crate) fn use_nix(&mut self, program: &Path) {
        let script = nix_setup::wrapper(&self.scratch, program);
        let bin = script.parent().unwrap().to_owned();
        self.prepend_path(&bin);
    }

    /// Sets TMPDIR to a folder of the sandbox, whose path has plain characters only.
    pub(crate) fn use_own_temporary_folder(&mut self) {
        let folder = self.path("").parent().unwrap().join("tmp");
        fs::create_dir(&folder).unwrap();
        self.temporary = Some(folder);
    }

    /// That folder.
    pub(crate) fn temporary_folder(&self) -> &Path {
        self.temporary.as_deref().unwrap()
    }

    /// Uses this `git`; `None` is the machine's own.
    pub(crate) fn use_git(&mut self, program: Option<&Path>) {
        if let Some(program) = program {
            self.prepend_path(program.parent().unwrap());
        }
    }

    /// Writes a program with this shell script.
    pub(crate) fn program(&self, name: &str, script: &str) -> PathBuf {
        self.scratch.program(name, script)
    }

    /// Puts a program with this shell script first on PATH.
    pub(crate) fn use_program(&mut self, name: &str, script: &str) {
        let path = self.scratch.program(&format!("bin-{name}/{name}"), script);
        let bin = path.parent().unwrap().to_owned();
        self.prepend_path(&bin);
    }

    pub(crate) fn prepend_path(&mut self, bin: &Path) {
        let old = std::env::split_paths(&self.path).collect::<Vec<_>>();
        self.path = std::env::join_paths(std::iter::once(bin.to_owned()).chain(old)).unwrap();
    }

    /// A path in the sandbox, such as `work/README` or `remote.git`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path(name)
    }

    /// The PATH that programs run with.
    pub(crate) fn search_path(&self) -> &std::ffi::OsStr {
        &self.path
    }

    pub(crate) fn set_search_path(&mut self, path: std::ffi::OsString) {
        self.path = path;
    }

    /// The clone.
    pub(crate) fn work(&self) -> PathBuf {
        self.path("work")
    }

    /// Writes a file of the worktree.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs git-lattice in the clone.
    pub(crate) fn lattice(&self, args: &[&str]) -> Run {
        self.lattice_in("work", args, |command| command)
    }

    /// Runs git-lattice in `dir`, with changes to the command (`env`, `write_stdin`, ..).
    pub(crate) fn lattice_in(
        &self,
        dir: &str,
        args: &[&str],
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Run {
        let mut command = Command::from_std(self.command(dir, args));
        change(&mut command);
        let output = command.output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// git-lattice, to be started by the test itself: concurrently with another, or with its own streams.
    pub(crate) fn command(&self, dir: &str, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_git-lattice"));
        command.args(args).current_dir(self.path(dir)).stdin(std::process::Stdio::null());
        self.environment(&mut command);
        command
    }

    /// Runs git in the clone; it must succeed. Returns stdout.
    #[track_caller]
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.git_in("work", args)
    }

    /// Runs git in `dir`; it must succeed. Returns stdout without the last newline.
    #[track_caller]
    pub(crate) fn git_in(&self, dir: &str, args: &[&str]) -> String {
        let output = self.try_git(dir, args);
        assert!(output.status.success(), "git {args:?}: {}", output.error_text());
        output.text()
    }

    /// Runs git in `dir`; it may fail.
    pub(crate) fn try_git(&self, dir: &str, args: &[&str]) -> Output {
        self.try_git_with(dir, args, &[])
    }

    /// Runs git in `dir` with these variables set; it may fail.
    pub(crate) fn try_git_with(&self, dir: &str, args: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = std::process::Command::new("git");
        command.args(args).current_dir(self.path(dir));
        self.environment(&mut command);
        command.envs(variables.iter().copied());
        let std::process::Output { status, stdout, stderr } = command.output().unwrap();
        Output { status, stdout, stderr }
    }

    /// What must not change: HEAD, index, worktree, all refs.
    pub(crate) fn state(&self) -> String {
        let parts = [
            self.try_git("work", &["symbolic-ref", "-q", "HEAD"]).text(),
            self.try_git("work", &["rev-parse", "-q", "--verify", "HEAD"]).text(),
            self.git(&["status", "--porcelain=v2", "--untracked-files=all"]),
            self.git(&["ls-files", "-s"]),
            self.git(&["for-each-ref"]),
        ];
        parts.join("\n--\n")
    }

    /// What a refused command must not change: that, the objects, and the remote's refs.
    pub(crate) fn everything(&self) -> String {
        let parts = [
            self.state(),
            self.git(&["count-objects", "-v"]),
            self.git_in("remote.git", &["for-each-ref"]),
            self.git_in("remote.git", &["count-objects", "-v"]),
        ];
        parts.join("\n--\n")
    }

    /// Runs git-lattice in the clone and asserts that it wrote nothing.
    #[track_caller]
    pub(crate) fn refused(&self, args: &[&str]) -> Run {
        let before = self.everything();
        let run = self.lattice(args);
        assert_eq!(self.everything(), before, "{args:?} should write nothing\n{}{}", run.stdout, run.stderr);
        run
    }

    /// Sets a command's environment to that of the sandbox.
    pub(crate) fn environment(&self, command: &mut std::process::Command) {
        self.scratch.environment(command, &self.path);
        command
            .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
            .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
            .envs(self.temporary.iter().map(|folder| ("TMPDIR", folder)));
    }
}
