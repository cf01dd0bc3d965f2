//! The man page and the help are complete.

use crate::sandbox::Sandbox;

const COMMANDS: [&str; 13] = [
    "init",
    "switch",
    "axis",
    "new",
    "next-step",
    "promote",
    "build",
    "status",
    "list",
    "show",
    "hooks",
    "completions",
    "man",
];

#[test]
fn man_page_has_every_command_and_option() {
    let sandbox = Sandbox::without_lattice();
    let page = sandbox.lattice(&["man"]).exits(0).stdout;
    assert!(page.contains(".TH git-lattice 1"), "{page}");
    for command in COMMANDS {
        let head = format!(".SH GIT LATTICE {}", command.to_uppercase());
        assert!(page.lines().any(|line| line == head), "`{command}` should have a section");
    }
    for option in ["\\-\\-all\\-archs", "\\-\\-dry\\-run", "\\-\\-config", "\\-\\-reason", "\\-\\-again"] {
        assert!(page.contains(option), "the man page should have {option}");
    }
}

#[test]
fn texts_need_no_repository() {
    let sandbox = Sandbox::without_lattice();
    for args in [&["man"][..], &["completions", "bash"], &["--help"], &["--version"]] {
        let run = sandbox.lattice_in("home", args, |command| command).exits(0);
        assert!(!run.stdout.is_empty() && run.stderr.is_empty(), "{args:?}: {}", run.stderr);
    }
}

#[test]
fn help_reaches_the_binary_through_git() {
    let sandbox = Sandbox::without_lattice();
    let help = sandbox.git(&["lattice", "-h"]);
    for command in COMMANDS {
        assert!(help.lines().any(|line| line.split_whitespace().next() == Some(command)), "`{command}`:\n{help}");
        let own = sandbox.git(&["lattice", command, "--help"]);
        assert!(own.contains(&format!("git lattice {command}")), "{own}");
    }
}

#[test]
fn flags_are_the_axes_of_the_lattice() {
    let axes = "image = { set = [\"base\", \"web\"] }\nrelease = { chain = \"r{n}\" }\n";
    let toml = format!("base = \"main\"\n[systems]\n\"*\" = \"x86_64-linux\"\n[axes]\n{axes}");
    let sandbox = Sandbox::with_toml(&toml);
    sandbox.lattice(&["new", "--help"]).exits(0).says_out("--image").says_out("--release").never_says("--arch ");
    sandbox.lattice(&["new", "--image", "web", "--release", "r2", "--dry-run"]).exits(0).says_out("feature/web/r2");
}
