//! System doubles: Nix's names for build platforms, such as `aarch64-linux`.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A valid Nix system double, `CPU-OS`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct System(Arc<str>);

impl Borrow<str> for System {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The text is not a system double.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a Nix system: expected CPU-OS such as `aarch64-linux`")]
pub struct NotASystem(pub String);

impl System {
    /// The names of architectures that are CPU names in nixpkgs (`lib/systems/parse.nix`).
    pub const ARCHS: [&str; 14] = [
        "aarch64",
        "x86_64",
        "i686",
        "riscv32",
        "riscv64",
        "armv5tel",
        "armv6l",
        "armv7l",
        "powerpc64",
        "powerpc64le",
        "mipsel",
        "mips64el",
        "s390x",
        "loongarch64",
    ];

    /// Parses a system double: two or more words of lower-case letters, digits and `_`, joined by `-`.
    ///
    /// # Errors
    /// When `text` is anything else.
    pub fn parse(text: &str) -> Result<Self, NotASystem> {
        if Self::is_valid(text) { Ok(Self(text.into())) } else { Err(NotASystem(text.to_owned())) }
    }

    /// Returns whether [`Self::parse`] accepts a text.
    pub fn is_valid(text: &str) -> bool {
        let word =
            |w: &str| !w.is_empty() && w.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
        text.contains('-') && text.split('-').all(word)
    }

    /// Returns the system for an architecture name: `aarch64` is `aarch64-linux`; a system double is itself.
    ///
    /// Knows [`System::ARCHS`], and Debian's and Go's names where they differ.
    #[must_use]
    pub fn of_arch(arch: &str) -> Option<Self> {
        let cpu = match arch {
            "amd64" | "x86-64" => "x86_64",
            "arm64" => "aarch64",
            "i386" => "i686",
            "armhf" => "armv7l",
            "ppc64le" => "powerpc64le",
            _ if Self::ARCHS.contains(&arch) => arch,
            _ => return double(arch),
        };
        Some(Self(format!("{cpu}-linux").into()))
    }

    /// Returns the double as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn double(text: &str) -> Option<System> {
    let known = ["linux", "darwin", "freebsd", "netbsd", "openbsd", "windows", "cygwin", "none"];
    let (_, os) = text.rsplit_once('-')?;
    known.contains(&os).then(|| System::parse(text).ok()).flatten()
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
