//! Hints for when Nix could not work.

/// What Nix could not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Fetch something.
    Fetch,
    /// Run a program that the derivation names by its path in the sandbox.
    Execute,
    /// Read a line of a builder, which it takes for its own.
    BuilderLine,
}

/// Texts of Nix or the system, the kind of trouble, and the hint.
type Remedy = (&'static [&'static str], Option<Trouble>, &'static str);

/// How to start the daemon, or to do without it.
pub(in crate::nix) const START_DAEMON: &str = "`sudo systemctl start nix-daemon` starts the Nix daemon (without systemd: `sudo nix-daemon`); \
     `NIX_REMOTE=local` needs none if the store is yours";

/// What to do if the group of the build users is missing or has no members.
pub const NO_BUILD_USERS: &str = "`build-users-group` in nix.conf must name a group with members, or be empty so that root builds, as in a container: \
     `mkdir -p /etc/nix && echo 'build-users-group =' >>/etc/nix/nix.conf`";

/// What to do if Nix crashed by a segmentation fault. It does not always recognise that its stack overflowed (NixOS/nix#8281, #9616).
pub(in crate::nix) const CRASHED: &str =
    "some versions of Nix crash if a recursion has no end: look for one in the Nix files of the point";

/// What to do if the sandbox has no shell.
pub const NO_SHELL: &str = "the sandbox needs a shell: `sandbox-paths = /bin/sh=/bin/busybox` in nix.conf names a static one (Debian: \
     `apt install busybox-static`)";

/// The first match is used.
const REMEDIES: &[Remedy] = &[
    (
        &["git-lattice-seed:", "git-lattice-source:"],
        None,
        "a seed or source is not in the store: `git lattice seed add NAME DIR` or `git lattice source add FILE --name NAME` puts it there",
    ),
    (
        &["schema' is corrupt", "schema\" is corrupt", "database disk image is malformed", "file is not a database"],
        None,
        "the store's database is damaged: restore `db` of the Nix state directory (often /nix/var/nix/db) from a backup, then `nix-store --verify`",
    ),
    (&["Nix store schema is version"], None, "a newer Nix created this store: build with that Nix"),
    (
        &["No space left on device", "database or disk is full", "lack of free disk space", "Disk quota exceeded"],
        None,
        "the disk is full: `nix-collect-garbage` frees space in the store, `df -h` shows where it is needed",
    ),
    (
        &["Read-only file system", "readonly database"],
        None,
        "the store cannot be written: `findmnt -T /nix/store` shows how it is mounted",
    ),
    (&["build-users-group", "the group 'nixbld'", "build users group", "build user"], None, NO_BUILD_USERS),
    (&["executing '/bin/sh'", "getting attributes of path '/bin/", "sandbox-paths"], None, NO_SHELL),
    (
        &[],
        Some(Trouble::Execute),
        "`sandbox-paths` in nix.conf makes programs of this machine available in the sandbox",
    ),
    (
        &["getting attributes of path", "mounting ", "bind mounting"],
        None,
        "`nix show-config` or `nix config show` shows `sandbox-paths`: each path there must exist on this machine",
    ),
    (
        &["kernel namespaces", "setting up a private mount namespace", "cloning builder process", "unshare"],
        None,
        "the sandbox needs namespaces, which Nix may not create here: allow unprivileged user namespaces",
    ),
    (
        &["specified: sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],
        None,
        "config.toml has no hash for it yet: write the one after `got` there if it is what you expect",
    ),
    (
        &["hash mismatch in fixed-output derivation"],
        None,
        "check what the URL returns now: if the source has changed, use the hash after `got`; a proxy or a login page returns another file",
    ),
    (
        &["unable to download", "Could not resolve host", "Couldn't resolve host"],
        Some(Trouble::Fetch),
        "check the network: `curl -I URL` shows the server's answer; then run the same command again",
    ),
    (
        &["don't know how to open Nix store"],
        None,
        "`NIX_REMOTE` or `store` in nix.conf names a store that Nix does not know: `unset NIX_REMOTE`, or `NIX_REMOTE=daemon`",
    ),
    (
        &[
            "Permission denied (publickey",
            "failed to start SSH connection",
            "cannot build on '",
            "ssh: connect to host",
        ],
        None,
        "the other machine could not be reached: `nix store ping --store URL` tests the connection",
    ),
    (&["cannot connect to", "to socket at '", "daemon disconnected"], None, START_DAEMON),
    (
        &["creating temporary directory", "/nix-build-", "canonicalising '/tmp", "TMPDIR"],
        None,
        "`TMPDIR` must name an existing, writable directory",
    ),
    (
        &["signal 9", "exit code 137", "out of memory", "Cannot allocate memory"],
        None,
        "memory may be short: `journalctl -k | grep -i oom` shows it; lower `max-jobs` and `cores` in nix.conf",
    ),
    (&["Input/output error", "disk I/O error"], None, "the disk reports errors: see the kernel's log (`dmesg`)"),
    (
        // 2.8 takes a repository that a killed `git init` left there for a complete one.
        &["program 'git' failed"],
        None,
        "a killed Nix may have left an incomplete cache: `rm -rf ~/.cache/nix/gitv3`, then run the same command again",
    ),
    (
        &[],
        Some(Trouble::BuilderLine),
        "the builder prints a line that begins with `@nix`, which this version of Nix takes for its own: let it print another \
         one, or build with another version of Nix",
    ),
    (
        &["[json.exception."],
        None,
        "a damaged cache of Nix causes such errors: `rm ~/.cache/nix/fetcher-cache-*`, then run the same command again",
    ),
    (
        &["allow-import-from-derivation"],
        None,
        "automatic builds build nothing during evaluation: `git lattice build` does if nix.conf allows it",
    ),
    (&["experimental Nix feature '"], None, "`extra-experimental-features` in nix.conf enables it, if this Nix has it"),
    (
        &["timed out after ", "bytes of log output"],
        None,
        "`timeout`, `max-silent-time` and `max-build-log-size` in nix.conf of the machine that builds are limits too",
    ),
    (&["max-call-depth exceeded"], None, "`max-call-depth` in nix.conf is lower than the default of 10000"),
    (&["stack overflow"], None, "Nix needs 60 MiB of stack: `ulimit -Hs` shows the limit in KiB"),
    (&["Too many open files"], None, "`ulimit -n` shows how many files may be open"),
    (
        &[
            "is not a valid store path",
            "' is not valid",
            "cannot build missing derivation",
            "failed to obtain derivation of",
            "don't know how to build these paths",
            ".drv': No such file or directory",
        ],
        None,
        "the garbage collector may have removed it during the build: run the same command again",
    ),
    (
        &["nix failed without an error message"],
        None,
        "run the same command again; with `GIT_LATTICE_TRACE=1` it shows the calls of Nix, to be tried by hand",
    ),
    (&["Permission denied"], None, "`nix store ping` shows which store is used; its owner can write to it"),
];

/// Returns the hint for an error, if there is one.
pub(in crate::nix) fn hint(error: &str, trouble: Option<Trouble>) -> Option<String> {
    let is_it = |it: &Option<Trouble>| it.is_some() && *it == trouble;
    let fits = |(words, it, _): &&Remedy| is_it(it) || words.iter().any(|words| error.contains(words));
    REMEDIES.iter().find(fits).map(|(.., hint)| (*hint).to_owned())
}

/// Returns whether several Nix processes created one store at the same time: the losers find an empty file.
pub(in crate::nix) fn is_race(error: &str) -> bool {
    error.contains("/db/schema") && error.contains("is corrupt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_messages_match_no_hint() {
        for (trouble, own) in [
            (Trouble::Fetch, "`source` could not be fetched: the server said no"),
            (Trouble::Execute, "the builder of `x.drv` could not be run: executing '/no/such'"),
            (Trouble::BuilderLine, "type must be string, but is null"),
        ] {
            assert_eq!(hint(own, None), None, "{own}");
            assert!(hint(own, Some(trouble)).is_some(), "{own}");
        }
    }
}
