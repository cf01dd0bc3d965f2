//! `git lattice switch`: to points, branches and words, in this worktree and in linked ones.

mod worktrees;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, chains, crossing, dir, elsewhere, far, here, toml};
use crate::strace::strace;
use crate::terminal::Screen;

impl Sandbox {
    /// The branch of a worktree.
    fn branch_in(&self, dir: &str) -> String {
        self.git_in(dir, &["symbolic-ref", "--short", "HEAD"])
    }

    /// Switches, and asserts the branch.
    #[track_caller]
    fn goes(&self, args: &[&str], to: &str) -> Run {
        let run = self.lattice(&[&["switch"], args].concat()).exits(0);
        assert_eq!(self.branch_in("work"), to, "{args:?}\n{}", run.stderr);
        run
    }

    /// Asserts that a switch is refused and changes nothing.
    #[track_caller]
    fn stays(&self, args: &[&str], code: i32) -> Run {
        self.refused(&[&["switch"], args].concat()).exits(code)
    }
}

/// A clone with the points of [`crossing`], not pushed, HEAD on the first.
fn crossed() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.points(&crossing().each_ref().map(String::as_str));
    sandbox.git(&["switch", "-q", &branch(&at("phase0/step1"))]);
    sandbox
}

#[test]
fn point_can_be_named_in_every_way() {
    let two = at("phase0/step2");
    let pattern = format!("*/{}/phase0/*2", here());
    let ways: [&[&str]; 6] = [
        &[&two],
        &[&branch(&two)],
        &[&format!("refs/heads/{}", branch(&two))],
        &["--step", "step2"],
        &["--arch", here(), "--phase", "phase0", "--step", "step2"],
        &[&pattern],
    ];
    let sandbox = crossed();
    for way in ways {
        sandbox.git(&["switch", "-q", &branch(&at("phase0/step1"))]);
        let run = sandbox.goes(way, &branch(&two));
        assert_eq!(run.stdout, "", "git's messages belong on stderr");
    }
    sandbox.goes(&[&two], &branch(&two)).says_err("already on");
}

#[test]
fn one_axis_keeps_the_other_coordinates() {
    let sandbox = crossed();
    sandbox.goes(&["--arch", elsewhere()], &branch(&far("phase0/step1")));
    sandbox.goes(&["--arch", here()], &branch(&at("phase0/step1")));
    sandbox.goes(&["--arch", "aarch64+x86_64", "--phase", "phase1", "--step", "step2"], &branch(&crossing()[4]));
    sandbox.stays(&["--phase", "phase0"], 2).says_err("has no branch");
}

#[test]
fn steps_of_a_chain_follow_each_other() {
    let sandbox = crossed();
    let [one, two, three] = ["phase0/step1", "phase0/step2", "phase1/step1"].map(|place| branch(&at(place)));
    sandbox.goes(&["next"], &two);
    sandbox.goes(&["next"], &three);
    sandbox.stays(&["next"], 1).says_err("is the last point of its chain").says_err("git lattice next-step");
    sandbox.goes(&["first"], &three);
    sandbox.goes(&["prev"], &two);
    sandbox.goes(&["last"], &two);
    sandbox.goes(&["first"], &one);
    sandbox.stays(&["prev"], 1).says_err("is the first point of its chain");
    sandbox.goes(&["last"], &two);
    sandbox.stays(&["last", "--arch", here()], 2).says_err("takes no flag of an axis");
}

#[test]
fn up_and_down_follow_the_covers() {
    let sandbox = crossed();
    let [one, two, three, other, both] = crossing().map(|point| branch(&point));
    sandbox.goes(&["up"], &two);
    sandbox.goes(&["up"], &three);
    sandbox.goes(&["up"], &both);
    sandbox.stays(&["up"], 1).says_err("no point is above").says_err("git lattice next-step");
    let several = sandbox.stays(&["down"], 1).says_err("2 points are directly below");
    for point in [&crossing()[2], &crossing()[3]] {
        assert!(several.stderr.contains(&format!("git lattice switch {point}`")), "{}", several.stderr);
    }
    sandbox.goes(&[&at("phase1/step1")], &three);
    sandbox.goes(&["down"], &two);
    sandbox.goes(&["down"], &one);
    sandbox.goes(&["down"], "main");
    sandbox.stays(&["down"], 1).says_err("nothing is below the base branch `main`");
    sandbox.stays(&["up"], 1).says_err(&format!("git lattice switch {}", far("phase0/step1")));
    for word in ["next", "prev", "first", "last"] {
        let run =
            sandbox.stays(&[word], 1).says_err(&format!("HEAD is not on the branch of a point, from which `{word}`"));
        assert!(
            run.stderr.contains("`git lattice switch up`") && !run.stderr.contains("lattice new"),
            "{}",
            run.stderr
        );
    }
    sandbox.goes(&[&other], &other);
    sandbox.goes(&["up"], &both);
}

#[test]
fn one_least_point_is_right_above_the_base() {
    let sandbox = Sandbox::new();
    sandbox.stays(&["up"], 1).says_err("no point is above the base branch");
    sandbox.stays(&["next"], 1).says_err("`git lattice new` makes the first point");
    sandbox.points(&[&at("phase0/step1"), &at("phase0/step2")]);
    sandbox.goes(&["up"], &branch(&at("phase0/step1")));
}

#[test]
fn dash_is_the_branch_before() {
    let sandbox = crossed();
    let [one, two] = ["phase0/step1", "phase0/step2"].map(|place| branch(&at(place)));
    sandbox.goes(&["next"], &two);
    sandbox.goes(&["-"], &one);
    sandbox.goes(&["-"], &two);
    sandbox.git(&["switch", "-q", "--detach"]);
    sandbox.stays(&["next"], 1).says_err("`git lattice switch POINT` goes to a point");
    sandbox.goes(&["-"], &two);
    sandbox.stays(&["-"], 1).says_err("no branch was checked out before");
    sandbox.git(&["switch", "-q", "--detach"]);
    sandbox.goes(&[&one], &one);
}

#[test]
fn other_branches_can_be_named() {
    let sandbox = crossed();
    sandbox.goes(&["main"], "main");
    sandbox.git(&["branch", "-q", "topic/x"]);
    let to = sandbox.lattice(&["switch", "topic/x", "--json"]).exits(0).json();
    assert_eq!((&to["point"], &to["branch"]), (&serde_json::Value::Null, &"topic/x".into()));
    sandbox.goes(&["origin/main"], "main");
}

#[test]
fn words_win_over_values() {
    let sandbox = Sandbox::with_toml(&toml(&chains("[\"p\"]", "[\"last\", \"next\", \"up\"]"), ""));
    let [one, two, three] = ["p/last", "p/next", "p/up"].map(|place| branch(&at(place)));
    sandbox.points(&[&at("p/last"), &at("p/next"), &at("p/up")]);
    sandbox.git(&["switch", "-q", &two]);
    sandbox.goes(&["next"], &three);
    sandbox.goes(&["--step", "next"], &two);
    sandbox.goes(&["first"], &one);
}

#[test]
fn unknown_points_are_refused_and_never_made() {
    let sandbox = crossed();
    sandbox.stays(&["--arch", "aarch46"], 2).says_err("did you mean `aarch64`?");
    let three = at("phase0/step3");
    let run = sandbox.stays(&[&three], 2).says_err("has no branch");
    run.says_err(&format!("git lattice new {three}"));
    sandbox.stays(&[&branch(&three)], 2).says_err("has no branch");
    sandbox
        .stays(&["nxt"], 2)
        .says_err("`nxt` is not a point, a branch or one of the words")
        .says_err("did you mean `next`?");
    sandbox.stays(&["*/*/phase0/step1"], 2).says_err("expected one point");
    sandbox.stays(&["up", "--failed"], 2);
}

#[test]
fn changes_in_the_way_are_kept() {
    let sandbox = crossed();
    let one = at("phase0/step1");
    sandbox.git(&["switch", "-q", "main"]);
    let file = format!("{}/flake.nix", dir(&one));
    sandbox.write(&file, "mine\n");
    sandbox.stays(&[&one], 1).says_err("would be overwritten by checkout");
    fs::remove_file(sandbox.work().join(&file)).unwrap();
    sandbox.goes(&[&one], &branch(&one));
    sandbox.write(&format!("{}/config.toml", dir(&one)), "mine = 1\n");
    sandbox.goes(&["next"], &branch(&at("phase0/step2"))).says_err("came along");
}

#[test]
fn hooks_run() {
    let sandbox = crossed();
    sandbox.program("work/.git/hooks/post-checkout", "#!/bin/sh\necho \"$3\" >>../switched\n");
    sandbox.goes(&["next"], &branch(&at("phase0/step2")));
    assert_eq!(fs::read_to_string(sandbox.path("switched")).unwrap(), "1\n");
}

#[test]
fn point_of_the_remote_gets_a_tracking_branch() {
    let sandbox = Sandbox::new();
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    sandbox.lattice(&["new", &one, &two, "--no-switch"]).exits(0);
    sandbox.git(&["branch", "-q", "-D", &branch(&one), &branch(&two)]);
    sandbox.goes(&["up"], &branch(&one));
    let upstream = |dir: &str| sandbox.git_in(dir, &["rev-parse", "--abbrev-ref", "@{upstream}"]);
    assert_eq!(upstream("work"), format!("origin/{}", branch(&one)));
    let to = sandbox.lattice(&["switch", "next", "--worktree", "../linked", "--json"]).exits(0).json();
    assert_eq!((&to["point"], upstream("linked")), (&two.as_str().into(), format!("origin/{}", branch(&two))));
    assert_eq!(to["commit"], sandbox.commit(&branch(&two)));
}

#[test]
fn point_of_another_worktree_is_named_with_its_path() {
    let sandbox = crossed();
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    sandbox.git(&["worktree", "add", "-q", "../linked", &branch(&two)]);
    let linked = sandbox.path("linked").canonicalize().unwrap();
    let cd = format!("`cd '{}'`", linked.display());
    sandbox.stays(&["next"], 1).says_err("is checked out in").says_err(&cd);
    let run = sandbox.lattice_in("linked", &["switch", "prev"], |command| command).exits(1);
    run.says_err(&format!("`cd '{}'`", sandbox.work().canonicalize().unwrap().display()));
    sandbox.lattice_in("linked", &["switch", "next"], |command| command).exits(0);
    assert_eq!(sandbox.branch_in("linked"), branch(&at("phase1/step1")));
    sandbox.goes(&["next"], &branch(&two));
    fs::remove_dir_all(&linked).unwrap();
    sandbox.stays(&["next"], 1).says_err("git worktree prune");
    sandbox.goes(&[&one], &branch(&one));
}

#[test]
fn worktree_is_made_once_and_reused() {
    let sandbox = crossed();
    let (one, two) = (branch(&at("phase0/step1")), branch(&at("phase0/step2")));
    let path = || format!("{}\n", sandbox.path("linked").canonicalize().unwrap().display());
    let run = sandbox.goes(&["next", "--worktree", "../linked"], &one);
    assert_eq!((run.stdout, sandbox.branch_in("linked")), (path(), two.clone()));
    let run = sandbox.goes(&["next", "--worktree", "../linked"], &one).says_err("already on");
    assert_eq!(run.stdout, path());
    sandbox.goes(&[&at("phase1/step1"), "--worktree", "../linked"], &one);
    assert_eq!(sandbox.branch_in("linked"), branch(&at("phase1/step1")));
    sandbox.stays(&[&at("phase1/step1"), "--worktree", "../third"], 1).says_err("linked");
    assert!(!sandbox.path("third").exists());
    sandbox.stays(&[&one, "--worktree", "../linked"], 1).says_err("is checked out in");
    sandbox.goes(&["next", "--worktree", "."], &two);
    fs::create_dir(sandbox.path("full")).unwrap();
    fs::write(sandbox.path("full/file"), "").unwrap();
    sandbox.stays(&["prev", "--worktree", "../full"], 1).says_err("already exists");
}

#[test]
fn bare_repository_has_only_linked_worktrees() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.lattice(&["new", &one, "--no-switch"]).exits(0);
    let run = |args: &[&str]| sandbox.lattice_in("remote.git", &[&["switch", &one], args].concat(), |command| command);
    run(&[]).exits(2).says_err("there is no worktree to switch");
    run(&["--worktree", "../linked"]).exits(0);
    assert_eq!(sandbox.branch_in("linked"), branch(&one));
}

#[test]
fn only_what_the_lattice_has_is_offered_after_the_last_point() {
    let axes = "component = { set = [\"gcc\"] }\nphase = { chain = [\"phase0\", \"phase1\"] }\n\
                step = { chain = [\"step1\", \"step2\"] }";
    let sandbox = Sandbox::with_toml(&toml(axes, "[systems]\n\"*\" = \"x86_64-linux\"\n"));
    let after = |point: &str| {
        sandbox.points(&[point]);
        sandbox.git(&["switch", "-q", &branch(point)]);
        sandbox.stays(&["next"], 1).stderr
    };
    let (step, phase) = ("`git lattice next-step` makes the next step", "`git lattice promote`");
    let first = after("gcc/phase0/step1");
    assert!(first.contains(step) && first.contains(phase), "{first}");
    let last_of_phase = after("gcc/phase0/step2");
    assert!(!last_of_phase.contains(step) && last_of_phase.contains(phase), "{last_of_phase}");
    let last_phase = after("gcc/phase1/step1");
    assert!(last_phase.contains(step) && !last_phase.contains(phase), "{last_phase}");
    let end = after("gcc/phase1/step2");
    assert!(end.contains("is the last point of its chain") && !end.contains("hint:"), "{end}");
}

#[test]
fn failed_points_come_in_table_order() {
    let sandbox = crossed();
    sandbox.stays(&["--failed"], 1).says_err("no point has failed");
    for place in ["phase0/step1", "phase0/step2"] {
        sandbox.record(&at(place), &format!("{}-linux", here()), "failed");
    }
    sandbox.record(&far("phase0/step1"), &format!("{}-linux", elsewhere()), "failed");
    let mut failed = [at("phase0/step1"), at("phase0/step2"), far("phase0/step1")];
    // The table lists architectures in the order of lattice.toml.
    failed.sort();
    let start = failed.iter().position(|point| *point == at("phase0/step1")).unwrap();
    for n in 1..=failed.len() {
        sandbox.goes(&["--failed"], &branch(&failed[(start + n) % failed.len()]));
    }
    sandbox.goes(&["--failed", "--arch", elsewhere()], &branch(&far("phase0/step1")));
    let again = sandbox.stays(&["--failed", "--arch", elsewhere()], 1);
    again.says_err(&format!("no other point of `*/{}/*/*` has failed", elsewhere()));
}

/// Runs `switch` without an argument on a terminal of this kind, types `keys`, and returns what it shows.
fn typed(sandbox: &Sandbox, terminal: &str, keys: &str) -> (String, Option<i32>) {
    typed_on(sandbox, terminal, 80, keys)
}

/// The same on a terminal of so many columns.
fn typed_on(sandbox: &Sandbox, terminal: &str, columns: usize, keys: &str) -> (String, Option<i32>) {
    let program = |name: &str| which::which(name).unwrap().display().to_string();
    let mut command = Command::new(program("script"));
    let shell = format!("{} cols {columns} rows 24; {} switch", program("stty"), env!("CARGO_BIN_EXE_git-lattice"));
    command.args(["-qec", &shell, "/dev/null"]).current_dir(sandbox.work());
    sandbox.environment(&mut command);
    let mut child = command.env("TERM", terminal).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Keys that are typed before the terminal is taken over are lost.
    std::thread::sleep(Duration::from_secs(2));
    stdin.write_all(keys.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

#[test]
fn without_an_argument_a_plain_terminal_gets_the_list() {
    let sandbox = crossed();
    sandbox.stays(&[], 2).says_err("expected a point, a branch or one of the words `up`").says_err("--failed");
    sandbox.stays(&["--worktree", "../linked"], 2).says_err("expected a point");
    let (shown, code) = typed(&sandbox, "dumb", "");
    assert_eq!(code, Some(0), "{shown}");
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), crossing().len(), "{shown}");
    assert!(lines.contains(&format!("* git lattice switch {}", at("phase0/step1")).as_str()), "{shown}");
    assert!(lines.contains(&format!("  git lattice switch {}", far("phase0/step1")).as_str()), "{shown}");
}

#[test]
fn without_an_argument_the_user_picks_a_point() {
    let sandbox = crossed();
    let head = |sandbox: &Sandbox| sandbox.branch_in("work");
    let before = head(&sandbox);
    let (shown, code) = typed(&sandbox, "xterm", "\x1b");
    assert_eq!((code, head(&sandbox)), (Some(1), before.clone()), "Escape leaves: {shown}");
    assert!(shown.contains(&format!("> {}", at("phase0/step1"))) && shown.contains("Enter picks"), "{shown}");
    let (shown, code) = typed(&sandbox, "xterm", &format!("{} p0\n", elsewhere()));
    assert_eq!((code, head(&sandbox)), (Some(0), branch(&far("phase0/step1"))), "{shown}");
    sandbox.record(&at("phase0/step2"), &format!("{}-linux", here()), "failed");
    let (shown, code) = typed(&sandbox, "xterm", "failed\n");
    assert_eq!((code, head(&sandbox)), (Some(0), branch(&at("phase0/step2"))), "{shown}");
    assert!(shown.contains("✗ failed") && shown.contains("find: "), "{shown}");
    sandbox.goes(&[&far("phase0/step1")], &branch(&far("phase0/step1")));
    let (shown, code) = typed(&sandbox, "xterm", "no such point\n\x03");
    assert_eq!((code, head(&sandbox)), (Some(130), branch(&far("phase0/step1"))), "{shown}");
}

#[test]
fn picker_keeps_the_ends_of_long_names() {
    let component = format!("a-component-with-a-name-of-many-words-{}", "x".repeat(20));
    let axes = format!("component = {{ set = [\"{component}\"] }}\nstep = {{ chain = \"step{{n}}\" }}");
    let sandbox = Sandbox::with_toml(&toml(&axes, "[systems]\n\"*\" = \"x86_64-linux\"\n"));
    sandbox.points(&[&format!("{component}/{{step1,step2}}")]);
    let (shown, code) = typed_on(&sandbox, "xterm", 40, "2\n");
    assert_eq!(code, Some(0), "{shown}");
    let drawn = Screen::plain(shown.split("\x1b[?1049l").next().unwrap());
    assert!(drawn.contains("xxxx/step1") && drawn.contains("> …") && drawn.contains("xxxx/step2"), "{drawn}");
    assert!(drawn.contains("Enter picks, Escape leaves") && !drawn.contains("type to search"), "{drawn}");
}

#[test]
fn other_architectures_are_not_read_for_a_point() {
    let Some(strace) = strace() else { return };
    let sandbox = crossed();
    let foreign = format!("feature/toolchain/{}/", elsewhere());
    let opened = |args: &[&str]| {
        let log = sandbox.path("opened");
        let mut command = Command::new(&strace);
        command.args(["-qq", "-s", "400", "-e", "trace=openat", "-o"]).arg(&log);
        command.arg(env!("CARGO_BIN_EXE_git-lattice")).arg("switch").args(args).current_dir(sandbox.work());
        sandbox.environment(&mut command);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(log).unwrap().lines().filter(|line| line.contains(&foreign)).count()
    };
    for args in [&["next"][..], &["prev"], &["last"], &["down"], &["-"], &[&at("phase1/step1")], &["main"]] {
        assert_eq!(opened(args), 0, "{args:?} should read no branch of another architecture");
    }
    assert!(opened(&[&far("phase0/step1")]) > 0, "the log should show what is read");
}
