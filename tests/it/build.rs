//! `git lattice build` on real Nix, old and new: what is recorded, where, and when no build starts.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::nix_setup::every_nix;
use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, chains, dir, elsewhere, far, fields, here, toml};

fn with_nix(nix: &Path) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.use_nix(nix);
    sandbox
}

fn with_point(nix: &Path) -> Sandbox {
    let sandbox = with_nix(nix);
    sandbox.points(&[&at("phase0/step1")]);
    sandbox
}

/// A sandbox whose first point is built by this shell script.
fn with_script(nix: &Path, script: &str) -> Sandbox {
    let sandbox = with_nix(nix);
    sandbox.lattice(&["new", &at("phase0/step1"), "--template", "step", "--no-push", "--no-switch"]).exits(0);
    sandbox.commit_to(&at("phase0/step1"), &[("step.nix", &step(script))]);
    sandbox
}

fn step(script: &str) -> String {
    format!(
        "{{ system, ... }}:\nderivation {{\n  name = \"scripted\";\n  inherit system;\n  builder = \"/bin/sh\";\n  args = [\n    \
         \"-c\"\n    ''\n{script}\n    ''\n  ];\n}}\n"
    )
}

fn build(sandbox: &Sandbox, point: &str) -> Run {
    sandbox.lattice(&["build", point])
}

fn here_linux() -> String {
    format!("{}-linux", here())
}

fn out(record: &Value) -> &str {
    record["outputs"]["out"]["path"].as_str().unwrap()
}

#[test]
fn record_has_every_documented_field() {
    for nix in every_nix() {
        let sandbox = with_point(&nix);
        let one = at("phase0/step1");
        build(&sandbox, &one).exits(0).says_out(&format!("built  {one}  {}", here_linux()));
        let records = sandbox.records();
        let [record] = records.as_slice() else { panic!("one build, one record: {records:?}") };
        let status = sandbox.point(&one);
        for name in ["point", "key", "commit"] {
            assert_eq!(record[name], status[name], "`{name}` should be the point's: {record}");
        }
        assert_eq!((&record["system"], &record["verdict"]), (&here_linux().into(), &"built".into()));
        let drv = record["drv"].as_str().unwrap();
        assert!(drv.starts_with("/nix/store/") && drv.strip_suffix(".drv").is_some(), "{record}");
        assert!(out(record).starts_with("/nix/store/"), "{record}");
        assert!(record["outputs"]["out"]["narHash"].as_str().unwrap().starts_with("sha256-"), "{record}");
        let version = Command::new(&nix).arg("--version").output().unwrap();
        let version = String::from_utf8(version.stdout).unwrap();
        assert!(version.trim().ends_with(record["nix"].as_str().unwrap()), "{version} {record}");
        let started = record["started"].as_str().unwrap();
        assert!(started.len() == 20 && started.starts_with("20") && started.ends_with('Z'), "{started}");
        assert!(record["seconds"].is_number(), "{record}");
        let host = Command::new("uname").arg("-n").output().unwrap();
        assert_eq!(record["host"], String::from_utf8(host.stdout).unwrap().trim());
        assert!(!record["user"].as_str().unwrap().is_empty(), "{record}");
    }
}

#[test]
fn json_prints_the_record() {
    for nix in every_nix() {
        let sandbox = with_point(&nix);
        let built = sandbox.lattice(&["build", &at("phase0/step1"), "--json"]).exits(0).json();
        assert_eq!(built["version"], 1);
        assert_eq!(built["results"], Value::from(sandbox.records()));
        let again = sandbox.lattice(&["build", &at("phase0/step1"), "--json"]).exits(0).json();
        assert_eq!(again["results"], built["results"], "JSON should print the record");
        assert_eq!(
            (&built["evaluator"], &again["evaluator"]),
            (&"nix".into(), &Value::Null),
            "the evaluator should be recorded"
        );
    }
}

#[test]
fn each_clone_has_its_own_writer_and_reads_all() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = with_nix(&nix);
    let one = at("phase0/step1");
    sandbox.lattice(&["new", &one, "--no-switch"]).exits(0);
    let colleague = sandbox.colleague();
    build(&sandbox, &one).exits(0);
    sandbox.lattice_in(colleague, &["build", &one], |command| command).exits(0);
    let writer = |clone: &str| {
        let writer = sandbox.git_in(clone, &["config", "lattice.writer"]);
        let refs = sandbox.git_in(clone, &["for-each-ref", "--format=%(refname)", "refs/notes"]);
        assert_eq!(refs, format!("refs/notes/lattice/{writer}"));
        writer
    };
    assert_ne!(writer("work"), writer(colleague));
    sandbox.git(&["fetch", "-q", "../colleague", "refs/notes/lattice/*:refs/notes/lattice/*"]);
    let shown = sandbox.lattice(&["show", &one, "--json"]).exits(0).json();
    assert_eq!(shown["records"].as_array().unwrap().len(), 2, "{shown}");
}

#[test]
fn concurrent_builds_lose_no_record() {
    for nix in every_nix() {
        let sandbox = with_point(&nix);
        let points: Vec<_> = (1..=6).map(|n| at(&format!("phase0/step{n}"))).collect();
        points[1..].iter().for_each(|point| sandbox.points(&[point]));
        // Two builds that start in an empty store fail in Nix 2.8 itself.
        sandbox.lattice(&["build", &points[0]]).exits(0);
        std::thread::scope(|scope| {
            let run = |point: &String| {
                let point = point.clone();
                let sandbox = &sandbox;
                scope.spawn(move || sandbox.lattice(&["build", "--again", &point]).exits(0))
            };
            let all: Vec<_> = points.iter().map(run).collect();
            all.into_iter().for_each(|one| drop(one.join().unwrap()));
        });
        let records = sandbox.records();
        for point in &points {
            let expected = if *point == points[0] { 2 } else { 1 };
            let count = records.iter().filter(|record| record["point"] == *point).count();
            assert_eq!(count, expected, "{point}: {records:?}");
        }
        let refs = sandbox.git(&["for-each-ref", "refs/notes"]);
        assert_eq!(refs.lines().count(), 1, "concurrent first builds should agree on one writer: {refs}");
    }
}

#[test]
fn recorded_key_starts_no_nix() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let mut sandbox = with_point(&nix);
    build(&sandbox, &at("phase0/step1")).exits(0);
    let records = sandbox.records();
    sandbox.forbid_nix();
    build(&sandbox, &at("phase0/step1")).exits(0).says_out("built").says_out("started 20");
    assert!(!sandbox.nix_was_called(), "the record should be used");
    assert_eq!(sandbox.records(), records, "a known result should not be recorded twice");
    sandbox.lattice(&["build", &at("phase0/step1"), "--again"]).exits(2);
    assert!(sandbox.nix_was_called(), "`--again` should build");
}

#[test]
fn record_of_another_machine_starts_no_nix() {
    let mut sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1"), &far("phase0/step1")]);
    sandbox.built_elsewhere(&[&at("phase0/step1"), &far("phase0/step1")]);
    sandbox.forbid_nix();
    build(&sandbox, &at("phase0/step1")).exits(0);
    build(&sandbox, &far("phase0/step1")).exits(0).says_out(&format!("{}-linux", elsewhere()));
    assert!(!sandbox.nix_was_called());
}

#[test]
fn again_adds_a_second_record() {
    for nix in every_nix() {
        let sandbox = with_point(&nix);
        build(&sandbox, &at("phase0/step1")).exits(0);
        sandbox.lattice(&["build", "--again", &at("phase0/step1")]).exits(0);
        let records = sandbox.records();
        assert_eq!(fields(&records.clone().into(), "verdict"), ["built", "built"]);
        assert_eq!(out(&records[0]), out(&records[1]));
    }
}

#[test]
fn failing_build_shows_the_log_tail_and_keeps_it_all() {
    for nix in every_nix() {
        let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do echo \"line $i.\"; done; echo the end >&2; exit 3";
        let sandbox = with_script(&nix, script);
        let run =
            build(&sandbox, &at("phase0/step1")).exits(1).says_out("failed").says_err("line 14.").says_err("the end");
        let path = run.stderr.lines().find_map(|line| line.strip_prefix("full log: ")).unwrap().to_owned();
        run.never_says("line 2.");
        let log = fs::read_to_string(&path).unwrap();
        assert!(log.contains("line 1.\n") && log.contains("line 14.\n"), "{log}");
        let records = sandbox.records();
        assert_eq!(fields(&records.clone().into(), "verdict"), ["failed"]);
        assert!(records[0]["error"].as_str().unwrap().contains("exit code 3"), "{records:?}");
        assert_eq!(
            (&records[0]["outputs"], sandbox.state_of(&at("phase0/step1"))),
            (&Value::Null, "failed".to_owned())
        );
    }
}

#[test]
fn error_of_nix_is_printed_once() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, "echo the end; exit 3");
        let run = build(&sandbox, &at("phase0/step1")).exits(1).says_err("  the end");
        let all = run.stdout.clone() + &run.stderr;
        assert_eq!(all.matches("failed with exit code 3").count(), 1, "{all}");
        let log = sandbox.lattice(&["log", &at("phase0/step1")]).exits(0).stdout;
        assert_eq!(log.matches("failed with exit code 3").count(), 1, "{log}");
    }
}

#[test]
fn evaluation_error_is_recorded_as_failed() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, "exit 0");
        sandbox.commit_to(&at("phase0/step1"), &[("step.nix", "{ system, ... }: throw \"not like this\"\n")]);
        build(&sandbox, &at("phase0/step1")).exits(1).says_out("failed").says_out("not like this");
        assert_eq!(fields(&sandbox.records().into(), "verdict"), ["failed"]);
    }
}

#[test]
fn failed_point_is_tried_again_and_built() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = with_script(&nix, "exit 1");
    let one = at("phase0/step1");
    build(&sandbox, &one).exits(1);
    build(&sandbox, &one).exits(1);
    assert_eq!(sandbox.records().len(), 2, "a failed point should be built again");
    sandbox.commit_to(&one, &[("step.nix", &step("echo fine >$out"))]);
    assert_eq!(sandbox.state_of(&one), "new", "other content should have no failure");
    build(&sandbox, &one).exits(0);
    assert_eq!(sandbox.state_of(&one), "built");
}

#[test]
fn missing_builder_starts_no_build_and_names_remedies() {
    for nix in every_nix() {
        let sandbox = with_nix(&nix);
        sandbox.points(&[&far("phase0/step1")]);
        let run = build(&sandbox, &far("phase0/step1")).exits(1).says_out("no-builder");
        run.says_err(&format!("builders = ssh-ng://USER@HOST {}-linux", elsewhere())).says_err("extra-platforms");
        let records = sandbox.records();
        assert_eq!(fields(&records.clone().into(), "verdict"), ["no-builder"]);
        assert_eq!(records[0]["drv"], Value::Null, "it should not be evaluated");
        assert_eq!(sandbox.state_of(&far("phase0/step1")), "no-builder");
    }
}

#[test]
fn point_over_two_architectures_is_built_for_both() {
    for nix in every_nix() {
        let sandbox = with_nix(&nix);
        let join = "toolchain/aarch64+x86_64/phase0/step1";
        sandbox.points(&[join]);
        let built = sandbox.lattice(&["build", join, "--json"]).exits(1).json();
        let mut found: Vec<_> =
            fields(&built["results"], "system").into_iter().zip(fields(&built["results"], "verdict")).collect();
        found.sort_unstable();
        let mut expected = [(here_linux(), "built"), (format!("{}-linux", elsewhere()), "no-builder")];
        expected.sort_unstable();
        assert_eq!(found, expected.each_ref().map(|(system, verdict)| (system.as_str(), *verdict)));
    }
}

#[test]
fn one_command_builds_several_points() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = with_point(&nix);
    sandbox.points(&[&at("phase0/step2"), &at("phase1/step1")]);
    let built = sandbox.lattice(&["build", &format!("*/{}/phase0/*", here()), "--json"]).exits(0).json();
    assert_eq!(fields(&built["results"], "point"), [at("phase0/step1"), at("phase0/step2")]);
    sandbox.lattice(&["build"]).exits(2).says_err("HEAD is not on the branch of a point");
    sandbox.lattice(&["build", "*/*/phase7/*"]).exits(2).says_err("selects no point");
    sandbox.git(&["switch", "-q", &branch(&at("phase1/step1"))]);
    sandbox.lattice(&["build"]).exits(0).says_out(&at("phase1/step1"));
}

#[test]
fn commit_is_built_not_the_worktree() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, "echo committed >$out");
        sandbox.git(&["switch", "-q", &branch(&at("phase0/step1"))]);
        sandbox.write(&format!("{}/step.nix", dir(&at("phase0/step1"))), "not Nix at all");
        sandbox.write(&format!("{}/config.toml", dir(&at("phase0/step1"))), "= no TOML");
        let before = sandbox.state();
        sandbox.lattice(&["build"]).exits(0);
        assert_eq!(sandbox.built(out(&sandbox.records()[0])), b"committed\n");
        let now = sandbox.state();
        let refs = |state: &str| state.lines().filter(|line| !line.contains("refs/notes/")).count();
        assert_eq!(refs(&now), refs(&before), "only a note should be added:\n{now}");
    }
}

#[test]
fn result_belongs_to_the_content_not_the_commit() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let mut sandbox = with_point(&nix);
    let one = at("phase0/step1");
    build(&sandbox, &one).exits(0);
    sandbox.forbid_nix();
    sandbox.git(&["switch", "-q", &branch(&one)]);
    sandbox.git(&["commit", "-q", "--amend", "-m", "said better"]);
    assert_eq!(sandbox.state_of(&one), "built", "after an amended message");
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.write("more", "1\n");
    sandbox.git(&["add", "more"]);
    sandbox.git(&["commit", "-q", "-m", "main goes on"]);
    sandbox.git(&["rebase", "-q", "main", &branch(&one)]);
    assert_eq!(sandbox.state_of(&one), "built", "after a rebase");
    build(&sandbox, &one).exits(0);
    assert!(!sandbox.nix_was_called());
    sandbox.commit_to(&one, &[("config.toml", "other = true\n")]);
    assert_eq!(sandbox.state_of(&one), "new", "other content should be new");
}

#[test]
fn output_survives_garbage_collection() {
    for nix in every_nix() {
        let sandbox = with_point(&nix);
        build(&sandbox, &at("phase0/step1")).exits(0);
        let records = sandbox.records();
        let links: Vec<_> = fs::read_dir(sandbox.work().join(".git/lattice/result")).unwrap().collect();
        let link = fs::read_link(links[0].as_ref().unwrap().path()).unwrap();
        assert_eq!((links.len(), link.to_str().unwrap()), (1, out(&records[0])));
        let mut gc = Command::new(sandbox.path("nix/bin/nix"));
        gc.args(["--extra-experimental-features", "nix-command", "store", "gc"]).env("PATH", sandbox.search_path());
        let collected = gc.output().unwrap();
        assert!(collected.status.success(), "{}", String::from_utf8_lossy(&collected.stderr));
        sandbox.built(out(&records[0]));
        assert_eq!(sandbox.git(&["status", "--porcelain", "-uall"]), "", "the out-link should not be in the worktree");
    }
}

#[test]
fn build_reads_only_included_paths() {
    for nix in every_nix() {
        let without = toml(&chains("[\"phase0\"]", "\"step{n}\""), "template = \"step\"");
        let mut sandbox = Sandbox::with_toml(&without);
        sandbox.use_nix(&nix);
        sandbox.write("shared/data", "from the project\n");
        sandbox.git(&["add", "shared"]);
        sandbox.git(&["commit", "-q", "-m", "data"]);
        let one = at("phase0/step1");
        sandbox.points(&[&one]);
        let text = step("cat() { read -r line; echo \"$line\"; }; cat <${../../../../../shared/data} >$out");
        sandbox.commit_to(&one, &[("step.nix", &text)]);
        build(&sandbox, &one).exits(1).says_out("failed");
        sandbox.write("lattice.toml", format!("{without}\n[build]\ninclude = [\"shared\"]\n"));
        let built = sandbox.lattice(&["build", &one, "--json"]).exits(0).json();
        assert_eq!(sandbox.built(out(&built["results"][0])), b"from the project\n");
        sandbox.git(&["add", "lattice.toml"]);
        sandbox.git(&["commit", "-q", "-m", "include"]);
        assert_eq!(sandbox.state_of(&one), "built");
        sandbox.commit_to(&one, &[("../../../../../shared/data", "changed\n")]);
        sandbox.git(&["switch", "-q", &branch(&one)]);
        sandbox.git(&["commit", "-q", "-a", "-m", "other data"]);
        sandbox.git(&["switch", "-q", "main"]);
        assert_eq!(sandbox.state_of(&one), "new", "included paths should be part of the key");
    }
}

#[test]
fn nix_without_experimental_features_builds() {
    for nix in every_nix() {
        let sandbox = with_point(&nix);
        let path = sandbox.path("nix/conf/nix.conf");
        let conf = fs::read_to_string(&path).unwrap();
        fs::write(&path, conf.replace("experimental-features = nix-command flakes\n", "")).unwrap();
        build(&sandbox, &at("phase0/step1")).exits(0);
    }
}

#[test]
fn typed_build_follows_the_users_nix_conf() {
    for nix in every_nix() {
        let mut sandbox = with_point(&nix);
        let trace = sandbox.path("post-build");
        sandbox.use_program("post-build-hook", &format!("#!/bin/sh\necho \"$DRV_PATH\" >>'{}'\n", trace.display()));
        let hook = sandbox.path("bin-post-build-hook/post-build-hook");
        let link = sandbox.path("home").parent().unwrap().parent().unwrap().join("hook");
        // nix.conf cannot express a path with a space.
        std::os::unix::fs::symlink(hook, &link).unwrap();
        let path = sandbox.path("nix/conf/nix.conf");
        let conf = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{conf}post-build-hook = {}\n", link.display())).unwrap();
        build(&sandbox, &at("phase0/step1")).exits(0);
        let said = fs::read_to_string(&trace).unwrap_or_default();
        assert_eq!(said.trim(), sandbox.records()[0]["drv"], "the user's own hook should have run");
    }
}

#[test]
fn interrupted_build_is_recorded_as_cancelled() {
    use std::os::unix::process::ExitStatusExt;
    const SIGINT: i32 = 2;
    for nix in every_nix() {
        let sandbox = with_script(&nix, "echo begun; while :; do :; done");
        let one = at("phase0/step1");
        let mut running = sandbox.command("work", &["build", &one]).spawn().unwrap();
        let logs = sandbox.path("work/.git/lattice/log");
        let has_begun = || {
            let log = fs::read_dir(&logs)
                .ok()
                .and_then(|mut logs| logs.next())
                .and_then(|log| fs::read_to_string(log.ok()?.path()).ok());
            log.is_some_and(|text| text.contains("begun"))
        };
        for _ in 0..600 {
            if has_begun() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert!(has_begun(), "the builder should run by now");
        Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
        let status = running.wait().unwrap();
        assert_eq!(status.signal(), Some(SIGINT), "it should end by the signal it got");
        let verdicts: Vec<_> = sandbox.records().iter().map(|record| record["verdict"].clone()).collect();
        assert_eq!(verdicts, ["cancelled"]);
        assert_eq!(sandbox.state_of(&one), "new", "a cancelled point should build again");
    }
}

#[test]
fn unusable_signing_key_loses_no_record() {
    for nix in every_nix() {
        let sandbox = with_point(&nix);
        sandbox.git(&["config", "commit.gpgSign", "true"]);
        sandbox.git(&["config", "gpg.format", "ssh"]);
        sandbox.git(&["config", "user.signingKey", "no-such-key.pub"]);
        sandbox.lattice(&["new", &far("phase0/step1")]).exits(2).says_err("sign");
        build(&sandbox, &at("phase0/step1")).exits(0);
        assert_eq!(sandbox.records().len(), 1, "the record should be written unsigned");
    }
}

#[test]
fn missing_output_is_no_verdict() {
    for nix in every_nix() {
        let sandbox = with_point(&nix);
        let one = at("phase0/step1");
        build(&sandbox, &one).exits(0);
        let records = sandbox.records();
        let path = out(&records[0]).to_owned();
        let files = sandbox.path(&format!("nix/store{path}"));
        let remove = || if files.is_dir() { std::fs::remove_dir_all(&files) } else { std::fs::remove_file(&files) };
        if files.is_dir() {
            std::fs::set_permissions(&files, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        remove().unwrap();
        for flag in ["--again", "--check"] {
            let run = sandbox.lattice(&["build", &one, flag]).exits(2).says_err("its files are missing or changed");
            run.says_err(&format!("hint: `nix-store --repair-path {path}`"));
            assert_eq!(sandbox.records(), records, "there should be no new record: {flag}");
        }
        let mut repair = std::process::Command::new(sandbox.path("nix/bin/nix-store"));
        repair.args(["--repair-path", &path]);
        sandbox.environment(&mut repair);
        assert!(repair.output().unwrap().status.success(), "the command in the hint should repair it");
        sandbox.lattice(&["build", &one, "--again"]).exits(0).says_out("built");
        sandbox.lattice(&["build", &one, "--check"]).exits(0).says_out("reproduced");
    }
}
