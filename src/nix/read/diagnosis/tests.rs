use super::*;
use crate::nix::read::internal_json::Reader;

fn diagnosis(log: &[u8]) -> Diagnosis {
    let (mut reader, mut diagnosis) = (Reader::default(), Diagnosis::default());
    let events = log.split(|&b| b == b'\n').filter_map(|line| reader.read(line));
    events.for_each(|event| diagnosis.note(&event));
    diagnosis
}

macro_rules! captured {
    ($name:literal) => {
        [
            diagnosis(include_bytes!(concat!("../../captured/", $name, "-2.8.log"))).failure(),
            diagnosis(include_bytes!(concat!("../../captured/", $name, "-2.34.log"))).failure(),
        ]
    };
}

fn shows(failures: &[Failure; 2], kind: Kind, drv: Option<&str>, summaries: [&str; 2]) {
    for (failure, summary) in failures.iter().zip(summaries) {
        assert_eq!((failure.kind, failure.drv.as_ref().map(StorePath::name)), (kind, drv), "{failure:?}");
        assert_eq!(failure.summary, summary);
        assert!(!failure.detail.contains('\u{1b}'), "{failure:?}");
    }
}

#[test]
fn failed_builder_is_a_build_failure() {
    let summaries = [
        "builder for '/nix/store/190dcwls8d1n1anspzqi3hrl025y56cn-bad.drv' failed with exit code 3",
        "Cannot build '/nix/store/190dcwls8d1n1anspzqi3hrl025y56cn-bad.drv': builder failed with exit code 3",
    ];
    shows(&captured!("fail"), Kind::Build, Some("bad.drv"), summaries);
}

#[test]
fn names_the_failed_dependency() {
    let summaries = [
        "builder for '/nix/store/r2bgwixwsx9vsr18ixlbdj2nq89vcdk1-inner.drv' failed with exit code 1",
        "Cannot build '/nix/store/r2bgwixwsx9vsr18ixlbdj2nq89vcdk1-inner.drv': builder failed with exit code 1",
    ];
    shows(&captured!("dependency"), Kind::Build, Some("inner.drv"), summaries);
}

#[test]
fn error_alone_does_not_prove_a_failed_evaluation() {
    let [old, new] = captured!("evaluation");
    let summary = "no way: 66d87dad6a2fdde04ae956097af06394cef1d940";
    for it in [old, new] {
        assert_eq!(
            (it.kind, &*it.summary),
            (Kind::Trouble, summary),
            "the error alone is not a proof that the text throws"
        );
    }
    let overflow = diagnosis(b"error: stack overflow (possible infinite recursion)\n").failure();
    assert_eq!((overflow.kind, &*overflow.summary), (Kind::Evaluation, "stack overflow (possible infinite recursion)"));
}

#[test]
fn missing_builder_is_recognised() {
    let [old, new] = captured!("platform");
    assert_eq!((old.kind, new.kind), (Kind::NoBuilder, Kind::NoBuilder));
    assert!(old.summary.starts_with("a 'riscv64-linux' with features {} is required"), "{old:?}");
    assert!(new.summary.ends_with("-f.drv': platform mismatch"), "{new:?}");
}

#[test]
fn timed_out_builder_is_recognised() {
    // 2.34 does not name the derivation: it is the one that was running.
    let summaries = [
        "building of '/nix/store/2nabg2gxsiy1pdvx4n6ijsfb8lmzm3rc-slow.drv!out' from .drv file timed out after 2 seconds",
        "timed out after 2 seconds",
    ];
    shows(&captured!("timeout"), Kind::Timeout, Some("slow.drv"), summaries);
}

#[test]
fn reads_messages_with_binary_bytes() {
    let failure = diagnosis(include_bytes!("../../captured/no-program-2.8.log")).failure();
    assert_eq!((failure.kind, failure.drv.unwrap().name()), (Kind::Trouble, "noprog.drv"));
    let summary = "the builder of `noprog.drv` could not be run: executing '/no/such': No such file or directory";
    assert_eq!(failure.summary, summary);
}

#[test]
fn trouble_does_not_blame_the_flake() {
    let socket = br#"@nix {"action":"msg","level":0,"msg":"error: cannot connect to socket at '/nix/var/nix/daemon-socket/socket': No such file or directory"}
@nix {"action":"msg","level":0,"msg":"(use '--show-trace' to show detailed location information)"}"#;
    let failure = diagnosis(socket).failure();
    assert_eq!(failure.kind, Kind::Trouble);
    assert!(failure.summary.starts_with("cannot connect to socket"), "{failure:?}");
    let group = br#"@nix {"action":"msg","level":0,"msg":"warning: the group 'nixbld' specified in 'build-users-group' does not exist"}
@nix {"action":"msg","level":0,"msg":"error: the group 'nixbld' specified in 'build-users-group' does not exist"}"#;
    let failure = diagnosis(group).failure();
    assert_eq!(failure.kind, Kind::Trouble);
    assert!(failure.summary.starts_with("the group 'nixbld'"), "a warning is not a cause: {failure:?}");
    assert_eq!(diagnosis(b"").failure().summary, "nix failed without an error message");
}

#[test]
fn unreachable_builder_is_not_a_missing_builder() {
    let log = br#"@nix {"action":"start","id":1,"level":5,"parent":0,"text":"","type":104}
@nix {"action":"msg","level":0,"msg":"cannot build on 'ssh-ng://box': error: cannot open connection to remote store 'ssh-ng://box': error: unexpected end-of-file"}
@nix {"action":"msg","level":0,"msg":"error: a 'aarch64-linux' with features {} is required to build '/nix/store/zvyhmi0kd7398sggcyi6g3xqfp1va3qd-c.drv', but I am a 'x86_64-linux' with features {}"}"#;
    let failure = diagnosis(log).failure();
    assert_eq!(failure.kind, Kind::Trouble, "{failure:?}");
    assert!(failure.summary.starts_with("cannot build on 'ssh-ng://box'"), "{failure:?}");
}

#[test]
fn successful_build_shows_that_evaluation_ended() {
    for log in [&include_bytes!("../../captured/built-2.8.log")[..], include_bytes!("../../captured/built-2.34.log")] {
        let diagnosis = diagnosis(log);
        assert!(diagnosis.evaluated && diagnosis.errors.is_empty() && diagnosis.building.is_empty(), "{diagnosis:?}");
    }
}

const BAD: &str = "/nix/store/190dcwls8d1n1anspzqi3hrl025y56cn-bad.drv";
const EVIL: &str = "/nix/store/r2bgwixwsx9vsr18ixlbdj2nq89vcdk1-evil.drv";

fn started(id: u64, drv: &str) -> String {
    format!(r#"@nix {{"action":"start","fields":["{drv}","",1,1],"id":{id},"level":3,"text":"","type":105}}"#)
}

fn counted(running: u64, failed: u64) -> String {
    format!(r#"@nix {{"action":"result","fields":[0,2,{running},{failed}],"id":9,"type":105}}"#)
}

/// An error, printed by Nix itself or by a builder or daemon.
fn error(text: &str, is_own: bool) -> String {
    let own = if is_own { format!(r#","raw_msg":"{text}""#) } else { String::new() };
    format!(r#"@nix {{"action":"msg","level":0,"msg":"error: {text}"{own}}}"#)
}

/// Starts two builders, then feeds `log`.
fn causes(log: &[String]) -> Vec<(String, Kind)> {
    let begin = [r#"@nix {"action":"start","id":9,"level":0,"text":"","type":104}"#.to_owned()];
    let begin = begin.into_iter().chain([started(1, BAD), started(2, EVIL), counted(2, 0)]);
    let all: Vec<String> = begin.chain(log.iter().cloned()).collect();
    let causes = diagnosis(all.join("\n").as_bytes()).causes();
    causes.into_iter().map(|cause| (cause.drv.name().to_owned(), cause.kind)).collect()
}

#[test]
fn builder_cannot_forge_the_failure_of_another() {
    let fake = error(&format!("builder for '{BAD}' failed with exit code 7"), false);
    assert_eq!(causes(std::slice::from_ref(&fake)), []);
    let killed = error(&format!("builder for '{BAD}' failed due to signal 9 (Killed)"), true);
    assert_eq!(causes(&[fake.clone(), counted(1, 1), killed.clone()]), [("bad.drv".to_owned(), Kind::Trouble)]);
    let disk = error("writing to file: Input/output error", true);
    assert_eq!(causes(&[fake, counted(1, 1), disk]), [], "the real error names no derivation");
}

#[test]
fn builder_cannot_hide_the_failure_of_another() {
    let fake = error(&format!("builder for '{BAD}' failed due to signal 9 (Killed)"), false);
    let real = |is_own| error(&format!("builder for '{BAD}' failed with exit code 7"), is_own);
    assert_eq!(causes(&[fake.clone(), counted(1, 1), real(true)]), [("bad.drv".to_owned(), Kind::Build)]);
    // A daemon's errors look like those of builders, but come when no builder runs any more.
    let told = causes(&[fake, counted(1, 1), counted(0, 1), real(false)]);
    assert_eq!(told, [("bad.drv".to_owned(), Kind::Build)]);
}

#[test]
fn daemon_error_counts_if_failures_add_up() {
    let real = error(&format!("builder for '{BAD}' failed with exit code 7"), false);
    assert_eq!(causes(&[counted(1, 1), real.clone()]), [("bad.drv".to_owned(), Kind::Build)]);
    let other = error("anything", false);
    assert_eq!(causes(&[counted(1, 1), other, real]), [], "one failure was counted, and two are reported");
}

#[test]
fn build_that_never_started_is_not_a_build_failure() {
    let other = "/nix/store/h24kygbrhigxk7k5z4vr2hd0lpdrwcly-other.drv";
    let real = error(&format!("builder for '{other}' failed with exit code 7"), true);
    assert_eq!(causes(&[counted(1, 1), real]), [("other.drv".to_owned(), Kind::Trouble)]);
}

#[test]
fn exit_code_for_a_signal_counts_as_the_signal() {
    for (code, kind) in [(143, Kind::Trouble), (129, Kind::Trouble), (135, Kind::Trouble), (139, Kind::Build)] {
        let real = error(&format!("builder for '{BAD}' failed with exit code {code}"), true);
        assert_eq!(causes(&[counted(1, 1), real]), [("bad.drv".to_owned(), kind)], "{code}");
    }
}
