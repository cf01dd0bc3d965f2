//! Which Nix the tests use, and how each test gets its own store.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::scratch::Scratch;

/// One configuration for all versions: sandboxed, offline, no daemon.
pub(crate) const CONFIGURATION: &str = "experimental-features = nix-command flakes\nbuild-users-group =\nsubstituters =\nbuilders =\n\
    sandbox = true\nsandbox-fallback = false\nsandbox-paths = /bin/sh=/bin/busybox\nflake-registry =\n";

/// The versions of Nix that a live test runs with; empty only if the tests are told to go without.
pub(crate) fn every_nix() -> Vec<PathBuf> {
    if var("GIT_LATTICE_TEST_WITHOUT_NIX").is_some() {
        return Vec::new();
    }
    let first = var("GIT_LATTICE_TEST_NIX").unwrap_or_else(|| "nix".into());
    [Some(first), var("GIT_LATTICE_TEST_NIX_MODERN")].into_iter().flatten().map(|program| found(&program)).collect()
}

fn found(program: &OsStr) -> PathBuf {
    which::which(program).unwrap_or_else(|error| {
        let program = program.display();
        panic!("Nix is needed as `{program}`: {error}; GIT_LATTICE_TEST_NIX names another, GIT_LATTICE_TEST_WITHOUT_NIX=1 goes without")
    })
}

/// A script `nix` that runs `program` with a private store and configuration.
pub(crate) fn wrapper(scratch: &Scratch, program: &Path) -> PathBuf {
    scratch.write("nix/conf/nix.conf", CONFIGURATION);
    let script = |program: &Path| {
        format!(
            "#!/bin/sh\nhome='{}'\nexport NIX_REMOTE=\"local?root=$home/store\" NIX_CONF_DIR=\"$home/conf\"\n\
         export NIX_USER_CONF_FILES=/dev/null HOME=\"$home\" XDG_CACHE_HOME=\"$home/cache\"\n\
         export XDG_CONFIG_HOME=\"$home/config\" XDG_DATA_HOME=\"$home/data\" XDG_STATE_HOME=\"$home/state\"\n\
         exec '{}' \"$@\"\n",
            scratch.path("nix").display(),
            program.display()
        )
    };
    scratch.program("nix/bin/nix-store", &script(&program.with_file_name("nix-store")));
    scratch.program("nix/bin/nix", &script(program))
}

/// PATH without the folders that have a `nix` or `statix`, so that each test chooses its tools; git and sh stay.
pub(crate) fn path_without_tools() -> OsString {
    let tools = crate::scratch::tool_folder();
    tools.into_os_string()
}

/// The folder that `examples/tcc/make-seed` filled; `None` only if the tests are told to go without.
pub(crate) fn tcc() -> Option<PathBuf> {
    if var("GIT_LATTICE_TEST_WITHOUT_TCC").is_some() {
        return None;
    }
    let folder = var("GIT_LATTICE_TEST_TCC").map(PathBuf::from);
    let missing = "tcc's source and seed are needed: `scripts/test` downloads them, GIT_LATTICE_TEST_TCC names the folder that \
                   `examples/tcc/make-seed` filled, GIT_LATTICE_TEST_WITHOUT_TCC=1 goes without";
    Some(folder.filter(|folder| folder.join("seed").exists()).unwrap_or_else(|| panic!("{missing}")))
}

#[expect(clippy::disallowed_methods, reason = "the variables by which a test is told what to use")]
pub(crate) fn var(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
