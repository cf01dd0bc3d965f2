//! Hostile content of a branch.

use std::process::Command;
use std::time::Duration;

use git_lattice::nix::{FlakeRef, Kind, Limits, Mode, Nix, Outcome, Request};
use git_lattice::system::System;

use super::victim::{FileChange, Victim, derivation, flake};
use crate::nix_setup::every_nix;
use crate::story::{at, dir, here};

const FLAKE: &str = "its flake.nix is not what this version generates";
const STEP: &str = "its step.nix was not written here";
const EXTRA_FILES: &str = "it has files that are not generated";

/// Pushes this flake, switches to it and builds it by hand; `check` gets the exit code and the output.
fn build_foreign_flake(make: impl Fn(&Victim) -> FileChange, check: impl Fn(i32, &str)) {
    for nix in every_nix() {
        let victim = Victim::new(Some(&nix));
        victim.receives_branch("config", &[("flake.nix", make(&victim))]);
        victim.assert_switch_explains(FLAKE);
        let run = victim.build_by_hand();
        check(run.code, &format!("{}{}", run.stdout, run.stderr));
    }
}

#[test]
fn flake_settings_are_not_accepted() {
    let with_hook = |victim: &Victim| {
        let settings = format!("nixConfig = {{ post-build-hook = \"{}\"; sandbox = false; }};", victim.trace_command());
        flake(
            &derivation(&format!("echo x > $out; {}; echo > {}", victim.trace_command(), victim.trace_file())),
            &settings,
        )
    };
    // The sandbox is on, as the user's nix.conf says: files outside are invisible, so the last command fails.
    build_foreign_flake(with_hook, |code, said| assert_eq!(code, 1, "{said}"));
    let only_hook = |victim: &Victim| {
        flake(&derivation("echo x > $out"), &format!("nixConfig.post-build-hook = \"{}\";", victim.trace_command()))
    };
    build_foreign_flake(only_hook, |code, said| {
        assert_eq!(code, 0, "without the setting the build should succeed: {said}");
    });
}

#[test]
fn flake_input_cannot_read_local_files() {
    let inputs = |victim: &Victim| {
        // Nix 2.8 does not decode `path:` URLs; the link has no space in its path.
        let plain = victim.sandbox.path("").parent().unwrap().join("plain");
        std::os::unix::fs::symlink(victim.sandbox.path("secret"), &plain).unwrap();
        let input = format!("inputs.secret = {{ url = \"path:{}/\"; flake = false; }};", plain.display());
        flake("builtins.readFile \"${inputs.secret}/key\"", &input)
    };
    let is_refused = |code, said: &str| {
        assert!(
            code == 2 && said.contains("Nix was not started") && said.contains("is read from this machine"),
            "a build that was not tried is no verdict: {said}"
        );
    };
    build_foreign_flake(inputs, is_refused);
    let read = |victim: &Victim| flake(&format!("builtins.readFile {:?}", victim.sandbox.path("secret/key")), "");
    build_foreign_flake(read, |code, said| assert!(code == 1 && said.contains("forbidden in pure eval"), "{said}"));
}

#[test]
fn flake_lock_cannot_read_local_files() {
    for nix in every_nix() {
        let victim = Victim::new(Some(&nix));
        let plain = victim.sandbox.path("").parent().unwrap().join("plain");
        std::os::unix::fs::symlink(victim.sandbox.path("secret"), &plain).unwrap();
        let original = r#"{"owner":"a","repo":"b","type":"github"}"#;
        let locked =
            format!(r#"{{"type":"path","path":"{}/","narHash":"sha256-{}="}}"#, plain.display(), "A".repeat(43));
        let nodes = format!(
            r#"{{"root":{{"inputs":{{"x":"x"}}}},"x":{{"flake":false,"locked":{locked},"original":{original}}}}}"#
        );
        let lock = format!(r#"{{"nodes":{nodes},"root":"root","version":7}}"#);
        let flake = flake(&derivation("echo x > $out"), "inputs.x = { url = \"github:a/b\"; flake = false; };");
        victim.receives_branch("config", &[("flake.nix", flake), ("flake.lock", FileChange::Text(lock))]);
        victim.assert_switch_explains(EXTRA_FILES);
        victim.build_by_hand().exits(2).says_err("is read from this machine");
    }
}

/// Nix copies a file before it checks the hash that pure evaluation requires, and every user of the machine can read the store.
#[test]
fn evaluation_copies_no_local_file() {
    let hash = format!("sha256-{}=", "A".repeat(43));
    let fetches = [
        "builtins.fetchurl { url = \"file://@DIR@/key\"; sha256 = \"@HASH@\"; }",
        "builtins.fetchTree { type = \"path\"; path = \"@DIR@/.\"; narHash = \"@HASH@\"; }",
        "(builtins.getFlake \"path:@DIR@/.?narHash=@HASH@\").x",
        "builtins.path { path = \"@DIR@/.\"; sha256 = \"@HASH@\"; }",
    ];
    for nix in every_nix() {
        for fetch in fetches {
            let victim = Victim::new(Some(&nix));
            // Without spaces, which Nix 2.8 does not decode.
            let plain = victim.sandbox.path("").parent().unwrap().join("plain");
            std::os::unix::fs::symlink(victim.sandbox.path("secret"), &plain).unwrap();
            let fetch = fetch.replace("@DIR@", plain.to_str().unwrap()).replace("@HASH@", &hash);
            let step = derivation("echo x > $out").replacen('{', &format!("{{ taken = \"${{{fetch}}}\";"), 1);
            victim.receives_branch("step", &[("step.nix", FileChange::Text(format!("{{ ... }}: {step}")))]);
            victim.assert_switch_explains(STEP);
            let run = victim.build_by_hand();
            assert_ne!(run.code, 0, "{fetch} should not be built: {}{}", run.stdout, run.stderr);
        }
    }
}

#[test]
fn doctor_names_how_to_empty_the_evaluation_store() {
    for nix in every_nix() {
        let victim = Victim::new(Some(&nix));
        victim.receives_branch("step", &[]);
        victim.assert_switch_explains(STEP);
        victim.build_by_hand().exits(0);
        let said = victim.sandbox.lattice(&["doctor", "--offline"]).stdout;
        let line =
            said.lines().find(|line| line.contains("a private store holds inputs of untrusted branches")).expect(&said);
        let command = line.split('`').nth(1).unwrap();
        let mut shell = std::process::Command::new("sh");
        victim.sandbox.environment(&mut shell);
        let output = shell.args(["-c", command]).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn build_during_evaluation_stays_in_the_sandbox() {
    let with_import = |victim: &Victim| {
        let script = format!("echo > {}; echo {{ }} > $out", victim.trace_file());
        flake(&format!("let it = import ({}); in {}", derivation(&script), derivation("echo x > $out")), "")
    };
    build_foreign_flake(with_import, |_, _| {});
}

#[test]
fn foreign_step_nix_is_not_run() {
    for nix in every_nix() {
        let victim = Victim::new(Some(&nix));
        let step = format!("{{ ... }}: {}", derivation(&format!("echo > {}; echo x > $out", victim.trace_file())));
        victim.receives_branch("step", &[("step.nix", FileChange::Text(step))]);
        victim.assert_switch_explains(STEP);
        victim.build_by_hand().exits(0);
    }
}

#[test]
fn links_out_of_the_tree_are_not_followed() {
    let links = [
        ("step", "step.nix", "@SECRET@", STEP),
        ("config", "flake.nix", "@SECRET@", EXTRA_FILES),
        ("config", "config.toml", "@SECRET@", EXTRA_FILES),
        // A link whose target text is valid TOML, and whose folder exists.
        ("config", "config.toml", "#/../../../../../../../../../../../../etc/hostname", EXTRA_FILES),
    ];
    for nix in every_nix() {
        let version = Command::new(&nix).arg("--version").output().unwrap();
        let version = String::from_utf8(version.stdout).unwrap();
        for (template, name, to, why) in links {
            let victim = Victim::new(Some(&nix));
            victim.receives_branch(
                template,
                &[(name, FileChange::Link(to.to_owned())), ("#/x", FileChange::Text(String::new()))],
            );
            victim.assert_switch_explains(why);
            let run = victim.build_by_hand();
            // No verdict if Nix is not started, or if its error concerns a path of this machine or (2.8) a restriction that a setting can
            // cause as well.
            let has_no_verdict = name == "flake.nix" || version.contains(" 2.8.");
            run.exits(if has_no_verdict { 2 } else { 1 });
        }
    }
}

/// Nix 2.8 reads files through `git archive`, which applies attributes of the branch or of the user.
#[test]
fn git_attributes_do_not_change_inputs() {
    const TEXT: &str = "$Format:%an$ $Id$ a\nb\n";
    let attributes = [
        "export-subst",
        "ident",
        "text eol=crlf",
        "text=auto crlf=input",
        "working-tree-encoding=UTF-16",
        "export-ignore",
        "filter=evil",
    ];
    let line = |(i, attributes): (usize, &&str)| format!("text{i} {attributes}\n");
    let lines: String = attributes.iter().enumerate().map(line).collect();
    let names: Vec<_> = (0..attributes.len()).map(|i| format!("text{i}")).collect();
    for nix in every_nix() {
        let victim = Victim::new(Some(&nix));
        let sandbox = &victim.sandbox;
        // The git configuration that Nix runs git with.
        let of_git = sandbox.path("nix/config/git");
        std::fs::create_dir_all(&of_git).unwrap();
        std::fs::write(of_git.join("attributes"), &lines).unwrap();
        let smudge =
            format!("[core]\n\tautocrlf = true\n[filter \"evil\"]\n\tsmudge = \"'{}'\"\n", victim.trace_command());
        std::fs::write(of_git.join("config"), smudge).unwrap();
        let read = |name: &String| format!("(builtins.readFile ./{name})");
        let texts = names.iter().map(read).collect::<Vec<_>>().join(" ");
        let step =
            derivation("echo \"$texts\" > $out").replacen('{', &format!("{{ texts = builtins.toJSON [ {texts}];"), 1);
        let mut files: Vec<_> = names.iter().map(|name| (name.as_str(), FileChange::Text(TEXT.to_owned()))).collect();
        files.push(("step.nix", FileChange::Text(format!("{{ ... }}: {step}"))));
        victim.receives_branch_with("step", &files, |clone| {
            let path = format!("{}/.gitattributes", dir(&at("phase0/step1")));
            std::fs::write(sandbox.path(clone).join(&path), &lines).unwrap();
            sandbox.git_in(clone, &["add", &path]);
        });
        victim.build_by_hand().exits(0);
        let out = sandbox.records()[0]["outputs"]["out"]["path"].as_str().unwrap().to_owned();
        let built: Vec<String> = serde_json::from_slice(&sandbox.built(&out)).unwrap();
        assert_eq!(built, vec![TEXT; names.len()], "the build should read the bytes of the tree");
    }
}

#[test]
fn linked_or_submodule_directory_is_not_built() {
    for change in [FileChange::Link("@SECRET@".to_owned()), FileChange::Submodule] {
        let victim = Victim::new(None);
        victim.receives_branch("config", &[(&format!("/{}", dir(&at("phase0/step1"))), change)]);
        let said = victim.assert_switch_starts_nothing();
        assert!(said.starts_with("git-lattice: no build was started: ") && said.contains("has no `flakes/"), "{said}");
        victim.sandbox.lattice(&["build"]).exits(2).says_err("has no `flakes/");
    }
}

#[test]
fn directory_with_extra_files_is_not_built() {
    for change in
        [FileChange::Submodule, FileChange::Text("{ }\n".to_owned()), FileChange::Link("../../../..".to_owned())]
    {
        for name in ["flake.lock", "more"] {
            let victim = Victim::new(None);
            victim.receives_branch("config", &[(name, change.clone())]);
            victim.assert_switch_explains(EXTRA_FILES);
        }
    }
}

#[test]
fn hostile_config_toml_stays_data() {
    let texts = [
        "\"${builtins.readFile /etc/passwd}\" = '''$(touch @TOUCHED@)`touch @TOUCHED@`'''\n",
        "[nix]\nnixpkgs_path = \"path:/etc\"\nbase_branch = \"--upload-pack=touch @TOUCHED@\"\n[rust]\nversion = 1\n",
        "\"\\u001b]0;owned\\u0007\" = \"''; builder = \\\"/bin/sh\\\"; x = ''\"\n",
    ];
    for nix in every_nix() {
        for text in texts {
            let victim = Victim::new(Some(&nix));
            let text = text.replace("@TOUCHED@", &victim.trace_file());
            victim.receives_branch("config", &[("config.toml", FileChange::Text(text.clone()))]);
            let said = victim.switch(&crate::story::branch(&at("phase0/step1")));
            assert!(said.contains("in the background"), "a generated point should be built: {said}");
            assert_eq!(victim.verdicts(1), ["built"]);
            let out = victim.sandbox.records()[0]["outputs"]["out"]["path"].as_str().unwrap().to_owned();
            assert_eq!(victim.sandbox.built(&out), text.as_bytes(), "the output should have the same bytes");
            victim.assert_nothing_escaped();
        }
    }
}

#[test]
fn huge_config_toml_is_left_to_the_background() {
    let victim = Victim::new(None);
    let text = "# data\n".repeat(100_000);
    victim.receives_branch("config", &[("config.toml", FileChange::Text(text))]);
    let said = victim.switch(&crate::story::branch(&at("phase0/step1")));
    assert!(said.contains("too much data for the trust check to read during a checkout"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// Flakes that use unlimited resources, the limit of an automatic build, and the kind of failure that stops them.
fn bombs() -> [(&'static str, String, Limits, Kind); 4] {
    let limits = Limits::default;
    let sum = "builtins.foldl' (a: b: a + b) 0";
    let list = "toString (builtins.length (builtins.deepSeq (builtins.genList (x: x + 1) 30000000) [ ]))".to_owned();
    let second = Duration::from_secs(1);
    [
        (
            "endless evaluation",
            format!("{sum} (builtins.genList (x: {sum} (builtins.genList (x: x) 100000)) 1000000)"),
            Limits { evaluation: Some(second), ..limits() },
            Kind::EvaluationTime,
        ),
        ("memory", list, Limits { memory: Some(100 << 20), ..limits() }, Kind::EvaluationMemory),
        ("log", derivation("while :; do echo chatter; done"), Limits { log: Some(1000), ..limits() }, Kind::LogLimit),
        ("processor", derivation("while :; do :; done"), Limits { build: Some(second), ..limits() }, Kind::Timeout),
    ]
}

#[test]
fn resource_bombs_stay_idle_on_checkout_and_hit_limits() {
    for nix in every_nix() {
        for (what, package, limits, kind) in bombs() {
            let victim = Victim::new(Some(&nix));
            victim.receives_branch("config", &[("flake.nix", flake(&package, ""))]);
            victim.assert_switch_explains(FLAKE);
            let system = System::parse(&format!("{}-linux", here())).unwrap();
            let commit = victim.sandbox.commit("HEAD");
            let flake = FlakeRef::commit(victim.sandbox.work(), &commit, dir(&at("phase0/step1"))).unwrap();
            let flake = flake.on_branch(&crate::story::branch(&at("phase0/step1")));
            let nix = Nix::at(victim.sandbox.path("nix/bin/nix")).unwrap();
            let outcome = nix.build(&Request::new(flake, system, Mode::Automatic(limits)), &mut |_| {}).unwrap();
            let Outcome::Failed(failure) = outcome else { panic!("{what} should be stopped") };
            assert_eq!(failure.kind, kind, "{what}: {}", failure.summary);
        }
    }
}

#[test]
fn trust_covers_exactly_this_content() {
    for nix in every_nix() {
        let victim = Victim::new(Some(&nix));
        let step = |script: &str| vec![("step.nix", FileChange::Text(format!("{{ ... }}: {}\n", derivation(script))))];
        victim.receives_branch("step", &step("echo 1 > $out"));
        victim.assert_switch_explains(STEP);
        let run =
            victim.sandbox.lattice(&["trust", "--yes"]).exits(0).says_err(STEP).says_err("by Mallory: improve it");
        run.says_err(&format!("{}/step.nix", dir(&at("phase0/step1"))))
            .says_err("look:\n        git --no-replace-objects diff ");
        victim.switch("main");
        assert!(victim.switch(&crate::story::branch(&at("phase0/step1"))).contains("in the background"));
        assert_eq!(victim.verdicts(1), ["built"]);

        victim.receives_branch("step", &step("echo 2 > $out"));
        victim.sandbox.git(&["merge", "-q", "--ff-only"]);
        victim.switch("main");
        let said = victim.switch(&crate::story::branch(&at("phase0/step1")));
        assert!(said.contains(STEP), "the next commit has other content: {said}");
        assert_eq!(victim.sandbox.records().len(), 1);
    }
}

#[test]
fn trusted_automatic_build_is_always_sandboxed() {
    for nix in every_nix() {
        let victim = Victim::new(Some(&nix));
        let conf = victim.sandbox.path("nix/conf/nix.conf");
        let text = std::fs::read_to_string(&conf).unwrap().replace("sandbox = true", "sandbox = false");
        std::fs::write(&conf, format!("{text}post-build-hook = {}\n", victim.trace_command())).unwrap();
        let script = format!("echo x > $out; echo > {}; :", victim.trace_file());
        victim.receives_branch("config", &[("flake.nix", flake(&derivation(&script), ""))]);
        victim.assert_switch_explains(FLAKE);
        victim.sandbox.lattice(&["trust", "--yes"]).exits(0);
        victim.switch("main");
        assert!(victim.switch(&crate::story::branch(&at("phase0/step1"))).contains("in the background"));
        victim.verdicts(1);
        victim.assert_nothing_escaped();
    }
}
