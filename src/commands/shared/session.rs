//! The session of a command: repository, configuration and output.

use std::cell::OnceCell;
use std::rc::Rc;

use anyhow::Result;

use crate::config::Config;
use crate::context::Context;
use crate::env::Environment;
use crate::git::Repo;
use crate::ops::change::recover;
use crate::ops::unfinished;
use crate::temporary;
use crate::ui::{Ui, terminal_safe};

/// The axes that have flags if there is no `lattice.toml`.
const DEFAULT_AXES: [&str; 4] = ["component", "arch", "phase", "step"];

/// Shared state of a command; repository and configuration are opened on first use.
pub(crate) struct Session {
    pub environment: Environment,
    context: OnceCell<Context>,
    config: OnceCell<Rc<Config>>,
    /// The output.
    pub ui: Ui,
}

impl Session {
    /// A session in this environment.
    pub(crate) fn new(environment: Environment) -> Self {
        let ui = Ui::new(&environment);
        Self { environment, context: OnceCell::new(), config: OnceCell::new(), ui }
    }

    /// The repository.
    ///
    /// # Errors
    /// When there is no usable repository.
    pub(crate) fn context(&self) -> Result<&Context> {
        if self.context.get().is_none() {
            self.context.set(Context::open(self.environment.clone())?).ok();
        }
        self.context.get().ok_or_else(|| anyhow::anyhow!("the repository was not opened"))
    }

    /// `lattice.toml`.
    ///
    /// # Errors
    /// When there is no valid `lattice.toml`.
    pub(crate) fn config(&self) -> Result<&Config> {
        if self.config.get().is_none() {
            let config = self.context()?.config()?;
            for key in &config.ignored {
                self.ui.warn(format!(
                    "`{key}` takes effect only when it is committed on the base branch; in this file it is ignored"
                ));
            }
            config.unknown_keys().for_each(|sentence| self.ui.warn(sentence));
            self.config.set(config).ok();
        }
        self.config.get().map(Rc::as_ref).ok_or_else(|| anyhow::anyhow!("lattice.toml was not read"))
    }

    /// Recovers interrupted commands. Every command that writes calls this first.
    ///
    /// # Errors
    /// When refs or the journal cannot be used.
    pub(crate) fn recover(&self) -> Result<()> {
        let context = self.context()?;
        let lines = recover(&context.repo)?;
        if !lines.is_empty() {
            context.forget_config();
        }
        context.notices.borrow_mut().extend(lines);
        self.print_notices();
        self.recover_with(unfinished::settle);
        temporary::sweep_folders();
        Ok(())
    }

    /// Recovers the work of killed git processes. Errors are only warnings: git itself will report what blocks it.
    pub(crate) fn recover_with(&self, settle: fn(&Repo) -> Result<()>) {
        let Some(context) = self.context.get() else { return };
        if let Err(error) = settle(&context.repo) {
            self.ui
                .warn(format!("could not recover the work of a killed git: {}", terminal_safe(&format!("{error:#}"))));
        }
    }

    /// Prints what was recovered.
    pub(crate) fn print_notices(&self) {
        let Some(context) = self.context.get() else { return };
        context.notices.take().iter().for_each(|line| self.ui.say(terminal_safe(line)));
    }

    /// The axes that have flags: those in lattice.toml, else the usual ones.
    pub(crate) fn axis_names(&self) -> Vec<String> {
        let Ok(config) = self.context().and_then(|context| Ok(context.config()?)) else { return default_axes() };
        config.lattice.axes().iter().map(|axis| axis.name.to_string()).collect()
    }
}

/// The default axes.
pub(crate) fn default_axes() -> Vec<String> {
    DEFAULT_AXES.map(str::to_owned).to_vec()
}
