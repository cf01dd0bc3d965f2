//! The C compiler of `examples/tcc`, built in stages from Debian's packages: the chain of the tutorial.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::nix_setup::{every_nix, tcc};
use crate::sandbox::{Sandbox, copy};
use crate::story::{branch, dir, fields, here};

const PHASES: &str = "seed,stage1,stage2,stage3,cross";

/// The steps of the chain with their instructions; `None` takes those of the step below.
const STEPS: [(&str, Option<&str>); 5] = [
    ("seed/step1", Some("seed.nix")),
    ("stage1/step1", Some("stage.nix")),
    ("stage2/step1", Some("again.nix")),
    ("stage3/step1", None),
    ("stage3/step2", Some("check.nix")),
];

fn at(step: &str) -> String {
    format!("tcc-0.9.27/{}/{step}", here())
}

/// A clone beside `tcc`: the example with what `make-seed` downloaded into `folder`.
fn clone(nix: &Path, folder: &Path) -> Sandbox {
    let mut sandbox = Sandbox::without_lattice();
    sandbox.use_nix(nix);
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tcc"), &sandbox.path("tcc"));
    copy(folder, &sandbox.path("tcc"));
    let init = ["init", "--component", "tcc-0.9.27", "--arch", "aarch64,x86_64", "--phase", PHASES, "--no-hooks"];
    sandbox.lattice(&init).exits(0);
    sandbox.commit_lattice();
    sandbox
}

/// Makes a step on top of the one that HEAD is on.
fn make(sandbox: &Sandbox, (step, nix): (&str, Option<&str>)) {
    let (point, file) = (at(step), nix.map(|nix| format!("../tcc/{nix}")));
    let mut args = vec!["new", &point, "--no-push"];
    args.extend(file.iter().flat_map(|file| ["--step-nix", file]));
    if step == STEPS[0].0 {
        args.extend(["--template", "step", "--config", "../tcc/config.toml"]);
    }
    sandbox.lattice(&args).exits(0);
}

/// The source archive in the example's folder.
fn archive(sandbox: &Sandbox) -> PathBuf {
    let files = fs::read_dir(sandbox.path("tcc")).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().find(|path| path.to_string_lossy().contains(".orig.tar.")).expect("the source of tcc")
}

fn add_inputs(sandbox: &Sandbox) {
    let archive = archive(sandbox);
    sandbox.lattice(&["source", "add", archive.to_str().unwrap(), "--name", "tcc"]).exits(0);
    sandbox.lattice(&["seed", "add", "debian", "../tcc/seed"]).exits(0);
    sandbox.git(&["commit", "-q", "-a", "-m", "name the source and the seed"]);
}

/// A clone with the whole chain, not built.
fn chain(nix: &Path, folder: &Path) -> Sandbox {
    let sandbox = clone(nix, folder);
    for step in STEPS {
        make(&sandbox, step);
        if step.0 == "seed/step1" {
            add_inputs(&sandbox);
        }
    }
    sandbox
}

/// The record of a step, and where its output is on this machine.
fn result(sandbox: &Sandbox, step: &str) -> (Value, PathBuf) {
    let record = sandbox.records().into_iter().rfind(|record| record["point"] == at(step)).expect("a record");
    let path = sandbox.path(&format!("nix/store{}", record["outputs"]["out"]["path"].as_str().unwrap()));
    (record, path)
}

/// Compiles a program with a stage, outside of the sandbox.
fn hello(sandbox: &Sandbox, stage: &Path) -> PathBuf {
    let source = "#include <stdio.h>\nint main(void) { printf(\"%.3f\\n\", 22 / 7.0); return 0; }\n";
    sandbox.write("../hello.c", source);
    let folder = sandbox.path("");
    let lib = format!("-B{}", stage.join("lib").display());
    let mut compiler = Command::new(stage.join("bin/tcc"));
    let compiler = compiler.current_dir(&folder).args([&lib, "-static", "-o", "hello", "hello.c"]);
    assert!(compiler.status().unwrap().success(), "{compiler:?}");
    folder.join("hello")
}

/// Whether a program is for aarch64: `EM_AARCH64` of its ELF header, elf(5).
fn is_for_aarch64(program: &Path) -> bool {
    fs::read(program).unwrap()[18..20] == [183, 0]
}

#[test]
fn chain_ends_in_a_compiler_that_makes_itself() {
    let Some(folder) = tcc() else { return };
    let mut everywhere = Vec::new();
    for nix in every_nix() {
        let sandbox = chain(&nix, &folder);
        for (step, _) in STEPS {
            sandbox.lattice(&["build", &at(step)]).exits(0);
        }
        let results = STEPS.map(|(step, _)| result(&sandbox, step));
        for (record, _) in &results {
            assert_eq!(record["impure"], json!([]), "{record:#}");
        }
        let hashes = results.each_ref().map(|(record, _)| record["outputs"]["out"].clone());
        assert_eq!(hashes[2]["narHash"], hashes[3]["narHash"], "stages 2 and 3 should be equal");
        assert_ne!(hashes[2]["path"], hashes[3]["path"], "they are two derivations");
        assert_eq!(hashes[1]["narHash"], hashes[2]["narHash"], "Debian's tcc has the same version");
        let [two, three] = [2, 3].map(|i| fs::read(results[i].1.join("bin/tcc")).unwrap());
        assert!(two == three && !two.is_empty(), "stages 2 and 3 should be equal byte for byte");
        let printed = Command::new(hello(&sandbox, &results[3].1)).output().unwrap().stdout;
        assert_eq!(String::from_utf8(printed).unwrap(), "3.143\n");
        let base = sandbox.lattice(&["show", "--trusted-base", "--json", &at("stage3/step2")]).exits(0).json();
        assert_eq!(fields(&base["inputs"], "kind"), ["source", "seed"], "{base:#}");
        assert_eq!(fields(&base["inputs"], "name"), ["tcc", "debian"]);
        assert_eq!((&base["from"], &base["unknown_sizes"]), (&json!("derivations"), &json!(0)));
        everywhere.push(hashes);
    }
    assert!(everywhere.windows(2).all(|pair| pair[0] == pair[1]), "every Nix should make the same: {everywhere:#?}");
}

#[test]
fn cross_compiler_makes_a_compiler_for_aarch64() {
    let Some(folder) = tcc() else { return };
    let mut everywhere = Vec::new();
    for nix in every_nix() {
        let sandbox = chain(&nix, &folder);
        make(&sandbox, ("cross/step1", Some("cross.nix")));
        sandbox.lattice(&["seed", "add", "aarch64", "../tcc/seed-aarch64"]).exits(0);
        sandbox.lattice(&["source", "add", "../tcc/aarch64.patch", "--name", "patch"]).exits(0);
        sandbox.git(&["commit", "-q", "-a", "-m", "name the libc and the patch"]);
        sandbox.lattice(&["build"]).exits(0);
        let (record, path) = result(&sandbox, "cross/step1");
        assert!(is_for_aarch64(&path.join("aarch64/bin/tcc")) && !is_for_aarch64(&path.join("cross/bin/tcc")));
        assert!(is_for_aarch64(&hello(&sandbox, &path.join("cross"))));
        let base = sandbox.lattice(&["show", "--trusted-base", "--json"]).exits(0).json();
        assert_eq!(fields(&base["inputs"], "name"), ["patch", "tcc", "aarch64", "debian"]);
        everywhere.push(record["outputs"].clone());
    }
    assert!(everywhere.windows(2).all(|pair| pair[0] == pair[1]), "every Nix should make the same: {everywhere:#?}");
}

#[test]
fn missing_seed_and_source_have_a_command() {
    let Some(folder) = tcc() else { return };
    for nix in every_nix() {
        let sandbox = clone(&nix, &folder);
        make(&sandbox, STEPS[0]);
        let run = sandbox.lattice(&["build"]).exits(2).says_err("config.toml has no hash for seed `debian`");
        run.says_err("hint: `git lattice seed add debian DIR` writes `[seeds.debian]` into config.toml");
        sandbox.lattice(&["seed", "add", "debian", "../tcc/seed"]).exits(0);
        sandbox.git(&["commit", "-q", "-a", "-m", "name the seed"]);
        make(&sandbox, STEPS[1]);
        let run = sandbox.lattice(&["build"]).exits(2).says_err("config.toml has no hash for source `tcc`");
        run.says_err("hint: `git lattice source add FILE --name tcc` writes `[sources.tcc]` into config.toml");
        // A hash that no file in the store has.
        let file = format!("{}/config.toml", dir(&at("stage1/step1")));
        let config = fs::read_to_string(sandbox.work().join(&file)).unwrap();
        let wrong = format!("[sources.tcc]\nhash = \"sha256-{}=\"\n", "B".repeat(42) + "A");
        sandbox.write(&file, config.replace("[sources.tcc]\n", &wrong));
        sandbox.git(&["commit", "-q", "-a", "-m", "name another source"]);
        let run = sandbox.lattice(&["build"]).exits(2).says_err("source `tcc` is not in the store");
        run.says_err("hint: `git lattice source add FILE --name tcc` puts it there");
        assert_eq!(sandbox.records(), [0; 0], "what is missing says nothing about the step");
    }
}

#[test]
fn source_of_another_hash_is_refused() {
    let Some(folder) = tcc() else { return };
    for nix in every_nix() {
        let sandbox = clone(&nix, &folder);
        make(&sandbox, STEPS[0]);
        add_inputs(&sandbox);
        sandbox.write("../tcc/other.tar.bz2", "not tcc\n");
        let run = sandbox.lattice(&["source", "add", "../tcc/other.tar.bz2", "--name", "tcc"]).exits(2);
        run.says_err("has the hash sha256-").says_err("but `../tcc/other.tar.bz2` has sha256-").says_err("--replace");
        // A source that is no archive fails in the build, and says where.
        sandbox.lattice(&["source", "add", "../tcc/other.tar.bz2", "--name", "tcc", "--replace"]).exits(0);
        sandbox.git(&["commit", "-q", "-a", "-m", "take another source"]);
        make(&sandbox, STEPS[1]);
        sandbox.lattice(&["build"]).exits(1).says_err("tar: ");
    }
}

#[test]
fn check_fails_where_stages_differ() {
    let Some(folder) = tcc() else { return };
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = chain(&nix, &folder);
    let differing = fs::read_to_string(sandbox.path("tcc/check.nix")).unwrap().replace("stage2/step1", "seed/step1");
    sandbox.commit_to(&at("stage3/step2"), &[("step.nix", &differing)]);
    sandbox.lattice(&["build", &at("stage3/step2")]).exits(1).says_err("bin/tcc differ");
}

#[test]
fn fault_in_stage1_is_found_in_stage2_and_carried_up() {
    let Some(folder) = tcc() else { return };
    for nix in every_nix() {
        let sandbox = chain(&nix, &folder);
        let (one, two) = (at("stage1/step1"), at("stage2/step1"));
        let stage = fs::read_to_string(sandbox.path("tcc/stage.nix")).unwrap();
        let faulty = stage.replace("#define CONFIG_TCC_CRTPREFIX \"{B}\"", "");
        assert_ne!(stage, faulty);
        sandbox.commit_to(&one, &[("step.nix", &faulty)]);
        sandbox.lattice(&["restack", "--no-push"]).exits(0);
        sandbox.lattice(&["build", &one]).exits(0);
        sandbox.lattice(&["build", &two]).exits(1).says_err("'crt1.o' not found");
        sandbox.git(&["switch", "-q", &branch(&one)]);
        sandbox.write(&format!("{}/step.nix", dir(&one)), &stage);
        sandbox.git(&["commit", "-q", "-a", "-m", "find crt1.o beside the compiler"]);
        sandbox.lattice(&["restack", "--no-push"]).exits(0);
        sandbox.lattice(&["build", &at("stage3/step2")]).exits(0);
    }
}
