//! `git lattice completions`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Session;
use super::complete::Shell;
use super::shared::install;
use crate::ops::install::Installable;
use crate::process::quote;
use crate::ui::terminal_safe;
use crate::{env, error};

/// In the first lines of every script.
const MARK: &str = "made by `git lattice completions";
/// Where systems have the script of the package bash-completion.
const BASH_COMPLETION: [&str; 5] = [
    "/usr/share/bash-completion/bash_completion",
    "/usr/local/share/bash-completion/bash_completion",
    "/run/current-system/sw/share/bash-completion/bash_completion",
    "/opt/homebrew/etc/profile.d/bash_completion.sh",
    "/usr/local/etc/profile.d/bash_completion.sh",
];

pub(super) fn command() -> Command {
    Command::new("completions")
        .about("Print the completions for a shell, or install them")
        .long_about(
            "Print the script that completes `git lattice` and `git-lattice` in a shell, or install it where the shell loads it.\n\n\
             It completes commands, flags, points, the values of axes, operations and branches. These come from lattice.toml and \
             the branches: the script asks git-lattice at each press of the Tab key.",
        )
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .required(true)
                .value_parser(PossibleValuesParser::new(Shell::ALL.map(Shell::name))),
        )
        .arg(
            Arg::new("install")
                .long("install")
                .action(ArgAction::SetTrue)
                .help("Write it where the shell loads it; a second time changes nothing"),
        )
        .args(install::flags("Remove what --install wrote"))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let name = args.get_one::<String>("shell").map(String::as_str).unwrap_or_default();
    let Some(shell) = Shell::parse(name) else { return Ok(error::CANNOT) };
    let installs = args.get_flag("install");
    if !installs && !args.get_flag("uninstall") {
        session.ui.data(shell.script().trim_end());
        return Ok(error::OK);
    }
    let path = file(shell).context("there is no folder for it: HOME is not set")?;
    install::apply(session, args, &Installable { path: path.clone(), text: shell.script(), mark: MARK })?;
    advise(session, shell, &path, installs);
    Ok(error::OK)
}

/// The folders into which scripts are installed.
pub(super) fn folders() -> Vec<PathBuf> {
    Shell::ALL.into_iter().filter_map(|shell| Some(file(shell)?.parent()?.to_owned())).collect()
}

/// The file from which the shell loads the script.
fn file(shell: Shell) -> Option<PathBuf> {
    Some(match shell {
        Shell::Bash => env::bash_completions()?.join("git-lattice"),
        Shell::Elvish => env::config_home()?.join("elvish/lib/git-lattice.elv"),
        // fish loads the files in `completions` for one command each, and there are two: git-lattice and git.
        Shell::Fish => env::config_home()?.join("fish/conf.d/git-lattice.fish"),
        Shell::Nushell => nushell_home()?.join("vendor/autoload/git-lattice.nu"),
        Shell::Powershell => env::data_home()?.join("git-lattice/git-lattice.ps1"),
        Shell::Zsh => env::data_home()?.join("zsh/site-functions/_git-lattice"),
    })
}

/// `$nu.data-dir`.
fn nushell_home() -> Option<PathBuf> {
    if cfg!(target_os = "macos") && !env::has_data_home() {
        return Some(env::home()?.join("Library/Application Support/nushell"));
    }
    Some(env::data_home()?.join("nushell"))
}

/// Says what the shell does by itself, and which line the user has to write or to remove.
fn advise(session: &Session, shell: Shell, path: &Path, installs: bool) {
    let ui = &session.ui;
    match line(shell, path) {
        Some((file, line)) if installs => ui.hint(terminal_safe(&format!("add to {file}: {line}"))),
        Some((file, line)) => ui.hint(terminal_safe(&format!("remove from {file}, if it is there: {line}"))),
        None if installs => ui.say(format!("{} loads it in new shells", shell.name())),
        None => {}
    }
}

/// The line that loads the script, with the file that it belongs into; `None` if the shell loads the script by itself.
fn line(shell: Shell, path: &Path) -> Option<(&'static str, String)> {
    let folder = path.parent().unwrap_or(path);
    match shell {
        Shell::Fish | Shell::Nushell => None,
        // The package bash-completion loads it.
        Shell::Bash if BASH_COMPLETION.iter().any(|path| Path::new(path).exists()) => None,
        Shell::Bash => Some(("~/.bashrc", format!("source {}", quote(path)))),
        Shell::Zsh if is_in_fpath(folder) => None,
        Shell::Zsh => Some(("~/.zshrc, before `compinit`", format!("fpath=({} $fpath)", quote(folder)))),
        Shell::Elvish => Some(("~/.config/elvish/rc.elv", "use git-lattice".to_owned())),
        Shell::Powershell => Some(("the file that $PROFILE names", format!(". {}", quote(path)))),
    }
}

/// Whether `.zshrc` names the folder. zsh itself is not asked, since that would run the user's `.zshrc`.
fn is_in_fpath(folder: &Path) -> bool {
    let Some(text) = env::zsh_home().and_then(|home| std::fs::read_to_string(home.join(".zshrc")).ok()) else {
        return false;
    };
    let below_home = env::home().and_then(|home| folder.strip_prefix(home).ok().map(Path::to_owned));
    let names = [Some(folder.to_owned()), below_home];
    text.lines().any(|line| {
        line.contains("fpath") && names.iter().flatten().any(|name| line.contains(&*name.to_string_lossy()))
    })
}
