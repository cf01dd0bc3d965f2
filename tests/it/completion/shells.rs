//! Real shells: bash with bash-completion and git's completion, fish, and zsh, each with the script where `--install` puts it.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::nix_setup::var;
use crate::sandbox::Sandbox;
use crate::story::at;

/// A sandbox with the script of a shell installed, and a home for it; `None` if the tests are told to go without shells.
fn sandbox(shell: &str) -> Option<Sandbox> {
    if var("GIT_LATTICE_TEST_WITHOUT_SHELLS").is_some() {
        return None;
    }
    let missing =
        format!("{shell} is needed: `scripts/test` installs it, GIT_LATTICE_TEST_WITHOUT_SHELLS=1 goes without");
    which::which(shell).expect(&missing);
    let mut sandbox = Sandbox::new();
    sandbox.use_machine();
    // bash-completion 2.11 loads nothing from a home with a space in its path.
    sandbox.use_own_temporary_folder();
    let home = sandbox.temporary_folder().to_owned();
    sandbox.lattice_in("work", &["completions", shell, "--install"], |command| command.env("HOME", home)).exits(0);
    sandbox.lattice(&["new", &at("phase0/step1"), "--no-switch"]).exits(0);
    sandbox.write("zfile", "");
    Some(sandbox)
}

/// A program of the machine that runs in the clone.
fn program(sandbox: &Sandbox, name: &str) -> Command {
    let mut command = Command::new(which::which(name).unwrap());
    command.current_dir(sandbox.work());
    sandbox.environment(&mut command);
    command.env("HOME", sandbox.temporary_folder());
    command
}

/// Types each line in an interactive shell on a terminal, and returns what the shell made of it.
fn typed<'l>(sandbox: &Sandbox, shell: &str, lines: impl IntoIterator<Item = &'l str>) -> Vec<String> {
    let mut command = program(sandbox, "timeout");
    command.args(["60", "script", "-qec", shell, "/dev/null"]).env("TERM", "xterm");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // At the end of a line: to its beginning (Ctrl-A), a command that prints the line, and back to the end (Ctrl-E).
    let line = |line: &str| format!("{line}\x01printf ':%s\\n' \"\x05\"\n");
    let text: Vec<_> = lines.into_iter().map(line).collect();
    child.stdin.take().unwrap().write_all(format!("{}exit\n", text.concat()).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    let escapes = regex::Regex::new(r"\x1b(\[[0-9;?]*[a-zA-Z]|[>=])|\r").unwrap();
    let output = String::from_utf8_lossy(&output).into_owned();
    let output = escapes.replace_all(&output, "");
    let printed: Vec<_> = output.lines().filter_map(|line| line.strip_prefix(':')).map(str::to_owned).collect();
    assert_eq!(printed.len(), text.len(), "each line should be printed:\n{output}");
    printed
}

/// Lines as they are typed, and what a Tab key makes of them in bash and zsh.
fn lines() -> [(&'static str, String); 12] {
    [
        ("git lattice pro\t", "git lattice prom".to_owned()),
        ("git lattice next\t", "git lattice next-step ".to_owned()),
        ("git-lattice next\t", "git-lattice next-step ".to_owned()),
        ("git lattice show too\t", format!("git lattice show {} ", at("phase0/step1"))),
        ("git-lattice new --arch=x\t", "git-lattice new --arch=x86_64 ".to_owned()),
        ("git lattice new too\t", "git lattice new toolchain/".to_owned()),
        ("git lattice new --arch z\t", "git lattice new --arch z".to_owned()),
        ("git lattice new --config z\t", "git lattice new --config zfile ".to_owned()),
        ("git lattice list --format '%(po\t", "git lattice list --format '%(point)'".to_owned()),
        ("git lattice list --format '%(point) %(sta\t", "git lattice list --format '%(point) %(state)'".to_owned()),
        ("git-lattice list --format='%(arc\t", "git-lattice list --format='%(arch)'".to_owned()),
        ("git lattice list --format=\t", "git lattice list --format='%(".to_owned()),
    ]
}

#[test]
fn bash_completes_git_lattice_and_the_program() {
    let Some(sandbox) = sandbox("bash") else { return };
    let setup = "/usr/share/bash-completion/bash_completion";
    assert!(Path::new(setup).exists(), "the package bash-completion is needed: `scripts/test` installs it");
    let text = format!(". {setup}\nbind 'set bell-style none'\nbind 'set enable-bracketed-paste off'\n");
    fs::write(sandbox.temporary_folder().join(".bashrc"), text).unwrap();
    let (typed_lines, wanted): (Vec<_>, Vec<_>) = lines().into_iter().unzip();
    assert_eq!(typed(&sandbox, "bash -i", typed_lines), wanted);
    sandbox.git(&["config", "alias.l", "lattice"]);
    let lines = [
        "git l next\t",
        "git -C ../work lattice show too\t",
        "git lattice new --arch=x86_64 --arch=a\t",
        "git lattice show 'to*/\t",
    ];
    let wanted = [
        "git l next-step ".to_owned(),
        format!("git -C ../work lattice show {} ", at("phase0/step1")),
        "git lattice new --arch=x86_64 --arch=aarch64 ".to_owned(),
        format!("git lattice show '{}'", at("phase0/step1").replace("toolchain", "to*")),
    ];
    assert_eq!(typed(&sandbox, "bash -i", lines), wanted);
}

#[test]
fn zsh_completes_git_lattice_and_the_program() {
    let Some(sandbox) = sandbox("zsh") else { return };
    let setup = "fpath=(~/.local/share/zsh/site-functions $fpath)\nautoload -Uz compinit\ncompinit -u -D\n\
                 unsetopt beep prompt_sp prompt_cr\nunset zle_bracketed_paste\nPS1='$ '\n";
    fs::write(sandbox.temporary_folder().join(".zshrc"), setup).unwrap();
    let (typed_lines, wanted): (Vec<_>, Vec<_>) = lines().into_iter().unzip();
    let found = typed(&sandbox, "zsh -i", typed_lines);
    // After `=`, zsh removes the quotes and adds backslashes.
    let escaped = |line: &str| line.replace("='%(arch)'", "=%\\(arch\\)").replace("='%(", "=%\\(");
    // zsh takes back the space that it has added, when the cursor moves away.
    assert_eq!(found, wanted.iter().map(|line| escaped(line.trim_end())).collect::<Vec<_>>());
}

#[test]
fn fish_completes_git_lattice_and_the_program() {
    let Some(sandbox) = sandbox("fish") else { return };
    let point = at("phase0/step1");
    let lines: [(&str, &[&str]); 13] = [
        ("git lattice ne", &["new", "next-step"]),
        ("git-lattice ne", &["new", "next-step"]),
        ("git lattice show too", &[&point]),
        ("git -C ../work lattice show too", &[&point]),
        ("git lattice new --arch=x", &["--arch=x86_64"]),
        ("git lattice new --arch ", &["aarch64", "x86_64"]),
        ("git lattice new --arch z", &[]),
        ("git lattice new --config z", &["zfile"]),
        ("git-lattice new --config=z", &["--config=zfile"]),
        ("git lattice list --format '%(po", &["%(point)"]),
        ("git lattice list --format '%(point) %(sta", &["%(point) %(state)"]),
        ("git lattice list --format=%\\(po", &["--format=%(point)"]),
        ("git-lattice list --format='%(arc", &["--format=%(arch)"]),
    ];
    for (line, wanted) in lines {
        let output = program(&sandbox, "fish").args(["-c", "complete -C $argv", line]).output().unwrap();
        let (found, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let found: Vec<_> = found.lines().map(|line| line.split('\t').next().unwrap()).collect();
        assert_eq!((found, errors.as_ref()), (wanted.to_vec(), ""), "{line}");
    }
}
