//! The hostile-branch suite: what a stranger pushes does nothing on checkout, and stays inside its limits when it is built by hand.

mod content;
mod environment;
mod merged;
mod names;
mod output;
mod policy;
mod settings;
mod shown;
mod signed;
pub(crate) mod victim;
