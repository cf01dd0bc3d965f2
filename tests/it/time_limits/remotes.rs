//! Remotes and stores that accept a connection and stay silent, and slow ones, which must not be mistaken for silent ones.

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::programs::wait_until_gone;
use crate::nix_setup::every_nix;
use crate::sandbox::{Run, Sandbox};
use crate::story::at;

const BRANCH: &str = "feature/toolchain/aarch64/phase0/step1";
const NEW: [&str; 4] = ["new", "--arch", "aarch64", "--no-switch"];
const STALLED: &str = "no data moved to or from `origin` for 2s (limit `lattice.limit.network`)";

/// A server that accepts connections and never answers, until it is dropped.
struct SilentServer {
    address: String,
    _held: mpsc::Receiver<TcpStream>,
}

impl SilentServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (keep, held) = mpsc::channel();
        std::thread::spawn(move || listener.incoming().flatten().try_for_each(|stream| keep.send(stream)));
        Self { address, _held: held }
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}/x.git", self.address)
    }
}

/// A clone with a network limit of two seconds.
fn with_short_network_limit() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git(&["config", "lattice.limit.network", "2"]);
    sandbox
}

/// Runs git-lattice, which must not take long.
#[track_caller]
fn run_soon(sandbox: &Sandbox, args: &[&str]) -> Run {
    let started = Instant::now();
    let run = sandbox.lattice(args);
    assert!(started.elapsed() < Duration::from_secs(40), "{args:?} took {:?}", started.elapsed());
    run
}

#[test]
fn silent_remote_blocks_no_command() {
    for scheme in ["http", "git"] {
        let (sandbox, server) = (with_short_network_limit(), SilentServer::start());
        let good = sandbox.git(&["remote", "get-url", "origin"]);
        sandbox.git(&["remote", "set-url", "origin", &server.url(scheme)]);
        run_soon(&sandbox, &["doctor"]).exits(0).says_out(&format!("`origin` does not answer: {STALLED}"));
        let before = sandbox.state();
        let run = run_soon(&sandbox, &["sync"]).exits(1).says_err(&format!("could not query `origin`: {STALLED}"));
        run.says_err("hint: `git config lattice.limit.network VALUE` sets another limit");
        assert_eq!(sandbox.state(), before, "sync should have changed nothing");
        let run = run_soon(&sandbox, &NEW).exits(1).says_out("created").says_out("not pushed").says_err(STALLED);
        let run = run.says_err("hint: `git config lattice.limit.network VALUE` sets another limit");
        assert!(!run.stderr.contains("waiting for"), "the waiting message is for terminals only: {}", run.stderr);
        wait_until_gone(&server.address);
        sandbox.git(&["remote", "set-url", "origin", &good]);
        sandbox.lattice(&NEW).exits(0).says_out("unchanged").says_out("pushed");
        sandbox.git_in("remote.git", &["rev-parse", BRANCH]);
    }
}

fn hook(sandbox: &Sandbox, path: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let hook = sandbox.path(path);
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn slow_push_with_progress_is_not_ended() {
    let speaks = ("remote.git/hooks/pre-receive", "for i in 1 2 3 4 5 6; do sleep 1; echo still here; done");
    let computes = ("work/.git/hooks/pre-push", "while :; do :; done & sleep 6; kill $!");
    for (path, script) in [speaks, computes] {
        let sandbox = with_short_network_limit();
        hook(&sandbox, path, script);
        let started = Instant::now();
        sandbox.lattice(&NEW).exits(0).says_out("created").says_out("pushed");
        assert!(started.elapsed() > Duration::from_secs(5), "{path} should have been slow");
    }
}

#[test]
fn stalled_push_is_reported_as_not_pushed() {
    let sandbox = with_short_network_limit();
    hook(&sandbox, "remote.git/hooks/pre-receive", "sleep 60; exit 1");
    run_soon(&sandbox, &NEW).exits(1).says_out("not pushed").says_err("the push failed").says_err(STALLED);
    let json = run_soon(&sandbox, &["sync", "--json"]).exits(1).json();
    assert_eq!(json["points"][0]["refused"], STALLED, "{json}");
    assert_eq!(json["points"][0]["done"], serde_json::Value::Null, "{json}");
}

#[test]
fn invalid_network_limit_is_named_first() {
    let sandbox = Sandbox::new();
    sandbox.git(&["config", "lattice.limit.network", "soon"]);
    for args in [&NEW[..], &["sync"]] {
        let run = sandbox.refused(args).exits(2);
        run.says_err("error: `lattice.limit.network` in git's configuration is `soon`").says_err("hint: ");
    }
    sandbox.lattice(&["doctor"]).says_out("`lattice.limit.network` in git's configuration is `soon`");
    sandbox.lattice(&["status"]).exits(0);
}

#[test]
fn silent_cache_blocks_no_build() {
    for nix in every_nix() {
        let (mut sandbox, server) = (with_short_network_limit(), SilentServer::start());
        sandbox.use_nix(&nix);
        sandbox.points(&[&at("phase0/step1")]);
        let cache = format!("http://{}", server.address);
        let run = run_soon(&sandbox, &["build", &at("phase0/step1"), "--push-cache", &cache]).says_out("built");
        run.says_err("nothing moved for 2 seconds").says_err("lattice.limit.network");
        wait_until_gone(&server.address);
    }
}

#[test]
fn silent_store_blocks_no_build() {
    for nix in every_nix() {
        let (mut sandbox, server) = (with_short_network_limit(), SilentServer::start());
        sandbox.use_nix(&nix);
        sandbox.points(&[&at("phase0/step1")]);
        let store = format!("http://{}", server.address);
        let run = run_soon(&sandbox, &["build", &at("phase0/step1"), "--store", &store]).exits(2);
        run.says_err("nothing moved for 2 seconds").says_err("hint: `git config lattice.limit.network");
        assert!(sandbox.records().is_empty(), "a silent store is no verdict about the point");
        wait_until_gone(&server.address);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn terminal_shows_what_is_waited_for() {
    let (sandbox, server) = (with_short_network_limit(), SilentServer::start());
    sandbox.git(&["remote", "set-url", "origin", &server.url("http")]);
    let mut command = std::process::Command::new(which::which("script").unwrap());
    sandbox.environment(&mut command);
    let program = env!("CARGO_BIN_EXE_git-lattice");
    command.args(["-qec", &format!("'{program}' sync"), "/dev/null"]).current_dir(sandbox.work());
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("waiting for the remote `origin`"), "{said}");
    // The terminal's width breaks the line.
    assert!(said.split_whitespace().collect::<Vec<_>>().join(" ").contains(STALLED), "{said}");
    wait_until_gone(&server.address);
}
