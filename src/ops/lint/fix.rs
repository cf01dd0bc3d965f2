//! `--fix`: rewrites files of the worktree, each one atomically.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Source;
use crate::lint::{self, FixedText, Settings};
use crate::temporary;

/// The result of `--fix`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fixed {
    /// The files that were rewritten.
    pub changed: Vec<PathBuf>,
    /// The files that could not be fixed, each with the reason.
    pub left: Vec<(PathBuf, String)>,
}

/// Applies all safe fixes, to the files and to `sources`.
pub fn fix(cwd: &Path, sources: &mut [Source], settings: &Settings) -> Fixed {
    let mut fixed = Fixed::default();
    for source in sources.iter_mut().filter(|source| source.is_file) {
        let FixedText { text, reading } = lint::fixed(&source.path, &source.bytes, settings);
        match text {
            Ok(None) => source.reading = Some(reading),
            Ok(Some(text)) => match write(&cwd.join(&source.path), &source.bytes, text.as_bytes()) {
                Ok(()) => {
                    (source.bytes, source.reading) = (text.into_bytes(), Some(reading));
                    fixed.changed.push(source.path.clone());
                }
                Err(error) => fixed.left.push((source.path.clone(), error.to_string())),
            },
            Err(why) => {
                source.reading = Some(reading);
                fixed.left.push((source.path.clone(), why.to_string()));
            }
        }
    }
    fixed
}

/// Replaces a file, following a link; keeps its mode.
fn write(path: &Path, old: &[u8], new: &[u8]) -> io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().ok_or_else(|| io::Error::other("it has no parent directory"))?;
    temporary::sweep(folder);
    temporary::replace(&path, |file| {
        fs::write(file, new)?;
        fs::set_permissions(file, fs::metadata(&path)?.permissions())?;
        let is_same = fs::read(&path)? == old;
        if is_same { Ok(()) } else { Err(io::Error::other("another process changed it in the meantime")) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::Reading;

    #[test]
    fn every_source_has_the_reading_of_its_bytes() {
        let (dir, settings) = (tempfile::tempdir().unwrap(), Settings::default());
        let texts = [("good.nix", "{ a = 1; }\n"), ("odd.nix", "{a=1;}"), ("bad.nix", "{ a = ; }")];
        let source = |(name, text): (&str, &str)| {
            fs::write(dir.path().join(name), text).unwrap();
            Source { path: name.into(), bytes: text.as_bytes().to_vec(), is_file: true, reading: None }
        };
        let mut sources = texts.map(source);
        let fixed = fix(dir.path(), &mut sources, &settings);
        assert_eq!((fixed.changed.len(), fixed.left.len()), (1, 1), "{fixed:?}");
        for Source { path, bytes, reading, .. } in sources {
            assert_eq!(reading, Some(Reading::of(&path, &bytes, &settings)), "{}", path.display());
        }
    }
}
