//! No command prints control characters from a file, message, author, value or remote.

use crate::sandbox::{Run, Sandbox};

const HOSTILE: &str = "\u{1b}[31m\u{7}\u{202e}\u{9b}2J\u{2066}\u{200f}\u{2028}";

#[track_caller]
fn assert_no_hostile_text(run: &Run, args: &[&str]) {
    let harms =
        |c: char| c != '\n' && c != '\t' && c.is_control() || HOSTILE.chars().skip(1).any(|h| h == c && !h.is_ascii());
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.chars().any(harms), "{args:?} should print no {HOSTILE:?}: {text:?}");
    }
}

#[test]
fn every_command_escapes_hostile_text() {
    let sandbox = Sandbox::new();
    sandbox.git(&["config", "user.name", &format!("M{HOSTILE}")]);
    sandbox.lattice(&["new", "--arch", "aarch64"]).exits(0);
    let dir = "flakes/toolchain/aarch64/phase0/step1";
    sandbox.write(
        &format!("{dir}/a{HOSTILE}\nb.nix"),
        format!("{{ x = {HOSTILE}; # feature/toolchain/aarch64/phase9/step9"),
    );
    sandbox.write(&format!("{dir}/step.nix"), format!("# {HOSTILE}\n{{ }}: ./{HOSTILE}"));
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-q", "-m", &format!("subject {HOSTILE}\n\nLattice-Point: {HOSTILE}")]);
    let key = sandbox.lattice(&["show", "--json"]).exits(0).json()["key"].as_str().unwrap().to_owned();
    let record = serde_json::json!({ "point": HOSTILE, "key": key, "commit": "0123456789012345678901234567890123456789", "system": "aarch64-linux", "verdict": "built",
        "started": "2026-01-01T00:00:00Z", "seconds": 1.0, "host": HOSTILE, "user": "u" });
    sandbox.git(&["notes", "--ref=lattice/other", "add", "-m", &record.to_string(), &key]);
    sandbox.git(&["config", &format!("remote.r{HOSTILE}.url"), "../remote.git"]);
    let (value, file) = (format!("v{HOSTILE}"), format!("{dir}/a{HOSTILE}\nb.nix"));
    let commands: [&[&str]; 19] = [
        &["status"],
        &["status", "--json"],
        &["list", "--format", "%(point)%(branch)%(dir)%(state)"],
        &["show"],
        &["show", "--json"],
        &["check"],
        &["check", "--json"],
        &["lint", "."],
        &["lint", "--json", "."],
        &["lint", &file],
        &["log"],
        &["doctor"],
        &["trust"],
        &["new", "--arch", &value],
        &["show", &value],
        &["build", "--dry-run", &value],
        &["sync"],
        &["hooks", "status"],
        &["axis", "add", "arch", &value],
    ];
    for args in commands {
        assert_no_hostile_text(&sandbox.lattice(args), args);
    }
    let toml = std::fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", format!("{toml}\n[build]\n\"x\\u001b[31m\\u202e\\u009b\\n\" = 1\n"));
    for args in [&["status"][..], &["promote"], &["next-step", "--dry-run"]] {
        assert_no_hostile_text(&sandbox.lattice(args), args);
    }
    let json = sandbox.lattice(&["show", "--json"]).exits(0).json();
    let files = json["files"].as_array().unwrap();
    assert!(files.iter().any(|it| it.as_str() == Some(&file)), "JSON should keep the exact text: {files:?}");
}
