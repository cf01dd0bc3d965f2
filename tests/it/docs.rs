//! Every console block of README and of the book, run against the real program: page by page, in one shell per page.
//!
//! A page starts in an empty clone `hello`; beside it, `tcc` is `examples/tcc` with what `make-seed` downloads. Commands that the reader need not see stand in a comment `<!-- run .. -->` before the block.
//! Lines are as wide as on a terminal of 80 columns. Ids, times, durations, store hashes and host names are masked on both sides; a
//! line `...` matches any lines. `GIT_LATTICE_TEST_REWRITE=1` writes the printed output into the pages, also where only store hashes differ.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;

use crate::nix_setup::{every_nix, path_without_tools, tcc, var, wrapper};
use crate::sandbox::copy;
use crate::scratch::Scratch;

/// A command on a page.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Commands that run but are not shown.
    Hidden(String),
    /// A shown command, the number of its last line, and the output below it.
    Shown { command: String, line: usize, output: String },
}

#[test]
fn console_blocks_show_what_the_program_prints() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    if std::env::consts::ARCH != "x86_64" {
        return;
    }
    let pages = pages();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = pages.iter().map(|page| scope.spawn(|| check(page, &nix))).collect();
        running.into_iter().flat_map(|page| page.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn readme_can_be_pasted_into_a_terminal() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    if std::env::consts::ARCH != "x86_64" {
        return;
    }
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let commands: Vec<String> = steps(&readme).iter().map(|step| step.command().to_owned()).collect();
    let pasted =
        format!("{START}\n{}\ngit for-each-ref --format='<%(refname)>' refs/heads\nexit\n", commands.join("\n"));
    let scratch = home();
    let mut terminal = Command::new(which::which("script").unwrap());
    environment(&scratch, &mut terminal, &nix);
    terminal.args(["-qec", "stty cols 80 rows 24; exec bash --norc -i", "/dev/null"]).env("TERM", "xterm");
    let mut terminal = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = terminal.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, pasted.as_bytes()).unwrap();
    let printed = String::from_utf8_lossy(&terminal.wait_with_output().unwrap().stdout).into_owned();
    for branch in ["main", "feature/hello-1.0/x86_64/phase0/step2", "feature/hello-1.0/x86_64/phase1/step1"] {
        assert!(printed.contains(&format!("<refs/heads/{branch}>")), "{branch} should exist at the end:\n{printed}");
    }
}

/// README and the pages of the book.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let book = fs::read_dir(root.join("docs/src")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> = book.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect();
    pages.push(root.join("README.md"));
    pages.sort();
    pages
}

fn check(page: &Path, nix: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let steps = steps(&text);
    if !steps.iter().any(|step| matches!(step, Step::Shown { .. })) {
        return Vec::new();
    }
    let takes_tcc = steps.iter().any(|step| step.command().contains("../tcc/"));
    let tcc = if takes_tcc { tcc() } else { None };
    if takes_tcc && tcc.is_none() {
        return Vec::new();
    }
    let outputs = run(&steps, nix, tcc.as_deref());
    if var("GIT_LATTICE_TEST_REWRITE").is_some() {
        fs::write(page, rewritten(&text, &steps, &outputs)).unwrap();
        return Vec::new();
    }
    let differs = steps.iter().zip(&outputs).filter_map(|(step, actual)| match step {
        Step::Shown { command, line, output } if !is_shown(output, actual) => Some(format!(
            "{}:{line}: `{command}` prints\n{actual}\ninstead of\n{output}\n",
            page.file_name().unwrap_or_default().display()
        )),
        Step::Shown { .. } | Step::Hidden(_) => None,
    });
    differs.collect()
}

/// Parses the hidden comments and the console blocks of a page.
fn steps(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((_, line)) = lines.next() {
        if line == "<!-- run" {
            let hidden = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "-->");
            steps.push(Step::Hidden(hidden.collect::<Vec<_>>().join("\n")));
        } else if line == "```console" {
            for (number, line) in lines.by_ref().take_while(|(_, line)| *line != "```") {
                let (number, command, more) = (number + 1, line.strip_prefix("$ "), line.strip_prefix("> "));
                match (command, more, steps.last_mut()) {
                    (Some(command), ..) => {
                        steps.push(Step::Shown { command: command.to_owned(), line: number, output: String::new() });
                    }
                    (None, Some(more), Some(Step::Shown { command, line, output })) if output.is_empty() => {
                        *line = number;
                        write!(command, "\n{more}").unwrap();
                    }
                    (None, _, Some(Step::Shown { output, .. })) => writeln!(output, "{line}").unwrap(),
                    (None, _, _) => panic!("line {number}: a console block begins with a command"),
                }
            }
        }
    }
    steps
}

impl Step {
    fn command(&self) -> &str {
        match self {
            Self::Hidden(commands) => commands,
            Self::Shown { command, .. } => command,
        }
    }
}

/// The commands that make the empty clone of a page.
const START: &str = "cd ~ && git init -q --bare hello.git && git clone -q hello.git hello 2>/dev/null && cd hello && \
                     git commit -q --allow-empty -m start && git push -q -u origin HEAD";

/// A home for the reader of a page.
fn home() -> Scratch {
    let scratch = Scratch::without_space();
    scratch.write(
        "home/.gitconfig",
        "[user]\n\tname = Ada Builder\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n",
    );
    scratch
}

/// The environment of a page's shell.
fn environment(scratch: &Scratch, shell: &mut Command, nix: &Path) {
    let nix = wrapper(scratch, nix);
    let tools = path_without_tools();
    let path = std::iter::once(nix.parent().unwrap().to_owned()).chain(std::env::split_paths(&tools));
    scratch.environment(shell, &std::env::join_paths(path).unwrap());
    shell.env("USER", "ada").env("COLUMNS", "80");
}

/// Runs the steps in one shell and returns the output of each. `tcc` is what `make-seed` downloaded.
fn run(steps: &[Step], nix: &Path, tcc: Option<&Path>) -> Vec<String> {
    let scratch = home();
    if let Some(tcc) = tcc {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tcc"), &scratch.path("home/tcc"));
        copy(tcc, &scratch.path("home/tcc"));
    }
    let mut script = format!("{START}\n");
    for (i, step) in steps.iter().enumerate() {
        let file = scratch.write(&format!("step{i}"), step.command());
        writeln!(script, "printf '\\0'\n. '{}'", file.display()).unwrap();
    }
    let mut shell = Command::new("bash");
    environment(&scratch, &mut shell, nix);
    shell.args(["-c", "exec bash \"$1\" 2>&1", "bash"]).arg(scratch.write("script", &script));
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let home = scratch.path("home").display().to_string();
    let text = String::from_utf8_lossy(&output.stdout).replace(&home, "/home/ada");
    let mut outputs: Vec<String> = text.split('\0').skip(1).map(str::to_owned).collect();
    outputs.resize(steps.len(), String::from("(the shell ended before)"));
    outputs
}

/// The page with printed output in place of output that differs.
fn rewritten(page: &str, steps: &[Step], outputs: &[String]) -> String {
    let mut lines: Vec<String> = page.lines().map(str::to_owned).collect();
    for (step, actual) in steps.iter().zip(outputs).rev() {
        if let Step::Shown { line, output, .. } = step
            && !(is_shown(output, actual) && has_same_stores(output, actual))
        {
            let printed = actual.trim().lines().map(|line| line.trim_end().to_owned());
            lines.splice(*line..*line + output.lines().count(), printed);
        }
    }
    lines.join("\n") + "\n"
}

/// Whether a page shows what was printed: the same words, and in lines with the same words the same columns.
fn is_shown(output: &str, actual: &str) -> bool {
    let (lines, printed) = (masked(output), masked(actual));
    let is_aligned = |line: &String| {
        let mut same = printed.iter().filter(|other| words(other) == words(line)).peekable();
        same.peek().is_none() || same.any(|other| other == line)
    };
    matches_masked(&words(output), &words(actual)) && lines.iter().all(is_aligned)
}

/// Whether a text without left-out lines has the store paths that were printed.
fn has_same_stores(output: &str, actual: &str) -> bool {
    static STORE: LazyLock<Regex> = LazyLock::new(|| Regex::new("/nix/store/[0-9a-z]{32}").unwrap());
    output.contains("\n...\n")
        || STORE.find_iter(output).map(|it| it.as_str()).eq(STORE.find_iter(actual).map(|it| it.as_str()))
}

/// The text without the parts that differ between runs.
fn masked(text: &str) -> Vec<String> {
    static MASKS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let masks = [
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[TIME]"),
            (r"/nix/store/[0-9a-z]{32}-", "/nix/store/[HASH]-"),
            (r"sha256-[A-Za-z0-9+/]{43}=", "sha256-[HASH]"),
            (r"\b[0-9a-f]{7,64}\b", "[ID]"),
            (r"\b\d+\.\d s\b *", "[SECONDS] "),
            (r"\b\d+(\.\d)? [KM]iB\b", "[SIZE]"),
            (r"\bada@[\w.-]+", "[HOST]"),
            (r"\b(git-lattice|rnix|nixfmt_rs) \d+\.\d+\.\d+", "$1 [VERSION]"),
        ];
        masks.map(|(pattern, mask)| (Regex::new(pattern).unwrap(), mask)).into()
    });
    let mask = |line: &str| {
        let line = line.trim_end().to_owned();
        MASKS.iter().fold(line, |line, (pattern, mask)| pattern.replace_all(&line, *mask).into_owned())
    };
    text.trim().lines().map(mask).filter(|line| !line.is_empty()).collect()
}

/// The masked words of a text; a line `...` is a word. Where lines are broken depends on the length of paths and host names,
/// and a command that gets a line of its own loses its backticks.
fn words(text: &str) -> Vec<String> {
    let word = |word: &str| if word == "..." { word } else { word.trim_matches(|c| "`,;:()".contains(c)) }.to_owned();
    let lines = masked(text);
    lines.iter().flat_map(|line| line.split_whitespace()).map(word).filter(|word| !word.is_empty()).collect()
}

/// Whether lines or words match the expected ones, where `...` matches any of them.
fn matches_masked(expected: &[String], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=actual.len()).any(|skipped| matches_masked(rest, &actual[skipped..]))
        }
        Some((first, rest)) => {
            actual.split_first().is_some_and(|(line, more)| line == first && matches_masked(rest, more))
        }
    }
}

#[test]
fn page_parser_finds_all_steps() {
    let page = "a\n<!-- run\nx\ny\n-->\n```console\n$ a\nb\n$ c\n```\n";
    let shown = |command: &str, line, output: &str| Step::Shown {
        command: command.to_owned(),
        line,
        output: output.to_owned(),
    };
    assert_eq!(steps(page), [Step::Hidden("x\ny".to_owned()), shown("a", 7, "b\n"), shown("c", 9, "")]);
}

#[test]
fn columns_are_compared() {
    assert!(is_shown("a:  b\n...\n", "a:  b\nc") && is_shown("a 1.0 s  b", "a 12.3 s b"));
    assert!(!is_shown("a:    b", "a:  b"));
    assert!(is_shown("one `two three`", "one\n    two three"), "a command may have a line of its own");
}

#[test]
fn dots_match_any_lines() {
    let lines = |text: &str| masked(text);
    assert!(matches_masked(&lines("a\n...\nc"), &lines("a\nb\nb\nc")));
    assert!(matches_masked(&lines("at 2026-01-02T03:04:05Z 1234567"), &lines("at 2027-01-02T03:04:05Z 89abcdef")));
    assert!(!matches_masked(&lines("a\n...\nc"), &lines("a\nb")) && !matches_masked(&lines("a"), &lines("b")));
}
