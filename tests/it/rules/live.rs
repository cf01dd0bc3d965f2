//! What Nix refuses to parse is an error here, and what it parses is not.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Case, corpus, found};
use crate::nix_setup::every_nix;
use crate::scratch::Scratch;

/// The codes for what Nix refuses when it parses a file, before it evaluates anything.
///
/// Invalid UTF-8 is not among them: Nix accepts it in strings and comments.
const REFUSED: [&str; 7] = ["syntax", "too-deep", "L01", "L03", "L04", "L05", "L06"];
const UNCLOSED: &str = "L09";
/// What some versions refuse.
const SOMETIMES: &str = "L02";

struct Reader {
    program: PathBuf,
    scratch: Scratch,
}

impl Reader {
    fn new(nix: &Path) -> Self {
        let program = nix.with_file_name("nix-instantiate");
        assert!(program.exists(), "`{}` belongs to Nix", program.display());
        Self { program, scratch: Scratch::new() }
    }

    /// Whether Nix can parse the file, which it does before it evaluates anything.
    fn reads(&self, case: &Case) -> bool {
        let store = format!("local?root={}", self.scratch.path("store").display());
        let mut command = Command::new(&self.program);
        command.env_clear().env("NIX_REMOTE", store).env("HOME", self.scratch.path("home"));
        command.env("NIX_CONF_DIR", self.scratch.path("conf")).env("NIX_USER_CONF_FILES", "/dev/null");
        let output = command.arg("--parse").arg(&case.path).output().unwrap();
        output.status.success()
    }
}

/// The codes of the findings.
fn codes(case: &Case) -> Vec<String> {
    let found = found(&case.bytes, case.is_flake());
    found.iter().map(|line| line.split(' ').nth(2).unwrap().to_owned()).collect()
}

#[test]
fn rules_agree_with_nix_on_what_parses() {
    let readers: Vec<Reader> = every_nix().iter().map(|nix| Reader::new(nix)).collect();
    for case in corpus().iter().filter(|_| !readers.is_empty()) {
        let codes = codes(case);
        let has = |wanted: &[&str]| codes.iter().any(|code| wanted.contains(&code.as_str()));
        let ours = has(&REFUSED) || has(&[UNCLOSED]);
        let reads: Vec<bool> = readers.iter().map(|reader| reader.reads(case)).collect();
        match (reads.contains(&true), reads.contains(&false)) {
            (true, false) => assert!(!ours, "Nix reads {}: {codes:?}", case.name),
            // With only an old Nix installed, no newer one parses it.
            // Bytes that are not text are refused here whatever Nix does (`bytes-latin1`); Nix refuses a byte order mark too.
            (false, _) => assert!(ours || has(&[SOMETIMES, "encoding"]), "Nix refuses {}: {codes:?}", case.name),
            (true, true) => assert!(ours || has(&[SOMETIMES]), "some versions refuse {}: {codes:?}", case.name),
        }
    }
}
