//! Binary caches: what is copied into one, and what another machine takes from it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::shared::{RANDOM, latest_record, out, with_script};
use super::sshd::Sshd;
use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::at;

/// A cache folder without spaces in its path, and signing keys for it.
pub(super) struct Cache {
    folder: tempfile::TempDir,
}

impl Cache {
    pub(super) fn new(nix: &Path) -> Self {
        let cache = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["ours", "other"] {
            let mut keys = Command::new(nix.with_file_name("nix-store"));
            keys.args(["--generate-binary-cache-key", &format!("{name}-1")]);
            keys.args([cache.path(name), cache.path(&format!("{name}.pub"))]).env("HOME", cache.folder.path());
            assert!(keys.output().unwrap().status.success(), "a pair of keys should be made");
        }
        cache
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(super) fn url(&self) -> String {
        format!("file://{}", self.path("cache"))
    }

    pub(super) fn signing_url(&self) -> String {
        format!("{}?secret-key={}", self.url(), self.path("ours"))
    }

    pub(super) fn public_key(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap()
    }

    /// The narinfo of a store path in the cache.
    fn describes(&self, store_path: &str) -> Option<String> {
        let hash = &store_path["/nix/store/".len()..][..32];
        fs::read_to_string(self.path(&format!("cache/{hash}.narinfo"))).ok()
    }
}

/// The output of a build that differs each time.
fn content(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.file(out(&latest_record(sandbox)))).unwrap()
}

#[test]
fn signed_results_are_taken_from_a_cache() {
    for nix in every_nix() {
        let cache = Cache::new(&nix);
        let one = at("phase0/step1");
        let first = with_script(&nix, RANDOM);
        first.lattice(&["build", &one, "--push-cache", &cache.signing_url()]).exits(0).says_err("copied to file://");
        let described = cache.describes(out(&latest_record(&first))).expect("the cache should have it");
        assert!(described.contains("Sig: ours-1:"), "it should be signed: {described}");

        let second = with_script(&nix, RANDOM);
        second.configure_nix(&format!("trusted-public-keys = {}", cache.public_key("ours")));
        second.lattice(&["build", &one, "--substituters", &cache.url()]).exits(0);
        assert_eq!(content(&second), content(&first), "it should come from the cache");

        let third = with_script(&nix, RANDOM);
        third.configure_nix(&format!("trusted-public-keys = {}", cache.public_key("other")));
        third.lattice(&["build", &one, "--substituters", &cache.url()]).exits(0);
        assert_ne!(content(&third), content(&first), "a result signed by an unknown key should not be taken");
    }
}

#[test]
fn key_in_nix_conf_signs_results() {
    for nix in every_nix() {
        let cache = Cache::new(&nix);
        let sandbox = with_script(&nix, RANDOM);
        let one = at("phase0/step1");
        let run = sandbox.lattice(&["build", &one, "--push-cache", &cache.url()]).exits(0);
        run.says_err("without a signature");
        sandbox.configure_nix(&format!("secret-key-files = {}", cache.path("ours")));
        sandbox
            .commit_to(&one, &[("config.toml", "other = true\n"), ("step.nix", &super::shared::step("echo 2 >$out"))]);
        sandbox.lattice(&["build", &one, "--push-cache", &cache.url()]).exits(0).never_says("without a signature");
        assert!(cache.describes(out(&latest_record(&sandbox))).unwrap().contains("Sig: ours-1:"));
    }
}

#[test]
fn only_built_results_are_copied() {
    for nix in every_nix() {
        let cache = Cache::new(&nix);
        let sandbox = with_script(&nix, "echo broken; exit 1");
        sandbox.lattice(&["build", &at("phase0/step1"), "--push-cache", &cache.signing_url()]).exits(1);
        assert!(fs::read_dir(cache.path("cache")).is_err(), "a recorded result should not be copied");
    }
}

#[test]
fn failed_copy_is_reported_and_keeps_the_result() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, RANDOM);
        let one = at("phase0/step1");
        let run = sandbox.lattice(&["build", &one, "--push-cache", "file:///proc/nowhere?secret-key=/no/key"]);
        run.exits(1).says_out("built").says_err("could not copy to `file:///proc/nowhere`").says_err("nix copy --to");
        assert_eq!(sandbox.records().len(), 1, "the record should stay");
        assert_eq!(sandbox.state_of(&one), "built");
    }
}

#[test]
fn remote_store_pushes_its_results_to_the_cache() {
    let sshd = Sshd::start();
    for nix in every_nix() {
        let cache = Cache::new(&nix);
        let machine = sshd.machine(&format!("cached-{}", nix.display()).replace('/', "-"), &nix, None);
        let sandbox = with_script(&nix, RANDOM);
        let one = at("phase0/step1");
        let args = ["build", &one, "--store", &machine.url(), "--push-cache", &cache.signing_url()];
        sandbox.lattice_over_ssh(&sshd, &args).exits(0);
        assert!(cache.describes(out(&latest_record(&sandbox))).unwrap().contains("Sig: ours-1:"));
    }
}
