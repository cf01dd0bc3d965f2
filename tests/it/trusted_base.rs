//! `git lattice show --trusted-base`: what a point takes from outside, honest about where that is known from.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::inputs::{built, copying, hash, nix, serve, with_steps};
use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, fields, write_record};

const ONE: &str = "phase0/step1";
const TWO: &str = "phase0/step2";

/// A chain of two steps: the first takes a source and a seed and has one that it does not take; the second takes the first.
fn chain(program: &Path, url: &str) -> Sandbox {
    let both = copying("sources.text").replace("file = ", "seed = seeds.tools; file = ");
    let sandbox = with_steps(program, &[(ONE, both), (TWO, copying(&format!("output \"{ONE}\"")))]);
    sandbox.write("../text", "from the server\n");
    sandbox.write("../tools/bin/hello", "seed\n");
    let text = hash(&sandbox, "file", &sandbox.path("text"));
    let unused = "[sources.unused]\nurl = \"http://127.0.0.1:1/unused\"\n";
    let config = format!("[sources.text]\nurl = \"{url}/text\"\nhash = \"{text}\"\n{unused}");
    sandbox.commit_to(&at(ONE), &[("config.toml", &config)]);
    sandbox.git(&["switch", "-q", &branch(&at(ONE))]);
    sandbox.lattice(&["seed", "add", "tools", "../tools", "--origin", "Debian's gcc"]).exits(0);
    sandbox.git(&["commit", "-q", "-a", "-m", "add a seed"]);
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.lattice(&["restack"]).exits(0);
    sandbox
}

fn trusted_base(sandbox: &Sandbox, point: &str) -> Value {
    sandbox.lattice(&["show", "--trusted-base", "--json", point]).exits(0).json()
}

#[test]
fn base_of_a_chain_is_that_of_its_derivations() {
    let url = serve(b"from the server\n");
    for program in every_nix() {
        let sandbox = chain(&program, &url);
        let before = trusted_base(&sandbox, &at(TWO));
        assert_eq!((&before["from"], &before["unknown_sizes"]), (&json!("derivations"), &json!(1)), "{before:#}");
        assert_eq!(built(&sandbox, TWO), "from the server\n");
        let base = trusted_base(&sandbox, &at(TWO));
        assert_eq!(fields(&base["inputs"], "name"), ["text", "tools"], "what is not used is not in it: {base:#}");
        let seed = hash(&sandbox, "path", &sandbox.path("tools"));
        let [source, tools] = [0, 1].map(|i| &base["inputs"][i]);
        assert_eq!(source["url"], format!("{url}/text"));
        assert_eq!(
            (&tools["kind"], &tools["hash"], &tools["origin"]),
            (&json!("seed"), &json!(seed), &json!("Debian's gcc"))
        );
        let sizes = [source, tools].map(|input| input["size"].as_u64().unwrap());
        assert_eq!(base["size"], sizes[0] + sizes[1]);
        assert_eq!(base["unknown_sizes"], 0);
        let run = sandbox.lattice(&["show", "--trusted-base", &at(TWO)]).exits(0);
        let run = run
            .says_out("source  text   sha256-")
            .says_out("Debian's gcc")
            .says_out("2 files and trees from outside, ");
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn record_names_the_inputs_of_the_closure() {
    let url = serve(b"from the server\n");
    for program in every_nix() {
        let sandbox = chain(&program, &url);
        sandbox.lattice(&["show", &at(ONE)]).exits(0).says_out("3 sources and seeds in config.toml; not built yet");
        built(&sandbox, TWO);
        let record = sandbox.records().pop().unwrap();
        assert_eq!(fields(&record["inputs"], "name"), ["text", "tools"], "{record:#}");
        assert!(fields(&record["inputs"], "hash").iter().all(|hash| hash.starts_with("sha256-")));
        assert_eq!(record["impure"], json!([]), "{record:#}");
        sandbox.lattice(&["show", &at(TWO)]).exits(0).says_out("trusted base  2 files and trees from outside, ");
    }
}

#[test]
fn base_without_nix_is_that_of_the_record_or_config() {
    let url = serve(b"from the server\n");
    let Some(program) = every_nix().into_iter().next() else { return };
    let mut sandbox = chain(&program, &url);
    built(&sandbox, TWO);
    sandbox.use_program("nix", "#!/bin/sh\necho 'error: no store' >&2\nexit 1\n");
    let recorded = trusted_base(&sandbox, &at(TWO));
    assert_eq!((&recorded["from"], fields(&recorded["inputs"], "name")), (&json!("record"), vec!["text", "tools"]));
    assert_eq!((&recorded["unknown_sizes"], &recorded["inputs"][1]["origin"]), (&json!(0), &json!("Debian's gcc")));
    let run = sandbox.lattice(&["show", "--trusted-base", &at(TWO)]).exits(0);
    run.says_err("warning: this is what the build of").says_err("no store");
    let configured = trusted_base(&sandbox, &at(ONE));
    assert_eq!((&configured["from"], &configured["unknown_sizes"]), (&json!("config"), &json!(3)), "{configured:#}");
    assert_eq!(fields(&configured["inputs"], "name"), ["text", "unused", "tools"]);
    sandbox.lattice(&["show", "--trusted-base", &at(ONE)]).exits(0).says_err("only what config.toml of the point");
}

#[test]
fn point_without_inputs_has_an_empty_base() {
    for program in every_nix() {
        let mut sandbox = Sandbox::new();
        sandbox.use_nix(&program);
        sandbox.points(&[&at(ONE)]);
        sandbox.lattice(&["show", "--trusted-base", &at(ONE)]).exits(0).says_out("nothing from outside");
        sandbox.lattice(&["show", "--trusted-base", &at(TWO)]).exits(2).says_err("has no branch");
        let row = |sandbox: &Sandbox| sandbox.lattice(&["show", &at(ONE)]).exits(0).stdout.contains("trusted base");
        assert!(!row(&sandbox), "nothing is known yet");
        sandbox.lattice(&["build", &at(ONE)]).exits(0);
        assert!(row(&sandbox));
    }
}

#[test]
fn record_without_inputs_stays_readable() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at(ONE)]);
    write_record(&sandbox, "work", "older", &at(ONE), &json!({}));
    let shown = sandbox.lattice(&["show", "--json", &at(ONE)]).exits(0).json();
    assert_eq!((&shown["state"], shown["records"][0].get("inputs")), (&json!("built"), None));
}

#[test]
fn size_of_a_lost_seed_is_that_of_the_record() {
    let url = serve(b"from the server\n");
    for program in every_nix() {
        let sandbox = chain(&program, &url);
        sandbox.lattice(&["build", &at(ONE)]).exits(0);
        let before = trusted_base(&sandbox, &at(ONE));
        for folder in ["inputs", "result"] {
            fs::remove_dir_all(sandbox.path("work/.git/lattice").join(folder)).unwrap();
        }
        nix(&sandbox, "nix-store", &["--gc"]);
        let path = before["inputs"][1]["path"].as_str().unwrap();
        assert!(!sandbox.path(&format!("nix/store{path}")).exists());
        let after = trusted_base(&sandbox, &at(ONE));
        assert_eq!((&after["from"], &after["inputs"]), (&json!("derivations"), &before["inputs"]), "{after:#}");
        assert_eq!((&before["unknown_sizes"], &after["unknown_sizes"]), (&json!(0), &json!(0)));
    }
}

#[test]
fn pushed_cache_has_the_seed_too() {
    let url = serve(b"from the server\n");
    for program in every_nix() {
        let sandbox = chain(&program, &url);
        let folder = tempfile::tempdir().unwrap();
        let cache = format!("file://{}", folder.path().display());
        sandbox.lattice(&["build", "--push-cache", &cache, &at(ONE)]).exits(0);
        for folder in ["inputs", "result"] {
            fs::remove_dir_all(sandbox.path("work/.git/lattice").join(folder)).unwrap();
        }
        nix(&sandbox, "nix-store", &["--gc"]);
        // The output of the step itself is not signed, so it is built again; the seed needs no signature.
        sandbox.lattice(&["build", "--again", &at(ONE)]).exits(2).says_err("seed `tools` is not in the store");
        sandbox.lattice(&["build", "--again", "--substituters", &cache, &at(ONE)]).exits(0);
    }
}
