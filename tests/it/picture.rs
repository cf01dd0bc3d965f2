//! How `git lattice status` draws its tables: which axes are rows and columns, which points it has, and on a terminal that is redrawn.
#![cfg(target_os = "linux")]

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, far, here, toml};
use crate::terminal::Screen;

/// Ten steps in one phase, and one step in another, on one architecture.
fn with_ten_steps() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at(&format!("phase0/{}", numbered("step", 10))), &at("phase1/step1")]);
    sandbox
}

/// Such as `{step1,step2}`.
fn numbered(name: &str, count: usize) -> String {
    let names: Vec<_> = (1..=count).map(|n| format!("{name}{n}")).collect();
    format!("{{{}}}", names.join(","))
}

/// The lines of tables, with single spaces, without the suggestions.
#[track_caller]
fn tables(run: &Run) -> Vec<String> {
    let lines = run.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.take_while(|line| !line.contains("git lattice")).filter(|line| !line.is_empty()).collect()
}

/// The path of a program of the system: the sandbox has few on PATH.
fn program(name: &str) -> String {
    which::which(name).unwrap_or_else(|_| panic!("{name}(1) is needed for this test")).display().to_string()
}

/// Runs a shell command on a terminal of 8 rows, with `keys` typed into it; returns what it shows.
fn on_terminal(sandbox: &Sandbox, shell: &str, keys: &str) -> String {
    let mut command = Command::new(program("script"));
    let size = format!("{} cols 80 rows 8", program("stty"));
    command.args(["-qec", &format!("{size}; {shell}"), "/dev/null"]).current_dir(sandbox.work());
    sandbox.environment(&mut command);
    let mut child = command.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Keys that are typed before the terminal is taken over are lost.
    std::thread::sleep(Duration::from_secs(3));
    stdin.write_all(keys.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    drop(stdin);
    String::from_utf8_lossy(&output).into_owned()
}

#[test]
fn any_axis_can_be_rows_columns_or_tables() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1"), &far("phase0/step1"), &at("phase0/step2"), &at("phase1/step1")]);
    let shown = |args: &[&str]| tables(&sandbox.lattice(&[&["status"], args].concat()).exits(0));
    let by_arch = shown(&["--rows", "arch", "--cols", "phase,step"]);
    assert_eq!(by_arch[0], "toolchain phase0/step1 phase0/step2 phase1/step1");
    assert!(by_arch.contains(&format!("{} · new ^ · new ^ · new ^", here())), "{by_arch:?}");
    let by_phase = shown(&["--cols", "phase"]);
    assert!(by_phase.contains(&format!("toolchain/{} phase0 phase1", here())), "{by_phase:?}");
    assert!(by_phase.contains(&"step1 · new ^ · new ^".to_owned()), "{by_phase:?}");
    let all_rows = shown(&["--rows", "component,arch,phase,step"]);
    assert!(all_rows.contains(&format!("{} · new ^", at("phase1/step1"))), "{all_rows:?}");
    assert_eq!(all_rows.len(), 4, "no line of titles: {all_rows:?}");
}

#[test]
fn chains_are_ordered_by_rank_wherever_they_are() {
    let sandbox = with_ten_steps();
    let heads = |args: &[&str]| tables(&sandbox.lattice(&[&["status"], args].concat()).exits(0))[0].clone();
    let steps: Vec<_> = (1..=10).map(|n| format!("step{n}")).collect();
    assert_eq!(heads(&["--cols", "step", "--rows", "phase"]), format!("toolchain/{} {}", here(), steps.join(" ")));
    let run = sandbox.lattice(&["status", "--rows", "phase", "--cols", "arch"]).exits(0);
    let titles: Vec<_> = tables(&run).into_iter().filter(|line| line.starts_with("toolchain/")).collect();
    assert_eq!(titles, steps.iter().map(|step| format!("toolchain/{step} {}", here())).collect::<Vec<_>>());
}

#[test]
fn components_are_ordered_as_in_lattice_toml() {
    let tools = ["tool-1", "tool-2", "tool-11", "tool-10"];
    let listed = tools.map(|tool| format!("\"{tool}\"")).join(", ");
    let axes = format!("component = {{ set = [{listed}] }}\nstep = {{ chain = \"step{{n}}\" }}");
    let sandbox = Sandbox::with_toml(&toml(&axes, "[systems]\n\"*\" = \"x86_64-linux\"\n"));
    sandbox.points(&[&format!("*/{}", numbered("step", 13))]);
    let tables_of = |args: &[&str]| tables(&sandbox.lattice(&[&["status"], args].concat()).exits(0));
    let firsts = |lines: &[String]| -> Vec<String> {
        let words = lines.iter().flat_map(|line| line.split(['/', ' ', '`'])).filter(|word| word.starts_with("tool-"));
        let mut words: Vec<_> = words.map(str::to_owned).collect();
        words.dedup();
        words
    };
    assert_eq!(firsts(&tables_of(&[])), tools);
    let rows = tables_of(&["--rows", "component", "--cols", "step", "--state", "new"]);
    assert_eq!(firsts(&rows), tools);
    let report = sandbox.lattice(&["report"]).exits(0).stdout;
    let counted: Vec<_> = report.lines().filter(|line| line.starts_with("| `tool")).map(str::to_owned).collect();
    assert_eq!(firsts(&counted), tools);
    let page = sandbox.lattice(&["page", "-"]).exits(0).stdout;
    let at = tools.map(|tool| page.find(&format!("{tool}</")).unwrap_or_else(|| panic!("{tool}: {page}")));
    assert!(at.is_sorted(), "{at:?}");
}

#[test]
fn wrong_axes_and_times_are_refused() {
    let sandbox = with_ten_steps();
    let refused = |args: &[&str]| sandbox.refused(&[&["status"], args].concat()).exits(2);
    refused(&["--rows", "step", "--cols", "arch,step"]).says_err("axis `step` is given twice");
    refused(&["--cols", "architecture"])
        .says_err("unknown axis `architecture`")
        .says_err("component, arch, phase, step");
    refused(&["--since", "soon"]).says_err("invalid time `soon` for `--since`").says_err("2 days ago");
    refused(&["--watch"]).says_err("`--watch` needs a terminal");
}

#[test]
fn ascii_has_no_other_characters() {
    let sandbox = with_ten_steps();
    sandbox.record(&at("phase0/step1"), &format!("{}-linux", here()), "built");
    sandbox.record(&at("phase0/step2"), &format!("{}-linux", here()), "failed");
    let text = sandbox.lattice(&["status", "--ascii"]).exits(0).stdout;
    assert!(
        text.is_ascii() && text.contains("+ built") && text.contains("x failed") && text.contains(". new"),
        "{text}"
    );
}

#[test]
fn conditions_choose_points_and_suggestions() {
    let sandbox = with_ten_steps();
    sandbox.record(&at("phase0/step2"), &format!("{}-linux", here()), "failed");
    for args in [["--failed", "--all"], ["--state", "failed"]] {
        let run = sandbox.lattice(&[&["status"], &args[..]].concat()).exits(0);
        assert_eq!(tables(&run).len(), 2, "the titles and a row: {}", run.stdout);
        run.says_out("✗ failed").says_out(&format!("git lattice show {}", at("phase0/step2")));
    }
    let failed = || {
        let json = sandbox.lattice(&["status", "--failed", "--json"]).json();
        json["points"].as_array().map(Vec::len)
    };
    assert_eq!(failed(), Some(1));
    sandbox
        .lattice(&["status", "--state", "queued"])
        .exits(0)
        .says_err("no point fulfils the conditions")
        .never_says("x86_64");
    sandbox.record(&at("phase0/step2"), &format!("{}-linux", here()), "built");
    sandbox.record(&at("phase0/step2"), &format!("{}-linux", here()), "failed");
    assert_eq!(failed(), Some(0), "a point with a `built` record stays built");
    let help = sandbox.lattice(&["status", "--help"]).exits(0).stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("points without a `built` record whose last build failed"), "{help}");
}

#[test]
fn since_takes_commits_and_ends_of_builds() {
    let sandbox = with_ten_steps();
    let listed = |time: &str| sandbox.lattice(&["list", "--since", time]).exits(0).stdout.lines().count();
    // Commits are made at 03:04:05. The build starts then, and takes 1.5 seconds.
    let (at_commit, after) = ("2026-01-02 04:04:05 +0100", "2026-01-02T03:04:06Z");
    assert_eq!((listed(at_commit), listed(after)), (11, 0));
    sandbox.record(&at("phase0/step2"), &format!("{}-linux", here()), "failed");
    assert_eq!((listed(after), listed("2026-01-02T03:04:07Z")), (1, 0));
    assert_eq!(sandbox.lattice(&["status", "--since", after, "--json"]).json()["points"][0]["state"], "failed");
}

#[test]
fn watch_draws_until_q_and_leaves_the_terminal_as_it_was() {
    let sandbox = with_ten_steps();
    let shown =
        on_terminal(&sandbox, &format!("git-lattice status --watch; echo code $?; {} -a", program("stty")), "q");
    let (drawn, after) = shown.split_once("\x1b[?1049l").expect("it should leave the alternate screen");
    assert!(drawn.contains("\x1b[?1049h") && drawn.contains("git lattice build --all"), "{drawn}");
    assert!(
        drawn.contains("all 1  0/11 built") && drawn.contains(" UTC; `q` ends"),
        "the tables should be folded: {drawn}"
    );
    assert!(drawn.contains("last change "), "{drawn}");
    assert!(after.contains("code 0") && after.contains(" icanon") && after.contains(" echo "), "{after}");
}

#[test]
fn interrupt_ends_watch_by_the_signal() {
    let sandbox = with_ten_steps();
    let shown =
        on_terminal(&sandbox, &format!("git-lattice status --watch; echo code $?; {} -a", program("stty")), "\x03");
    let (_, after) = shown.split_once("\x1b[?1049l").expect("it should leave the alternate screen");
    assert!(after.contains("code 130") && after.contains(" icanon"), "{after}");
}

#[test]
fn watch_shows_what_matters_most_first() {
    let sandbox = with_ten_steps();
    let (head, failed) = (at("phase1/step1"), at("phase0/step2"));
    sandbox.record(&failed, &format!("{}-linux", here()), "failed");
    sandbox.git(&["switch", "-q", &branch(&head)]);
    let shown = on_terminal(&sandbox, "git-lattice status --watch", "q");
    let drawn = shown.rsplit("\x1b[H").next().unwrap().split("\x1b[?1049l").next().unwrap();
    let drawn = Screen::plain(drawn).replace("\x1b[K", "");
    let lines: Vec<_> = drawn.lines().map(|line| line.trim().to_owned()).collect();
    assert!(lines[0].starts_with(&head) && lines[0].ends_with("* ^"), "{lines:#?}");
    assert!(lines[1].starts_with(&failed) && lines[1].contains("✗ failed"), "{lines:#?}");
    assert!(lines.iter().any(|line| line.ends_with(&format!("git lattice show {failed}"))), "{lines:#?}");
    assert!(drawn.contains("more lines: a larger terminal shows them"), "{lines:#?}");
    assert_eq!(lines.len(), 8, "the terminal has 8 rows: {lines:#?}");
}

#[test]
fn watch_leaves_the_terminal_as_it_was_when_it_is_killed() {
    let sandbox = with_ten_steps();
    for signal in ["TERM", "QUIT"] {
        let killed = format!("{} --foreground -s {signal} 2 git-lattice status --watch", program("timeout"));
        let shown = on_terminal(&sandbox, &format!("{killed}; {} -a", program("stty")), "");
        let (_, after) = shown.split_once("\x1b[?1049l").expect("it should leave the alternate screen");
        assert!(after.contains(" icanon") && after.contains(" echo ") && shown.contains("\x1b[?25h"), "{after}");
    }
}

#[test]
fn stopped_watch_and_picker_give_the_terminal_back_and_go_on() {
    let sandbox = with_ten_steps();
    for (command, last) in [("status --watch", "q"), ("switch", "\\033")] {
        let script =
            format!("set -m; git-lattice {command}; $STTY -a; echo in the shell; sleep 1; fg >/dev/null; $STTY -a");
        let keys = format!("sleep 3; printf '\\032'; sleep 4; printf '{last}'; sleep 20");
        let shown = crate::terminal::run(&sandbox, (80, 24), "xterm", &format!("bash -c '{script}'"), &keys);
        let (before, after) = shown.split_once("in the shell").unwrap_or_else(|| panic!("it should stop: {shown}"));
        let (drawn, modes) = before.rsplit_once("\x1b[?1049l").expect("it should leave the alternate screen");
        assert!(drawn.contains("phase0/step1") && drawn.ends_with("\x1b[?25h"), "{drawn}");
        assert!(modes.contains(" icanon") && modes.contains(" echo "), "{modes}");
        let (drawn, modes) = after.rsplit_once("\x1b[?1049l").expect("it should go on");
        assert!(drawn.contains("\x1b[?1049h") && drawn.contains("phase0/step1"), "it should draw again: {drawn}");
        assert!(modes.contains(" icanon") && modes.contains(" echo "), "{modes}");
    }
}

#[test]
fn ctrl_z_does_not_stop_what_no_shell_can_continue() {
    let sandbox = with_ten_steps();
    let shown = on_terminal(&sandbox, "exec git-lattice status --watch", "\x1aq");
    assert!(shown.ends_with("\x1b[?1049l"), "{shown}");
}

#[test]
fn watch_fits_into_one_row_and_refuses_a_dumb_terminal() {
    let sandbox = with_ten_steps();
    let shown = on_terminal(&sandbox, &format!("{} rows 1; git-lattice status --watch", program("stty")), "q");
    let drawn = shown.rsplit_once("\x1b[?1049l").and_then(|(shown, _)| shown.rsplit("\x1b[H").next()).unwrap();
    assert!(drawn.contains("more lines") && !drawn.contains('\n'), "{drawn:?}");
    let shown = on_terminal(&sandbox, "TERM=dumb git-lattice status --watch", "");
    assert!(shown.contains("needs a terminal that can move the cursor") && !shown.contains("\x1b[?"), "{shown}");
}

#[test]
fn long_tables_go_through_the_pager_of_git() {
    let sandbox = with_ten_steps();
    sandbox.git(&["config", "core.pager", &format!("{} 's/^/paged: /'", program("sed"))]);
    let paged = on_terminal(&sandbox, "git-lattice status --all", "");
    assert!(paged.contains("paged:") && paged.contains("phase0/step10"), "{paged}");
    let plain = on_terminal(&sandbox, "git-lattice", "");
    assert!(plain.contains("paged:") && plain.contains("phase0/step10"), "also without `--all`: {plain}");
    let at_of = |shown: &str, text: &str| shown.find(text).unwrap_or_else(|| panic!("{text}: {shown}"));
    assert!(at_of(&plain, "to build:") < at_of(&plain, "phase0/step10"), "a pager shows the first lines: {plain}");
    let unpaged = on_terminal(&sandbox, "GIT_PAGER=cat git-lattice", "");
    assert!(at_of(&unpaged, "to build:") > at_of(&unpaged, "phase0/step10"), "a terminal the last: {unpaged}");
    let short = on_terminal(&sandbox, &format!("git-lattice status --all {}", at("phase1/step1")), "");
    assert!(short.contains("phase1/step1") && !short.contains("paged"), "{short}");
    let missing = on_terminal(&sandbox, "GIT_PAGER=no-such-pager git-lattice status --all", "");
    assert!(missing.contains("phase0/step10"), "{missing}");
    assert!(!sandbox.lattice(&["status", "--all"]).exits(0).stdout.contains("paged"), "no terminal, no pager");
}

#[test]
fn tables_fold_by_the_chosen_rows() {
    let sandbox = Sandbox::with_toml(&toml(
        "component = { set = [\"gcc\"] }\narch = { set = [\"x86_64\", \"aarch64\"] }\nstep = { chain = \"step{n}\" }",
        "",
    ));
    sandbox.points(&[&format!("gcc/x86_64/{}", numbered("step", 300))]);
    let text = sandbox.lattice(&["status", "--rows", "component,arch,step"]).exits(0).stdout;
    assert!(text.contains("300 points"), "{text}");
}
