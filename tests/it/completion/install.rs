//! `completions --install` and `man --install`.

use std::fs;
use std::process::Command;

use git_lattice::process::quote;

use crate::nix_setup::var;
use crate::sandbox::Sandbox;

/// The shells, each with the file that it loads.
const FILES: [(&str, &str); 6] = [
    ("bash", "home/.local/share/bash-completion/completions/git-lattice"),
    ("zsh", "home/.local/share/zsh/site-functions/_git-lattice"),
    ("fish", "home/.config/fish/conf.d/git-lattice.fish"),
    ("nushell", "home/.local/share/nushell/vendor/autoload/git-lattice.nu"),
    ("powershell", "home/.local/share/git-lattice/git-lattice.ps1"),
    ("elvish", "home/.config/elvish/lib/git-lattice.elv"),
];

#[test]
fn completions_are_installed_once_and_removed() {
    let sandbox = Sandbox::without_lattice();
    for (shell, file) in FILES {
        let path = sandbox.path(file);
        let run = |flags: &[&str]| sandbox.lattice(&[&["completions", shell], flags].concat());
        run(&["--install"]).exits(0).says_out(&format!("wrote {}", path.display()));
        assert_eq!(fs::read_to_string(&path).unwrap(), run(&[]).stdout, "{shell}");
        run(&["--install"]).exits(0).says_out("unchanged");
        fs::write(&path, "# git-lattice 0.0.1: made by `git lattice completions`\n").unwrap();
        run(&["--install"]).exits(0).says_out("wrote");
        run(&["--uninstall"]).exits(0).says_out("removed");
        assert!(!path.exists(), "{shell}");
        run(&["--uninstall"]).exits(0).says_out("unchanged");
    }
}

#[test]
fn a_file_of_the_user_is_not_overwritten() {
    let sandbox = Sandbox::without_lattice();
    let man = ("man", "home/.local/share/man/man1/git-lattice.1");
    for (shell, file) in FILES.into_iter().chain([man]) {
        let path = sandbox.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "the user's own\n").unwrap();
        let command = if shell == "man" { vec!["man"] } else { vec!["completions", shell] };
        let run = |flags: &[&str]| sandbox.lattice(&[&command, flags].concat());
        for flag in ["--install", "--uninstall"] {
            run(&[flag]).exits(2).says_err("was not written by git-lattice").says_err("--force");
            assert_eq!(fs::read_to_string(&path).unwrap(), "the user's own\n");
        }
        run(&["--install", "--force"]).exits(0).says_out("wrote");
        assert_ne!(fs::read_to_string(&path).unwrap(), "the user's own\n");
    }
}

#[test]
fn the_line_that_a_shell_needs_is_named() {
    let sandbox = Sandbox::without_lattice();
    let install = |shell: &str| sandbox.lattice(&["completions", shell, "--install"]).exits(0);
    install("zsh").says_err("add to ~/.zshrc, before `compinit`: fpath=(");
    fs::write(sandbox.path("home/.zshrc"), "fpath=(~/.local/share/zsh/site-functions $fpath)\n").unwrap();
    install("zsh").says_err("zsh loads it in new shells");
    install("fish").says_err("fish loads it in new shells");
    install("powershell").says_err("$PROFILE");
    install("elvish").says_err("rc.elv: use git-lattice");
    sandbox.lattice(&["completions", "elvish", "--uninstall"]).exits(0).says_err("remove from ~/.config/elvish/rc.elv");
    let run = sandbox.lattice_in("work", &["completions", "fish", "--install"], |command| {
        command.env("XDG_CONFIG_HOME", sandbox.path("settings"))
    });
    run.exits(0).says_out("settings/fish/conf.d/git-lattice.fish");
    sandbox.lattice_in("work", &["man", "--install"], |command| command.env_remove("HOME")).exits(2).says_err("HOME");
}

#[test]
fn man_finds_the_installed_page() {
    let mut sandbox = Sandbox::without_lattice();
    if var("GIT_LATTICE_TEST_WITHOUT_SHELLS").is_some() {
        return;
    }
    which::which("man").expect("man is needed: `scripts/test` installs it");
    sandbox.use_machine();
    let root = sandbox.path("home/.local/share/man");
    let line = format!("export MANPATH={}:", quote(&root));
    sandbox.lattice(&["man", "--install"]).exits(0).says_out("wrote").says_err(&line);
    let run = sandbox
        .lattice_in("work", &["man", "--install"], |command| command.env("MANPATH", format!("{}:", root.display())));
    run.exits(0).says_out("unchanged").says_err("`man` finds it");
    let mut help = Command::new("git");
    help.args(["lattice", "--help"]).current_dir(sandbox.work());
    sandbox.environment(&mut help);
    let help = help.env("MANPATH", format!("{}:", root.display())).output().unwrap();
    assert!(
        String::from_utf8_lossy(&help.stdout).contains("git-lattice(1)"),
        "{}",
        String::from_utf8_lossy(&help.stderr)
    );
    let run = sandbox.lattice(&["man", "--install", "pages"]).exits(0);
    assert!(sandbox.path("work/pages/git-lattice.1").exists());
    run.says_err("folders of the name `man1`");
    sandbox.use_program("man", "#!/bin/sh\necho /elsewhere >&2\nexit 1\n");
    sandbox.lattice(&["man", "--install", "pages/man1"]).exits(0).says_err("pages':");
}
