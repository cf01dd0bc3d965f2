//! `git lattice completions` and `git lattice man`: the command line in other forms.

use std::io::Write;

use anyhow::{Context as _, Result};
use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;

use super::Session;
use crate::{cli, error};

pub(super) fn completions() -> Command {
    Command::new("completions")
        .about("Print the completions for a shell")
        .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(clap::value_parser!(Shell)))
}

pub(super) fn man() -> Command {
    Command::new("man")
        .about("Print the man page git-lattice(1), which `git lattice --help` opens where it is installed")
}

pub(super) fn run_completions(session: &Session, args: &ArgMatches) -> u8 {
    let Some(&shell) = args.get_one::<Shell>("shell") else { return error::CANNOT };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut cli::usual_command().bin_name("git-lattice"), "git-lattice", &mut text);
    session.ui.data(String::from_utf8_lossy(&text).trim_end());
    error::OK
}

pub(super) fn run_man(session: &Session, _args: &ArgMatches) -> Result<u8> {
    let mut text = Vec::new();
    page(&mut text).context("could not write the man page")?;
    session.ui.data(String::from_utf8_lossy(&text).trim_end());
    Ok(error::OK)
}

/// One page for everything: the head, then each command with its options.
fn page(out: &mut Vec<u8>) -> std::io::Result<()> {
    let mut whole = cli::usual_command().bin_name("git-lattice");
    whole.build();
    clap_mangen::Man::new(whole.clone()).title("git-lattice").section("1").render(out)?;
    for command in whole.get_subcommands().filter(|command| command.get_name() != "help") {
        let man = clap_mangen::Man::new(command.clone().display_name(format!("git lattice {}", command.get_name())));
        writeln!(out, ".SH GIT LATTICE {}", command.get_name().to_uppercase())?;
        man.render_synopsis_section(&mut *out)?;
        man.render_description_section(&mut *out)?;
        man.render_options_section(&mut *out)?;
    }
    Ok(())
}
