//! Bad input and bad surroundings: the error names the cause and the remedy; no file is written and no data lost.

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
