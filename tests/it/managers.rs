//! The hook managers that people have.
