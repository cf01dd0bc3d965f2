//! Syntax and rules on arbitrary bytes: no panic, and every reported range must be within the text.

#![no_main]

use std::path::Path;

use git_lattice::lint::{Tools, lint_text, rules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = lint_text(Path::new("flake.nix"), bytes, &Tools::embedded_only("only built-in engines are fuzzed"));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for is_flake in [true, false] {
        for hit in rules::check_text(text, is_flake, &|_| false) {
            assert!(text.get(hit.range.0..hit.range.1).is_some(), "{hit:?}");
            let note = hit.note.iter().all(|(start, end, _)| text.get(*start..*end).is_some());
            assert!(note, "{hit:?}");
            let fix = hit.fix.iter().all(|fix| text.get(fix.range.0..fix.range.1).is_some());
            assert!(fix, "{hit:?}");
        }
    }
});
