//! One file a command: its arguments, one call, one view.

mod axis;
mod background;
mod build;
mod check;
mod choice;
mod doctor;
pub(crate) mod hook;
mod hooks;
mod init;
mod lint;
mod log;
mod made;
mod new;
mod next_step;
mod ops;
mod places;
mod points;
mod promote;
mod prompt;
mod show;
mod status;
mod sync;
mod texts;
mod trust;
mod undo;

use std::cell::OnceCell;
use std::collections::HashSet;
use std::rc::Rc;

use anyhow::Result;
use clap::{ArgMatches, Command};

use crate::config::Config;
use crate::context::Context;
use crate::env::Environment;
use crate::git::Repo;
use crate::ops::change::recover;
use crate::ops::unfinished;
use crate::ui::{Ui, harmless};
use crate::{error, process};

/// The axes whose flags exist where no `lattice.toml` says otherwise.
const USUAL_AXES: [&str; 4] = ["component", "arch", "phase", "step"];

/// What all commands share: opened once, the first time that somebody asks.
pub(crate) struct Session {
    pub environment: Environment,
    context: OnceCell<Context>,
    config: OnceCell<Rc<Config>>,
    /// How to speak.
    pub ui: Ui,
}

impl Session {
    /// A session in this environment.
    pub(crate) fn new(environment: Environment) -> Self {
        let ui = Ui::new(&environment);
        Self { environment, context: OnceCell::new(), config: OnceCell::new(), ui }
    }

    /// The repository.
    ///
    /// # Errors
    /// When there is none that can be used.
    pub(crate) fn context(&self) -> Result<&Context> {
        if self.context.get().is_none() {
            self.context.set(Context::open(self.environment.clone())?).ok();
        }
        self.context.get().ok_or_else(|| anyhow::anyhow!("the repository was not opened"))
    }

    /// `lattice.toml`.
    ///
    /// # Errors
    /// When there is none that can be used.
    pub(crate) fn config(&self) -> Result<&Config> {
        if self.config.get().is_none() {
            let config = self.context()?.config()?;
            for key in &config.unheard {
                self.ui.warn(format!(
                    "`{key}` counts only once it is committed on the base branch: this file may not say it"
                ));
            }
            for key in &config.unknown {
                self.ui.warn(format!("`{key}` in lattice.toml means nothing to this version"));
            }
            self.config.set(config).ok();
        }
        self.config.get().map(Rc::as_ref).ok_or_else(|| anyhow::anyhow!("lattice.toml was not read"))
    }

    /// Puts right what an interrupted command left: the beginning of every command that writes.
    ///
    /// # Errors
    /// When refs or the journal cannot be used.
    pub(crate) fn recover(&self) -> Result<()> {
        let context = self.context()?;
        let lines = recover(&context.repo)?;
        if !lines.is_empty() {
            context.forget_config();
        }
        context.notices.borrow_mut().extend(lines);
        self.tell_notices();
        self.settle(unfinished::settle);
        Ok(())
    }

    /// Puts right what killed gits left. Where that fails, git will say what is in its way.
    fn settle(&self, settle: fn(&Repo) -> Result<()>) {
        let Some(context) = self.context.get() else { return };
        if let Err(error) = settle(&context.repo) {
            self.ui.warn(format!("what a killed git left could not be put right: {}", harmless(&format!("{error:#}"))));
        }
    }

    fn tell_notices(&self) {
        let Some(context) = self.context.get() else { return };
        context.notices.take().iter().for_each(|line| self.ui.say(harmless(line)));
    }

    /// The axes to have flags for: lattice.toml's; where there is none, the usual ones.
    pub(crate) fn axis_names(&self) -> Vec<String> {
        let Ok(config) = self.context().and_then(|context| Ok(context.config()?)) else { return usual_axes() };
        config.lattice.axes().iter().map(|axis| axis.name.to_string()).collect()
    }
}

/// The whole command line; where points can be named there is a flag for each of `axes`.
pub(crate) fn line(axes: &[String]) -> Command {
    Command::new("git-lattice")
        .bin_name("git lattice")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Build in stages: every step a branch, every branch a reproducible flake, every result recorded in git")
        .after_help(
            "A point is written component/arch/phase/step, with `*` and `{a,b}` where several can be meant, or by its branch.\n\
             What is left open comes from the branch that HEAD is on.\n\n\
             Exit status: 0 done, 1 the answer is no, 2 it could not be done.",
        )
        .disable_help_subcommand(true)
        .subcommands(all(&free(axes)))
}

/// The axes that can have a flag: a flag that a command has of its own goes first, and such an axis is named in the point itself.
fn free(axes: &[String]) -> Vec<String> {
    let own = all(&[]);
    let takes_points = |command: &&Command| command.get_arguments().any(|arg| arg.get_id() == points::POINTS);
    let flags = own.iter().filter(takes_points).flat_map(Command::get_arguments).filter_map(clap::Arg::get_long);
    let taken: HashSet<&str> = flags.chain(["help", "version"]).collect();
    axes.iter().filter(|axis| !taken.contains(axis.as_str())).cloned().collect()
}

/// The same with the usual axes, for the man page and completions.
fn usual_line() -> Command {
    line(&usual_axes())
}

fn usual_axes() -> Vec<String> {
    USUAL_AXES.map(str::to_owned).to_vec()
}

fn all(axes: &[String]) -> Vec<Command> {
    vec![
        init::command(),
        axis::command(),
        new::command(axes),
        next_step::command(axes),
        promote::command(axes),
        build::command(axes),
        log::command(axes),
        status::command(axes),
        show::command(axes),
        sync::command(axes),
        undo::command(),
        ops::command(),
        trust::command(axes),
        lint::command(),
        check::command(axes),
        doctor::command(),
        hooks::command(),
        prompt::command(),
        texts::completions(),
        texts::man(),
    ]
}

/// Runs the command that was given; bare `git lattice` is `status`.
pub(crate) fn run(session: &Session, matches: &ArgMatches) -> u8 {
    let done = match matches.subcommand() {
        Some(("init", args)) => init::run(session, args),
        Some(("axis", args)) => axis::run(session, args),
        Some(("new", args)) => new::run(session, args),
        Some(("next-step", args)) => next_step::run(session, args),
        Some(("promote", args)) => promote::run(session, args),
        Some(("build", args)) => build::run(session, args),
        Some(("status", args)) => status::run(session, Some(args)),
        Some(("show", args)) => show::run(session, args),
        Some(("log", args)) => log::run(session, args),
        Some(("sync", args)) => sync::run(session, args),
        Some(("undo", args)) => undo::run(session, args),
        Some(("ops", args)) => ops::run(session, args),
        Some(("trust", args)) => trust::run(session, args),
        Some(("lint", args)) => lint::run(session, args),
        Some(("check", args)) => check::run(session, args),
        Some(("doctor", args)) => doctor::run(session, args),
        Some(("prompt", args)) => prompt::run(session, args),
        Some(("hooks", args)) => hooks::run(session, args),
        Some(("completions", args)) => Ok(texts::run_completions(session, args)),
        Some(("man", args)) => texts::run_man(session, args),
        _ => status::run(session, None),
    };
    session.tell_notices();
    if !process::is_ending() {
        session.settle(unfinished::settle_own);
    }
    match done {
        Ok(code) => code,
        // Ctrl-C is known to the user, and what it cut off need not be explained.
        Err(_) if process::is_cut_off() => error::CANNOT,
        Err(error) => report(&session.ui, &error),
    }
}

/// A number with its noun.
fn tally(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Says what went wrong, why, and what to do; gives the exit code.
pub(crate) fn report(ui: &Ui, failure: &anyhow::Error) -> u8 {
    ui.progress("");
    // Messages name what branches, files and people are called.
    let words = |text: &dyn std::fmt::Display| text.to_string().lines().map(harmless).collect::<Vec<_>>().join("\n");
    let mut said = words(failure);
    ui.error(&said);
    for cause in failure.chain().skip(1) {
        let text = words(&cause);
        // Wrappers that only pass their source's words on would say everything twice.
        if !said.contains(&text) {
            ui.say(format!("caused by: {text}"));
        }
        said = text;
    }
    for hint in error::hints(failure) {
        ui.hint(words(&hint));
    }
    error::exit_code(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The long flags of all commands, those for axes aside.
    fn own_flags() -> Vec<String> {
        let all = all(&[]);
        let flags = all.iter().flat_map(Command::get_arguments).filter_map(clap::Arg::get_long);
        let once: HashSet<&str> = flags.chain(["help", "version", "points"]).collect();
        once.into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn axes_named_like_any_flag_leave_a_sound_command_line() {
        line(&own_flags()).debug_assert();
    }

    #[test]
    fn an_axis_gives_way_to_a_flag_of_the_same_name() {
        let axes = ["again", "to", "json", "help", "arch", "operation", "points"].map(str::to_owned);
        assert_eq!(free(&axes), ["arch", "operation", "points"]);
    }
}
