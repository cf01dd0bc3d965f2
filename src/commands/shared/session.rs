//! What a command works with: the repository, its configuration, and how to speak.

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
use crate::ui::{Ui, harmless};

/// The axes whose flags exist where no `lattice.toml` says otherwise.
const USUAL_AXES: [&str; 4] = ["component", "arch", "phase", "step"];

/// What all commands share: opened once, the first time that somebody asks.
pub(crate) struct Session {
    pub environment: Environment,
    context: OnceCell<Context>,
    config: OnceCell<Rc<Config>>,
    /// How to speak.
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
    /// When there is none that can be used.
    pub(crate) fn context(&self) -> Result<&Context> {
        if self.context.get().is_none() {
            self.context.set(Context::open(self.environment.clone())?).ok();
        }
        self.context.get().ok_or_else(|| anyhow::anyhow!("the repository was not opened"))
    }

    /// `lattice.toml`.
    ///
    /// # Errors
    /// When there is none that can be used.
    pub(crate) fn config(&self) -> Result<&Config> {
        if self.config.get().is_none() {
            let config = self.context()?.config()?;
            for key in &config.ignored {
                self.ui.warn(format!(
                    "`{key}` counts only once it is committed on the base branch: this file may not say it"
                ));
            }
            for key in &config.unknown {
                self.ui.warn(format!("`{key}` in lattice.toml means nothing to this version"));
            }
            self.config.set(config).ok();
        }
        self.config.get().map(Rc::as_ref).ok_or_else(|| anyhow::anyhow!("lattice.toml was not read"))
    }

    /// Puts right what an interrupted command left: the beginning of every command that writes.
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
        self.tell_notices();
        self.settle(unfinished::settle);
        temporary::sweep_folders();
        Ok(())
    }

    /// Puts right what killed gits left. Where that fails, git will say what is in its way.
    pub(crate) fn settle(&self, settle: fn(&Repo) -> Result<()>) {
        let Some(context) = self.context.get() else { return };
        if let Err(error) = settle(&context.repo) {
            self.ui.warn(format!("what a killed git left could not be put right: {}", harmless(&format!("{error:#}"))));
        }
    }

    /// Says what was put right.
    pub(crate) fn tell_notices(&self) {
        let Some(context) = self.context.get() else { return };
        context.notices.take().iter().for_each(|line| self.ui.say(harmless(line)));
    }

    /// The axes to have flags for: lattice.toml's; where there is none, the usual ones.
    pub(crate) fn axis_names(&self) -> Vec<String> {
        let Ok(config) = self.context().and_then(|context| Ok(context.config()?)) else { return usual_axes() };
        config.lattice.axes().iter().map(|axis| axis.name.to_string()).collect()
    }
}

/// The axes of a lattice that says nothing else.
pub(crate) fn usual_axes() -> Vec<String> {
    USUAL_AXES.map(str::to_owned).to_vec()
}
