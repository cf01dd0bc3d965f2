//! Each test that docs/src/security.md names exists.

use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/src/security.md");

/// The texts between backquotes that look like `module::test`.
fn named() -> Vec<&'static str> {
    PAGE.split('`').skip(1).step_by(2).filter(|text| text.contains("::")).collect()
}

fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = |path: std::path::PathBuf| {
        if path.is_dir() { sources(&path) } else { fs::read_to_string(&path).unwrap_or_default() }
    };
    entries.map(text).collect()
}

#[test]
fn every_test_named_on_the_page_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources(&root.join("tests/it")) + &sources(&root.join("src"));
    assert!(named().len() > 20, "the page should name the tests: {:?}", named());
    for name in named() {
        let test = name.rsplit("::").next().unwrap();
        assert!(
            sources.contains(&format!("    #[test]\n    fn {test}()"))
                || sources.contains(&format!("#[test]\nfn {test}()")),
            "`{name}` should be a test"
        );
    }
}
