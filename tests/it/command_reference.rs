//! The page of the book that lists all commands, generated from their help.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::nix_setup::var;
use crate::sandbox::Sandbox;

const HEAD: &str = "# Commands\n\n<!-- Made from the program's help by the test `command_reference`; \
    GIT_LATTICE_TEST_REWRITE=1 makes it anew. -->\n";

#[test]
fn command_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/commands.md");
    let sandbox = Sandbox::without_lattice();
    let mut page = HEAD.to_owned();
    section(&sandbox, &[], &mut page);
    if var("GIT_LATTICE_TEST_REWRITE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), page, "GIT_LATTICE_TEST_REWRITE=1 rewrites docs/src/commands.md");
}

/// The help of a command, followed by the help of its subcommands.
fn section(sandbox: &Sandbox, words: &[String], page: &mut String) {
    let args: Vec<_> = words.iter().map(String::as_str).chain(["--help"]).collect();
    let help = sandbox.lattice(&args).exits(0).stdout;
    let name = ["git", "lattice"].into_iter().chain(words.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    let text: String = help.trim_end().lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    write!(page, "\n## {name}\n\n```text\n{text}```\n").unwrap();
    for command in commands(&help) {
        section(sandbox, &[words, &[command]].concat(), page);
    }
}

/// The names under `Commands:`.
fn commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}
