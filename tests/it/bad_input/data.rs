//! `--config` with bytes that are not a valid config.toml.

use crate::sandbox::Sandbox;

fn with_point() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--arch", "aarch64"]).exits(0);
    sandbox
}

#[test]
fn refuses_invalid_toml_with_line_and_column() {
    let sandbox = with_point();
    std::fs::write(sandbox.path("c.toml"), "a = 1\nb = \n").unwrap();
    sandbox.refused(&["next-step", "--config", "../c.toml"]).exits(2).says_err("`../c.toml` line 2, column 5");
    sandbox.refused(&["new", "--arch", "x86_64", "--config-path", "../c.toml"]).exits(2).says_err("line 2, column 5");
    std::fs::write(sandbox.path("c.toml"), "a = 1\na = 2\n").unwrap();
    sandbox.refused(&["next-step", "--config", "../c.toml"]).exits(2).says_err("line 2, column 1");
}

#[test]
fn refuses_invalid_utf8_with_line_and_column() {
    let sandbox = with_point();
    for (bytes, at) in [
        (&b"a = 1\nb = \"\xff\"\n"[..], "line 2, column 6"),
        (b"\xff\xfea\0", "line 1, column 1"),
        ("é = 1\né = \"\u{e9}".as_bytes().split_last().unwrap().1, "line 2, column 6"),
    ] {
        std::fs::write(sandbox.path("c.toml"), bytes).unwrap();
        sandbox.refused(&["next-step", "--config", "../c.toml"]).exits(2).says_err("not UTF-8").says_err(at);
    }
}

#[test]
fn errors_name_stdin() {
    let sandbox = with_point();
    let before = sandbox.everything();
    let run = sandbox.lattice_in("work", &["next-step", "--config", "-"], |command| command.write_stdin("a = 1\0\n"));
    run.exits(2).says_err("`stdin` line 1, column");
    assert_eq!(sandbox.everything(), before, "nothing should be written");
}

#[test]
fn unreadable_file_is_named() {
    let sandbox = with_point();
    sandbox.refused(&["next-step", "--config", "../nope.toml"]).exits(2).says_err("could not read `../nope.toml`");
    sandbox.refused(&["next-step", "--config", ".."]).exits(2).says_err("could not read `..`");
}

#[test]
fn template_rust_requires_its_table() {
    let sandbox = with_point();
    let run = sandbox.refused(&["next-step", "--template", "rust"]).exits(2).says_err("`[rust]`");
    run.says_err("pass the file by `--config FILE`");
}

#[test]
fn missing_base_branch_in_config_toml_is_named() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("c.toml"), "[nix]\nbase_branch = \"devel\"\n").unwrap();
    sandbox.refused(&["new", "--arch", "aarch64", "--config", "../c.toml"]).exits(2).says_err("`devel` does not exist");
}
