//! `git lattice lint`: which files it checks, what it prints, and what `--fix` writes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::json;

use crate::sandbox::Sandbox;

const GOOD: &str = "{ a = 1; }\n";
const TWICE: &str = "{\n  a = 1;\n  a = 2;\n}\n";

#[test]
fn ignored_files_are_not_linted() {
    let sandbox = Sandbox::without_lattice();
    sandbox.write("a.nix", GOOD);
    sandbox.write("dir/b.nix", TWICE);
    sandbox.write("ignored/c.nix", TWICE);
    sandbox.write("text", TWICE);
    sandbox.write(".gitignore", "ignored\n");
    symlink("dir/b.nix", sandbox.work().join("link.nix")).unwrap();
    let run = sandbox.lattice(&["lint"]).exits(1);
    assert_eq!(run.stdout.matches("[git-lattice L01]").count(), 1, "{}", run.stdout);
    let run = run
        .says_out("dir/b.nix:3:3: error:")
        .says_out("3 |   a = 2;")
        .says_err("2 files checked by rnix")
        .says_err("1 error");
    run.says_err("not checked by statix: it is not on PATH").says_err("nixpkgs#deadnix");
    sandbox.lattice(&["lint", "a.nix"]).exits(0).says_err("nothing found");
    sandbox.lattice(&["lint", "nowhere"]).exits(2).says_err("`nowhere` does not exist");
}

#[test]
fn stdin_is_named_in_findings() {
    let sandbox = Sandbox::without_lattice();
    let run = |args: &[&str]| sandbox.lattice_in("work", args, |command| command.write_stdin(TWICE));
    run(&["lint", "-"]).exits(1).says_out("<stdin>:3:3: error:");
    run(&["lint", "-", "--stdin-name", "x/y.nix"]).exits(1).says_out("x/y.nix:3:3: error:");
    run(&["lint", "-", "--fix"]).exits(2).says_err("stdin");
    run(&["lint", "--stdin-name", "x"]).exits(2).says_err("`-`");
}

#[test]
fn commits_are_linted_without_the_worktree() {
    let sandbox = Sandbox::without_lattice();
    sandbox.write("old.nix", TWICE);
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-qm", "old"]);
    sandbox.write("new.nix", TWICE);
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-qm", "new"]);
    fs::remove_file(sandbox.work().join("old.nix")).unwrap();
    let all = sandbox.lattice(&["lint", "--all"]).exits(1);
    assert_eq!(all.stdout.matches("L01").count(), 2, "{}", all.stdout);
    sandbox.lattice(&["lint", "--from-ref", "HEAD~1"]).exits(1).says_out("new.nix").never_says("old.nix");
    sandbox
        .lattice(&["lint", "--from-ref", "HEAD~2", "--to-ref", "HEAD~1"])
        .exits(1)
        .says_out("old.nix")
        .never_says("new.nix");
    sandbox.lattice(&["lint", "--from-ref", "nothing"]).exits(2).says_err("`nothing` is not a commit");
    sandbox.lattice(&["lint", "--all", "--fix"]).exits(2);
}

#[test]
fn every_format_has_the_same_findings() {
    let sandbox = Sandbox::without_lattice();
    sandbox.write("a,b.nix", TWICE);
    let with = |format: &str| sandbox.lattice(&["lint", "--format", format]).exits(1);
    with("errfmt").says_out("a,b.nix>3:3:E:L01:");
    with("github").says_out("::error file=a%2Cb.nix,line=3,col=3,").says_out("title=git-lattice L01::");
    let document = sandbox.lattice(&["lint", "--json"]).exits(1).json();
    assert_eq!((&document["version"], &document["verdict"]), (&json!(1), &json!("findings")));
    let finding = &document["findings"][0];
    assert_eq!((&finding["path"], &finding["line"], &finding["code"]), (&json!("a,b.nix"), &json!(3), &json!("L01")));
    assert!(document["unchecked"][0]["why"].as_str().unwrap().contains("PATH"), "{document}");
    let sarif = with("sarif").json();
    assert_eq!(sarif["version"], "2.1.0");
    let result = &sarif["runs"][0]["results"][0];
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!((&result["ruleId"], &place["artifactLocation"]["uri"]), (&json!("L01"), &json!("a%2Cb.nix")));
    assert_eq!(place["region"]["startLine"], 3);
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    let rule = &sarif["runs"][0]["tool"]["driver"]["rules"][index];
    assert_eq!(rule["id"], "L01", "the index should link to the rule");
}

#[test]
fn rule_codes_are_explained() {
    let sandbox = Sandbox::without_lattice();
    sandbox.lattice(&["lint", "--explain", "L01"]).exits(0).says_out("defined twice");
    sandbox.lattice(&["lint", "--explain", "format"]).exits(0).says_out("nixfmt");
    sandbox.lattice(&["lint", "--explain", "W04"]).exits(0).says_out("statix explain W04");
    sandbox.lattice(&["lint", "--explain", "L99"]).exits(2).says_err("`L99`");
}

#[test]
fn fix_keeps_links_and_permissions() {
    let sandbox = Sandbox::without_lattice();
    sandbox.write("a.nix", "{a=1;}");
    sandbox.write("crlf.nix", "{a=1;\r\nb=1;}\r\n");
    sandbox.write("broken.nix", "{a=1");
    sandbox.write("real/c.nix", "{a=1;}");
    symlink("real/c.nix", sandbox.work().join("link.nix")).unwrap();
    let path = sandbox.work().join("a.nix");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let run = sandbox.lattice(&["lint", "--fix", "a.nix", "crlf.nix", "link.nix", "broken.nix"]).exits(1);
    run.says_err("fixed a.nix")
        .says_err("fixed crlf.nix")
        .says_err("fixed link.nix")
        .says_err("not fixed: broken.nix: it has syntax errors");
    let read = |name: &str| fs::read_to_string(sandbox.work().join(name)).unwrap();
    assert_eq!((read("a.nix").as_str(), read("broken.nix").as_str()), (GOOD, "{a=1"));
    assert_eq!(read("crlf.nix"), "{\r\n  a = 1;\r\n  b = 1;\r\n}\r\n");
    assert_eq!(read("real/c.nix"), GOOD, "the target of the link should be fixed");
    assert!(sandbox.work().join("link.nix").is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
    sandbox.lattice(&["lint", "--fix", "a.nix", "crlf.nix", "link.nix"]).exits(0).never_says("fixed ");
}

#[test]
fn required_engine_must_be_installed() {
    let toml = "base = \"main\"\n[axes]\ncomponent = { set = [\"c\"] }\narch = { set = [\"x86_64\"] }\n[lint]\n";
    let sandbox = Sandbox::with_toml(&format!("{toml}require = [\"statix\"]\n"));
    sandbox.write("a.nix", GOOD);
    sandbox.lattice(&["lint"]).exits(2).says_err("error: not checked by statix").says_err("lint.require");
    sandbox.write("lattice.toml", format!("{toml}require = [\"format\"]\noff = [\"L01\", \"L99\"]\n"));
    sandbox.write("a.nix", TWICE);
    sandbox.lattice(&["lint"]).exits(0).says_err("`L99`").never_says("defined");
    sandbox.write("a.nix", "{a=1;}");
    sandbox.lattice(&["lint"]).exits(1).says_out("warning: not formatted");
    sandbox.write("lattice.toml", format!("{toml}require = [\"statics\"]\n"));
    sandbox.lattice(&["lint"]).exits(2).says_err("unknown engine `statics` in `lint.require`").says_err("`statix`");
}

#[test]
fn works_outside_of_a_repository() {
    let sandbox = Sandbox::without_lattice();
    fs::create_dir_all(sandbox.path("plain/sub")).unwrap();
    fs::write(sandbox.path("plain/sub/a.nix"), TWICE).unwrap();
    let run = |args: &[&str]| sandbox.lattice_in("plain", args, |command| command);
    run(&["lint", "."]).exits(1).says_out("sub/a.nix:3:3: error:");
    run(&["lint"]).exits(2).says_err("not inside a git repository").says_err("`git lattice lint .`");
    run(&["lint", "--staged"]).exits(2).says_err("not inside a git repository");
}

#[test]
fn a_missing_linter_is_explained_once() {
    const WHY: &str = "not checked by deadnix: it is not on PATH";
    let mut sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--arch", "x86_64", "--dry-run"]).exits(0).says_err(WHY);
    sandbox.lattice(&["new", "--arch", "x86_64"]).exits(0).says_err(WHY).says_err("; not by statix, deadnix\n");
    let next = sandbox.lattice(&["next-step"]).exits(0).never_says("PATH");
    next.says_err("checked by rnix, git-lattice, format; not by statix, deadnix\n");
    sandbox.write("a.nix", GOOD);
    let lint = |sandbox: &Sandbox| sandbox.lattice(&["lint", "a.nix"]).exits(0);
    lint(&sandbox).never_says("PATH").says_err("format: nothing found; not checked by statix, deadnix\n");
    let json = sandbox.lattice(&["lint", "a.nix", "--json"]).exits(0).json();
    assert!(json["unchecked"][1]["why"].as_str().unwrap().contains("PATH"), "{json}");
    let path = sandbox.search_path().to_owned();
    sandbox.use_program("deadnix", "#!/bin/sh\necho a music player\n");
    lint(&sandbox).says_err("not checked by deadnix: ").never_says("not checked by statix:");
    lint(&sandbox).never_says("not checked by deadnix:").says_err("not checked by statix, deadnix\n");
    sandbox.set_search_path(path);
    lint(&sandbox).says_err(WHY).never_says("not checked by statix:");
}

#[test]
fn a_reason_that_cannot_be_kept_is_given_again() {
    let sandbox = Sandbox::new();
    sandbox.write("a.nix", GOOD);
    fs::create_dir_all(sandbox.work().join(".git/lattice/linters")).unwrap();
    for _ in 0..2 {
        sandbox.lattice(&["lint", "a.nix"]).exits(0).says_err("not checked by statix: it is not on PATH");
    }
}
