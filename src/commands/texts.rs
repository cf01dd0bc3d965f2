//! `git lattice completions` and `git lattice man`: generated from the command line.

use std::io::Write;

use anyhow::{Context as _, Result};
use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;

use super::Session;
use crate::error;

/// A function for git's bash completion, which calls it for `git lattice`. Those of zsh and fish find `git-lattice`
/// themselves.
const BRIDGE: &str = r#"
_git_lattice() {
    local at=1
    while [[ ${COMP_WORDS[at]} != lattice ]]; do
        ((++at < COMP_CWORD)) || return 0
    done
    local words=(git-lattice "${COMP_WORDS[@]:at+1}")
    local COMP_WORDS=("${words[@]}") COMP_CWORD=$((COMP_CWORD - at))
    _gitlattice git-lattice "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
}
"#;

pub(super) fn completions() -> Command {
    Command::new("completions")
        .about("Print the completions for a shell")
        .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(clap::value_parser!(Shell)))
}

pub(super) fn man() -> Command {
    Command::new("man")
        .about("Print the man page git-lattice(1), which `git lattice --help` opens where it is installed")
}

pub(super) fn run_completions(session: &Session, args: &ArgMatches, line: &Command) -> u8 {
    let Some(&shell) = args.get_one::<Shell>("shell") else { return error::CANNOT };
    let generate = |name: &str| {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut line.clone().bin_name(name), name, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    };
    let text = match shell {
        // clap_complete 4.6 omits the subcommands of a program with `-` in its name.
        Shell::Bash => generate("gitlattice").replace("default gitlattice\n", "default git-lattice\n") + BRIDGE,
        _ => generate("git-lattice"),
    };
    session.ui.data(text.trim_end());
    error::OK
}

pub(super) fn run_man(session: &Session, line: Command) -> Result<u8> {
    let mut text = Vec::new();
    page(line, &mut text).context("could not write the man page")?;
    session.ui.data(String::from_utf8_lossy(&text).trim_end());
    Ok(error::OK)
}

/// Writes one page: the head, then each command with its options.
fn page(mut whole: Command, out: &mut Vec<u8>) -> std::io::Result<()> {
    // Building gives the subcommands their full names.
    whole.build();
    let man = clap_mangen::Man::new(whole.clone()).title("git-lattice").section("1");
    man.render_title(&mut *out)?;
    man.render_name_section(&mut *out)?;
    man.render_synopsis_section(&mut *out)?;
    man.render_description_section(&mut *out)?;
    writeln!(out, ".PP\n{}", whole.get_after_help().map(ToString::to_string).unwrap_or_default())?;
    whole.get_subcommands().try_for_each(|command| section(out, command))
}

/// Writes the section of a command and of its subcommands.
fn section(out: &mut Vec<u8>, command: &Command) -> std::io::Result<()> {
    let mut text = Vec::new();
    let man = clap_mangen::Man::new(command.clone());
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    writeln!(out, ".SH {}", command.get_bin_name().unwrap_or(command.get_name()).to_uppercase())?;
    out.write_all(String::from_utf8_lossy(&text).replace(".SH ", ".SS ").as_bytes())?;
    command.get_subcommands().filter(|inner| inner.get_name() != "help").try_for_each(|inner| section(out, inner))
}
