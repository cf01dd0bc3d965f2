//! What a user reads who typed something wrong: which part is wrong, what is expected, and the next command.

use crate::sandbox::Sandbox;
use crate::story::{at, branch, chains, elsewhere, far, here, toml};

#[test]
fn arguments_of_status_are_hinted_at() {
    let sandbox = Sandbox::new();
    for args in [&["--failed"][..], &["--watch"], &["toolchain/*/phase0/*"], &["--arch", "x86_64"]] {
        let quoted = args.join(" ").replace("toolchain/*/phase0/*", "'toolchain/*/phase0/*'");
        sandbox.lattice(args).exits(2).says_err(&format!("`git lattice status {quoted}`"));
    }
}

#[test]
fn a_wrong_part_of_a_branch_is_named() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    for text in [branch(&at("phase0/nope")), format!("origin/{}", branch(&at("phase0/nope"))), at("phase0/nope")] {
        let run = sandbox.refused(&["show", &text]).exits(2);
        run.says_err("unknown value `nope` for axis `step`").says_err("axis `step` has: step1, step2, step3 and so on");
    }
    let all = branch(&format!("toolchain/{}/phase0/*", here()));
    sandbox.lattice(&["status", &all]).exits(0).says_out("phase0/step1");
}

#[test]
fn the_missing_coordinate_of_a_point_is_named() {
    let sandbox = Sandbox::new();
    let (point, arch) = (at("phase0/step1"), here());
    for (text, missing) in [
        (format!("toolchain/{arch}/phase0"), "`step` is missing"),
        (branch(&format!("toolchain/{arch}/phase0")), "`step` is missing"),
        (format!("{arch}/phase0/step1"), "`component` is missing"),
        (format!("toolchain/{arch}"), "`phase` and `step` are missing"),
        (format!("{point}/more"), "it has 5 coordinates, and a point has 4"),
        ("elsewhere".to_owned(), "it has 1 coordinate, and a point has 4"),
    ] {
        let run = sandbox.refused(&["show", &text]).exits(2).says_err(missing);
        run.says_err("a point is written component/arch/phase/step, as in `toolchain/")
            .says_err("`git lattice status`");
    }
    let run = sandbox.refused(&["show", &format!("toolchain/{arch}/phase0")]).exits(2);
    run.says_err(&format!("as in `{point}`"));
}

#[test]
fn patterns_are_explained() {
    const QUOTE: &str = "hint: if the shell has expanded a pattern, quote the pattern, as in `'*/*/*/*'`";
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1"), &at("phase0/step2")]);
    sandbox.write("some/file/in/depth", "");
    for file in ["some/file/in/depth", "README"] {
        let run = sandbox.refused(&["status", file, "another"]).exits(2);
        run.says_err(&format!("error: `{file}` is a file or a folder, not a point")).says_err(QUOTE);
    }
    sandbox.refused(&["show", &at("phase0/step1"), "README"]).exits(2).says_err(QUOTE);
    sandbox.lattice(&["show", &format!("{}/", at("phase0/step1"))]).exits(0).says_out("phase0");
    sandbox.refused(&["status", "toolchain/*"]).exits(2).says_err("as in `'toolchain/*/*/*'`");
    let one = format!("hint: name one of them, as in `git lattice promote {}`\n", at("phase0/step1"));
    let run = sandbox.refused(&["promote", "*/*/phase0/*"]).exits(2);
    run.says_err("error: expected one point, but `*/*/phase0/*` names 2\n").says_err(&one);
    let archs = [here(), elsewhere()].join(",");
    sandbox.points(&[&far("phase0/step2")]);
    sandbox.git(&["switch", "-q", &branch(&at("phase0/step2"))]);
    let run = sandbox.refused(&["switch", "--arch", &archs]).exits(2);
    run.says_err("/*/*` with HEAD's other coordinates names 2\n");
}

#[test]
fn a_numbered_axis_is_explained_in_words() {
    let sandbox = Sandbox::new();
    for wrong in ["step0", "step01", "stpe1", "1"] {
        let run = sandbox.refused(&["new", &at(&format!("phase0/{wrong}"))]).exits(2);
        run.says_err("hint: did you mean `step1`?").says_err("step1, step2, step3 and so on");
    }
    sandbox.refused(&["new", &at("phase0/30")]).exits(2).says_err("hint: did you mean `step30`?");
}

#[test]
fn commas_in_a_point_need_braces() {
    let sandbox = Sandbox::new();
    let run = sandbox.refused(&["new", "toolchain/aarch64,x86_64/phase0/step1"]).exits(2);
    run.says_err("`aarch64,x86_64` is not a value of axis `arch`: several values need braces")
        .says_err("`{aarch64,x86_64}` selects a point for each value, `aarch64+x86_64` one point over all of them");
    let run = sandbox.refused(&["new", &at("phase0/step1,step2")]).exits(2);
    assert!(!run.stderr.contains('+'), "a chain has no point over several values: {}", run.stderr);
}

#[test]
fn names_of_windows_devices_are_refused_at_once() {
    for name in ["nul", "COM1", "aux.1"] {
        let sandbox = Sandbox::without_lattice();
        let run = sandbox.refused(&["init", "--component", name, "--arch", "x86_64"]).exits(2);
        run.says_err(&format!("invalid value `{name}`: Windows reserves it for a device"));
    }
    let axes = chains("[\"phase0\"]", "\"com{n}\"");
    for (text, why) in [
        (toml(&axes, ""), "`com{n}` has the value `com1`, a device on Windows"),
        (toml(&chains("[\"p\"]", "[\"n\"]"), "branch = \"aux/{arch}\""), "`aux` is a device on Windows"),
        (toml(&chains("[\"p\"]", "[\"n\", \"m\"]"), "branch = \"f/{arch}/co{step}\""), "with the value `n`"),
    ] {
        let sandbox = Sandbox::without_lattice();
        sandbox.write("lattice.toml", text);
        sandbox.lattice(&["status"]).exits(2).says_err(why);
    }
}

#[test]
fn a_misspelt_key_is_named_with_the_right_one() {
    let sandbox = Sandbox::new();
    let text = std::fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", text.replace("\nbase =", "\nbsae ="));
    let run = sandbox.lattice(&["status"]).exits(2);
    run.says_err("`lattice.toml`: `bsae` is not a known key, and `base` is missing")
        .says_err("--> lattice.toml:5:1\n")
        .says_err("\n5 | bsae = \"main\"\n  | ^^^^\n")
        .says_err("hint: did you mean `base`?");
    sandbox.write("lattice.toml", text.replace("\nbase =", "\nrmeote = \"x\"\nbase ="));
    let sentence = "`rmeote` in lattice.toml is unknown to this version; did you mean `remote`?";
    sandbox.lattice(&["status"]).exits(0).says_err(sentence);
    sandbox.lattice(&["doctor", "--offline"]).says_out("did you mean `remote`?");
}

#[test]
fn a_misspelt_key_of_an_axis_is_named() {
    let sandbox = Sandbox::without_lattice();
    sandbox.write("lattice.toml", "base = \"main\"\n[axes]\na = { chian = [\"x\"] }\n");
    let run = sandbox.lattice(&["status"]).exits(2);
    run.says_err("`axes.a.chian` is not a known key: an axis has `set` or `chain`")
        .says_err("\n3 | a = { chian = [\"x\"] }\n  |       ^^^^^\n")
        .says_err("hint: did you mean `chain`?");
}

#[test]
fn axes_without_a_list_say_why_no_value_is_added() {
    let sandbox = Sandbox::new();
    let run = sandbox.refused(&["axis", "add", "step", "step3"]).exits(2);
    run.says_err("`axes.step` is numbered as `step{n}`: it has every number");
    let axes = chains("[\"p0\", \"p1\"]", "{ p0 = [\"a\"], p1 = [\"b\"] }");
    let sandbox = Sandbox::with_toml(&toml(&axes, ""));
    sandbox.refused(&["axis", "add", "step", "c"]).exits(2).says_err("add `c` to the right one by hand");
}

#[test]
fn errors_of_toml_show_the_line() {
    let wrong = [
        ("base = = \"main\"\n", "--> lattice.toml:1:8\n  |\n1 | base = = \"main\"\n  |        ^\n"),
        ("base = 3\n[axes]\na = { set = [\"x\"] }\n", "--> lattice.toml:1:8\n  |\n1 | base = 3\n  |        ^\n"),
        ("base = \"main\"\n[axes]\na = { set = [\"x y\"] }\n", "--> lattice.toml:3:14\n"),
        (
            "base = \"main\"\nbranch = \"x\"\n[axes]\na = { set = [\"x\"] }\n",
            "\n2 | branch = \"x\"\n  |          ^^^\n",
        ),
        ("base = \"main\"\n[axes]\na = { chain = \"x\" }\n", "\n3 | a = { chain = \"x\" }\n  |               ^^^\n"),
    ];
    for (text, excerpt) in wrong {
        let sandbox = Sandbox::without_lattice();
        sandbox.write("lattice.toml", text);
        sandbox.lattice(&["status"]).exits(2).says_err(excerpt);
    }
    let sandbox = Sandbox::new();
    sandbox.write("step.toml", "\n[rust\n");
    let run = sandbox.lattice(&["new", &at("phase0/step1"), "--config", "step.toml"]).exits(2);
    run.says_err("--> step.toml:2:6\n  |\n2 | [rust\n  |      ^\n");
}

#[test]
fn an_unknown_remote_gets_the_known_ones() {
    let sandbox = Sandbox::new();
    let run = sandbox.refused(&["sync", "--remote", "elsewhere"]).exits(2).says_err("this repository has `origin`");
    assert!(!run.stderr.contains("as a value"), "{}", run.stderr);
    let text = std::fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", text.replace("remote = \"origin\"", "remote = \"elsewhere\""));
    let run = sandbox.lattice(&["sync"]).exits(2).says_err("there is no remote `elsewhere`");
    run.says_err("hint: `remote` in lattice.toml names the remote; this repository has `origin`");
    let run = sandbox.lattice(&["new", &at("phase0/step1")]).exits(1).says_err("caused by: there is no remote");
    run.says_err("this repository has `origin`").says_err("`git remote add elsewhere URL`");
}

#[test]
fn a_failed_connection_is_one_reason() {
    let sandbox = Sandbox::new();
    sandbox.git(&["remote", "set-url", "origin", "../gone.git"]);
    let run = sandbox.lattice(&["new", &at("phase0/step1")]).exits(1);
    assert_eq!(run.stderr.matches("caused by:").count(), 1, "{}", run.stderr);
    run.says_err("caused by: '../gone.git' does not appear to be a git repository\n")
        .says_err("hint: `git remote -v` shows the URL of `origin`; to see whether it answers: `git ls-remote origin`");
    sandbox.lattice(&["sync"]).exits(1).says_err("`origin`: '../gone.git' does not appear to be a git repository\n");
}

#[test]
fn next_step_leaves_out_last_steps() {
    let sandbox = Sandbox::with_toml(&toml(&chains("[\"p0\", \"p1\"]", "[\"one\", \"two\"]"), ""));
    sandbox.points(&[&at("p0/one"), &at("p0/two"), &at("p1/one")]);
    let all = format!("toolchain/{}/*/*", here());
    let left_out = format!("left out: `{}` is the last step of its phase", at("p0/two"));
    let run = sandbox.refused(&["next-step", &all, "--dry-run"]).exits(0).says_out("p1/two");
    run.says_err(&format!("warning: {left_out}"));
    let made = sandbox.lattice(&["next-step", &all, "--json"]).exits(0).json();
    assert_eq!(made["created"][0]["point"], at("p1/two"));
    assert_eq!(made["warnings"], serde_json::json!([left_out]));
    let last = format!("toolchain/{}/*/two", here());
    sandbox.refused(&["next-step", &last]).exits(1).says_err("is the last step of its phase");
}

#[test]
fn a_skipped_step_is_a_warning() {
    let sandbox = Sandbox::with_toml(&toml(&chains("[\"p0\", \"p1\"]", "[\"build\", \"check\", \"ship\"]"), ""));
    let skips = format!("warning: `{}` skips a step: `{}` does not exist", at("p0/check"), at("p0/build"));
    sandbox.lattice(&["new", &at("p0/check"), "--no-switch"]).exits(0).says_err(&skips);
    for point in ["p0/build", "p0/ship", "p1/build"] {
        let run = sandbox.lattice(&["new", &at(point), "--no-switch"]).exits(0);
        assert!(!run.stderr.contains("skips"), "{point}: {}", run.stderr);
    }
    let both = sandbox.lattice(&["new", &at("p1/{check,ship}"), "--no-switch"]).exits(0);
    assert!(!both.stderr.contains("skips"), "both are made: {}", both.stderr);
}
