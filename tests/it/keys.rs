//! Build keys of many points: keys computed together equal those computed one by one.

use git_lattice::config::Config;
use git_lattice::git::{Repo, exe::Git};
use git_lattice::points::census::Census;
use git_lattice::points::content::Content;
use git_lattice::points::keys::Keys;

use crate::sandbox::Sandbox;
use crate::story::{branch, dir};

/// Asserts that [`Keys`] and [`Content`] agree about every point in the tree of every branch.
#[track_caller]
fn keys_agree(sandbox: &Sandbox, toml: &str) {
    let repo = Repo::open(&sandbox.work(), Git::find(&sandbox.work()).unwrap()).unwrap();
    let config = Config::parse("lattice.toml", toml.as_bytes()).unwrap();
    let census = Census::take(&repo, &config).unwrap();
    let (mut keys, memory) = (Keys::new(&repo, &config), repo.in_memory());
    let mut compared = 0;
    for holder in census.population().points() {
        let tree = repo.tree_of_commit(census.commit(holder).unwrap()).unwrap();
        for point in census.population().points() {
            let content = Content::find(&repo, &config, tree, point).unwrap();
            let alone = content.own(point).map(|_| content.key(&memory, &config, tree).unwrap());
            let (holder, spelled) = (config.lattice.spell(holder), config.lattice.spell(point));
            assert_eq!(keys.key(tree, point).unwrap(), alone, "the key of {spelled} in the tree of {holder}");
            compared += usize::from(alone.is_some());
        }
    }
    assert!(compared > 12, "only {compared} keys were compared");
}

const POINTS: [&str; 7] = [
    "toolchain/aarch64/phase0/step1",
    "toolchain/aarch64/phase0/step2",
    "toolchain/x86_64/phase0/step2",
    "toolchain/aarch64+x86_64/phase0/step2",
    "toolchain/aarch64/phase1/step1",
    "toolchain/x86_64/phase1/step1",
    "toolchain/aarch64+x86_64/phase1/step3",
];

fn sandbox(toml: &str) -> Sandbox {
    let sandbox = Sandbox::with_toml(toml);
    sandbox.points(&POINTS);
    sandbox
}

#[test]
fn batch_keys_equal_single_keys() {
    let toml = concat!(
        "base = \"main\"\n[axes]\ncomponent = { set = [\"toolchain\"] }\narch = { set = [\"aarch64\", \"x86_64\"] }\n",
        "phase = { chain = [\"phase0\", \"phase1\"] }\nstep = { chain = \"step{n}\" }\n",
        "[build]\ninclude = [\"shared\", \"flakes/toolchain/aarch64/phase0/notes\"]\n",
    );
    let sandbox = sandbox(toml);
    keys_agree(&sandbox, toml);
    // Files beside the points' directories are not part of any key, except included ones.
    sandbox.git(&["switch", "-q", &branch(POINTS[4])]);
    for file in [
        "flakes/toolchain/README",
        "flakes/toolchain/aarch64/phase0/notes/a",
        "shared/b",
        "flakes/toolchain/aarch64/x/y",
    ] {
        sandbox.write(file, "more");
    }
    sandbox.git(&["rm", "-rq", &dir(POINTS[1])]);
    sandbox.git(&["add", "."]);
    sandbox.git(&["commit", "-qm", "more", "--no-verify"]);
    keys_agree(&sandbox, toml);
}

#[test]
fn batch_keys_hold_with_a_chain_above_a_set() {
    let toml = concat!(
        "base = \"main\"\nflake = \"f/{phase}/{arch}/x-{step}/{component}\"\n[axes]\ncomponent = { set = [\"toolchain\"] }\n",
        "arch = { set = [\"aarch64\", \"x86_64\"] }\nphase = { chain = [\"phase0\", \"phase1\"] }\nstep = { chain = \"step{n}\" }\n",
    );
    keys_agree(&sandbox(toml), toml);
}
