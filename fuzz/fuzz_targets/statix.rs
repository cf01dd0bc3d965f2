//! The output of a linter, on arbitrary bytes: it is parsed or refused without a panic. The bytes before the first zero byte
//! are the linted text.

#![no_main]

use git_lattice::lint::parse_statix;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let split = bytes.iter().position(|&byte| byte == 0).unwrap_or(0);
    let (text, printed) = bytes.split_at(split);
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Ok(findings) = parse_statix(text, printed.strip_prefix(b"\0").unwrap_or(printed)) {
        assert!(findings.iter().all(|finding| finding.line > 0 && finding.column > 0), "{findings:?}");
    }
});
