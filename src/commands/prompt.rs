//! `git lattice prompt`

use std::rc::Rc;

use anyhow::Result;
use clap::{Arg, ArgMatches, Command};

use super::Session;
use crate::config::Config;
use crate::error;
use crate::lattice::Kind;
use crate::points::status::{self, PointStatus};
use crate::ui::{duration, picture};

/// The default of `--format`.
const FORMAT: &str = "{mark} {short}";

pub(super) fn command() -> Command {
    Command::new("prompt")
        .about("Print the state of HEAD's point for a shell's prompt")
        .long_about(
            "Print the state of HEAD's point on one line, such as `✓ phase0/step2`; nothing if HEAD is not on a point, and never \
             an error about the repository.",
        )
        .arg(Arg::new("format").long("format").value_name("TEXT").default_value(FORMAT).help(
            "What to print: {mark}, {state}, {point}, {short} (its phase and step), {time} (of a build that runs or waits), or an \
             axis by its name, such as {arch}",
        ))
}

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    let format = args.get_one::<String>("format").map_or(FORMAT, String::as_str);
    // A prompt is drawn in every directory, so errors of a repository are not reported here.
    let Ok(Some((config, status))) = look(session) else { return Ok(error::OK) };
    session.ui.data(fill(format, &config, &status)?);
    Ok(error::OK)
}

fn look(session: &Session) -> Result<Option<(Rc<Config>, PointStatus)>> {
    let context = session.context()?;
    // Not `Session::config`, which warns of unknown keys: the warning would appear before every command.
    let config = context.config()?;
    let Some(point) = context.head_point(&config)? else { return Ok(None) };
    Ok(status::status_of(context, &config, &point)?.map(|status| (config, status)))
}

fn fill(format: &str, config: &Config, status: &PointStatus) -> Result<String> {
    let (mut filled, mut rest) = (String::new(), format);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        filled.push_str(before);
        filled.push_str(&value(name, config, status)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled.trim_end().to_owned())
}

fn value(name: &str, config: &Config, status: &PointStatus) -> Result<String> {
    let lattice = &config.lattice;
    let texts = lattice.texts(&status.named.point);
    Ok(match name {
        "mark" => picture::mark(status.state, false).0.to_owned(),
        "state" => status.state.word().to_owned(),
        "point" => status.named.spelled.clone().into(),
        "short" => {
            let is_chain = |axis: usize| !matches!(lattice.axes()[axis].kind, Kind::Set(_));
            let chains: Vec<_> =
                (0..texts.len()).filter(|&axis| is_chain(axis)).map(|axis| texts[axis].as_str()).collect();
            if chains.is_empty() { status.named.spelled.clone().into() } else { chains.join("/") }
        }
        "time" => status.activity.map(|activity| duration::exact(activity.seconds())).unwrap_or_default(),
        axis => match lattice.axis_index(axis) {
            Ok(index) => texts[index].clone(),
            Err(_) => anyhow::bail!(
                "unknown `{{{axis}}}` in --format: expected {{mark}}, {{state}}, {{point}}, {{short}}, {{time}} or the name of an axis"
            ),
        },
    })
}
