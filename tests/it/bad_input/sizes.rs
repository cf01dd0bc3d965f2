//! Files that are too large are refused by their size, before they are read.

use std::fs;

use crate::sandbox::{Run, Sandbox};

const MIB: usize = 1 << 20;

/// A comment of `size` bytes.
fn comment(size: usize) -> String {
    format!("\n#{}\n", "x".repeat(size))
}

#[track_caller]
fn assert_too_large(run: Run, what: &str, key: &str) {
    run.says_err(&format!("`{what}` has ")).says_err("are read").says_err(key).says_err(&format!("git config {key} "));
}

#[test]
fn refuses_a_huge_lattice_toml() {
    let sandbox = Sandbox::new();
    let good = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", good.clone() + &comment(MIB));
    for args in [&["status"][..], &["new", "--arch", "aarch64"], &["check"]] {
        assert_too_large(sandbox.refused(args).exits(2), "lattice.toml", "lattice.limit.lattice-toml");
    }
    sandbox.commit_lattice();
    let run = sandbox.refused(&["status"]).exits(2).says_err("lattice.toml").says_err("lattice.limit.lattice-toml");
    assert!(run.stderr.contains("1 MiB"), "the limit should be named: {}", run.stderr);
    sandbox.git(&["config", "lattice.limit.lattice-toml", "3M"]);
    sandbox.lattice(&["status"]).exits(0);
    sandbox.git(&["config", "lattice.limit.lattice-toml", "much"]);
    sandbox.lattice(&["status"]).exits(2).says_err("`lattice.limit.lattice-toml`").says_err("`much`");
}

#[test]
fn refuses_more_axes_than_make_a_name() {
    let axes = (0..2000).map(|i| format!("a{i} = {{ set = [\"x\"] }}\n")).collect::<Vec<_>>().concat();
    let sandbox = Sandbox::with_toml(&format!("base = \"main\"\n[axes]\narch = {{ set = [\"x86_64\"] }}\n{axes}"));
    sandbox.refused(&["status"]).exits(2).says_err("there are 2001 axes, and 64 is the maximum");
}

#[test]
fn refuses_a_huge_config_toml() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("huge.toml"), comment(MIB)).unwrap();
    let run = sandbox.refused(&["new", "--arch", "aarch64", "--config", "../huge.toml"]).exits(2);
    assert_too_large(run, "../huge.toml", "lattice.limit.config-toml");
    sandbox.lattice(&["new", "--arch", "aarch64"]).exits(0);
    let dir = "flakes/toolchain/aarch64/phase0/step1";
    sandbox.write(&format!("{dir}/config.toml"), comment(MIB));
    sandbox.git(&["commit", "-qam", "huge"]);
    sandbox.lattice(&["show"]).exits(0).says_out("changed by hand");
    sandbox
        .lattice(&["check"])
        .exits(1)
        .says_out("C01")
        .says_out("config.toml` has ")
        .says_out("lattice.limit.config-toml");
    sandbox.lattice(&["next-step"]).exits(2).says_err("lattice.limit.config-toml");
    sandbox.git(&["config", "lattice.limit.config-toml", "2M"]);
    sandbox.lattice(&["next-step"]).exits(0);
}

#[test]
fn refuses_to_lint_a_huge_file() {
    let sandbox = Sandbox::new();
    sandbox.write("huge.nix", format!("1{}", comment(4 * MIB)));
    assert_too_large(sandbox.lattice(&["lint", "huge.nix"]).exits(2), "huge.nix", "lattice.limit.file");
    sandbox.git(&["add", "huge.nix"]);
    assert_too_large(sandbox.lattice(&["lint", "--staged"]).exits(2), "huge.nix", "lattice.limit.file");
}

#[test]
fn refuses_a_huge_trust_file() {
    let sandbox = Sandbox::new();
    let file = sandbox.path("home/.local/state/git-lattice/trust.json");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, " ".repeat(5 * MIB)).unwrap();
    sandbox.lattice(&["trust", "list"]).exits(2).says_err("trust.json` has 5 MiB").says_err("lattice.limit.trust");
}

#[test]
fn check_prints_no_more_than_is_read() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--arch", "aarch64"]).exits(0);
    let place = "flakes/toolchain/aarch64/phase0/step1/x.nix";
    let branch = "feature/toolchain/aarch64/phase0/step9";
    sandbox.write(place, format!("[\n{}]\n", format!("\"{branch}\"\n").repeat(12_000)));
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-qm", "huge"]);
    let run = sandbox.lattice(&["check"]).exits(1).says_out("findings more;");
    assert!(run.stdout.len() < 200_000, "{} bytes should be fewer", run.stdout.len());
    let run = sandbox.lattice(&["check", "--json"]).exits(1);
    let json = run.json();
    assert_eq!(json["findings"].as_array().unwrap().len(), 10_000);
    assert!(json["left_out"].as_u64().unwrap() >= 2000, "{}", json["left_out"]);
    assert!(run.stdout.len() < 8 * MIB, "{} bytes should be fewer", run.stdout.len());
}
