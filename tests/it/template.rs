//! Generated flakes on real Nix, every version: they build, alike, offline, and keep each byte of config.toml.

mod live;
mod rust;

use git_lattice::template::FlakeInputs;
use git_lattice::template::Template::{self, Config, Nixpkgs, Rust, Step};
use live::{Built, GeneratedFlake, Nix, Repo, every_nix, other_system, this_system};

use crate::nixpkgs;

const STEPS: [&str; 3] = ["c/a+b/step1", "c/a+b/step2", "c/a+b/step3"];

/// Text that tries to escape its string, and text that Nix itself changes: it reads CR LF as LF.
const HOSTILE: &str = "\" ${c} $${d} \\ '' \n \r\n \r \t é \u{1F600} #";

/// Three steps, each on top of the one before.
fn chain(templates: [Template; 3]) -> Vec<GeneratedFlake> {
    let below: [&[&str]; 3] = [&[], &["../step1"], &["../step2"]];
    (0..3).map(|n| GeneratedFlake::new(templates[n], STEPS[n], below[n])).collect()
}

/// The answer of `ask`, which must be the same with each Nix. Each gets a separate repository with the same flakes beside
/// another file: the result must not depend on that.
fn same_on_every_nix<T: PartialEq + std::fmt::Debug>(
    flakes: &[GeneratedFlake],
    ask: impl Fn(&Nix, &Repo) -> T,
) -> Option<T> {
    let answers =
        every_nix().into_iter().enumerate().map(|(n, nix)| ask(&nix, &Repo::new(flakes, &format!("other-{n}"))));
    let answers: Vec<T> = answers.collect();
    assert!(answers.windows(2).all(|it| it[0] == it[1]), "every Nix should give the same answer: {answers:#?}");
    answers.into_iter().next()
}

#[test]
fn config_keeps_every_byte() {
    let cases: Vec<(String, Vec<u8>)> =
        difficult_configs().into_iter().enumerate().map(|(n, it)| (format!("p{n}"), it)).collect();
    let flakes: Vec<_> =
        cases.iter().map(|(dir, bytes)| GeneratedFlake::new(Config, dir, &[]).config(bytes.clone())).collect();
    let dirs: Vec<&str> = cases.iter().map(|(dir, _)| dir.as_str()).collect();
    same_on_every_nix(&flakes, |nix, repo| {
        let built = nix.build(repo, &dirs, &this_system());
        for ((_, bytes), Built { out, .. }) in cases.iter().zip(&built) {
            let file = nix.real_path(out).join("config.toml");
            assert!(file.symlink_metadata().unwrap().is_file(), "config.toml should be a file of the output itself");
            assert!(
                std::fs::read(file).unwrap() == *bytes,
                "each byte should survive: {}",
                bytes[..bytes.len().min(80)].escape_ascii()
            );
        }
        built
    });
}

fn difficult_configs() -> Vec<Vec<u8>> {
    let sized = |size: usize| format!("a = \"{}\"", "x".repeat(size - 6)).into_bytes();
    let mut all: Vec<Vec<u8>> = [511, 512, 513, 1024, 4097].map(sized).into();
    all.push(format!("a = \"{}\"\n", "é😀".repeat(175_000)).into_bytes());
    let texts: [&[u8]; 6] = [
        b"",
        b"\n",
        b"a = 1\r\nb = \"\\u0000 \\\" $x ${y} $${z}\"\r\n# no newline, trailing blanks  \t",
        b"a = '''\n''${x} '' ' \\ \n'''\n",
        "\u{feff}\"\u{e9}\" = \"\u{1F600}\u{2028}\"\n[x]\nd = 1979-05-27T07:32:00Z\n".as_bytes(),
        b"!<arch>\nconfig.toml/  /nix/store/00000000000000000000000000000000-x\n",
    ];
    all.extend(texts.map(<[u8]>::to_vec));
    all
}

#[test]
fn config_chain_builds_on_the_point_below() {
    same_on_every_nix(&chain([Config, Config, Config]), |nix, repo| {
        let built = nix.build(repo, &STEPS, &this_system());
        assert_each_uses_the_one_below(nix, &built);
        nix.run(&["flake", "check", &repo.flake(STEPS[2])]);
        built
    });
}

#[test]
fn step_chain_builds_on_the_point_below() {
    same_on_every_nix(&chain([Step, Step, Step]), |nix, repo| {
        let built = nix.build(repo, &STEPS, &this_system());
        assert_each_uses_the_one_below(nix, &built);
        let below = |n: usize| if n == 0 { "nothing" } else { &built[n - 1].out };
        let told = [0, 1, 2].map(|n| format!("# {}, on top of {}\na = 1\n", STEPS[n], below(n))).concat();
        assert_eq!(nix.read(&built[2].out), told, "the starter should list the output below");
        built
    });
}

#[test]
fn templates_may_differ_along_a_chain() {
    same_on_every_nix(&chain([Config, Step, Config]), |nix, repo| {
        let built = nix.build(repo, &STEPS, &this_system());
        assert_each_uses_the_one_below(nix, &built);
        built
    });
}

fn assert_each_uses_the_one_below(nix: &Nix, built: &[Built]) {
    for pair in built.windows(2) {
        assert!(nix.read(&pair[1].drv).contains(&pair[0].drv), "`{}` should need `{}`", pair[1].drv, pair[0].drv);
    }
}

#[test]
fn join_takes_each_system_from_its_point() {
    let both = [this_system(), other_system()];
    for template in [Config, Step] {
        let flakes = [
            GeneratedFlake::new(template, "c/here", &[]),
            GeneratedFlake::new(template, "c/else+where", &[]).systems(&both[1..]),
            GeneratedFlake::new(template, "c/both", &["../else+where", "../here"]).systems(&both),
        ];
        same_on_every_nix(&flakes, |nix, repo| {
            let drv = |dir: &str, n: usize| nix.drv(repo, dir, &both[n], false);
            let joined = [nix.read(&drv("c/both", 0)), nix.read(&drv("c/both", 1))];
            let single = [drv("c/here", 0), drv("c/else+where", 1)];
            let takes = joined.map(|text| single.each_ref().map(|drv| text.contains(drv)));
            assert_eq!(takes, [[true, false], [false, true]], "each system should take its own point");
            single
        });
    }
}

#[test]
fn nixpkgs_input_is_passed_along_the_chain() {
    for templates in
        [[Nixpkgs, Nixpkgs, Nixpkgs], [Nixpkgs, Step, Nixpkgs], [Config, Nixpkgs, Rust], [Rust, Rust, Rust]]
    {
        let config = "[rust]\nversion = \"1.83.0\"\nhash = \"sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n";
        let flakes = chain(templates).into_iter().map(|it| it.config(config).inputs(with_nixpkgs()));
        let flakes: Vec<_> = flakes.collect();
        same_on_every_nix(&flakes, |nix, repo| {
            let top = nix.drv(repo, STEPS[2], &this_system(), true);
            assert!(nix.read(&top).contains("-c-a+b-step2.drv"), "the step below should be taken: {}", nix.read(&top));
            let last = nix.run(&["show-derivation", "--recursive", &top]);
            assert!(last.contains("-c-a+b-step1.drv"), "the step below that should be taken: {last}");
            top
        });
    }
}

/// The inputs of a config.toml that names nixpkgs.
fn with_nixpkgs() -> FlakeInputs {
    FlakeInputs { nixpkgs: Some("nixpkgs".to_owned()), trees: Vec::new() }
}

#[test]
fn step_takes_usual_things_from_nixpkgs() {
    let flake = GeneratedFlake::new(Nixpkgs, "c/step1", &[]).step(nixpkgs::USUAL_STEP);
    same_on_every_nix(&[flake], |nix, repo| nix.drv(repo, "c/step1", &this_system(), true));
}

#[test]
fn flake_exports_its_coordinates() {
    let mut flake = GeneratedFlake::new(Config, "c/s", &[]);
    flake.flake.coordinates = vec![("arch".into(), vec!["a".into(), HOSTILE.into()]), ("in".into(), Vec::new())];
    let answer = same_on_every_nix(&[flake], |nix, repo| {
        let json = nix.run(&["eval", "--json", &format!("{}#lattice", repo.flake("c/s"))]);
        serde_json::from_str::<serde_json::Value>(&json).unwrap()
    });
    let expected = serde_json::json!({
        "branch": "feature/c/s",
        "coordinates": { "arch": ["a", HOSTILE], "in": [] },
        "name": "c-s",
        "point": "c/s",
    });
    assert!(answer.is_none_or(|it| it == expected), "the flake should say where it is");
}
