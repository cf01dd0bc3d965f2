//! Evaluation errors: which are caused by the expression, and which by this version or configuration of Nix.

use std::fs;
use std::path::Path;

use super::shared::with_step;
use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, fields};

/// A sandbox whose first point evaluates this expression.
fn with_expression(nix: &Path, expression: &str) -> Sandbox {
    let text = format!("{{ system, ... }}:\nlet\n  it = {expression};\nin\nbuiltins.seq it ({})\n", derivation(""));
    with_step(nix, &at("phase0/step1"), &text)
}

fn derivation(attributes: &str) -> String {
    format!(
        "derivation {{\n  name = \"plain\";\n  inherit system;\n  builder = \"/bin/sh\";\n  args = [\n    \"-c\"\n    \"echo >$out\"\n  \
         ];\n  {attributes}\n}}"
    )
}

#[test]
fn missing_file_is_recorded_as_failed() {
    for nix in every_nix() {
        for expression in ["builtins.readFile ./nope", "builtins.readDir ./nope", "import ./nope.nix", "\"${./nope}\""]
        {
            let sandbox = with_expression(&nix, expression);
            sandbox.lattice(&["build", &at("phase0/step1")]).exits(1).says_out("nope");
            assert_eq!(fields(&sandbox.records().into(), "verdict"), ["failed"], "{expression}");
        }
    }
}

#[test]
fn evaluation_error_is_recorded_as_failed() {
    for nix in every_nix() {
        for expression in [
            "1 + \"a\"",
            "<nixpkgs>",
            "{ }.x",
            "builtins.head [ ]",
            "builtins.fromTOML \"x\"",
            "builtins.fromJSON \"{\"",
            "builtins.toFile \"a b\" \"\"",
            "(derivation { name = \"a b\"; builder = \"x\"; system = \"x\"; }).drvPath",
            "(derivation { name = \"a\"; builder = \"x\"; }).drvPath",
            "assert false; 1",
        ] {
            let sandbox = with_expression(&nix, expression);
            sandbox.lattice(&["build", &at("phase0/step1")]).exits(1);
            assert_eq!(fields(&sandbox.records().into(), "verdict"), ["failed"], "{expression}");
        }
    }
}

#[test]
fn missing_builtin_is_no_verdict() {
    for nix in every_nix() {
        for call in ["builtins.fetchClosure { }", "with builtins; fetchClosure { }", "__fetchClosure { }"] {
            with_expression(&nix, call).assert_no_verdict().says_err("fetchClosure'");
        }
    }
}

#[test]
fn unsupported_syntax_is_no_verdict() {
    for nix in every_nix() {
        for expression in ["1 |> (x: x)", "(x: x) <| 1"] {
            with_expression(&nix, expression).assert_no_verdict();
        }
        with_expression(&nix, "builtins.fromTOML \"a = 1979-05-27T07:32:00Z\"")
            .assert_no_verdict()
            .says_err("Dates and times");
    }
}

#[test]
fn restricted_evaluation_is_no_verdict() {
    for nix in every_nix() {
        let url =
            "{ url = \"http://127.0.0.1:9/x\"; sha256 = \"0000000000000000000000000000000000000000000000000000\"; }";
        let sandbox = with_expression(&nix, &format!("builtins.fetchurl {url}"));
        sandbox.configure_nix("restrict-eval = true");
        sandbox.assert_no_verdict().says_err("forbidden in restricted mode");
    }
}

#[test]
fn damaged_source_cache_is_no_verdict() {
    for nix in every_nix() {
        let point = at("phase0/step1");
        let sandbox = with_expression(&nix, "1");
        sandbox.lattice(&["build", &point]).exits(0);
        assert!(damage_cache(&sandbox), "Nix should have JSON in its cache");
        let run = sandbox.lattice(&["build", "--again", &point]).exits(2);
        run.says_err("[json.exception.").says_err("hint: a damaged cache of Nix");
        assert_eq!(fields(&sandbox.records().into(), "verdict"), ["built"]);
    }
}

/// Changes a byte in every JSON value of Nix's source cache.
fn damage_cache(sandbox: &Sandbox) -> bool {
    let files = fs::read_dir(sandbox.path("nix/cache/nix")).unwrap().map(|entry| entry.unwrap().path());
    let mut is_damaged = false;
    for path in files.filter(|path| path.extension().is_some_and(|ending| ending == "sqlite")) {
        let mut bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            if bytes[at..].starts_with(b"{\"lastModified\"") {
                bytes[at + 1] = b' ';
                is_damaged = true;
            }
        }
        fs::write(&path, bytes).unwrap();
    }
    is_damaged
}

#[test]
fn low_call_depth_setting_is_no_verdict() {
    for nix in every_nix() {
        let point = at("phase0/step1");
        let sandbox = with_expression(&nix, "let f = n: if n == 0 then 0 else 1 + f (n - 1); in f 1000");
        sandbox.configure_nix("max-call-depth = 100");
        let run = sandbox.lattice(&["build", &point]);
        assert!(run.code == 0 || run.code == 2 && run.stderr.contains("hint: `max-call-depth`"), "{}", run.stderr);
        assert!(!fields(&sandbox.records().into(), "verdict").contains(&"failed"));
        sandbox.configure_nix("max-call-depth = 10000");
        sandbox.lattice(&["build", &point]).exits(0);

        let endless = with_expression(&nix, "let f = n: 1 + f (n + 1); in f 0");
        let run = endless.lattice(&["build", &point]);
        // Nix does not always recognise that its stack overflowed (NixOS/nix#8281, #9616): then it crashes, which is no verdict.
        if run.code == 2 {
            run.says_err("nix was killed (signal 11)").says_err("hint: some versions of Nix crash");
            assert!(endless.records().is_empty(), "a crash is no verdict");
        } else {
            run.exits(1).says_out("stack overflow");
        }
    }
}

#[test]
fn disabled_feature_is_no_verdict() {
    for nix in every_nix() {
        let text =
            format!("{{ system, ... }}:\n{}\n", derivation("__contentAddressed = true; outputHashAlgo = \"sha256\";"));
        let sandbox = with_step(&nix, &at("phase0/step1"), &text);
        sandbox
            .assert_no_verdict()
            .says_err("'ca-derivations' is disabled")
            .says_err("hint: `extra-experimental-features`");
        sandbox.configure_nix("extra-experimental-features = ca-derivations");
        sandbox.assert_no_verdict().says_err("it is content-addressed");
    }
}

#[test]
fn relocated_store_import_is_no_failed_verdict() {
    for nix in every_nix() {
        let sandbox = with_expression(&nix, "import (builtins.toFile \"x.nix\" \"1 + 1\")");
        let run = sandbox.lattice(&["build", &at("phase0/step1")]);
        assert_ne!(run.code, 1, "Nix 2.8 has no answer, others evaluate it: {}", run.stdout);
        assert!(!fields(&sandbox.records().into(), "verdict").contains(&"failed"));
    }
}

#[test]
fn small_stack_limit_is_no_verdict() {
    for nix in every_nix() {
        let sandbox = with_expression(&nix, "let f = n: if n == 0 then 0 else 1 + f (n - 1); in f 9000");
        let build = |limit: &str| {
            let mut command = std::process::Command::new("sh");
            command.args(["-c", &format!("{limit} exec git-lattice build \"$0\""), &at("phase0/step1")]);
            sandbox.environment(&mut command);
            command.current_dir(sandbox.work()).output().unwrap().status.code()
        };
        assert_eq!(build("ulimit -s 512;"), Some(2), "Nix has less stack than it wants");
        assert!(sandbox.records().is_empty());
        assert_eq!(build(""), Some(0), "with the full stack this recursion should end");
    }
}

#[test]
fn automatic_build_refuses_import_from_derivation() {
    for nix in every_nix() {
        let text = format!(
            "{{ system, ... }}:\nlet\n  it = {};\nin\n{}\n",
            derivation("").replace("echo >$out", "echo 3 >$out"),
            derivation("number = toString (import it);")
        );
        let sandbox = with_step(&nix, &at("phase0/step1"), &text);
        sandbox.lattice(&["hooks", "install"]).exits(0);
        sandbox.git(&["switch", "-q", &branch(&at("phase0/step1"))]);
        let run = sandbox.lattice(&["build", "--wait", &at("phase0/step1")]).exits(2);
        run.says_err("allow-import-from-derivation");
        assert!(sandbox.records().is_empty(), "no build should be tried");
        sandbox.lattice(&["build"]).exits(0).says_out("built");
    }
}
