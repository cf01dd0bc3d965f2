//! `git lattice doctor`: every line is ok, a warning, or an error with a remedy; `--repair` applies the safe remedies.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use git_lattice::process::identity::Tag;
use serde_json::Value;

use crate::mounted::Mounted;
use crate::nix_setup;
use crate::sandbox::Sandbox;
use crate::story::{at, here};
use crate::unfinished::ended_process;

/// The lines about a topic, as `health: message`.
fn lines(report: &Value, topic: &str) -> Vec<String> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let all = report["lines"].as_array().unwrap().iter().filter(|line| line["topic"] == topic);
    all.map(|line| format!("{}: {}", text(line, "health"), text(line, "message"))).collect()
}

#[track_caller]
fn line(sandbox: &Sandbox, topic: &str) -> String {
    let report = sandbox.lattice(&["doctor", "--json"]).json();
    assert_eq!(report["version"], 1);
    let mut lines = lines(&report, topic);
    assert_eq!(lines.len(), 1, "there should be one line on {topic}: {report:#}");
    lines.remove(0)
}

/// Makes a file with a modification time `age` ago.
fn old_file(sandbox: &Sandbox, name: &str, age: Duration) {
    let path = sandbox.work().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(&path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn read_only_repository_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["doctor", "--offline"]).says_out("✓ ok       repository    can be written");
    let Some(mounted) = Mounted::read_only(&sandbox.work().join(".git")) else { return };
    let run = sandbox.lattice(&["doctor", "--offline"]).exits(1).says_out("✗ error    repository    cannot be written");
    run.says_out("`findmnt -T ").says_out("1 error, ");
    let run = sandbox.lattice(&["new", "--arch", "aarch64"]).exits(2);
    run.says_err("is on a file system that is mounted read-only; see `findmnt -T ");
    drop(mounted);
}

#[test]
fn fresh_clone_has_no_problems() {
    let sandbox = Sandbox::new();
    let run = sandbox.refused(&["doctor"]).exits(0);
    for topic in ["git", "lattice.toml", "remote", "hooks", "refspecs", "writer", "locks", "operations", "disk"] {
        let line = run.stdout.lines().find(|line| line.split_whitespace().nth(2) == Some(topic));
        assert!(line.is_some_and(|line| line.starts_with("✓ ok")), "{topic} should be ok:\n{}", run.stdout);
    }
    assert!(line(&sandbox, "git").contains("hooks"), "it should say how git runs the hooks");
}

#[test]
fn doctor_works_outside_of_a_repository() {
    let sandbox = Sandbox::without_lattice();
    let run = sandbox.lattice_in("home", &["doctor"], |command| command).exits(0);
    run.says_out("repository  not checked").says_out("✓ ok       git");
}

#[test]
fn missing_lattice_toml_is_a_warning() {
    let sandbox = Sandbox::without_lattice();
    let run = sandbox.lattice(&["doctor"]).exits(0).says_out("! warning  lattice.toml");
    run.says_out("`git lattice init` writes one");
}

#[test]
fn invalid_lattice_toml_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.write("lattice.toml", "base = 1\n");
    sandbox.lattice(&["doctor"]).exits(1).says_out("✗ error    lattice.toml").says_out("1 error, ");
    let report = sandbox.lattice(&["doctor", "--json"]).json();
    let lines = report["lines"].as_array().unwrap();
    let remedy = lines.iter().find(|line| line["topic"] == "lattice.toml").unwrap()["remedy"].as_str().unwrap();
    assert!(!remedy.contains("git lattice init"), "the remedy should replace the existing file: {remedy}");
}

#[test]
fn unreachable_remote_is_a_warning_unless_offline() {
    let sandbox = Sandbox::new();
    fs::rename(sandbox.path("remote.git"), sandbox.path("away.git")).unwrap();
    assert!(line(&sandbox, "remote").starts_with("warning: `origin` does not answer: fatal: "));
    sandbox.lattice(&["doctor", "--offline"]).exits(0).says_out("not contacted (--offline)");
    sandbox.git(&["remote", "remove", "origin"]);
    assert_eq!(line(&sandbox, "remote"), "error: there is no remote `origin`");
}

#[test]
fn refspec_that_overwrites_records_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.git(&["config", "--add", "remote.origin.fetch", "+refs/notes/*:refs/notes/*"]);
    let run = sandbox.lattice(&["doctor", "--offline"]).exits(1);
    let command = run.stdout.split('`').find(|piece| piece.starts_with("git config --unset")).unwrap().to_owned();
    assert!(
        std::process::Command::new("sh").args(["-c", &command]).current_dir(sandbox.work()).status().unwrap().success()
    );
    assert_eq!(
        line(&sandbox, "refspecs"),
        "ok: no refspec overwrites records",
        "the named command should fix the refspec"
    );
    assert!(
        sandbox.git(&["config", "--get-all", "remote.origin.fetch"]).contains("refs/heads"),
        "other refspecs should stay"
    );
}

#[test]
fn only_stale_locks_are_removed() {
    let sandbox = Sandbox::new();
    old_file(&sandbox, ".git/index.lock", Duration::from_secs(60));
    assert_eq!(line(&sandbox, "locks"), "ok: no stale ones", "another process may hold it");
    fs::remove_file(sandbox.work().join(".git/index.lock")).unwrap();
    let dead = ".git/refs/heads/main.lock";
    old_file(&sandbox, dead, 3_000 * DAY);
    assert!(line(&sandbox, "locks").contains("has been there for 3000 days"), "{}", line(&sandbox, "locks"));
    sandbox.lattice(&["doctor", "--offline"]).exits(1);
    sandbox.lattice(&["doctor", "--offline", "--repair"]).exits(0).says_out("repaired: ").says_out("main.lock");
    assert!(!sandbox.work().join(dead).exists());
}

#[test]
fn unfinished_merge_is_reported() {
    let sandbox = Sandbox::new();
    for (branch, text) in [("a", "one\n"), ("b", "two\n")] {
        sandbox.git(&["switch", "-q", "-c", branch, "main"]);
        sandbox.write("file", text);
        sandbox.git(&["add", "."]);
        sandbox.git(&["commit", "-q", "-m", branch]);
    }
    assert!(!sandbox.try_git("work", &["merge", "a"]).status.success(), "the merge should stop at a conflict");
    assert!(line(&sandbox, "operations").starts_with("warning: a merge is not finished"));
}

#[test]
fn temporary_files_of_killed_processes_are_removed() {
    let sandbox = Sandbox::new();
    let heads = ".git/lattice/source/.git/refs/heads";
    // No process has the largest possible id (proc_sys_kernel(5)).
    let (dead, alive) =
        (format!("{heads}/{}-4194304", "a".repeat(40)), format!("{heads}/{}-{}", "a".repeat(40), std::process::id()));
    let [ended, own] = [ended_process(), Tag::own().to_string()];
    let object = |tag: &str| format!(".git/objects/tmp_obj_lattice-{tag}.0");
    let more = [
        format!(".git/lattice/records/.abc.jsonl.lattice-{ended}.0"),
        format!("nix/pkgs/.default.nix.lattice-{ended}.1"),
        format!("../home/.local/state/git-lattice/.trust.json.lattice-{ended}.2"),
        format!("../home/.cache/git-lattice/nix.conf.lattice-{ended}.3"),
        format!("../home/.local/share/man/man1/.git-lattice.1.lattice-{ended}.5"),
        format!("../home/.config/fish/conf.d/.git-lattice.fish.lattice-{ended}.6"),
        format!(".githooks/.pre-commit.lattice-{ended}.4"),
    ];
    sandbox.git(&["config", "core.hooksPath", ".githooks"]);
    let object_files = [object(&ended), object(&own)];
    for file in [&dead, &alive].into_iter().chain(&object_files).chain(&more) {
        sandbox.write(file, "");
    }
    assert!(line(&sandbox, "leftovers").starts_with("warning: 9 files of processes that were killed"));
    sandbox.lattice(&["doctor", "--offline", "--repair"]).exits(0);
    let exists = |file: &str| sandbox.work().join(file).exists();
    assert!(!exists(&dead) && exists(&alive) && !exists(&object(&ended)) && exists(&object(&own)));
    more.iter().for_each(|file| assert!(!exists(file), "{file}"));
}

#[test]
fn next_command_removes_files_of_a_killed_one() {
    let sandbox = Sandbox::without_lattice();
    let ended = ended_process();
    let names = [format!(".lattice.toml.lattice-{ended}.0"), format!(".git/hooks/.pre-commit.lattice-{ended}.1")];
    names.iter().for_each(|name| sandbox.write(name, "half"));
    sandbox.lattice(&["init", "--component", "toolchain", "--no-hooks"]).exits(0);
    sandbox.lattice(&["hooks", "install", "--shim"]).exits(0);
    assert!(names.iter().all(|name| !sandbox.work().join(name).exists()));
    sandbox.commit_lattice();
    let object = format!(".git/objects/tmp_obj_lattice-{ended}.2");
    sandbox.write(&object, "half");
    sandbox.lattice(&["new", "--no-push", "--no-switch"]).exits(0);
    assert!(!sandbox.work().join(object).exists());
}

#[test]
fn hooks_of_another_version_are_reinstalled() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["hooks", "install", "--shim"]).exits(0);
    assert!(line_of_hooks(&sandbox).iter().all(|line| line.starts_with("ok: ")));
    let shim = sandbox.work().join(".git/hooks/pre-commit");
    let text = fs::read_to_string(&shim).unwrap();
    fs::write(&shim, text.replace("# git-lattice-shim 2 ", "# git-lattice-shim 1 ")).unwrap();
    assert_eq!(line_of_hooks(&sandbox)[0], "warning: pre-commit: installed by another version of git-lattice");
    sandbox.lattice(&["doctor", "--offline", "--repair"]).exits(0);
    assert_eq!(fs::read_to_string(&shim).unwrap(), text);
}

#[test]
fn hooks_that_do_not_run_are_reported() {
    let mut sandbox = Sandbox::new();
    let real = which::which("git").unwrap();
    let older =
        format!("#!/bin/sh\n[ \"$*\" = version ] && exec echo git version 2.40.1\nexec '{}' \"$@\"\n", real.display());
    sandbox.use_program("git", &older);
    sandbox.lattice(&["hooks", "install", "--config"]).exits(0).says_err("git 2.40 does not run the hooks in");
    let lines = line_of_hooks(&sandbox);
    assert!(lines.iter().any(|line| line.starts_with("warning: git 2.40 does not run the hooks in")), "{lines:?}");
    sandbox.lattice(&["hooks", "uninstall"]).exits(0);
    sandbox.lattice(&["hooks", "install"]).exits(0);
    sandbox.write(".git/hooks/pre-commit", "#!/bin/sh\ncall_lefthook() { :; }\n");
    let lines = line_of_hooks(&sandbox);
    assert!(lines.contains(&"warning: pre-commit: lefthook's hook is there".to_owned()), "{lines:?}");
    sandbox.git(&["config", "lattice.hooks", "false"]);
    assert!(
        line_of_hooks(&sandbox)
            .contains(&"ok: post-checkout: installed, skipped here: `lattice.hooks` is false".to_owned())
    );
}

fn line_of_hooks(sandbox: &Sandbox) -> Vec<String> {
    lines(&sandbox.lattice(&["doctor", "--json", "--offline"]).json(), "hooks")
}

#[test]
fn reports_nix_version_and_systems() {
    for nix in nix_setup::every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        let report = sandbox.lattice(&["doctor", "--json", "--offline"]).exits(0).json();
        assert!(lines(&report, "nix")[0].starts_with("ok: 2."), "{report:#}");
        assert_eq!(lines(&report, "sandbox"), ["ok: on"]);
        assert!(lines(&report, "systems")[0].contains(&format!("{}-linux", here())), "{report:#}");
    }
}

#[test]
fn missing_nix_is_reported_with_consequences() {
    let sandbox = Sandbox::new();
    assert!(line(&sandbox, "nix").starts_with("warning: nothing can be built here: "));
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.lattice(&["doctor", "--offline"]).exits(0);
}

/// Asserts that `doctor` exits with 1 and reports an error about a topic with this text and command.
#[track_caller]
fn assert_error(sandbox: &Sandbox, topic: &str, text: &str, command: &str) {
    let run = sandbox.lattice(&["doctor", "--offline", "--json"]);
    assert_eq!(run.code, 1, "something must be repaired: {}{}", run.stdout, run.stderr);
    let report = run.json();
    let all = report["lines"].as_array().unwrap();
    let line = all.iter().find(|line| line["topic"] == topic && line["health"] == "error");
    let line = line.unwrap_or_else(|| panic!("`{topic}` should be an error: {report:#}"));
    let (message, remedy) = (line["message"].as_str().unwrap(), line["remedy"].as_str().unwrap_or_default());
    assert!(message.contains(text) && remedy.contains(command), "{message}; {remedy}");
    sandbox.lattice(&["doctor", "--offline"]).exits(1).never_says("no errors");
}

#[test]
fn invalid_lattice_base_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.git(&["config", "lattice.base", "nope"]);
    assert_error(&sandbox, "lattice.base", "is `nope`, and there is no such branch", "`git config lattice.base main`");
    sandbox.git(&["config", "lattice.base", "main"]);
    sandbox.lattice(&["doctor", "--offline"]).exits(0);
}

#[test]
fn rejected_trust_file_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    let path = sandbox.path("home/.local/state/git-lattice/trust.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "{").unwrap();
    assert_error(&sandbox, "trust", "is damaged", "`rm ");
    fs::write(&path, r#"{"version":1,"content":[],"authors":[]}"#).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert_error(&sandbox, "trust", "is writable by other users", "`chmod go-w ");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    sandbox.lattice(&["doctor", "--offline"]).exits(0);
}

#[test]
fn branch_with_a_missing_commit_is_an_error() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    let commit = sandbox.commit(&crate::story::branch(&one));
    fs::remove_file(sandbox.work().join(format!(".git/objects/{}/{}", &commit[..2], &commit[2..]))).unwrap();
    let command = format!("git update-ref -d refs/heads/feature/{one} {commit}");
    assert_error(&sandbox, "branches", "which is missing", &command);
    sandbox.git(&["update-ref", "-d", &format!("refs/heads/feature/{one}"), &commit]);
    sandbox.lattice(&["doctor", "--offline"]).exits(0);
}

#[test]
fn queue_that_is_a_file_is_an_error() {
    let sandbox = Sandbox::new();
    let queue = sandbox.work().join(".git/lattice/queue");
    fs::create_dir_all(queue.parent().unwrap()).unwrap();
    fs::write(&queue, "").unwrap();
    assert_error(&sandbox, "queue", "is not a directory", "`rm ");
    fs::remove_file(&queue).unwrap();
    sandbox.lattice(&["doctor", "--offline"]).exits(0);
}

#[test]
fn unusable_nix_store_is_an_error() {
    for nix in nix_setup::every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        assert_eq!(line(&sandbox, "store"), "ok: can be used");
        let db = sandbox.path("nix/store/nix/var/nix/db");
        fs::write(db.join("db.sqlite"), "no database").unwrap();
        fs::remove_file(db.join("db.sqlite-wal")).ok();
        assert_error(&sandbox, "store", "not a database", "`nix-store --verify --repair`");
        fs::write(db.join("schema"), "").unwrap();
        assert_error(&sandbox, "store", "is corrupt", "`nix-store --verify --repair`");
    }
}

#[test]
fn unreachable_nix_daemon_is_an_error() {
    for nix in nix_setup::every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&nix);
        let script = format!(
            "#!/bin/sh\nexport NIX_REMOTE=daemon NIX_DAEMON_SOCKET_PATH=/nowhere/socket\nexec '{}' \"$@\"\n",
            nix.display()
        );
        sandbox.use_program("nix", &script);
        assert_error(&sandbox, "store", "cannot connect to socket", "nix-daemon");
    }
}
