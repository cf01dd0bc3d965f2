//! Writing a note in the user's editor.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::ops::Cannot;
use crate::process::Cmd;
use crate::temporary::{self, Folder};

/// Everything from this line on is no text, as with `git commit --cleanup=scissors`.
const SCISSORS: &str = "# ------------------------ >8 ------------------------";
const NAME: &str = "NOTE_EDITMSG";

/// Opens the editor with `text`, and with lines that explain what is asked for; returns the new text.
///
/// # Errors
/// [`Cannot::Editor`] when the editor fails; when the file cannot be written or read.
pub fn edit(context: &Context, text: &str, about: &[String]) -> Result<Vec<u8>> {
    let editor = context.repo.git().editor()?;
    let folder = Folder::make().context("could not make a folder for the note")?;
    let file = folder.path().join(NAME);
    fs::write(&file, page(text, about)).with_context(|| format!("could not write `{}`", file.display()))?;
    // As git starts it (editor.c): the editor may have arguments.
    let cmd = Cmd::new("sh").args(["-c", &format!("{editor} \"$@\""), &editor]).arg(&file);
    let status = cmd.cwd(&context.environment.cwd).show_interactive()?;
    if !status.success() {
        return Err(Cannot::Editor { editor }.into());
    }
    let bytes = fs::read(&file).with_context(|| format!("could not read `{}`", file.display()))?;
    Ok(before_scissors(bytes))
}

/// Keeps a text that was refused, so that the user need not write it again; returns the file.
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
