//! Writing a note in the user's editor.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::note::MAX_READ;
use crate::ops::Cannot;
use crate::process::{self, Cmd};
use crate::temporary::{self, Folder};

/// Everything from this line on is no text, as with `git commit --cleanup=scissors`.
const SCISSORS: &str = "# ------------------------ >8 ------------------------";
const NAME: &str = "NOTE_EDITMSG";
/// Where Vim keeps what is not saved, if a signal ends it.
const SWAP: &str = ".NOTE_EDITMSG.swp";

/// Opens the editor with `text`, and with lines that explain what is asked for; returns the new text.
///
/// # Errors
/// [`Cannot::Editor`] when the editor fails; when the file cannot be written or read.
pub fn edit(context: &Context, text: &str, about: &[String]) -> Result<Vec<u8>> {
    let editor = context.repo.git().editor()?;
    let folder = Folder::make().context("could not make a folder for the note")?;
    let file = folder.path().join(NAME);
    let page = page(text, about);
    fs::write(&file, &page).with_context(|| format!("could not write `{}`", file.display()))?;
    // A signal ends the editor too, and then leaves time to keep the text.
    process::end_children_on_signals().context("could not catch signals")?;
    // As git starts it (editor.c): the editor may have arguments.
    let cmd = Cmd::new("sh").args(["-c", &format!("{editor} \"$@\""), &editor]).arg(&file);
    let status = cmd.cwd(&context.environment.cwd).show_interactive()?;
    if !status.success() || process::is_ending() {
        let kept = keep_unfinished(context, folder.path(), &page);
        return Err(Cannot::Editor { editor, kept }.into());
    }
    let bytes = read(&file).with_context(|| format!("could not read `{}`", file.display()))?;
    Ok(before_scissors(bytes))
}

/// The text that an editor left, with the limit of `-F`. Only a regular file is opened: a pipe would make us wait.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(file)?.take(MAX_READ).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Keeps what an editor left that failed or was killed, if the user had changed it.
fn keep_unfinished(context: &Context, folder: &Path, page: &str) -> Option<PathBuf> {
    let (text, swap) = (read(&folder.join(NAME)).ok()?, folder.join(SWAP));
    if text == page.as_bytes() && !swap.is_file() {
        return None;
    }
    let kept = keep(context, &before_scissors(text))?;
    if swap.is_file() {
        fs::copy(swap, kept.with_file_name(SWAP)).ok();
    }
    Some(kept)
}

/// Keeps a text that was refused or not finished, so that the user need not write it again; returns the file.
pub fn keep(context: &Context, text: &[u8]) -> Option<PathBuf> {
    let repo = &context.repo;
    let file = repo.common_dir().join("lattice").join(NAME);
    let folder = file.parent()?;
    repo.shared().create_dir_all(folder).ok()?;
    temporary::sweep(folder);
    temporary::replace(&file, |new| repo.shared().write(new, text)).ok()?;
    Some(file)
}

fn page(text: &str, about: &[String]) -> String {
    let about = about.iter().map(|line| format!("# {line}\n")).collect::<Vec<_>>().concat();
    format!("{text}\n{SCISSORS}\n# Do not change the line above. Everything below it is ignored.\n#\n{about}")
}

fn before_scissors(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii() == SCISSORS.as_bytes() {
            break;
        }
        at += line.len();
    }
    bytes.truncate(at);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_above_the_scissors_is_text() {
        let page = page("waits for\n#123", &["a note".to_owned()]);
        assert_eq!(before_scissors(page.into_bytes()), b"waits for\n#123\n");
        assert_eq!(before_scissors(b"no scissors".to_vec()), b"no scissors");
    }
}
