//! Bad input and bad surroundings: what is wrong is named, what to do is said, nothing is written and nothing lost.

mod branches;
mod data;
mod interrupted;
mod notes;
mod places;
mod remote;
mod signing;
mod sizes;
mod storage;
mod streams;
mod toml;
mod tools;
mod values;

pub(crate) use signing::sign_with_ssh;
