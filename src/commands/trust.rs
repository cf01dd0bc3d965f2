//! `git lattice trust`

use anyhow::{Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use serde_json::{Value, json};

use super::Session;
use super::complete::Slot;
use super::shared::points::{self, Selection};
use crate::context::Context;
use crate::error;
use crate::git::commit::Commit;
use crate::git::{Oid, Repo};
use crate::ops::trust::{self, Allowance, Hidden, Ledger, Listed, Review, ReviewItem};
use crate::points::census::Census;
use crate::ui::table::Cell;
use crate::ui::{Tone, Ui, terminal_safe};

pub(super) fn command(axes: &[String]) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let json = || flag("json", "Print JSON");
    let command = Command::new("trust")
        .about("Allow the background build of content that was not made here")
        .long_about(
            "Allow the background build of content that was not made here.\n\n\
             A switch to a branch builds its point automatically only when everything that the build would run was generated, made in \
             this clone, or signed by a key that you trust. This command shows the other content, asks, and allows only what it \
             has shown; after a change it has to be allowed again. What you trust is kept in your own state directory \
             (`$XDG_STATE_HOME/git-lattice/trust.json`), never in a repository.\n\n\
             Stores, builders and caches that lattice.toml names on the base branch are ignored until `--settings` has \
             allowed exactly these, in this clone.",
        )
        .args_conflicts_with_subcommands(true)
        .arg(
            Arg::new("author")
                .long("author")
                .value_name("KEY")
                .value_hint(ValueHint::FilePath)
                .action(ArgAction::Append)
                .conflicts_with("points")
                .help("Trust what this key signs: an ssh public key, a file with one, or a fingerprint"),
        )
        .arg(
            flag("settings", "Allow the stores, builders and caches that lattice.toml names on the base branch")
                .conflicts_with_all(["points", "author"]),
        )
        .arg(flag("dry-run", "Show what would be allowed, and allow nothing"))
        .arg(flag("yes", "Do not ask").short('y'))
        .arg(json())
        .subcommand(Command::new("list").about("Show what is trusted").arg(json()))
        .subcommand(
            Command::new("revoke")
                .about("Stop trusting something")
                .arg(Slot::Trusted.of(
                    Arg::new("what")
                        .value_name("KEY|POINT")
                        .action(ArgAction::Append)
                        .required_unless_present("all")
                        .help("A key, a point, the fingerprint of an author, or the folder of settings, as `trust list` shows it"),
                ))
                .arg(flag("all", "Trust nothing any more").conflicts_with("what")),
        );
    points::add_args(command, axes, true)
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    match args.subcommand() {
        Some(("list", args)) => list(session, args),
        Some(("revoke", args)) => revoke(session, args),
        _ if args.get_flag("settings") => settings(session, args),
        _ if args.contains_id("author") => authors(session, args),
        _ => content(session, args),
    }
}

/// The repository, if there is one: the ledger must not be inside it.
fn repo(session: &Session) -> Option<&Repo> {
    session.context().ok().map(|context| &context.repo)
}

fn content(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, ui, dry_run) = (session.context()?, &session.ui, args.get_flag("dry-run"));
    let config = context.policy()?;
    let census = Census::take(&context.repo, &config)?;
    let points = Selection::read(&config, args)?.existing(session, &config, &census)?;
    let plan = trust::plan(context, &config, &census, &points)?;
    let (known, new): (Vec<_>, Vec<_>) = plan.into_iter().partition(|allowance| allowance.is_permitted);
    for allowance in &known {
        ui.say(format!("{} is built automatically already", allowance.named.spelled));
    }
    new.iter().for_each(|allowance| show(ui, context, allowance));
    let new = if dry_run { Vec::new() } else { new };
    if !new.is_empty() && !confirm(ui, args, "Build exactly this without asking from now on?")? {
        return Ok(error::NO);
    }
    if !new.is_empty() {
        trust::allow(context, &new)?;
    }
    if args.get_flag("json") {
        let one = |it: &Allowance| json!({ "point": it.named.spelled, "key": it.key.to_string(), "commit": it.commit.id.to_string() });
        ui.json(json!({ "trusted": new.iter().map(one).collect::<Vec<_>>(), "dry_run": dry_run }));
    } else {
        let row = |it: &Allowance| vec!["trusted".into(), it.named.spelled.as_str().into(), short(it.key).into()];
        ui.table(&new.iter().map(row).collect::<Vec<_>>());
    }
    Ok(error::OK)
}

fn settings(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (context, ui, dry_run) = (session.context()?, &session.ui, args.get_flag("dry-run"));
    let review = trust::review(context)?;
    review.diff().iter().for_each(|line| ui.quote(terminal_safe(line)));
    let is_open = !review.is_settled() && !dry_run;
    let answer = if is_open { confirm(ui, args, "Use exactly these from now on, in this clone?") } else { Ok(false) };
    let allows = matches!(answer, Ok(true));
    if allows {
        trust::allow_settings(context, &review)?;
    }
    if args.get_flag("json") {
        let is_allowed = review.is_allowed || allows;
        ui.json(json!({ "settings": review.lines, "key": review.key.to_string(), "diff": review.diff(), "allowed": is_allowed, "dry_run": dry_run }));
    } else {
        ui.tell(outcome(&review, allows));
    }
    answer?;
    Ok(if is_open && !allows { error::NO } else { error::OK })
}

/// The result for the settings in one line.
fn outcome(review: &Review, allows: bool) -> String {
    let word = match (allows, review.is_allowed) {
        _ if review.lines.is_empty() => return "nothing is proposed".to_owned(),
        (true, _) => "trusted",
        (false, true) => "unchanged",
        (false, false) => "not trusted",
    };
    format!("{word}  settings  {}", short(review.key))
}

fn authors(session: &Session, args: &ArgMatches) -> Result<u8> {
    let ui = &session.ui;
    let given = args.get_many::<String>("author").into_iter().flatten();
    let keys = given.map(|text| trust::key(text)).collect::<Result<Vec<_>, _>>()?;
    for (key, comment) in &keys {
        ui.say(terminal_safe(&format!("{key}  {comment}")));
    }
    if args.get_flag("dry-run") {
        if args.get_flag("json") {
            ui.json(json!({ "trusted": [], "dry_run": true }));
        }
        return Ok(error::OK);
    }
    if !confirm(ui, args, "Build without asking what is signed with this, in every repository?")? {
        return Ok(error::NO);
    }
    let new = Ledger::change(repo(session), |ledger| {
        let add = |(key, comment): &(String, String)| ledger.add_author(key, comment);
        keys.iter().map(add).collect::<Vec<_>>()
    })?;
    if args.get_flag("json") {
        let one = |(key, comment): &(String, String)| json!({ "author": key, "comment": comment });
        ui.json(json!({ "trusted": keys.iter().map(one).collect::<Vec<_>>(), "dry_run": false }));
        return Ok(error::OK);
    }
    let row = |((key, _), is_new): (&(String, String), bool)| {
        vec![if is_new { "trusted" } else { "unchanged" }.into(), key.as_str().into()]
    };
    ui.table(&keys.iter().zip(new).map(row).collect::<Vec<_>>());
    Ok(error::OK)
}

fn list(session: &Session, args: &ArgMatches) -> Result<u8> {
    let (ledger, ui) = (Ledger::read(repo(session))?, &session.ui);
    if args.get_flag("json") {
        ui.json(to_json(&ledger));
        return Ok(error::OK);
    }
    if ledger.content.is_empty() && ledger.authors.is_empty() && ledger.settings.is_empty() {
        ui.say("nothing is trusted");
        return Ok(error::OK);
    }
    let row = |kind: &str, key: &str, what: &str, when: &str| -> Vec<Cell> {
        [kind, key, what, when].map(|text| Cell::new(terminal_safe(text), Tone::Plain)).to_vec()
    };
    let content = ledger.content.iter().map(|it| row("content", &short(it.key), &it.point, &it.when));
    let authors = ledger.authors.iter().map(|it| row("author", &it.key, &it.comment, &it.when));
    let settings = ledger.settings.iter().map(|it| row("settings", &short(it.key), &it.repository, &it.when));
    ui.table(&content.chain(authors).chain(settings).collect::<Vec<_>>());
    Ok(error::OK)
}

fn to_json(ledger: &Ledger) -> Value {
    json!({ "content": ledger.content, "authors": ledger.authors, "settings": ledger.settings })
}

fn revoke(session: &Session, args: &ArgMatches) -> Result<u8> {
    let ui = &session.ui;
    if args.get_flag("all") {
        Ledger::forget(repo(session))?;
        ui.data("nothing is trusted any more");
        return Ok(error::OK);
    }
    let names: Vec<&String> = args.get_many("what").into_iter().flatten().collect();
    let counts =
        Ledger::change(repo(session), |ledger| names.iter().map(|name| ledger.revoke(name)).collect::<Vec<_>>())?;
    let mut code = error::OK;
    for (name, count) in names.iter().zip(counts) {
        if count == 0 {
            ui.error(format!("nothing trusted has the name `{}`", terminal_safe(name)));
            code = error::NO;
        } else {
            ui.tell(format!("revoked  {name}"));
        }
    }
    if code == error::NO {
        ui.hint("`git lattice trust list` shows what is trusted");
    }
    Ok(code)
}

/// Asks on a terminal; without one, `--yes` is required.
fn confirm(ui: &Ui, args: &ArgMatches, question: &str) -> Result<bool> {
    if args.get_flag("yes") {
        return Ok(true);
    }
    match ui.confirm(question) {
        Some(answer) => Ok(answer),
        None => bail!("there is no terminal to ask on: `--yes` says that you have reviewed it"),
    }
}

fn show(ui: &Ui, context: &Context, allowance: &Allowance) {
    let say = |line: String| ui.say(terminal_safe(&line));
    say(format!("{} at {}", allowance.named.spelled, describe(context, &allowance.commit)));
    for ReviewItem { path, why, files, has_more, written, command } in &allowance.parts {
        say(format!("  {path}: {why}"));
        if let Some(commit) = written {
            say(format!("    written in {}", describe(context, commit)));
        }
        files.iter().for_each(|file| say(format!("    {}", line(file))));
        if *has_more {
            say("    and more".to_owned());
        }
        say("    look:".to_owned());
        ui.quote(terminal_safe(&format!("        {command}")));
    }
}

fn line(Listed { path, hidden }: &Listed) -> String {
    match hidden {
        None => path.clone(),
        Some(Hidden::Line(line)) => {
            format!("{path}  (line {line} has terminal control characters)")
        }
        Some(Hidden::Large) => {
            format!("{path}  (too large to be searched for terminal control characters)")
        }
    }
}

fn describe(context: &Context, commit: &Commit) -> String {
    let subject = commit.message.lines().next().unwrap_or_default();
    format!("{} by {}: {subject}", context.repo.short(commit.id), commit.author)
}

fn short(key: Oid) -> String {
    key.to_hex_with_len(10).to_string()
}
