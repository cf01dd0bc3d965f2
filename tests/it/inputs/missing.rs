//! A source or seed that is not in the store, and one whose content is another.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::{built, copying, hash, nix, serve, with_steps};
use crate::nix_setup::every_nix;
use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, dir};

const ONE: &str = "phase0/step1";
const TWO: &str = "phase0/step2";
/// A hash that nothing has.
const OTHER: &str = "sha256-mOpuTyFvL7S2n/+bOkSELDhobKaF8/VdxIxdP7EQe+A=";

fn configure(sandbox: &Sandbox, name: &str, config: &str) {
    sandbox.commit_to(&at(name), &[("config.toml", config)]);
}

fn build(sandbox: &Sandbox) -> Run {
    sandbox.lattice(&["build", &at(ONE)])
}

#[test]
fn missing_seed_is_named_and_built_after_it_is_added() {
    for nix in every_nix() {
        let seed = copying("\"${seeds.tools}/bin/hello\"");
        let sandbox = with_steps(&nix, &[(ONE, seed), (TWO, copying(&format!("output \"{ONE}\"")))]);
        sandbox.write("../tools/bin/hello", "seed\n");
        let hash = hash(&sandbox, "path", &sandbox.path("tools"));
        configure(&sandbox, ONE, &format!("[seeds.tools]\nhash = \"{hash}\"\n"));
        sandbox.lattice(&["restack"]).exits(0);
        let run = build(&sandbox).exits(2).says_err(&format!("could not build `{}`: seed `tools`", at(ONE)));
        run.says_err("hint: `git lattice seed add tools DIR` puts it there");
        // The step above needs it too.
        let json = sandbox.lattice(&["build", &at(TWO), "--json"]).exits(2).json();
        assert_eq!(json["undecided"][0]["missing"], json!([{ "kind": "seed", "name": "tools" }]), "{json:#}");
        assert_eq!(sandbox.records(), [0; 0], "a missing seed says nothing about the step");
        sandbox.git(&["switch", "-q", &branch(&at(ONE))]);
        sandbox.lattice(&["seed", "add", "tools", "../tools"]).exits(0).says_out("unchanged  seed tools");
        assert_eq!(built(&sandbox, TWO), "seed\n");
    }
}

#[test]
fn input_that_config_lacks_has_a_command() {
    for nix in every_nix() {
        let sandbox = with_steps(&nix, &[(ONE, copying("\"${seeds.tools}/hello\""))]);
        let hint = "hint: `git lattice seed add tools DIR` writes `[seeds.tools]` into config.toml";
        build(&sandbox).exits(1).says_out("attribute 'tools' missing").says_err(hint);
        let inherits = copying("\"\"").replace("name =", "inherit (sources) tools;\n  name =");
        sandbox.commit_to(&at(ONE), &[("step.nix", &inherits)]);
        let hint = "hint: `git lattice source add FILE --name tools` writes `[sources.tools]` into config.toml";
        build(&sandbox).exits(1).says_err(hint);
        // Another attribute that is missing is none of them, nor is a name that no input can have.
        for expression in ["below.tools", "seeds.\"$(date)\""] {
            sandbox.commit_to(&at(ONE), &[("step.nix", &copying(expression))]);
            let run = build(&sandbox).exits(1).says_out("missing");
            assert!(!run.stderr.contains("hint: `git lattice s"), "{}", run.stderr);
        }
    }
}

#[test]
fn archive_without_a_top_folder_is_explained() {
    for nix in every_nix() {
        let sandbox = with_steps(&nix, &[(ONE, copying("\"${sources.hello}/README\""))]);
        sandbox.write("../README", "read me\n");
        sandbox.write("../LICENSE", "free\n");
        let tar = ["-czf", "hello.tar.gz", "README", "LICENSE"];
        assert!(Command::new("tar").current_dir(sandbox.path("")).args(tar).status().unwrap().success());
        sandbox.git(&["switch", "-q", &branch(&at(ONE))]);
        sandbox.lattice(&["source", "add", "../hello.tar.gz", "--unpack"]).exits(0);
        sandbox.git(&["commit", "-q", "-a", "-m", "name the source"]);
        let run = build(&sandbox).exits(1).says_err("hint: Nix unpacks archives with one folder at the top; without");
        run.says_err("`unpack` in config.toml, step.nix gets the archive");
    }
}

#[test]
fn missing_inputs_are_all_named() {
    for nix in every_nix() {
        let sandbox = with_steps(&nix, &[(ONE, copying("\"${sources.b}${seeds.a}${sources.c}\""))]);
        let inputs = format!("[seeds.a]\nhash = \"{OTHER}\"\n[sources.b]\nhash = \"{OTHER}\"\nunpack = true\n");
        // One with a URL is fetched: it is not missing.
        configure(&sandbox, ONE, &format!("{inputs}[sources.c]\nurl = \"http://127.0.0.1:1/c\"\nhash = \"{OTHER}\"\n"));
        let run = build(&sandbox).exits(2).says_err("source `b`, seed `a` are not in the store");
        let run = run.says_out(&format!("missing-source  {}  ", at(ONE)));
        run.says_err("`git lattice source add FILE --name b`").says_err("`git lattice seed add a DIR`");
        // A background build says the same.
        sandbox.lattice(&["build", "--background", "--wait", &at(ONE)]).exits(2).says_err("are not in the store");
    }
}

#[test]
fn input_without_hash_and_url_has_a_command() {
    for nix in every_nix() {
        let sandbox = with_steps(&nix, &[(ONE, copying("\"${sources.b}${seeds.a}\""))]);
        let placeholder = format!("sha256-{}=", "A".repeat(43));
        configure(&sandbox, ONE, &format!("[seeds.a]\nhash = \"{placeholder}\"\n[sources.b]\n"));
        let run = build(&sandbox).exits(2).says_err("config.toml has no hash for source `b`, seed `a`");
        let run = run.says_err("`git lattice source add FILE --name b` writes `[sources.b]` into config.toml");
        assert!(!run.stderr.contains("not in the store"), "{}", run.stderr);
        sandbox.git(&["switch", "-q", &branch(&at(ONE))]);
        let doctor = sandbox.lattice(&["doctor", "--offline"]).exits(0);
        doctor.says_out(&format!("config.toml of `{}` has no hash for seed `a`", at(ONE)));
        configure(&sandbox, ONE, &format!("[seeds.a]\nhash = \"{OTHER}\"\n[sources.b]\nhash = \"\"\n"));
        build(&sandbox).exits(2).says_err("seed `a` is not in the store, and config.toml has no hash for source `b`");
    }
}

#[test]
fn seed_is_protected_from_garbage_collection() {
    for program in every_nix() {
        let sandbox = with_steps(&program, &[(ONE, copying("\"${seeds.tools}/bin/hello\""))]);
        sandbox.git(&["switch", "-q", &branch(&at(ONE))]);
        sandbox.write("../tools/bin/hello", "seed\n");
        sandbox.lattice(&["seed", "add", "tools", "../tools"]).exits(0);
        sandbox.git(&["commit", "-q", "-a", "-m", "add a seed"]);
        nix(&sandbox, "nix-store", &["--gc"]);
        assert_eq!(built(&sandbox, ONE), "seed\n");
        sandbox.lattice(&["doctor", "--offline"]).exits(0).says_out("inputs").says_out("1, all in the store");
        // Without its root and the result that refers to it, it is gone.
        for folder in ["inputs", "result"] {
            fs::remove_dir_all(sandbox.path("work/.git/lattice").join(folder)).unwrap();
        }
        nix(&sandbox, "nix-store", &["--gc"]);
        let doctor = sandbox.lattice(&["doctor", "--offline"]).exits(0);
        doctor.says_out(&format!("seed `tools` of `{}` is not in the store", at(ONE))).says_out("seed add tools DIR");
        sandbox.lattice(&["build", "--again"]).exits(2).says_err("seed `tools` is not in the store");
    }
}

#[test]
fn source_with_another_hash_is_named_with_both() {
    let url = serve(b"from the server\n");
    for nix in every_nix() {
        let sandbox = with_steps(&nix, &[(ONE, copying("sources.text"))]);
        sandbox.write("../text", "from the server\n");
        let hash = hash(&sandbox, "file", &sandbox.path("text"));
        let config = |hash: &str| format!("[sources.text]\nurl = \"{url}/text\"\nhash = \"{hash}\"\n");
        configure(&sandbox, ONE, &config(OTHER));
        build(&sandbox).exits(2).says_err("-text.drv").says_err(OTHER).says_err(&hash).says_err("hash after `got`");
        for unknown in ["", &format!("sha256-{}=", "A".repeat(43))] {
            configure(&sandbox, ONE, &config(unknown));
            build(&sandbox).exits(2).says_err(&hash).says_err("hint: config.toml has no hash for it yet");
        }
        assert_eq!(sandbox.records(), [0; 0], "the content of a URL says nothing about the step");
    }
}

#[test]
fn unreachable_source_is_named() {
    for nix in every_nix() {
        let sandbox = with_steps(&nix, &[(ONE, copying("sources.text"))]);
        configure(&sandbox, ONE, &format!("[sources.text]\nurl = \"http://127.0.0.1:1/t\"\nhash = \"{OTHER}\"\n"));
        build(&sandbox).exits(2).says_err("`text` could not be fetched").says_err("http://127.0.0.1:1/t");
        assert_eq!(sandbox.records(), [0; 0]);
    }
}

#[test]
fn odd_but_valid_names_work() {
    for nix in every_nix() {
        let sandbox = with_steps(&nix, &[(ONE, copying("sources.\"a-b_c.d+e?f=g\""))]);
        sandbox.git(&["switch", "-q", &branch(&at(ONE))]);
        sandbox.write("../x", "odd\n");
        sandbox.lattice(&["source", "add", "../x", "--name", "a-b_c.d+e?f=g"]).exits(0);
        sandbox.git(&["commit", "-q", "-a", "-m", "add"]);
        assert_eq!(built(&sandbox, ONE), "odd\n");
        let path = sandbox.work().join(dir(&at(ONE)));
        assert!(Path::new(&path).join("config.toml").exists());
    }
}

#[test]
fn config_that_nix_cannot_read_is_named() {
    for nix in every_nix() {
        let sandbox = with_steps(&nix, &[(ONE, copying("\"${sources.a}\""))]);
        configure(&sandbox, ONE, "[sources.a]\nhash = \"sha256-xyz\"\n");
        build(&sandbox).exits(2).says_err(&format!("`git lattice check {}` names the key", at(ONE)));
        sandbox.lattice(&["check"]).exits(1).says_out("sources.a.hash");
        configure(&sandbox, ONE, "day = 2025-01-30\n");
        build(&sandbox).exits(2).says_err("write dates and times as texts, in quotes");
    }
}
