//! Linting with fake statix and deadnix programs that answer like the real ones, or like other programs of these names.

use std::path::Path;

use git_lattice::lint::{Lookup, Report, Severity, Tools, Verdict, lint_files, lint_text};

use crate::scratch::Scratch;

const HELP: &str = "Usage: statix check [OPTIONS] [TARGET]\n  -o, --format <FORMAT>  Supported values: stderr, errfmt, json\n  -s, --stdin  Enable \"streaming\" mode";

/// Hides deadnix of this machine.
fn no_deadnix(scratch: &Scratch) -> Lookup {
    Lookup { deadnix: Some(scratch.path("no/deadnix")), ..Lookup::default() }
}

/// A statix that stores its arguments, configuration and input, and then runs `answer` in sh.
fn statix(scratch: &Scratch, version: &str, answer: &str) -> Tools {
    let notes = scratch.path("notes");
    std::fs::create_dir_all(&notes).unwrap();
    let text = format!(
        "#!/bin/sh\ncase $*:'{version}' in\n'check --help:'*) cat <<'END'\n{HELP}\nEND\nexit 0 ;;\n\
         --version:?*) echo 'statix {version}'; exit 0 ;;\n--version:) echo \"unexpected argument '--version'\" >&2; exit 2 ;;\nesac\n\
         cd '{}'; cat >input; case $(cat input) in *'git-lattice: a probe'*) echo '<stdin>>2:17:W:3:probe'; exit 1 ;; esac\n\
         echo \"$*\" >args; cat \"$6\" >config; env >env\n{answer}\n",
        notes.display()
    );
    let program = scratch.program("bin/statix", &text);
    Tools::find(&Lookup { statix: Some(program), ..no_deadnix(scratch) }).unwrap()
}

fn lint(text: &[u8], tools: &Tools) -> Report {
    lint_text(Path::new("dir/a file.nix"), text, tools)
}

fn finding_lines(report: &Report) -> Vec<String> {
    report.all_findings().iter().map(ToString::to_string).collect()
}

/// What was not checked, without deadnix, which is never found.
fn unchecked(report: &Report) -> Vec<String> {
    let other = |text: &String| !text.starts_with("not checked by deadnix");
    report.unchecked.iter().map(ToString::to_string).filter(other).collect()
}

/// The built-in engines and these.
fn with_embedded(more: &[&str]) -> Vec<String> {
    let own = format!("git-lattice {}", env!("CARGO_PKG_VERSION"));
    let embedded = ["rnix 0.15.1", &own, "format (nixfmt_rs 0.5.3)"];
    embedded.iter().chain(more).map(ToString::to_string).collect()
}

fn engines(report: &Report) -> Vec<String> {
    report.checked.iter().map(|e| format!("{} {}", e.name, e.version.as_deref().unwrap_or("?"))).collect()
}

#[test]
fn errfmt_findings_of_both_statix_versions_are_read() {
    let shapes = [
        ("0.5.8", "statix 0.5.8", "Assignment instead of inherit", "Assignment instead of inherit"),
        ("", "statix ?", "[manual_inherit] Assignment instead", "Assignment instead (manual_inherit)"),
    ];
    for (version, engine, printed, message) in shapes {
        let scratch = Scratch::new();
        let tools = statix(&scratch, version, &format!("echo '<stdin>>1:3:W:4:{printed}'; exit 1"));
        let report = lint(b"{ a = 1; }\n", &tools);
        assert_eq!(finding_lines(&report), [format!("dir/a file.nix:1:3: warning: {message} [statix W04]")]);
        assert_eq!(report.worst(), Some(Severity::Warning));
        assert_eq!(engines(&report), with_embedded(&[engine]));
        assert_eq!(unchecked(&report), [""; 0]);
    }
}

#[test]
fn statix_gets_exact_bytes_and_a_configuration() {
    let scratch = Scratch::new();
    let text = "{ a = 1; } # no newline at the end: \u{e9}";
    let report = lint(text.as_bytes(), &statix(&scratch, "0.5.8", "exit 0"));
    assert_eq!(report.verdict(), Verdict::Clean, "no findings should be a pass: {report:?}");
    assert_eq!(scratch.read("notes/input"), text);
    assert_eq!(scratch.read("notes/config"), "disabled = []\nignore = []\nnix_version = \"2.8\"\n");
    let args = scratch.read("notes/args");
    assert!(args.starts_with("check --stdin -o json -c /") && args.ends_with("/statix.toml\n"), "{args}");
    assert!(!scratch.read("notes/env").contains("GIT_DIR="), "it should not inherit the repository of a hook");
}

#[test]
fn project_configuration_is_used() {
    let scratch = Scratch::new();
    statix(&scratch, "0.5.8", "exit 0");
    let statix_toml = Some(b"disabled = [\"eta_reduction\"]\n".to_vec());
    let tools =
        Tools::find(&Lookup { statix: Some(scratch.path("bin/statix")), statix_toml, ..no_deadnix(&scratch) }).unwrap();
    let report = lint(b"1\n", &tools);
    assert_eq!(engines(&report).len(), 4, "{report:?}");
    assert_eq!(scratch.read("notes/config"), "disabled = [\"eta_reduction\"]\n");
}

#[test]
fn implausible_statix_results_are_errors() {
    let lies = [
        ("echo 'error: bad statix.toml' >&2; exit 0", "it printed `error: bad statix.toml`"),
        ("echo '<stdin>>1:1:W:4:x'; echo panic >&2; exit 1", "it printed `panic`"),
        ("exit 1", "it ended with exit status: 1 and printed nothing"),
        ("exit 101", "it ended with exit status: 101 and printed nothing"),
        ("kill -9 $$", "it ended with signal: 9 (SIGKILL) and printed nothing"),
        (
            "echo '`x` contains non-utf8 content'; exit 0",
            "its output was not understood: ``x` contains non-utf8 content`",
        ),
        ("echo '<stdin>>1:1:W:4:x'; exit 0", "it ended with exit status: 0 although it found something"),
        ("printf '\\377\\n'; exit 1", "its output is not UTF-8"),
    ];
    for (answer, why) in lies {
        let scratch = Scratch::new();
        let report = lint(b"1\n", &statix(&scratch, "0.5.8", answer));
        let expected = format!("dir/a file.nix:1:1: error: statix could not check this: {why} [statix unchecked]");
        assert_eq!(finding_lines(&report), [expected], "{answer}");
        assert_eq!(unchecked(&report), [format!("`dir/a file.nix` was not checked by statix: {why}")]);
        assert_eq!(engines(&report), with_embedded(&[]), "statix does not count as having looked: {answer}");
    }
}

#[test]
fn invalid_utf8_never_reaches_statix() {
    let scratch = Scratch::new();
    let report = lint(b"{ a = \"\xff\"; }", &statix(&scratch, "0.5.8", "exit 0"));
    assert_eq!(finding_lines(&report), ["dir/a file.nix:1:8: error: this byte is not UTF-8 [rnix encoding]"]);
    assert_eq!(scratch.read("notes/args"), "", "statix would have found nothing");
}

#[test]
fn syntax_errors_are_found_without_statix() {
    let report = lint(b"{\n  a = 1\n}\n", &Tools::embedded_only("switched off"));
    assert_eq!(finding_lines(&report), ["dir/a file.nix:3:1: error: unexpected `}`, expected `;` [rnix syntax]"]);
    assert_eq!(unchecked(&report)[0], "not checked by statix: switched off");
}

#[test]
fn other_program_named_statix_is_recognised() {
    let scratch = Scratch::new();
    let server = "#!/bin/sh\necho 'statix: serves static files\n  --port <PORT>'\n";
    let other = "#!/bin/sh\necho \"unknown command check\" >&2; exit 2\n";
    for (text, what) in [(server, "a web server"), (other, "another program")] {
        let program = scratch.program("bin/statix", text);
        let tools = Tools::find(&Lookup { statix: Some(program.clone()), ..no_deadnix(&scratch) }).unwrap();
        let report = lint(b"1\n", &tools);
        let why = format!("`{}` is {what} of that name, not the linter for Nix", program.display());
        assert_eq!(unchecked(&report), [format!("not checked by statix: {why}")]);
        assert_eq!((finding_lines(&report), engines(&report)), (vec![], with_embedded(&[])));
    }
    let gone = Tools::find(&Lookup { statix: Some(scratch.path("gone")), ..no_deadnix(&scratch) }).unwrap();
    let expected = format!("not checked by statix: `{}` was not found", scratch.path("gone").display());
    assert_eq!(unchecked(&lint(b"1\n", &gone)), [expected]);
}

#[test]
fn vanished_statix_does_not_count_as_a_pass() {
    let scratch = Scratch::new();
    let tools = statix(&scratch, "0.5.8", "exit 0");
    std::fs::remove_file(scratch.path("bin/statix")).unwrap();
    assert_eq!(lint(b"1\n", &tools).verdict(), Verdict::CouldNotCheck);
}

#[test]
fn several_files_form_one_report() {
    let scratch = Scratch::new();
    let tools = statix(&scratch, "0.5.8", "if grep -q bad input; then echo '<stdin>>1:1:I:7:bad'; exit 1; fi");
    let files = [("a.nix", "1\n"), ("b.nix", "x: x.bad\n"), ("c.nix", "{")];
    let report = lint_files(files, &tools);
    assert_eq!(finding_lines(&report)[0], "b.nix:1:1: hint: bad [statix I07]");
    assert!(finding_lines(&report)[1].starts_with("c.nix:1:1: error: this `{` is never closed"), "{report:?}");
    assert_eq!(engines(&report), with_embedded(&["statix 0.5.8"]), "each engine is named once");
    assert_eq!(unchecked(&report), ["`c.nix` was not checked by git-lattice, format, statix: it has syntax errors"]);
}

#[test]
fn hanging_statix_is_ended() {
    let scratch = Scratch::new();
    statix(&scratch, "0.5.8", "exec sleep 600");
    let limit = Some(std::time::Duration::from_millis(1500));
    let lookup = Lookup { statix: Some(scratch.path("bin/statix")), limit, ..no_deadnix(&scratch) };
    let report = lint(b"1\n", &Tools::find(&lookup).unwrap());
    assert_eq!(report.verdict(), Verdict::CouldNotCheck, "{report:?}");
    assert!(finding_lines(&report)[0].contains("was stopped after 1 seconds"), "{report:?}");
}

#[test]
fn json_of_both_statix_versions_is_read() {
    for name in ["", "\"name\": \"empty_pattern\", "] {
        let scratch = Scratch::new();
        let document = format!(
            "{{\n \"file\": \"<stdin>\",\n \"report\": [{{{name}\"note\": \"n\", \"code\": 10, \"severity\": \"Warn\", \"diagnostics\": [{{\
             \"at\": {{\"from\": {{\"line\": 1, \"column\": 3}}, \"to\": {{\"line\": 1, \"column\": 4}}}}, \
             \"message\": \"This pattern is empty\", \"suggestion\": null}}]}}]\n}}\n"
        );
        let answer = format!("cat <<'END'\n{document}{document}END\nexit 1");
        let report = lint(b"{ a = 1; }\n", &statix(&scratch, "0.5.8", &answer));
        assert_eq!(report.findings.len(), 2, "concatenated JSON documents should be read: {report:?}");
        assert_eq!((report.findings[0].code.as_str(), report.findings[0].end), ("W10", Some((1, 4))));
    }
}

/// A deadnix that prints `answer`, with `@` for the folder of the files.
fn deadnix(scratch: &Scratch, answer: &str) -> Tools {
    let text = format!(
        "#!/bin/sh\ncase $1 in\n--help) echo 'Find dead code --output-format json'; exit 0 ;;\n--version) echo 'deadnix 1.3.1'; exit 0 ;;\nesac\n{answer}\n"
    );
    let program = scratch.program("bin/deadnix", &text);
    Tools::find(&Lookup { deadnix: Some(program), statix: Some(scratch.path("no/statix")), ..Lookup::default() })
        .unwrap()
}

#[test]
fn deadnix_checks_all_files_in_one_run() {
    let scratch = Scratch::new();
    let say = r#"printf '{"file":"%s","results":[{"message":"Unused let binding: b","line":1,"column":5,"endColumn":6}]}\n' "$5""#;
    let tools = deadnix(&scratch, say);
    let report = lint_files([("a.nix", "1\n"), ("b.nix", "{"), ("c.nix", "let\n  b = 1;\nin\n2\n")], &tools);
    let dead: Vec<String> = finding_lines(&report).into_iter().filter(|text| text.contains("deadnix")).collect();
    assert_eq!(dead, ["c.nix:1:5: warning: Unused let binding: b [deadnix dead-code]"], "{report:?}");
    assert!(engines(&report).contains(&"deadnix 1.3.1".to_owned()), "{report:?}");
}

#[test]
fn implausible_deadnix_results_are_errors() {
    let lies = [
        "echo oops >&2",
        "exit 3",
        "echo '{\"file\":\"/elsewhere.nix\",\"results\":[]}'",
        "echo nonsense",
        r#"printf '{"file":"%s","results":[{"message":"Permission denied"}]}\n' "$4""#,
    ];
    for lie in lies {
        let scratch = Scratch::new();
        let report = lint(b"1\n", &deadnix(&scratch, lie));
        assert_eq!(report.verdict(), Verdict::CouldNotCheck, "{lie}: {report:?}");
    }
}

#[test]
fn installed_statix_and_deadnix_find_problems() {
    let tools = Tools::find(&Lookup::default()).unwrap();
    let report = lint(b"let\n  unused = 1;\nin\n{\n  a = if true == true then [ ] ++ [ ] else null;\n}\n", &tools);
    assert_ne!(report.verdict(), Verdict::CouldNotCheck, "{report:?}");
    for (name, code) in [("statix", "W"), ("deadnix", "dead-code")] {
        if report.checked.iter().any(|engine| engine.name == name) {
            assert!(report.findings.iter().any(|f| f.engine == name && f.code.starts_with(code)), "{name}: {report:?}");
        }
    }
}
