//! `lattice.toml`: missing, broken, or not a lattice.

use crate::sandbox::Sandbox;

const GOOD: &str = r#"base = "main"
branch = "feature/{component}/{arch}/{phase}/{step}"
flake = "flakes/{component}/{arch}/{phase}/{step}"
[axes]
component = { set = ["toolchain"] }
arch = { set = ["aarch64", "x86_64"] }
phase = { chain = ["phase0", "phase1"] }
step = { chain = "step{n}", from = 1 }
"#;

/// Asserts that commands refuse the valid file with one text replaced by another.
#[track_caller]
fn assert_refuses_change(sandbox: &Sandbox, old: &str, new: &str, texts: &[&str]) {
    assert!(GOOD.contains(old), "`{old}` should be in the file");
    sandbox.write("lattice.toml", GOOD.replacen(old, new, 1));
    assert_refused(sandbox, &[&["status"], &["new", "--arch", "aarch64"]], texts);
}

/// Asserts that every command that needs the file refuses it with these texts and writes nothing.
#[track_caller]
fn assert_every_command_refuses(sandbox: &Sandbox, texts: &[&str]) {
    let commands = [&[][..], &["status"], &["new"], &["build"], &["promote"], &["next-step"], &["show"]];
    assert_refused(sandbox, &commands, texts);
}

#[track_caller]
fn assert_refused(sandbox: &Sandbox, commands: &[&[&str]], texts: &[&str]) {
    for args in commands {
        let mut run = sandbox.refused(args).exits(2);
        for text in texts {
            run = run.says_err(text);
        }
        assert_eq!(run.stdout, "", "{args:?}: stdout is for data");
    }
}

#[test]
fn valid_lattice_toml_is_accepted() {
    Sandbox::with_toml(GOOD).lattice(&["status"]).exits(0).says_err("no point has a branch yet");
}

#[test]
fn missing_lattice_toml_is_named() {
    assert_every_command_refuses(
        &Sandbox::without_lattice(),
        &["error: there is no `lattice.toml` here", "hint: `git lattice init"],
    );
}

#[test]
fn directory_named_lattice_toml_is_refused() {
    let sandbox = Sandbox::without_lattice();
    sandbox.write("lattice.toml/x", "");
    assert_every_command_refuses(&sandbox, &["lattice.toml"]);
}

#[test]
fn invalid_toml_is_refused_with_its_place() {
    let sandbox = Sandbox::with_toml("base = \"main\"\n[axes]\ncomponent = { set = [\"a\" }\n");
    assert_every_command_refuses(&sandbox, &["`lattice.toml` line 3, column "]);
}

#[test]
fn invalid_committed_toml_names_the_commit() {
    let sandbox = Sandbox::with_toml("base = \"main\"\nbranch = =\n");
    sandbox.git(&["rm", "-q", "--cached", "lattice.toml"]);
    std::fs::remove_file(sandbox.work().join("lattice.toml")).unwrap();
    assert_every_command_refuses(&sandbox, &["`HEAD:lattice.toml` line 2, column 10"]);
}

#[test]
fn invalid_utf8_is_refused() {
    let sandbox = Sandbox::without_lattice();
    sandbox.write("lattice.toml", b"base = \"main\"\n# caf\xe9\n");
    assert_every_command_refuses(&sandbox, &["`lattice.toml` line 2, column 6", "not UTF-8"]);
}

#[test]
fn unknown_key_is_warned_about() {
    let sandbox = Sandbox::with_toml(&GOOD.replace("[axes]", "colour = 1\n[build]\ninclde = []\n[axes]"));
    for key in ["colour", "build.inclde"] {
        sandbox.lattice(&["status"]).exits(0).says_err(&format!("warning: `{key}` in lattice.toml"));
    }
    let run = sandbox.lattice(&["status", "--json"]).exits(0);
    assert_eq!(run.json()["version"], 1, "the warning should not be among the data");
}

#[test]
fn refuses_a_pattern_without_an_axis() {
    let sandbox = Sandbox::with_toml(GOOD);
    for old in ["branch = \"feature/{component}/{arch}", "flake = \"flakes/{component}/{arch}"] {
        let new = old.replace("/{arch}", "");
        assert_refuses_change(&sandbox, old, &new, &["lattice.toml", "does not name axis `arch`", "share a name"]);
    }
}

#[test]
fn refuses_an_ambiguous_pattern() {
    let sandbox = Sandbox::with_toml(GOOD);
    let assert_refuses_change = |new, texts: &[&str]| assert_refuses_change(&sandbox, "{phase}/{step}", new, texts);
    assert_refuses_change("{phase}{step}", &["two points could share a name", "{phase} and {step}"]);
    assert_refuses_change("{phase}-{step}", &["two points could share a name"]);
    assert_refuses_change("{phase}/{phase}/{step}", &["names axis `phase` twice"]);
    assert_refuses_change("{phase}/{stepp}", &["unknown axis `stepp`", "the axes are: component"]);
}

#[test]
fn refuses_a_pattern_that_is_no_branch_name() {
    let sandbox = Sandbox::with_toml(GOOD);
    for (pattern, said) in [
        ("/{component}/{arch}/{phase}/{step}", "is empty"),
        ("-x/{component}/{arch}/{phase}/{step}", "begins with"),
        ("x/{component}/{arch}/{phase}/{step}.lock", ".lock"),
        ("x y/{component}/{arch}/{phase}/{step}", "' '"),
        ("x/../{component}/{arch}/{phase}/{step}", "begins with `.`"),
        ("x/{component}/{arch}/{phase}/{step", "not closed"),
    ] {
        assert_refuses_change(&sandbox, "feature/{component}/{arch}/{phase}/{step}", pattern, &["lattice.toml", said]);
    }
}

#[test]
fn refuses_invalid_values_and_kinds() {
    let sandbox = Sandbox::with_toml(GOOD);
    let assert_refuses_change = |old, new, texts: &[&str]| assert_refuses_change(&sandbox, old, new, texts);
    assert_refuses_change("\"x86_64\"", "\"x86 64\"", &["invalid value `x86 64`", "' '"]);
    assert_refuses_change("\"x86_64\"", "64", &["`axes.arch.set` must be a list of strings"]);
    assert_refuses_change("\"x86_64\"", "\"aarch64\"", &["`axes.arch.set`", "aarch64"]);
    assert_refuses_change("{ set = [\"toolchain\"] }", "{ set = [] }", &["axes.component.set"]);
    assert_refuses_change("{ set = [\"toolchain\"] }", "\"toolchain\"", &["`axes.component` must be"]);
    assert_refuses_change("from = 1", "from = -1", &["axes.step", "from"]);
    assert_refuses_change("step{n}", "step", &["axes.step.chain"]);
    assert_refuses_change("base = \"main\"", "", &["`base` is missing"]);
    assert_refuses_change("base = \"main\"", "base = 3", &["`base` must be a string"]);
    assert_refuses_change("aarch64", "pdp11", &["`systems` has no entry for `pdp11`"]);
}

#[test]
fn broken_edit_is_refused_despite_a_valid_commit() {
    let sandbox = Sandbox::with_toml(GOOD);
    sandbox.lattice(&["new", "--arch", "aarch64", "--no-switch"]).exits(0);
    sandbox.write("lattice.toml", "base = ");
    assert_every_command_refuses(&sandbox, &["`lattice.toml` line 1, column 8"]);
}

#[test]
fn init_keeps_an_existing_file_even_if_broken() {
    let sandbox = Sandbox::with_toml("base = ");
    let args = ["init", "--component", "a", "--arch", "aarch64", "--no-hooks"];
    sandbox.refused(&args).exits(2).says_err("`lattice.toml` already exists").says_err("--force");
    let forced = [&args[..], &["--force"]].concat();
    sandbox.refused(&forced).exits(2).says_err("`lattice.toml` line 1, column 8");
}

#[test]
fn init_force_can_drop_an_architecture() {
    let sandbox = Sandbox::new();
    let run = sandbox.lattice(&["init", "--force", "--component", "toolchain", "--arch", "aarch64", "--no-hooks"]);
    run.exits(0);
    let run = sandbox.lattice(&["new", "--arch", "x86_64", "--dry-run"]).exits(2);
    run.says_err("unknown value `x86_64`").says_err("axis `arch` has: aarch64");
}

#[test]
fn symbolic_link_to_lattice_toml_is_kept() {
    let sandbox = Sandbox::with_toml(GOOD);
    let file = sandbox.work().join("lattice.toml");
    std::fs::rename(&file, sandbox.work().join("real.toml")).unwrap();
    std::os::unix::fs::symlink("real.toml", &file).unwrap();
    sandbox.lattice(&["axis", "add", "arch", "riscv64"]).exits(0);
    assert!(file.symlink_metadata().unwrap().is_symlink(), "the symbolic link should stay");
    let real = std::fs::read_to_string(sandbox.work().join("real.toml")).unwrap();
    assert!(real.contains("riscv64"), "the link's target should be changed: {real}");
}
