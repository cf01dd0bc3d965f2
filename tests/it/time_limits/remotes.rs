//! Remotes that do not answer.
