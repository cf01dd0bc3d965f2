//! The step that HEAD is on, in the worktree.

use std::path::PathBuf;
use std::{fs, io};

use anyhow::{Context as _, Result};

use super::error::InputError;
use crate::config::{Input, Named, StepData};
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

/// The step and its `config.toml`.
pub(super) struct Step {
    named: Named,
    file: PathBuf,
    data: StepData,
    /// Whether the data differ from the file.
    is_changed: bool,
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
        Ok(Some(Self { named, file, data, is_changed: false, is_replacing: write == Write::Replacing }))
    }

    /// The step with an input, which was read from `from`.
    ///
    /// # Errors
    /// [`InputError::OtherHash`] if the step has another hash for it, which is not to be replaced.
    pub(super) fn with(self, input: &Input, from: &str) -> Result<Self> {
        let could_not = || format!("could not change `{}`", self.file.display());
        let inputs = self.data.inputs().with_context(could_not)?;
        let known = inputs.iter().find(|it| it.kind == input.kind && it.name == input.name);
        let hashes = known.and_then(|known| known.hash).zip(input.hash);
        if let Some((expected, got)) = hashes.filter(|(expected, got)| expected != got && !self.is_replacing) {
            let at = format!("{}.{}", input.kind.table(), input.name);
            let (point, from) = (self.named.spelled.to_string(), from.to_owned());
            return Err(InputError::OtherHash { at, point, expected, from, got }.into());
        }
        let data = self.data.with_input(input).map_err(anyhow::Error::msg).with_context(could_not)?;
        Ok(Self { is_changed: data.bytes() != self.data.bytes(), data, ..self })
    }

    /// Writes the file. Returns the point, and whether the file changed.
    pub(super) fn write(self) -> Result<(Named, bool)> {
        if self.is_changed {
            let could_not = || format!("could not write `{}`", self.file.display());
            temporary::rewrite(&self.file, self.data.bytes()).with_context(could_not)?;
        }
        Ok((self.named, self.is_changed))
    }
}
