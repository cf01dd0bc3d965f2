//! Talking to real Nix, the oldest supported and a modern one, each with a private store.

#[path = "nix/fixture.rs"]
mod fixture;

use std::fs;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use fixture::{NixFixture, flake, other_system, shell_flake, this_system};
use git_lattice::nix::{BuildMachine, Capability, Error, Event, FlakeRef, Kind, Limits, Mode, Nix, Outcome, Request};

use crate::nix_setup::{every_nix, var};

/// The NAR hash of a file with the text `hello`.
const HELLO: &str = "sha256-HDfQGvQL4ugGkd48w99EN3ppmvuxfGjwgJZLL9Bx/BM=";

fn automatic() -> Mode {
    Mode::Automatic(Limits::default())
}

fn limited(limits: Limits) -> Mode {
    Mode::Automatic(limits)
}

fn failure(outcome: Outcome) -> git_lattice::nix::Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        Outcome::Built { .. } => panic!("it should have failed: {outcome:?}"),
    }
}

fn log(events: &[Event]) -> Vec<&str> {
    events.iter().filter_map(|e| if let Event::LogLine { text, .. } = e { Some(text.as_str()) } else { None }).collect()
}

#[test]
fn build_result_is_the_same_on_every_nix_and_mode() {
    let mut results = Vec::new();
    for program in every_nix() {
        let fixture = NixFixture::new(&program, "");
        let flake = fixture.commit("dir ü#x&%+☃", &shell_flake(&this_system(), "hello", "echo hi; echo hello > $out"));
        let mut request = Request::new(flake.clone(), this_system(), automatic());
        request.out_link = Some(fixture.path("the link"));
        let (outcome, events) = fixture.run(&request);
        assert_eq!(log(&events), ["hi"]);
        let Outcome::Built { drv, outputs } = &outcome else { panic!("it should be built: {outcome:?}") };
        assert_eq!((drv.name(), outputs[0].name.as_str(), outputs[0].nar_hash.as_str()), ("hello.drv", "out", HELLO));
        assert_eq!(fs::read_link(fixture.path("the link")).unwrap(), outputs[0].path.as_path());
        let (again, events) = fixture.build(flake, Mode::Typed);
        assert_eq!((&again, log(&events).len()), (&outcome, 0), "a built point should not be built again");
        results.push(outcome);
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "all versions should agree: {results:?}");
}

#[test]
fn failing_build_shows_its_log_and_derivation() {
    for program in every_nix() {
        let fixture = NixFixture::new(&program, "");
        let script = "echo one; echo two >&2; printf 'l\\377st \\033[31mline\\n'; exit 3";
        let (outcome, events) =
            fixture.build(fixture.commit("bad", &shell_flake(&this_system(), "bad", script)), automatic());
        assert_eq!(log(&events), ["one", "two", "l\u{fffd}st line"]);
        let failure = failure(outcome);
        assert_eq!((failure.kind, failure.drv.unwrap().name()), (Kind::Build, "bad.drv"));
        assert!(failure.summary.ends_with("failed with exit code 3"), "{}", failure.summary);
    }
}

#[test]
fn evaluation_error_is_shown() {
    for program in every_nix() {
        let fixture = NixFixture::new(&program, "");
        for (package, summary) in [
            ("throw \"no way\"", "no way"),
            ("derivation { name = ", "syntax error, unexpected ';'"),
            ("builtins.readFile /etc/hostname", "access to absolute path '/etc/hostname' is forbidden in pure"),
        ] {
            let flake = fixture.commit("wrong", &flake(&this_system(), package));
            let failure = failure(fixture.build(flake, Mode::Typed).0);
            assert_eq!((failure.kind, failure.drv), (Kind::Evaluation, None));
            assert!(failure.summary.starts_with(summary), "`{}` should begin with `{summary}`", failure.summary);
        }
    }
}

#[test]
fn automatic_build_has_limits() {
    for program in every_nix() {
        let fixture = NixFixture::new(&program, "");
        let list =
            |n: &str| format!("toString (builtins.length (builtins.deepSeq (builtins.genList (x: x + 1) {n}) [ ]))");
        let hungry = fixture.commit("hungry", &flake(&this_system(), &list("30000000")));
        let memory = Limits { memory: Some(100 << 20), ..Limits::default() };
        let starved = failure(fixture.build(hungry, limited(memory)).0);
        assert_eq!((starved.kind, starved.summary.as_str()), (Kind::EvaluationMemory, "out of memory"));

        let sum = "builtins.foldl' (a: b: a + b) 0";
        let endless = format!("{sum} (builtins.genList (x: {sum} (builtins.genList (x: x) 100000)) 1000000)");
        let endless = fixture.commit("endless", &flake(&this_system(), &endless));
        let second = Duration::from_secs(1);
        let stopped =
            failure(fixture.build(endless, limited(Limits { evaluation: Some(second), ..Limits::default() })).0);
        assert_eq!((stopped.kind, stopped.drv), (Kind::EvaluationTime, None));

        let slow = fixture.commit("slow", &shell_flake(&this_system(), "slow", "while :; do :; done"));
        let stopped = failure(fixture.build(slow, limited(Limits { build: Some(second), ..Limits::default() })).0);
        assert_eq!((stopped.kind, stopped.drv.unwrap().name()), (Kind::Timeout, "slow.drv"));

        let chatty = fixture.commit("chatty", &shell_flake(&this_system(), "chatty", "while :; do echo chatter; done"));
        let stopped = failure(fixture.build(chatty, limited(Limits { log: Some(1000), ..Limits::default() })).0);
        assert_eq!((stopped.kind, stopped.drv.unwrap().name()), (Kind::LogLimit, "chatty.drv"));
    }
}

#[test]
fn capability_is_known_before_building() {
    for program in every_nix() {
        let capability =
            |settings: &str| Capability::of(&NixFixture::new(&program, settings).nix().settings().unwrap());
        let none = capability("");
        assert!(none.can_build(&this_system()) && !none.can_build(&other_system()), "{none:?}");
        let far = vec![BuildMachine::Builder("ssh-ng://far".to_owned())];
        let line = capability("builders = ssh-ng://far riscv64-linux,aarch64-linux - 2");
        assert_eq!(line.machines_for(&other_system()).collect::<Vec<_>>(), far);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, "# ours\nssh-ng://far riscv64-linux /root/key 2 1 kvm,big-parallel\n").unwrap();
        let machines = capability(&format!("builders = @{}", file.path().display()));
        assert_eq!(machines.machines_for(&other_system()).collect::<Vec<_>>(), far);
        let emulated = capability("extra-platforms = riscv64-linux");
        assert_eq!(emulated.machines_for(&other_system()).collect::<Vec<_>>(), [BuildMachine::Here]);
    }
}

#[test]
fn missing_builder_message_of_nix_is_recognised() {
    for program in every_nix() {
        let fixture = NixFixture::new(&program, "");
        let flake = fixture.commit("far", &shell_flake(&other_system(), "far", "echo hello > $out"));
        let failure = failure(fixture.run(&Request::new(flake, other_system(), Mode::Typed)).0);
        assert_eq!((failure.kind, failure.drv.unwrap().name()), (Kind::NoBuilder, "far.drv"));
    }
}

#[test]
fn directory_with_an_unusual_name_builds() {
    for program in every_nix() {
        let fixture = NixFixture::new(&program, "");
        let dir = fixture.path("no repo #&%é");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("flake.nix"), shell_flake(&this_system(), "hello", "echo hello > $out")).unwrap();
        let (outcome, _) = fixture.build(FlakeRef::directory(dir).unwrap(), automatic());
        let Outcome::Built { outputs, .. } = &outcome else { panic!("it should be built: {outcome:?}") };
        assert_eq!(outputs[0].nar_hash, HELLO);
    }
}

#[test]
fn missing_repository_is_trouble_not_a_failure() {
    for program in every_nix() {
        let fixture = NixFixture::new(&program, "");
        let mut flake = fixture.commit("x", &shell_flake(&this_system(), "x", "echo hello > $out"));
        flake = FlakeRef::commit(
            fixture.path("gone"),
            &flake.to_string()[flake.to_string().find("rev=").unwrap() + 4..][..40],
            "",
        )
        .unwrap();
        let failure = failure(fixture.build(flake, Mode::Typed).0);
        assert_eq!(failure.kind, Kind::Trouble, "{failure:?}");
    }
}

/// The environment belongs to the whole process, so the test runs itself again with a hook's variables.
#[test]
fn git_hook_environment_does_not_reach_nix() {
    const INSIDE: &str = "GIT_LATTICE_TEST_INSIDE_HOOK";
    if var(INSIDE).is_none() {
        let other = tempfile::tempdir().unwrap();
        let test = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "nix::git_hook_environment_does_not_reach_nix", "--nocapture"])
            .env("GIT_DIR", other.path().join(".git"))
            .env("GIT_INDEX_FILE", "index")
            .env("GIT_WORK_TREE", other.path())
            .env(INSIDE, "1")
            .output()
            .unwrap();
        assert!(test.status.success(), "{}", String::from_utf8_lossy(&test.stderr));
        return;
    }
    for program in every_nix() {
        let fixture = NixFixture::new(&program, "");
        let (outcome, _) =
            fixture.build(fixture.commit("x", &shell_flake(&this_system(), "x", "echo hello > $out")), automatic());
        assert!(matches!(outcome, Outcome::Built { .. }), "{outcome:?}");
    }
}

#[test]
fn refuses_a_program_that_is_not_nix() {
    assert!(matches!(Nix::at("/no/such/nix"), Err(Error::Process(_))));
    let not = NixFixture::fake("echo a shell");
    let error = Nix::at(not.path("nix")).unwrap_err();
    assert!(matches!(&error, Error::NotNix { printed, .. } if printed == "a shell"), "{error}");
    assert!(error.hint().unwrap().contains("nix-bin"));
    let old = NixFixture::fake("echo 'nix (Nix) 2.3.16'");
    assert!(matches!(Nix::at(old.path("nix")), Err(Error::TooOld { .. })));
}

#[test]
fn killed_nix_gives_no_answer() {
    let fixture = NixFixture::fake("case $* in *version) echo 'nix (Nix) 2.8.0';; *) kill -9 $$;; esac");
    let request = Request::new(FlakeRef::directory(fixture.path("")).unwrap(), this_system(), Mode::Typed);
    let error = fixture.nix().build(&request, &mut |_| ()).unwrap_err();
    assert!(matches!(error, Error::Killed { signal: Some(9) }), "the process was killed, not interrupted: {error}");
}

#[test]
fn request_settings_cannot_weaken_automatic_builds() {
    let fixture =
        NixFixture::fake("case $* in *version) echo 'nix (Nix) 2.8.0';; *) printf '%s\\n' \"$@\" >&2; exit 1;; esac");
    let mut request = Request::new(FlakeRef::directory(fixture.path("")).unwrap(), this_system(), automatic());
    request.options.settings = vec![("sandbox".into(), "false".into()), ("builders".into(), String::new())];
    let (_, events) = fixture.run(&request);
    let args: Vec<&str> =
        events.iter().filter_map(|e| if let Event::Plain(text) = e { Some(text.as_str()) } else { None }).collect();
    let sandbox: Vec<&str> = args.windows(2).filter(|pair| pair[0] == "sandbox").map(|pair| pair[1]).collect();
    assert_eq!(sandbox, ["false", "true"], "the last setting should win");
    for option in
        ["--no-accept-flake-config", "--no-update-lock-file", "--no-use-registries", "--timeout", "max-build-log-size"]
    {
        assert!(args.contains(&option), "{option} should be given: {args:?}");
    }
}

#[test]
fn lix_is_asked_without_json_format() {
    let hash = "f3wxgzd4xidi23hm960cwp0bwifj7h5s";
    let fixture = NixFixture::fake(&format!(
        "case $* in\n *version) echo 'nix (Lix, like Nix) 2.93.0';;\n *json-format*) exit 1;;\n\
         *path-info*) echo '[{{\"path\":\"/nix/store/{hash}-x\",\"narHash\":\"sha256-x\"}}]';;\n\
         *) echo '[{{\"drvPath\":\"/nix/store/{hash}-x.drv\",\"outputs\":{{\"out\":\"/nix/store/{hash}-x\"}}}}]';;\nesac"
    ));
    let (outcome, _) = fixture.build(FlakeRef::directory(fixture.path("")).unwrap(), Mode::Typed);
    assert!(matches!(&outcome, Outcome::Built { outputs, .. } if outputs[0].nar_hash == "sha256-x"), "{outcome:?}");
}

/// Signals reach the whole process, so the test runs itself again to be interrupted.
#[test]
fn interrupt_ends_a_nix_that_ignores_signals() {
    const INSIDE: &str = "GIT_LATTICE_TEST_INTERRUPTED";
    if let Some(dir) = var(INSIDE) {
        git_lattice::process::end_children_on_signals().unwrap();
        let nix = Nix::at(std::path::Path::new(&dir).join("nix")).unwrap();
        let request = Request::new(FlakeRef::directory(dir).unwrap(), this_system(), Mode::Typed);
        nix.build(&request, &mut |_| ()).ok();
        git_lattice::process::end_by_signal();
        return;
    }
    let fixture = NixFixture::fake(
        "trap '' INT TERM HUP\ncase $* in *version) echo 'nix (Nix) 2.8.0'; exit;; esac\n\
         exec 3> alive; for i in 1 2 3 4 5 6 7 8 9; do sleep 1; done; echo survived >&3",
    );
    let alive = fixture.path("alive");
    assert!(Command::new("mkfifo").arg(&alive).status().unwrap().success());
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "nix::interrupt_ends_a_nix_that_ignores_signals"])
        .env(INSIDE, fixture.path(""))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Opening waits until nix has opened the other end, reading until all of its processes have ended.
    let mut alive = fs::File::open(alive).unwrap();
    assert!(Command::new("kill").args(["-INT", &test.id().to_string()]).status().unwrap().success());
    assert_eq!(test.wait().unwrap().signal(), Some(2), "it should end by the signal");
    let mut said = String::new();
    alive.read_to_string(&mut said).unwrap();
    assert_eq!(said, "", "nix should not have ended by itself");
}
