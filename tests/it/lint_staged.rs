//! pre-commit through real `git commit`: the committed bytes are checked, and no file is touched.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use crate::sandbox::Sandbox;

const GOOD: &str = "{ a = 1; }\n";
const BAD: &str = "{ a = 1 }\n";

/// A clone with hooks.
fn with_hooks() -> Sandbox {
    let sandbox = Sandbox::without_lattice();
    sandbox.lattice(&["hooks", "install"]).exits(0);
    sandbox
}

/// Commits; returns whether it succeeded, and the output.
fn commit(sandbox: &Sandbox, args: &[&str]) -> (bool, String) {
    let output = sandbox.try_git("work", &[&["commit", "-q", "-m", "x"], args].concat());
    (output.status.success(), output.error_text())
}

#[track_caller]
fn assert_passes(sandbox: &Sandbox, args: &[&str]) {
    let (passed, said) = commit(sandbox, args);
    assert!(passed, "the commit should go through: {said}");
}

#[track_caller]
fn assert_stopped(sandbox: &Sandbox, args: &[&str], says: &str) {
    let before = sandbox.state();
    let (passed, said) = commit(sandbox, args);
    assert!(!passed && said.contains(says) && said.contains("the commit was stopped"), "{says}: {said}");
    assert_eq!(sandbox.state(), before, "no file should change");
}

#[test]
fn staged_half_of_a_file_is_linted() {
    let sandbox = with_hooks();
    sandbox.write("a.nix", BAD);
    sandbox.git(&["add", "a.nix"]);
    sandbox.write("a.nix", GOOD);
    assert_stopped(&sandbox, &[], "a.nix:1:9: error");
    sandbox.git(&["add", "a.nix"]);
    sandbox.write("a.nix", BAD);
    assert_passes(&sandbox, &[]);
    assert_eq!(fs::read_to_string(sandbox.work().join("a.nix")).unwrap(), BAD, "the unstaged half should stay");
}

#[test]
fn commit_with_paths_and_commit_all_are_linted() {
    let sandbox = with_hooks();
    for name in ["a.nix", "b.nix"] {
        sandbox.write(name, GOOD);
    }
    sandbox.git(&["add", "."]);
    assert_passes(&sandbox, &[]);
    sandbox.write("a.nix", "{ a = 2; }\n");
    sandbox.write("b.nix", BAD);
    sandbox.git(&["add", "b.nix"]);
    assert_passes(&sandbox, &["a.nix"]);
    sandbox.write("a.nix", BAD);
    assert_stopped(&sandbox, &["a.nix"], "a.nix:1:9");
    assert_stopped(&sandbox, &["-a"], "b.nix:1:9");
}

#[test]
fn renamed_and_deleted_files_are_handled() {
    let sandbox = with_hooks();
    sandbox.write("a.nix", BAD);
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-q", "--no-verify", "-m", "bad"]);
    sandbox.write("other", "x");
    sandbox.git(&["add", "."]);
    assert_passes(&sandbox, &[]);
    sandbox.git(&["mv", "a.nix", "b.nix"]);
    assert_stopped(&sandbox, &[], "b.nix:1:9");
    sandbox.git(&["rm", "-q", "--cached", "b.nix"]);
    assert_passes(&sandbox, &[]);
}

#[test]
fn links_and_submodules_are_skipped() {
    let sandbox = with_hooks();
    sandbox.write("bad", BAD);
    symlink("bad", sandbox.work().join("link.nix")).unwrap();
    sandbox.git(&["add", "."]);
    let head = sandbox.commit("HEAD");
    sandbox.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},sub.nix")]);
    assert_passes(&sandbox, &[]);
}

#[test]
fn unusual_bytes_are_handled() {
    let sandbox = with_hooks();
    let stage = |bytes: &[u8]| {
        sandbox.write("a.nix", bytes);
        sandbox.git(&["add", "a.nix"]);
    };
    stage(b"{ a = 1; }\r\n");
    assert_passes(&sandbox, &[]);
    stage(b"\xef\xbb\xbf{ a = 1; }\n");
    assert_stopped(&sandbox, &[], "a.nix:1:1: error");
    stage(b"{ a = \"\xff\"; }\n");
    assert_stopped(&sandbox, &[], "this byte is not UTF-8");
    stage(b"");
    assert_stopped(&sandbox, &[], "unexpected end of file");
    stage(b"{a=1;}");
    assert_passes(&sandbox, &[]);
}

#[test]
fn unusual_file_names_are_handled() {
    for name in [&b"a\nb.nix"[..], b"a\"b'.nix", b"a\x1b[31m.nix", b"\xff.nix", b"-x.nix"] {
        let sandbox = with_hooks();
        fs::write(sandbox.work().join(OsStr::from_bytes(name)), BAD).unwrap();
        sandbox.git(&["add", "."]);
        assert_stopped(&sandbox, &[], ".nix:1:9: error");
        let (_, said) = commit(&sandbox, &[]);
        assert!(!said.contains('\u{1b}'), "no escape reaches the terminal: {said:?}");
    }
}

#[test]
fn formatting_stops_a_commit_only_if_required() {
    let sandbox = with_hooks();
    sandbox.write("a.nix", "{a=1;}");
    sandbox.git(&["add", "."]);
    let (passed, said) = commit(&sandbox, &[]);
    assert!(passed && said.contains("hint: not formatted"), "{said}");
    let toml = "base = \"main\"\n[axes]\ncomponent = { set = [\"c\"] }\narch = { set = [\"x86_64\"] }\n";
    sandbox.write("lattice.toml", format!("{toml}[lint]\nrequire = [\"format\"]\n"));
    sandbox.write("b.nix", "{a=1;}");
    sandbox.git(&["add", "."]);
    assert_stopped(&sandbox, &[], "warning: not formatted");
}

#[test]
fn unchanged_files_are_skipped() {
    let sandbox = with_hooks();
    for i in 0..40 {
        sandbox.write(&format!("d{}/e{i}/a.nix", i % 4), BAD);
    }
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-q", "--no-verify", "-m", "many"]);
    sandbox.write("d2/e6/b.nix", BAD);
    sandbox.write("d2-x/c.nix", BAD);
    sandbox.git(&["add", "."]);
    let run = sandbox.lattice(&["lint", "--staged", "--json"]).exits(1).json();
    assert_eq!(run["files"], serde_json::json!(["d2-x/c.nix", "d2/e6/b.nix"]), "files as in HEAD should be skipped");
}
