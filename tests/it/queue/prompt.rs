//! The segment for a shell's prompt.

use super::gate::BlockedBuilds;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, elsewhere, far, here};

fn prompt(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = sandbox.lattice(&[&["prompt"], args].concat()).exits(0);
    assert_eq!(run.stderr, "", "a prompt should print no error");
    run.stdout
}

fn switch(sandbox: &Sandbox, point: &str) {
    sandbox.git(&["switch", "-q", &branch(point)]);
}

#[test]
fn prompt_shows_the_state_of_heads_point() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1"), &at("phase0/step2")]);
    assert_eq!(prompt(&sandbox, &[]), "", "HEAD is on no point");
    switch(&sandbox, &at("phase0/step2"));
    assert_eq!(prompt(&sandbox, &[]), "· phase0/step2\n");
    sandbox.built_elsewhere(&[&at("phase0/step2")]);
    assert_eq!(prompt(&sandbox, &[]), "✓ phase0/step2\n");
    sandbox.record(&at("phase0/step1"), &format!("{}-linux", here()), "failed");
    switch(&sandbox, &at("phase0/step1"));
    assert_eq!(prompt(&sandbox, &[]), "✗ phase0/step1\n");
    switch(&sandbox, &at("phase0/step2"));
    sandbox.commit_to(&at("phase0/step1"), &[("config.toml", "changed = true\n")]);
    assert_eq!(
        prompt(&sandbox, &["--format", "{state}"]),
        "behind\n",
        "as status says: {}",
        sandbox.state_of(&at("phase0/step2"))
    );
}

#[test]
fn prompt_format_is_configurable() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&far("phase0/step1")]);
    switch(&sandbox, &far("phase0/step1"));
    let format = "[{mark} {state}] {point} {arch} {short}{time} {";
    let expected = format!("[· new] {} {} phase0/step1 {{\n", far("phase0/step1"), elsewhere());
    assert_eq!(prompt(&sandbox, &["--format", format]), expected);
    let wrong =
        sandbox.lattice(&["prompt", "--format", "{colour}"]).exits(2).says_err("unknown `{colour}` in --format");
    wrong.says_err("{mark}, {state}");
}

#[test]
fn prompt_is_empty_without_a_point() {
    let sandbox = Sandbox::without_lattice();
    assert_eq!(prompt(&sandbox, &[]), "", "no lattice.toml");
    let outside = sandbox.lattice_in("home", &["prompt"], |command| command).exits(0);
    assert_eq!((outside.stdout, outside.stderr), (String::new(), String::new()), "no repository");
    sandbox.write("lattice.toml", "base = \n");
    assert_eq!(prompt(&sandbox, &[]), "", "other commands report a broken lattice.toml");
}

#[test]
fn detached_head_has_no_prompt() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.git(&["switch", "-q", "--detach", &branch(&at("phase0/step1"))]);
    assert_eq!(prompt(&sandbox, &[]), "");
}

#[test]
fn prompt_shows_a_running_build() {
    let Some(builds) = BlockedBuilds::on_first_nix() else { return };
    let point = builds.blocked_point("phase0/step1");
    switch(&builds.sandbox, &point);
    builds.queue(&point);
    builds.wait_until_running(&point);
    let shown = prompt(&builds.sandbox, &["--format", "{mark} {state} {time}"]);
    assert!(shown.starts_with("▸ building ") && shown.ends_with("s\n"), "{shown}");
    builds.open("phase0/step1");
    builds.wait_for_verdicts(&point, &["built"]);
    assert_eq!(prompt(&builds.sandbox, &[]), "✓ phase0/step1\n");
}
