//! Values that an axis does not have, and values that no axis can have.

use std::os::unix::ffi::OsStrExt;

use crate::sandbox::Sandbox;

#[test]
fn unknown_value_suggests_the_nearest() {
    let sandbox = Sandbox::new();
    for args in [&["new", "--arch", "aarch65"][..], &["new", "toolchain/aarch65/phase0/step1"]] {
        let run = sandbox.refused(args).exits(2);
        let run =
            run.says_err("error: unknown value `aarch65` for axis `arch`").says_err("hint: did you mean `aarch64`?");
        run.says_err("axis `arch` has: aarch64, x86_64").says_err("`git lattice axis add arch aarch65` adds it");
    }
    sandbox.refused(&["status", "--arch", "aarch65"]).exits(2).says_err("did you mean `aarch64`?");
    sandbox.refused(&["build", "--component", "toolchian"]).exits(2).says_err("did you mean `toolchain`?");
}

#[test]
fn command_in_the_hint_works() {
    let sandbox = Sandbox::new();
    sandbox.refused(&["new", "--arch", "riscv64"]).exits(2).says_err("`git lattice axis add arch riscv64`");
    sandbox.lattice(&["axis", "add", "arch", "riscv64"]).exits(0);
    sandbox.commit_lattice();
    sandbox.lattice(&["new", "--arch", "riscv64"]).exits(0).says_out("feature/toolchain/riscv64/phase0/step1");
}

#[test]
fn value_outside_a_numbered_chain_suggests_no_axis_add() {
    let sandbox = Sandbox::new();
    for step in ["step0", "step01", "step1x", "step99999999999999999999999", "phase1"] {
        let run = sandbox.refused(&["new", "--arch", "aarch64", "--step", step]).exits(2);
        let run = run
            .says_err(&format!("unknown value `{step}` for axis `step`"))
            .says_err("axis `step` has: step1, step2, step3 and so on");
        assert!(!run.stderr.contains("axis add"), "the hint should not add to a numbered chain: {}", run.stderr);
    }
}

#[test]
fn refuses_an_empty_value() {
    let sandbox = Sandbox::new();
    for arch in ["", ",", "aarch64,", "aarch64,,x86_64", "+", "aarch64+"] {
        let run = sandbox.refused(&["new", "--arch", arch]).exits(2);
        run.says_err(&format!("invalid value `{arch}`")).says_err("aarch64, x86_64");
    }
    for point in ["", "/", "toolchain//phase0/step1", "toolchain/aarch64/phase0/"] {
        sandbox.refused(&["new", point]).exits(2).says_err("error: ");
    }
}

#[test]
fn illegal_character_is_named_and_escaped() {
    let sandbox = Sandbox::new();
    for (value, named) in [
        ("a b", "' '"),
        ("a\u{1b}[31mb", r"'\u{1b}'"),
        ("a\nb", r"'\n'"),
        ("$(touch x)", "'$'"),
        ("a~b", "'~'"),
        ("a:b", "':'"),
        ("a\\b", r"'\\'"),
        ("pfeil→", "'→'"),
        ("\u{202e}abc", r"'\u{202e}'"),
    ] {
        let run = sandbox.refused(&["new", "--arch", value]).exits(2).says_err(&format!("the character {named}"));
        assert!(!run.stderr.contains('\u{1b}'), "no escape sequence should get through: {:?}", run.stderr);
        run.says_err("hint: choose another name, of letters, digits");
    }
    for (value, rule) in [
        ("-x", "must start with"),
        (".x", "must start with"),
        ("a..b", "`..`"),
        ("a.lock", "`.lock`"),
        ("a.", "end with `.`"),
    ] {
        sandbox.refused(&["new", "--arch", value]).exits(2).says_err(rule);
    }
}

#[test]
fn refuses_a_300_byte_value_in_a_short_message() {
    let sandbox = Sandbox::new();
    let long = "x".repeat(300);
    for args in [&["new", "--arch", &long][..], &["axis", "add", "component", &long]] {
        let run = sandbox.refused(args).exits(2).says_err("it has 300 bytes, and the maximum is 100");
        assert!(run.stderr.len() < 300, "the message should not repeat all of it: {}", run.stderr);
    }
}

#[test]
fn init_refuses_invalid_values_and_writes_no_file() {
    let sandbox = Sandbox::without_lattice();
    let long = "x".repeat(300);
    for (value, said) in
        [("", "invalid value ``"), ("a b", "' '"), ("a/b", "'/'"), (&long, "300 bytes"), ("a..b", "`..`")]
    {
        sandbox.refused(&["init", "--no-hooks", "--arch", "aarch64", "--component", value]).exits(2).says_err(said);
    }
    sandbox.refused(&["init", "--no-hooks", "--component", "a,A", "--arch", "aarch64"]).exits(2).says_err("`A`");
    let run = sandbox.refused(&["init", "--no-hooks", "--component", "a", "--arch", "pdp11"]).exits(2);
    run.says_err("the Nix system of `pdp11` is unknown").says_err("--system pdp11=");
}

#[test]
fn refuses_an_argument_that_is_not_utf8() {
    let sandbox = Sandbox::new();
    let before = sandbox.everything();
    let strange = std::ffi::OsStr::from_bytes(b"a\xffb");
    let run = sandbox.lattice_in("work", &["new", "--arch"], |command| command.arg(strange)).exits(2);
    run.says_err("UTF-8");
    assert_eq!(sandbox.everything(), before, "nothing should be written");
}

#[test]
fn unknown_option_or_command_is_a_usage_error() {
    let sandbox = Sandbox::new();
    sandbox.refused(&["frobnicate"]).exits(2).says_err("frobnicate");
    sandbox.refused(&["new", "--frob"]).exits(2).says_err("--frob");
    sandbox.refused(&["statsu"]).exits(2).says_err("status");
    sandbox
        .refused(&["new", "--arch", "aarch64", "--template", "nixpkg"])
        .exits(2)
        .says_err("nixpkg")
        .says_err("nixpkgs");
    sandbox.refused(&["new", "toolchain/*/phase0/*"]).exits(2).says_err("is an open chain");
    sandbox.refused(&["new", "toolchain/{aarch64/phase0/step1"]).exits(2).says_err("component/arch/phase/step");
}
