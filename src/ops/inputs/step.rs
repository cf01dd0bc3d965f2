//! The step that HEAD is on, in the worktree.

use std::path::PathBuf;
use std::{fs, io};

use anyhow::{Context as _, Result};

use super::error::InputError;
use crate::config::{BadInput, Input, Named, StepData};
use crate::context::Context;
use crate::ops::Cannot;
use crate::points::content::CONFIG;
use crate::temporary;

/// What to do with the `config.toml` of HEAD's step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// Leave it.
    Nothing,
    /// Add the input; it may have its hash already, but no other.
    New,
    /// Replace its hash.
    Replacing,
}

/// What became of the `config.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Unchanged,
    /// It has an input or keys more.
    Added,
    /// It has another hash for the input.
    Replaced,
}

/// The step and its `config.toml`.
pub(super) struct Step {
    named: Named,
    file: PathBuf,
    data: StepData,
    change: Change,
    is_replacing: bool,
}

impl Step {
    /// The step to write to, if anything is to be written.
    pub(super) fn to_write(context: &Context, write: Write) -> Result<Option<Self>> {
        if write == Write::Nothing {
            return Ok(None);
        }
        let config = context.config()?;
        let root = context.repo.workdir().ok_or(Cannot::Bare { file: CONFIG })?;
        let named = context.head_point(&config)?.map(|point| config.name(&point)).ok_or(Cannot::NoHeadPoint)?;
        let file = root.join(&named.dir).join(CONFIG);
        let data = match fs::read(&file) {
            Ok(bytes) => StepData::parse(bytes).with_context(|| format!("`{}`", file.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => StepData::minimal(),
            Err(error) => return Err(error).with_context(|| format!("could not read `{}`", file.display())),
        };
        Ok(Some(Self { named, file, data, change: Change::Unchanged, is_replacing: write == Write::Replacing }))
    }

    /// The step with an input, which was read from `from`.
    ///
    /// # Errors
    /// [`InputError`] if the step has another hash for it, which is not to be replaced.
    pub(super) fn with(self, input: &Input, from: &str) -> Result<Self> {
        let could_not = || format!("could not change `{}`", self.file.display());
        let has_other_hash = self.has_other_hash(input, from).with_context(could_not)?;
        let data = self.data.with_input(input).map_err(anyhow::Error::msg).with_context(could_not)?;
        data.inputs().with_context(could_not)?;
        let change = match has_other_hash {
            true => Change::Replaced,
            false if data.bytes() == self.data.bytes() => Change::Unchanged,
            false => Change::Added,
        };
        Ok(Self { data, change, ..self })
    }

    /// Whether the step has another hash for the input, or a text that is none, which is to be replaced.
    fn has_other_hash(&self, input: &Input, from: &str) -> Result<bool> {
        let at = format!("{}.{}", input.kind.table(), input.name);
        let inputs = match self.data.inputs() {
            Err(BadInput::Hash { at: key, .. }) if self.is_replacing && key == format!("{at}.hash") => return Ok(true),
            Err(bad @ BadInput::Hash { .. }) => return Err(InputError::BadHash(bad).into()),
            inputs => inputs?,
        };
        let known = inputs.iter().find(|it| it.kind == input.kind && it.name == input.name);
        let hashes = known.and_then(|known| known.hash).zip(input.hash);
        match hashes.filter(|(expected, got)| expected != got) {
            Some((expected, got)) if !self.is_replacing => {
                let (point, from) = (self.named.spelled.to_string(), from.to_owned());
                Err(InputError::OtherHash { at, point, expected, from, got }.into())
            }
            hashes => Ok(hashes.is_some()),
        }
    }

    /// Writes the file if it changed.
    pub(super) fn write(self) -> Result<(Named, Change)> {
        if self.change != Change::Unchanged {
            let could_not = || format!("could not write `{}`", self.file.display());
            temporary::rewrite(&self.file, self.data.bytes()).with_context(could_not)?;
        }
        Ok((self.named, self.change))
    }
}
