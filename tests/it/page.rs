//! `git lattice page`: what is on the page, where it is written, and that nothing from outside becomes markup.

mod html;

use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::json;

use self::html::Document;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir, far, here, toml, write_record};

/// What outsiders write where they can, to leave a text, an attribute or an element.
const HOSTILE: &str = "</script><script>alert(1)</script>\"]]>'</style></pre><!-- <img src=x onerror=alert(1)>&lt;";

fn with_points() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", &at("phase0/step1"), &far("phase0/step1"), "--no-switch"]).exits(0);
    sandbox.lattice(&["next-step", &at("phase0/step1"), "--no-switch"]).exits(0);
    sandbox
}

/// The page on stdout.
#[track_caller]
fn page(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = sandbox.refused(&[&["page", "-"], args].concat()).exits(0);
    assert_eq!(run.stderr, "");
    run.stdout
}

/// The page, which must be well-formed, with links that lead somewhere.
#[track_caller]
fn document(sandbox: &Sandbox, args: &[&str]) -> Document {
    let document = Document::read(&page(sandbox, args));
    document.assert_closed();
    document
}

/// The text with each run of spaces as one.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn page_is_written_and_its_path_printed() {
    let sandbox = with_points();
    let before = sandbox.everything();
    assert_eq!(sandbox.lattice(&["page", "../site/new"]).exits(0).stdout, "../site/new/index.html\n");
    assert_eq!(sandbox.everything(), before, "nothing in the repository should change");
    let path = sandbox.path("site/new/index.html");
    let written = fs::read_to_string(&path).unwrap();
    assert_eq!(written, page(&sandbox, &[]), "`-` should print the same page");
    let run = sandbox.lattice(&["page", "../site/new", "--json"]).exits(0).json();
    let expected = json!({
        "version": 1, "path": path.canonicalize().unwrap(), "size": written.len(), "points": 3, "details": 3,
    });
    assert_eq!(run, expected);
    assert_eq!(sandbox.lattice(&["page"]).exits(0).stdout, "page/index.html\n");
    assert_eq!(fs::read_dir(sandbox.work().join("page")).unwrap().count(), 1, "no temporary file should be left");
}

#[test]
fn page_has_what_status_and_show_say() {
    let sandbox = with_points();
    let one = at("phase0/step1");
    sandbox.built_elsewhere(&[&one]);
    let document = document(&sandbox, &[]);
    let text = words(&document.text);
    let shown = sandbox.lattice(&["show", &one, "--json"]).exits(0).json();
    for field in ["branch", "commit", "key", "config_hash", "flake_ref", "nix_build"] {
        let value = shown[field].as_str().unwrap();
        assert!(text.contains(&words(value)), "`{field}` should be on the page: {value}");
    }
    for value in shown["files"].as_array().unwrap() {
        assert!(text.contains(value.as_str().unwrap()), "{value} should be on the page");
    }
    for part in [
        "points 3 base branch main".to_owned(),
        "✓ 1 built · 2 new".to_owned(),
        "toolchain: 3 points: 1 built, 2 new aarch64 x86_64".to_owned(),
        format!("to build git lattice build {}", far("phase0/step1")),
        format!("built {}-linux 2026-01-02T03:04:05Z 1.5 s ada@far", here()),
        "newest record".to_owned(),
        "main is the base".to_owned(),
    ] {
        assert!(text.contains(&part), "`{part}` should be on the page:\n{text}");
    }
    assert_eq!(document.count("g", "data-point"), 3, "the diagram should have each point");
    assert_eq!(document.count("details", "data-point"), 3, "each point should have details");
    assert!(document.ids.contains(&format!("p/{one}")));
}

#[test]
fn graph_prints_the_page() {
    let sandbox = with_points();
    let graph = |args: &[&str]| sandbox.refused(&[&["graph", "--format", "html"], args].concat()).exits(0).stdout;
    assert_eq!(graph(&[]), page(&sandbox, &[]));
    assert_eq!(graph(&[&format!("*/{}/*/*", here())]), page(&sandbox, &["--arch", here()]));
}

#[test]
fn clones_make_the_same_page() {
    let sandbox = with_points();
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    sandbox.git(&["push", "-q", "origin", "refs/notes/lattice/far"]);
    let first = page(&sandbox, &[]);
    let colleague = sandbox.colleague();
    sandbox.lattice_in(colleague, &["sync"], |command| command).exits(0);
    sandbox.git_in(colleague, &["switch", "-q", &branch(&at("phase0/step2"))]);
    let second = sandbox.lattice_in(colleague, &["page", "-"], |command| command).exits(0).stdout;
    let differs = first.lines().zip(second.lines()).find(|(a, b)| a != b);
    assert!(first == second, "neither HEAD nor the clock nor the clone should matter: {differs:?}");
}

#[test]
fn axes_select_points_and_a_title_is_given() {
    let sandbox = with_points();
    let document = document(&sandbox, &["--arch", here(), "--title", "Ada's & <b>"]);
    assert!(words(&document.text).contains("Ada's & <b> points 2"), "{}", document.text);
    assert_eq!(document.count("details", "data-point"), 2);
    assert_eq!(self::document(&sandbox, &["--failed"]).count("details", "data-point"), 0);
    sandbox.refused(&["page", "-", "--arch", "sparc"]).exits(2).says_err("sparc");
    let empty = Sandbox::new();
    assert!(words(&self::document(&empty, &[]).text).contains("There are no points to show."));
}

#[test]
fn other_files_are_not_overwritten() {
    let sandbox = with_points();
    for text in ["", "<!DOCTYPE html>\n<html lang=\"en\">\n", "mine"] {
        sandbox.write("site/index.html", text);
        let run = sandbox.refused(&["page", "site"]).exits(2);
        run.says_err("`").says_err("site/index.html` is not a page of git-lattice").says_err("git lattice page DIR");
        assert_eq!(fs::read_to_string(sandbox.work().join("site/index.html")).unwrap(), text);
    }
    sandbox.lattice(&["page", "site2"]).exits(0);
    sandbox.points(&[&at("phase0/step3")]);
    sandbox.lattice(&["page", "site2"]).exits(0);
    let page = fs::read_to_string(sandbox.work().join("site2/index.html")).unwrap();
    assert!(page.contains("phase0/step3"), "an older page should be replaced");
    fs::create_dir_all(sandbox.work().join("site3/index.html")).unwrap();
    sandbox.refused(&["page", "site3"]).exits(2).says_err("site3/index.html` is not a regular file");
}

#[test]
fn special_files_and_links_are_refused() {
    let sandbox = with_points();
    let (work, link) = (sandbox.work(), std::os::unix::fs::symlink::<&str, std::path::PathBuf>);
    fs::create_dir(work.join("site")).unwrap();
    let index = work.join("site/index.html");
    assert!(std::process::Command::new("mkfifo").arg(&index).status().unwrap().success());
    sandbox.refused(&["page", "site"]).exits(2).says_err("site/index.html` is not a regular file");
    sandbox.lattice(&["page", "other"]).exits(0);
    for target in ["/dev/zero", "../other/index.html", "absent"] {
        fs::remove_file(&index).unwrap();
        link(target, index.clone()).unwrap();
        sandbox.refused(&["page", "site"]).exits(2).says_err("site/index.html` is not a regular file");
    }
    link("absent", work.join("dangling")).unwrap();
    for folder in ["README", "dangling"] {
        sandbox.refused(&["page", folder]).exits(2).says_err(&format!("/{folder}` is not a folder"));
    }
    link("../outside", work.join("page")).unwrap();
    fs::create_dir(sandbox.path("outside")).unwrap();
    sandbox.refused(&["page"]).exits(2).says_err("/page` is a symbolic link").says_err("git lattice page DIR");
    sandbox.lattice(&["page", "page"]).exits(0);
}

#[test]
fn secrets_in_the_url_of_the_remote_stay_here() {
    let sandbox = with_points();
    let one = at("phase0/step1");
    for url in [
        "https://user:SECRETPW@example.org/",
        "https://github.com/a/b.git?private_token=SECRETPW",
        "https://user:SEC/SECRETPW@github.com/a/b",
        "https://user:SEC/RETPW@SECRETPW",
        "ssh://git:SECRETPW@example.org/a/b",
        "user:SECRETPW@example.org:a/b",
        "ext::sh -c \"curl -u u:SECRETPW x\"",
    ] {
        sandbox.git(&["remote", "set-url", "origin", url]);
        for args in [&["page", "-"][..], &["report"], &["show", &one], &["show", &one, "--json"]] {
            sandbox.lattice(args).exits(0).never_says("SECRETPW");
        }
        assert!(page(&sandbox, &[]).contains("<title>"), "{url}");
    }
    sandbox.git(&["remote", "set-url", "origin", "https://user:SECRETPW@127.0.0.1:1/a.git?token=SECRETPW"]);
    assert!(page(&sandbox, &[]).contains("<title>a</title>"));
    sandbox.points(&[&at("phase0/step3")]);
    for args in [&["sync"][..], &["sync", "--json"], &["doctor"]] {
        sandbox.lattice(args).never_says("SECRETPW");
    }
}

#[test]
fn points_are_no_folders() {
    let sandbox = with_points();
    for text in ["toolchain/*/phase0/step1", &at("phase0/step1"), &branch(&at("phase0/step1"))] {
        let run = sandbox.refused(&["page", text]).exits(2);
        let folder = format!("to write into a folder of this name, use `git lattice page ./{text}`");
        assert!(words(&run.says_err(&format!("`{text}` names points, not a folder")).stderr).contains(&folder));
    }
    sandbox.refused(&["page", "-", "--json"]).exits(2).says_err("cannot both print to stdout");
}

#[test]
fn disputes_and_inputs_are_shown() {
    let sandbox = with_points();
    let one = at("phase0/step1");
    let inputs = json!([{ "kind": "seed", "name": "gcc.tar", "hash": "sha256-AAAA", "size": 5 << 20 }]);
    write_record(&sandbox, "work", "far", &one, &json!({ "inputs": inputs, "impure": ["/usr"] }));
    let other =
        json!({ "out": { "path": "/nix/store/00000000000000000000000000000000-x", "narHash": "sha256-other" } });
    write_record(&sandbox, "work", "near", &one, &json!({ "outputs": other }));
    let text = words(&document(&sandbox, &[]).text);
    for part in [
        "! disputed",
        "sha256-other by ada@near (near, 2026-01-02T03:04:05Z) sha256-same by ada@far (far, 2026-01-02T03:04:05Z)",
        "Kind Name Hash Size seed gcc.tar sha256-AAAA 5.0 MiB",
        "with /usr of the machine",
        "~: built with files of the machine",
    ] {
        assert!(text.contains(part), "`{part}` should be on the page:\n{text}");
    }
}

#[test]
fn notes_are_shown() {
    let sandbox = with_points();
    sandbox.lattice(&["note", &at("phase0/step1"), "-m", "waits for <bug> 7"]).exits(0);
    let text = words(&document(&sandbox, &[]).text);
    assert!(text.contains("Note by A U Thor, 20") && text.contains("Z waits for <bug> 7"), "{text}");
}

#[test]
fn logs_end_on_the_page() {
    let sandbox = with_points();
    let lines = (0..90).map(|n| format!("line {n}\n")).collect::<Vec<_>>().concat();
    sandbox.log_for(&at("phase0/step1"), format!("{lines}\u{1b}[1;31merror:\u{1b}[0m 10%\r100%\r\n").as_bytes());
    let text = document(&sandbox, &[]).text;
    assert!(text.contains("line 89\n100%") && text.contains("line 51\n") && !text.contains("line 50\n"), "{text}");
    assert!(words(&text).contains(&format!("Log on {}-linux, its last lines", here())));
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let odd = format!("{HOSTILE}\u{1b}]0;x\u{7}\u{202e}\u{2066}\u{9b}\u{200f}");
    let sandbox = with_points();
    let one = at("phase0/step1");
    let file = std::ffi::OsStr::from_bytes(b"a\"><img src=x onerror=y>&\x1b\xff");
    let folder = sandbox.path("work").join(dir(&one));
    sandbox.git(&["switch", "-q", &branch(&one)]);
    fs::write(folder.join(file), "x").unwrap();
    sandbox.git(&["add", "-A"]);
    sandbox.git(&["commit", "-q", "-m", "odd"]);
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.git(&["config", "remote.origin.url", &format!("/srv/{}", HOSTILE.replace('/', ":"))]);
    let record = json!({
        "host": HOSTILE, "user": HOSTILE, "error": HOSTILE, "nix": HOSTILE, "verdict": "failed", "outputs": {},
        "inputs": [{ "kind": "source", "name": HOSTILE, "hash": HOSTILE }], "impure": [HOSTILE],
    });
    write_record(&sandbox, "work", "far", &one, &record);
    sandbox.lattice(&["note", &one, "-m", HOSTILE]).exits(0);
    let mut log = odd.clone().into_bytes();
    log.extend(b"\xff\xfe\0\x1b[31mred\n");
    sandbox.log_for(&one, &log);
    let page = page(&sandbox, &["--title", &odd]);
    assert!(!page.chars().any(|c| c != '\n' && c != '\t' && git_lattice::text::is_terminal_unsafe(c)));
    let document = Document::read(&page);
    document.assert_closed();
    assert!(document.text.matches("<img src=x onerror=alert(1)>").count() >= 9, "all of it should be there, as text");
    assert!(document.text.contains("a\"><img src=x onerror=y>&"), "the name of the file should be there");
}

/// From 300 points on, components are folded; of more, only points that need attention have details.
#[test]
fn many_points_are_folded() {
    let components = (0..151).map(|n| format!("\"c{n}\"")).collect::<Vec<_>>().join(", ");
    let axes = format!(
        "component = {{ set = [{components}] }}\narch = {{ set = [\"aarch64\", \"x86_64\"] }}\nstep = {{ chain = \"step{{n}}\" }}"
    );
    let sandbox = Sandbox::with_toml(&toml(&axes, ""));
    sandbox.lattice(&["new", "*/*/step1", "--no-push", "--no-switch"]).exits(0);
    let failed = format!("c7/{}/step1", here());
    sandbox.record(&failed, &format!("{}-linux", here()), "failed");
    let document = document(&sandbox, &[]);
    let text = words(&document.text);
    assert!(text.contains("Details are here for 1 of 302 points"), "{}", &text[..500]);
    assert!(text.contains("git lattice show POINT shows any other") && !text.contains('`'), "{}", &text[..500]);
    assert!(text.contains("to build git lattice build --all to push git lattice sync Points"), "{}", &text[..500]);
    assert_eq!(document.count("g", "data-point"), 302);
    assert_eq!(document.count("details", "open"), 2, "the failed point and its component should be unfolded");
    assert_eq!(document.values("data-point").filter(|point| **point == failed).count(), 2);
    let points = document.ids.iter().filter(|id| id.starts_with("p/")).count();
    assert_eq!(points, 302, "each point should have a place of its own");
}

impl Sandbox {
    /// Writes the log that this clone has of a point.
    #[track_caller]
    fn log_for(&self, point: &str, text: &[u8]) {
        let known = self.point(point);
        let (key, system) = (known["key"].as_str().unwrap(), known["systems"][0].as_str().unwrap());
        let path = self.work().join(format!(".git/lattice/log/{key}-{system}.log"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}
