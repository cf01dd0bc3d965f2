//! `git lattice complete`: internal command, called by the completion scripts of the shells at each press of the Tab key.
//!
//! `complete SHELL -- WORD..` prints how the last word can go on. clap's engine knows commands and flags; values come from
//! `lattice.toml` and the branches. It never contacts a remote, runs no hook and no Nix, and reports no errors: what cannot be read
//! has no candidates.

mod points;
mod shell;
mod slot;
mod values;

use std::ffi::OsString;

use clap::Command;
use clap_complete::engine;

pub(super) use self::shell::Shell;
use self::slot::Heard;
pub(super) use self::slot::Slot;
use self::values::{Asked, Candidate};
use super::Session;
use crate::env::Environment;
use crate::error;

/// What the word under the cursor can become.
enum Answer {
    Candidates(Vec<Candidate>),
    /// The name of a file, which the shell completes.
    File,
}

/// Runs `complete SHELL -- WORD..`; exit code 1 asks the shell to complete the name of a file.
pub(crate) fn run(environment: Environment, args: &[OsString], line: fn(&[String]) -> Command) -> u8 {
    let args: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let session = Session::new(environment);
    let Some((shell, words)) = read(&args) else {
        session.ui.error("usage: git lattice complete SHELL -- WORD [WORD..]");
        return error::CANNOT;
    };
    let (words, is_quoted) = shell.unquoted(words);
    match answer(&session, line(&session.axis_names()), &words) {
        Answer::File => error::NO,
        Answer::Candidates(candidates) => {
            let text = shell.print(&candidates, is_quoted);
            if !text.is_empty() {
                session.ui.data(text);
            }
            error::OK
        }
    }
}

fn read(args: &[String]) -> Option<(Shell, &[String])> {
    match args {
        [shell, dashes, words @ ..] if dashes == "--" && !words.is_empty() => Some((Shell::parse(shell)?, words)),
        _ => None,
    }
}

fn answer(session: &Session, line: Command, words: &[String]) -> Answer {
    let (heard, asked) = (Heard::default(), Asked { session, words });
    let args: Vec<OsString> =
        std::iter::once("git-lattice").chain(words.iter().map(String::as_str)).map(Into::into).collect();
    let index = args.len() - 1;
    let cwd = session.environment.cwd.as_path();
    let found = engine::complete(&mut heard.listen(line), args, index, Some(cwd)).unwrap_or_default();
    let word = words.last().map(String::as_str).unwrap_or_default();
    let mut candidates = Vec::new();
    for candidate in found {
        let text = candidate.get_value().to_string_lossy().into_owned();
        let Some((slot, current)) = heard.find(&candidate) else {
            let help = candidate.get_help().map(ToString::to_string);
            candidates.extend(Some(Candidate { value: text, help }).filter(Candidate::is_plain));
            continue;
        };
        // The text before the value, such as `--arch=`. A word that begins a flag is no positional argument, but for `switch -`.
        let before = text.strip_suffix(&current).unwrap_or_default();
        let is_word = slot == Slot::Destination && word == "-";
        if before.is_empty() && word.starts_with('-') && !is_word {
            continue;
        }
        if slot == Slot::File {
            return Answer::File;
        }
        let values = asked.values(&slot, &current).into_iter();
        let values = values.map(|candidate| Candidate { value: format!("{before}{}", candidate.value), ..candidate });
        let is_taken = if slot == Slot::Format { Candidate::is_plain_in_quotes } else { Candidate::is_plain };
        candidates.extend(values.filter(is_taken));
    }
    Answer::Candidates(without_flags(candidates, word))
}

/// Offers flags only to a word that begins with `-`, or if there is nothing else: a shell inserts what all candidates begin with.
fn without_flags(mut candidates: Vec<Candidate>, word: &str) -> Vec<Candidate> {
    let is_flag = |candidate: &Candidate| candidate.value.starts_with('-');
    if !word.starts_with('-') && !candidates.iter().all(is_flag) {
        candidates.retain(|candidate| !is_flag(candidate));
    }
    candidates
}
