//! Every command on a terminal of 24 rows: no line is wider than the terminal, but for a command or a name on a line of its own.
#![cfg(target_os = "linux")]

use git_lattice::ui::wrap;
use serde_json::json;

use crate::sandbox::Sandbox;
use crate::story::{branch, dir, toml, write_record};
use crate::terminal::{self, Screen};

const COMPONENT: &str = "solana-rust-1.83";
const ARCHS: [&str; 6] = ["aarch64", "armv7l", "i686", "powerpc64le", "riscv64", "x86_64"];

/// A lattice with the first `count` architectures.
fn with_archs(count: usize) -> Sandbox {
    let archs = ARCHS[..count].iter().map(|arch| format!("\"{arch}\"")).collect::<Vec<_>>().join(", ");
    let axes = format!(
        "component = {{ set = [\"{COMPONENT}\"] }}\narch = {{ set = [{archs}] }}\n\
         phase = {{ chain = [\"phase0\", \"phase1\"] }}\nstep = {{ chain = [\"step1\", \"step2\", \"step3\"] }}"
    );
    Sandbox::with_toml(&toml(&axes, ""))
}

fn at(arch: &str, place: &str) -> String {
    format!("{COMPONENT}/{arch}/{place}")
}

/// What a command leaves on a terminal: without colours and progress.
pub(crate) fn on_terminal(sandbox: &Sandbox, columns: usize, args: &str) -> String {
    let printed = terminal::run(sandbox, (columns, 24), "xterm", &format!("exec git-lattice {args}"), "");
    Screen::after(&printed).text()
}

/// Whether a line may be wider than the terminal: it is one command, which is indented, or one word, or quoted from a file or git.
fn is_alone(line: &str) -> bool {
    let text = line.trim_start();
    let is_command = ["git ", "nix ", "nix-store ", "rm "].iter().any(|program| text.starts_with(program));
    let is_quoted = ["    -", "    +", "Your branch is up to date"].iter().any(|start| line.starts_with(start));
    !text.contains('`') && (is_command && line.starts_with("    ") || !text.contains(' ')) || is_quoted
}

/// Runs a command on a terminal and asserts that it prints something that fits.
#[track_caller]
fn fits(sandbox: &Sandbox, columns: usize, args: &str) -> String {
    let text = on_terminal(sandbox, columns, args);
    assert!(!text.is_empty(), "`{args}` should print something");
    let wide: Vec<_> = text.lines().filter(|line| wrap::columns(line) > columns && !is_alone(line)).collect();
    assert!(wide.is_empty(), "`{args}` has lines of more than {columns} columns: {wide:#?}\n{text}");
    text
}

/// A lattice of six architectures with a point in every state that needs no Nix.
fn with_all_states() -> Sandbox {
    let sandbox = with_archs(6);
    for arch in ARCHS {
        sandbox.lattice(&["new", &at(arch, "phase0/step1"), "--no-switch"]).exits(0);
    }
    sandbox.points(&[&at("x86_64", "phase0/step2")]);
    sandbox.commit_to(&at("x86_64", "phase0/step1"), &[("note", "more\n")]);
    for (arch, verdict) in [("aarch64", "built"), ("armv7l", "failed"), ("i686", "no-builder"), ("x86_64", "built")] {
        sandbox.record(&at(arch, "phase0/step1"), &format!("{arch}-linux"), verdict);
    }
    sandbox
}

#[test]
fn status_is_folded_at_every_width() {
    let sandbox = with_all_states();
    for columns in [30, 60, 80, 200] {
        let text = fits(&sandbox, columns, "status");
        let titles: Vec<_> = text.lines().filter(|line| line.starts_with(COMPONENT)).collect();
        for arch in ARCHS {
            assert_eq!(titles.iter().filter(|line| line.contains(arch)).count(), 1, "{columns}: {text}");
        }
        assert_eq!(titles.len() > 1, columns < 100, "{columns}: {text}");
        assert!(text.contains("git lattice show solana-rust-1.83/armv7l/phase0/step1"), "{columns}: {text}");
    }
    for count in [1, 2] {
        let sandbox = with_archs(count);
        ARCHS[..count].iter().for_each(|arch| sandbox.points(&[&at(arch, "phase0/step1")]));
        for columns in [60, 80, 200] {
            fits(&sandbox, columns, "status");
        }
    }
}

#[test]
fn commands_to_paste_are_whole() {
    let sandbox = with_all_states();
    let x86 = at("x86_64", "phase0/step1");
    let text = fits(&sandbox, 80, &format!("promote {}", at("riscv64", "phase0/step1")));
    let command = format!("\n    git lattice build {}\n", at("riscv64", "phase0/step1"));
    assert!(text.contains("POINT") && !text.contains("COMMAND") && text.contains(&command), "{text}");
    let text = fits(&sandbox, 80, &format!("show {x86}"));
    assert!(
        text.contains("\n    nix build --extra-experimental-features 'nix-command flakes' 'git+file:")
            && text.contains(&format!("\n    git lattice build {x86}")),
        "{text}"
    );
    let failed = at("armv7l", "phase0/step1");
    let text = fits(&sandbox, 80, &format!("next-step {failed} --dry-run"));
    assert!(text.contains(&format!("failed to build; see\n    git lattice show {failed}\n")), "{text}");
    sandbox.git(&["config", "--add", "remote.origin.fetch", "+refs/notes/lattice/*:refs/notes/lattice/*"]);
    let text = fits(&sandbox, 80, "doctor --offline");
    let command = "\n    git config --unset remote.origin.fetch '^.refs/notes/lattice/.:refs/notes/lattice/.$'\n";
    assert!(text.contains(command) && text.contains("✗ error"), "{text}");
    sandbox.git(&["switch", "-q", &branch(&x86)]);
    let text = fits(&sandbox, 80, &format!("log {}", at("riscv64", "phase0/step1")));
    assert!(text.contains(&format!("`git lattice build {}` builds it", at("riscv64", "phase0/step1"))), "{text}");
}

#[test]
fn records_keep_their_indent() {
    let sandbox = with_all_states();
    let failed = at("armv7l", "phase0/step1");
    let drv = format!("/nix/store/{}-a-derivation-with-a-rather-long-name.drv", "0".repeat(32));
    let errors = [format!("builder for '{drv}' failed with exit code 1; its log has more"), "cc: not found ".repeat(8)];
    for (day, error) in (3..).zip(&errors) {
        let started = format!("2026-01-0{day}T00:00:00Z");
        let record = json!({ "verdict": "failed", "outputs": {}, "error": error.trim(), "started": started });
        write_record(&sandbox, "work", "far", &failed, &record);
        let text = fits(&sandbox, 80, &format!("show {failed}"));
        let lines: Vec<_> = text.lines().skip_while(|line| !line.starts_with("records")).collect();
        assert!(lines[0].ends_with("failed on armv7l-linux, 1.5 s"), "{text}");
        assert!(lines[1].trim_start().starts_with("by ada@far with Nix"), "{text}");
        let is_error = |line: &&&str| line.starts_with(' ') && !line.contains("Z failed on");
        let indents = lines[2..].iter().take_while(is_error).map(|line| line.len() - line.trim_start().len());
        let mut indents: Vec<_> = indents.collect();
        assert!(indents.len() > 1, "{text}");
        indents.dedup();
        assert_eq!(indents.len(), 1, "the error should have one indent: {text}");
    }
}

#[test]
fn other_commands_fit_into_80_columns() {
    let sandbox = with_all_states();
    let x86 = at("x86_64", "phase0/step1");
    sandbox.write("a.nix", format!("{{\n  a = \"{}\";\n  a = 2;\n}}\n", "long ".repeat(40)));
    sandbox.commit_to(&x86, &[("flake.nix", "{ outputs = _: { }; }\n")]);
    sandbox.lattice(&["note", &x86, "-m", &"waits for upstream ".repeat(9)]).exits(0);
    for args in [
        "check",
        "note --list",
        "graph",
        "graph --help",
        "lint a.nix",
        "lint --explain L01",
        "hooks install",
        "hooks status",
        "ops",
        "undo --dry-run",
        "undo",
        "restack --dry-run",
        "prune --dry-run",
        "move solana-rust-1.83/x86_64/phase0/step1 solana-rust-1.83/x86_64/phase0/step9 --dry-run",
        "move --help",
        "prune solana-rust-1.83/x86_64/phase0/step1 --remote --dry-run",
        "sync --dry-run",
        "sync",
        "new --all-archs --phase phase0 --step step2 --dry-run",
        "new solana-rust-1.83/x86_64/phase0/step3",
        "next-step",
        "switch nope",
        "switch up",
        "switch --help",
        "promote --force --reason 'it was built on another machine, long ago'",
        "promote --to base --dry-run",
        "trust --dry-run",
        "trust list",
        "init --component x",
        "axis add arch sparc",
        "new --arch foo",
        "status --help",
        "new --help",
        "build --help",
        "trust --help",
        "lint --help",
        "help",
        "nope",
        "rm",
        "hooks remove",
        "sync --force",
        "init --component x --force --base nope",
        "promote '*/*/phase0/step1'",
        "status 'solana-rust-1.83/*'",
    ] {
        fits(&sandbox, 80, args);
    }
    let bare = Sandbox::without_lattice();
    fits(&bare, 80, "status");
    fits(&bare, 80, "init --component solana-rust-1.83 --arch aarch64,x86_64");
    fits(&bare, 80, "new --arch x86_64");
    fits(&bare, 80, "new solana-rust-1.83/x86_64/phase0/step1 --template none");
    assert!(dir(&x86).len() < 80, "the names of this test are shorter than a line");
}

#[test]
fn piped_output_is_not_broken() {
    let sandbox = with_all_states();
    let refused = sandbox.lattice(&["promote", &at("riscv64", "phase0/step1")]).exits(1);
    assert_eq!((refused.stdout.lines().count(), refused.stderr.lines().count()), (3, 2), "{}", refused.stdout);
    let columns = |command: &str| sandbox.lattice_in("work", &[command], |it| it.env("COLUMNS", "60")).stdout;
    assert!(columns("status").lines().all(|line| wrap::columns(line) <= 60 || is_alone(line)));
}
