//! `git lattice man`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Arg, ArgMatches, Command, ValueHint};

use super::Session;
use super::shared::install;
use crate::ops::install::{Done, Installable};
use crate::process::{Cmd, quote};
use crate::{env, error};

const FILE: &str = "git-lattice.1";
/// In the title of every version of the page.
const MARK: &str = ".TH git-lattice 1";
/// How long `man` may look for the page.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn command() -> Command {
    Command::new("man")
        .about("Print the man page git-lattice(1), which `git lattice --help` opens, or install it")
        .arg(
            Arg::new("install")
                .long("install")
                .value_name("DIR")
                .num_args(0..=1)
                .value_parser(clap::value_parser!(PathBuf))
                .value_hint(ValueHint::DirPath)
                .help("Write it into this folder, or into ~/.local/share/man/man1; a second time changes nothing"),
        )
        .args(install::flags("Remove it from ~/.local/share/man/man1"))
}

pub(super) fn run(session: &Session, args: &ArgMatches, line: Command) -> Result<u8> {
    let mut text = Vec::new();
    page(line, &mut text).context("could not write the man page")?;
    let text = String::from_utf8_lossy(&text).trim_end().to_owned();
    let installs = args.contains_id("install");
    if !installs && !args.get_flag("uninstall") {
        session.ui.data(text);
        return Ok(error::OK);
    }
    let given = args.get_one::<PathBuf>("install").map(|dir| session.environment.cwd.join(dir));
    let folder = given.or_else(folder);
    let path = folder.context("there is no folder for it: HOME is not set")?.join(FILE);
    let done = install::apply(session, args, &Installable { path: path.clone(), text: text + "\n", mark: MARK })?;
    if installs && done != Done::Removed {
        report(session, &path);
    }
    Ok(error::OK)
}

/// The folder into which the page is installed by default.
pub(super) fn folder() -> Option<PathBuf> {
    Some(env::data_home()?.join("man/man1"))
}

/// Says whether `man` finds the page.
fn report(session: &Session, path: &Path) {
    let ui = &session.ui;
    let found = Cmd::new("man").args(["-w", "git-lattice"]).within(TIMEOUT).output();
    let Ok(found) = found else {
        ui.warn("`man` cannot be run here, and `git lattice --help` needs it");
        return;
    };
    let found = PathBuf::from(found.text().lines().next().unwrap_or_default());
    let real = |path: &Path| path.canonicalize().ok();
    match (real(&found), path.parent().and_then(Path::parent)) {
        (Some(page), _) if Some(&page) == real(path).as_ref() => {
            ui.say("`man` finds it: `git lattice --help` opens it");
        }
        (Some(page), _) => ui.warn(format!("`man` finds another page first: {}", page.display())),
        (None, Some(root)) if path.parent().is_some_and(|folder| folder.ends_with("man1")) => {
            ui.hint(format!("`man` does not search there; add to ~/.profile: export MANPATH={}:", quote(root)));
        }
        _ => ui.hint("`man` looks for this page only in folders of the name `man1`"),
    }
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
