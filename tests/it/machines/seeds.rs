//! Seeds on other machines: the store that builds gets them, and so does a cache.

use std::fs;
use std::path::Path;

use super::cache::Cache;
use super::shared::{every_pair, latest_record, out, step_with};
use super::sshd::Sshd;
use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir};

/// HEAD is on a step that prints `word` and a file of its seed; the config.toml names the seed.
fn with_seed(nix: &Path, word: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.use_nix(nix);
    sandbox.lattice(&["new", &at("phase0/step1"), "--template", "step", "--no-push", "--no-switch"]).exits(0);
    let script = format!("read -r line <$tools/hello; echo {word} $line >$out");
    let step = step_with("inherit (seeds) tools;", &script).replace("{ system,", "{ system, seeds,");
    sandbox.commit_to(&at("phase0/step1"), &[("step.nix", &step)]);
    sandbox.git(&["switch", "-q", &branch(&at("phase0/step1"))]);
    sandbox.write("../tools/hello", "seed\n");
    sandbox
}

fn add_seed(sandbox: &Sandbox) {
    sandbox.lattice(&["seed", "add", "tools", "../tools"]).exits(0);
    commit_seed(sandbox);
}

fn commit_seed(sandbox: &Sandbox) {
    sandbox.git(&["add", "flakes"]);
    sandbox.git(&["commit", "-q", "-m", "name the seed"]);
}

#[test]
fn remote_store_gets_the_seed() {
    let sshd = Sshd::start();
    for (index, (nix, there)) in every_pair().into_iter().enumerate() {
        let machine = sshd.machine(&format!("seeds{index}"), &there, None);
        let sandbox = with_seed(&nix, "far");
        add_seed(&sandbox);
        let build = ["build", &at("phase0/step1"), "--store", &machine.url()];
        sandbox.lattice_over_ssh(&sshd, &build).exits(0).says_out("built");
        assert_eq!(fs::read(machine.file(out(&latest_record(&sandbox)))).unwrap(), b"far seed\n");
    }
}

#[test]
fn seed_comes_from_a_cache() {
    for nix in every_nix() {
        let cache = Cache::new(&nix);
        let first = with_seed(&nix, "first");
        add_seed(&first);
        first.lattice(&["build", "--push-cache", &cache.signing_url()]).exits(0);
        let named = fs::read_to_string(first.work().join(dir(&at("phase0/step1"))).join("config.toml"));

        let second = with_seed(&nix, "second");
        second.write(&format!("{}/config.toml", dir(&at("phase0/step1"))), named.unwrap());
        commit_seed(&second);
        second.lattice(&["build"]).exits(2).says_err("seed `tools`");
        second.configure_nix(&format!("trusted-public-keys = {}", cache.public_key("ours")));
        second.lattice(&["build", "--substituters", &cache.url()]).exits(0).says_out("built");
        assert_eq!(second.built(out(&latest_record(&second))), b"second seed\n");
    }
}
