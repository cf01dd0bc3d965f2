//! `git lattice init`

use anyhow::{Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::complete::Slot;
use super::shared::adoption;
use super::shared::hooks::show;
use super::shared::session::Session;
use crate::config::document::{AxisDraft, Draft};
use crate::config::{self, Config, DEFAULT_BRANCH, DEFAULT_FLAKE};
use crate::error;
use crate::lattice::{Axis, Kind};
use crate::ops::Cannot;
use crate::ops::adopt;
use crate::ops::hooks::{self, InstallOptions};
use crate::ops::init::{self, Written};
use crate::ops::refspec;
use crate::process::quote;

const AXES: [&str; 4] = ["component", "arch", "phase", "step"];

pub(super) fn command() -> Command {
    let values = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("VALUE").action(ArgAction::Append).value_delimiter(',').help(help)
    };
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let command = Command::new("init")
        .about("Write a commented lattice.toml into the worktree")
        .long_about(
            "Write a commented lattice.toml into the worktree. Component and arch are sets; phase and step are numbered without end \
             (phase0, phase1, ... and step1, step2, ...) unless their values are listed. Commit it on the base branch. If there is \
             a remote, init adds a refspec to git's configuration, so that `git fetch` brings records.\n\n\
             With `--adopt`, the axes and their values are those of existing branches: `git lattice adopt` shows them first.",
        )
        .arg(values("component", "What is built; several separated by commas"))
        .arg(Slot::Arch.of(values("arch", "For which architectures; without it, this machine's")))
        .arg(values("phase", "The phases in order; without it phase0, phase1, ..."))
        .arg(values("step", "The steps of a phase in order; without it step1, step2, ..."))
        .arg(Arg::new("chain").long("chain").value_name("AXIS").action(ArgAction::Append).value_delimiter(',').help("Order the values of an axis: `component`, or with `--adopt` any; each is built on the one before"))
        .arg(Slot::Branch.of(text("base", "BRANCH", "The branch below all points; otherwise the remote's default branch, or main")))
        .arg(Slot::Remote.of(text("remote", "NAME", "Where points are pushed to; otherwise origin, if it exists; \"\" to push nowhere")))
        .arg(text("branch", "PATTERN", "How a point names its branch [default: feature/{component}/{arch}/{phase}/{step}]"))
        .arg(text("flake", "PATTERN", "How a point names its directory [default: flakes/{component}/{arch}/{phase}/{step}]"))
        .arg(values("system", "The Nix system of an architecture, if its name does not imply it").value_name("ARCH=SYSTEM"))
        .arg(flag("force", "Change an existing lattice.toml; its comments stay"))
        .arg(flag("hooks", "Install the git hooks").conflicts_with("no-hooks"))
        .arg(flag("no-hooks", "Do not suggest the git hooks"))
        .arg(
            flag("adopt", "Take the axes and their values from existing branches")
                .conflicts_with_all(["component", "arch", "phase", "step", "branch", "force"]),
        );
    adoption::add_args(command).mut_args(|arg| match arg.get_id().as_str() {
        "from" | "axes" => arg.requires("adopt"),
        _ => arg,
    })
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    session.recover()?;
    let (context, ui) = (session.context()?, &session.ui);
    let adopted = if args.get_flag("adopt") { Some(adopt::propose(context, &adoption::request(args)?)?) } else { None };
    let draft = adopted.as_ref().map_or_else(|| draft(session, args), |adopted| Ok(adopted.draft.clone()))?;
    if args.get_flag("hooks") {
        hooks::ensure_installable(context, &InstallOptions::default())?;
    }
    let plan = init::plan(context, &draft, args.get_flag("force"))?;
    if args.get_flag("hooks") {
        show(ui, &hooks::install(context, &InstallOptions::default())?);
    }
    let config = plan.config.clone();
    let Written { path, refspec } = plan.apply(context)?;
    let shown = path.strip_prefix(&session.environment.cwd).unwrap_or(&path);
    ui.tell(format!("wrote {}", shown.display()));
    if let Some(remote) = config.remote.as_ref().filter(|_| refspec.is_some()) {
        ui.say(refspec::notice(remote));
    }
    config.unknown_keys().for_each(|sentence| ui.warn(sentence));
    hint_at_remote(session, &config)?;
    let code = adopted.map_or(error::OK, |adopted| adoption::show(ui, &adopted));
    ui.hint(format!(
        "it is not committed yet; commit it on `{base}`: `git add {file} && git commit -m 'declare the lattice'`",
        base = config.base,
        file = config::FILE
    ));
    if !args.get_flag("hooks") && !args.get_flag("no-hooks") {
        ui.hint("`git lattice hooks install` adds git hooks: lint before a commit, build after a switch");
    }
    Ok(code)
}

/// Names the command that adds the remote, if the repository does not have it.
fn hint_at_remote(session: &Session, config: &Config) -> Result<()> {
    let known = session.context()?.repo.remotes();
    if let Some(remote) = config.remote.as_ref().filter(|remote| !known.contains(remote)) {
        session.ui.hint(format!("there is no remote `{remote}` yet; add it by `git remote add {} URL`", quote(remote)));
    }
    Ok(())
}

fn draft(session: &Session, args: &ArgMatches) -> Result<Draft> {
    let repo = &session.context()?.repo;
    // Read the file in the worktree, which is edited, and not that of the base branch.
    let old =
        if args.get_flag("force") { session.context()?.document().and_then(|it| Ok(it.config()?)).ok() } else { None };
    let asked = Arguments { args, old: old.as_ref() };
    if let Some(stray) = asked.given("chain").iter().find(|chain| *chain != "component") {
        bail!(
            "`--chain {stray}`: phases and steps are ordered, and architectures are not; only `component` can be chosen"
        );
    }
    let text = |name: &str| args.get_one::<String>(name).cloned();
    let axes = AXES.iter().map(|name| Ok(asked.axis(name)?.map(|axis| ((*name).to_owned(), axis))));
    let axes = axes.filter_map(Result::transpose).collect::<Result<_>>()?;
    let remote = text("remote")
        .or_else(|| old.as_ref().map(|old| old.remote.clone().unwrap_or_default()))
        .or_else(|| init::detect_remote(repo));
    let base = match text("base").or_else(|| old.as_ref().map(|old| old.base.to_string())) {
        Some(base) => Some(base),
        None => init::detect_base(repo, remote.as_deref())?,
    };
    let base = base.ok_or(Cannot::UnknownBase)?;
    let pattern = |root: &str| AXES.iter().fold(root.to_owned(), |text, axis| format!("{text}/{{{axis}}}"));
    let old_pattern = |pick: fn(&Config) -> String| old.as_ref().map(pick);
    Ok(Draft {
        base,
        remote: remote.unwrap_or_default(),
        branch: text("branch")
            .or_else(|| old_pattern(|old| old.branch.to_string()))
            .unwrap_or_else(|| pattern(DEFAULT_BRANCH)),
        flake: text("flake")
            .or_else(|| old_pattern(|old| old.flake.to_string()))
            .unwrap_or_else(|| pattern(DEFAULT_FLAKE)),
        axes,
        systems: init::systems(&asked.values("arch"), &asked.given("system"), &asked.known("arch"))?,
        system_axis: None,
    })
}

/// The arguments, with the existing lattice.toml as defaults.
struct Arguments<'a> {
    args: &'a ArgMatches,
    old: Option<&'a Config>,
}

impl Arguments<'_> {
    fn given(&self, name: &str) -> Vec<String> {
        self.args.get_many::<String>(name).map(|values| values.cloned().collect()).unwrap_or_default()
    }

    fn old_axis(&self, name: &str) -> Option<&Axis> {
        self.old.and_then(|old| old.lattice.axes().iter().find(|axis| axis.name.as_str() == name))
    }

    /// The listed values of the axis in the existing file.
    fn known(&self, name: &str) -> Vec<String> {
        let values = self.old_axis(name).and_then(Axis::listed).unwrap_or_default();
        values.iter().map(ToString::to_string).collect()
    }

    /// The listed values of the new axis; empty for an open chain.
    fn values(&self, name: &str) -> Vec<String> {
        match self.given(name) {
            given if !given.is_empty() => given,
            _ if self.old_axis(name).is_some() => self.known(name),
            _ if name == "arch" => vec![std::env::consts::ARCH.to_owned()],
            _ => Vec::new(),
        }
    }

    /// The new definition of an axis; `None` if it stays as it is.
    fn axis(&self, name: &str) -> Result<Option<AxisDraft>> {
        let chain = self.given("chain").iter().any(|chain| chain == name);
        let old = self.old_axis(name);
        if self.given(name).is_empty() && old.is_some() && !chain {
            return Ok(None);
        }
        let values = self.values(name);
        if values.is_empty() && name == "component" {
            bail!("what is to be built? Name it with `--component`, as in `--component solana-rust-1.83`");
        }
        let is_ordered =
            matches!(name, "phase" | "step") || chain || old.is_some_and(|old| matches!(old.kind, Kind::Chain(_)));
        let numbered = if name == "phase" { ("phase{n}", 0) } else { ("step{n}", 1) };
        Ok(Some(init::axis_draft(&values, is_ordered, numbered)))
    }
}
