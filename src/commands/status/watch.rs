//! `git lattice status --watch`: redraws the tables until the user ends it.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::ArgMatches;

use super::found::Found;
use crate::commands::Session;
use crate::env::Terminal;
use crate::error;
use crate::git::commit;
use crate::process;
use crate::ui::redraw::{Key, Redraw};
use crate::ui::survey::Place;
use crate::ui::{Tone, paint};

/// How long a drawing stays at least.
const REST: Duration = Duration::from_secs(1);
/// How many times longer a drawing stays than it took to make it, so that a large lattice does not keep a core busy.
const REST_RATIO: u32 = 10;

pub(super) fn run(session: &Session, args: &ArgMatches) -> Result<u8> {
    if session.environment.terminal == Terminal::Dumb {
        bail!("`--watch` needs a terminal that can move the cursor: `TERM` is `dumb` or not set");
    }
    // The first errors are printed as usual.
    Found::look(session, Some(args))?;
    let redraw = Redraw::begin(session.ui, "--watch")?;
    let (mut shown, mut changed) = (Vec::new(), commit::now());
    loop {
        let begun = Instant::now();
        let lines = lines(session, args, redraw.room()).unwrap_or_else(|error| vec![format!("error: {error:#}")]);
        if lines != shown {
            (shown, changed) = (lines, commit::now());
        }
        let foot = format!("last change {} UTC; `q` ends", changed[11..].trim_end_matches('Z'));
        redraw.draw(&shown, &paint(&foot, Tone::Faint, session.ui.out.color));
        if is_ended_within(&redraw, REST.max(begun.elapsed() * REST_RATIO)) {
            return Ok(error::OK);
        }
    }
}

/// Waits, and returns whether the user ended it.
fn is_ended_within(redraw: &Redraw, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    loop {
        let rest = until.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return false;
        }
        for key in redraw.keys_within(Some(rest)) {
            match key {
                Key::End | Key::Char('q' | 'Q') => return true,
                Key::Interrupt => {
                    process::end_by_interrupt_later();
                    return true;
                }
                Key::Continued => return false,
                _ => {}
            }
        }
    }
}

/// The tables as they are now, in as many lines as the terminal shows if they fit. The repository, lattice.toml and the size of the
/// terminal are read anew.
fn lines(session: &Session, args: &ArgMatches, room: usize) -> Result<Vec<String>> {
    let fresh = Session::new(session.environment.clone());
    let found = Found::look(&fresh, Some(args))?;
    Ok(match found.none() {
        Some(none) => vec![none.to_owned()],
        None => found.lines(&fresh.context()?.repo, fresh.config()?, fresh.ui.out, Place::Screen(room)),
    })
}
