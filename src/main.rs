//! `git lattice`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    git_lattice::cli::main(std::env::args_os().collect())
}
