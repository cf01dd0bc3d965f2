//! `git lattice source check`, and what `git lattice check` finds in sources and seeds.

use super::{copying, hash, serve, with_steps};
use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir, far, fields};

const ONE: &str = "phase0/step1";
const TWO: &str = "phase0/step2";
const A: &str = "sha256-mOpuTyFvL7S2n/+bOkSELDhobKaF8/VdxIxdP7EQe+A=";
const B: &str = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

#[test]
fn source_check_compares_urls_with_hashes() {
    let url = serve(b"from the server\n");
    for nix in every_nix() {
        let sandbox = with_steps(&nix, &[(ONE, copying("sources.text")), (TWO, copying("sources.text"))]);
        sandbox.write("../text", "from the server\n");
        let hash = hash(&sandbox, "file", &sandbox.path("text"));
        let source =
            |name: &str, url: &str, hash: &str| format!("[sources.{name}]\nurl = \"{url}\"\nhash = \"{hash}\"\n");
        let good = source("good", &format!("{url}/good"), &hash) + "[sources.local]\n[seeds.tree]\n";
        sandbox.commit_to(&at(ONE), &[("config.toml", &good)]);
        let run = sandbox.lattice(&["source", "check", &at(ONE)]).exits(0);
        run.says_out(&format!("ok      {}  good", at(ONE))).says_out(&format!("no url  {}  local", at(ONE)));

        let other = source("other", &format!("{url}/other"), A) + &source("gone", "http://127.0.0.1:1/gone", A);
        sandbox.commit_to(&at(TWO), &[("config.toml", &other)]);
        sandbox.git(&["switch", "-q", &branch(&at(TWO))]);
        let run = sandbox.lattice(&["source", "check"]).exits(1);
        run.says_out("differs").says_out(&hash).says_out(A).says_out("unreachable").says_out("could not fetch");
        let json = sandbox.lattice(&["source", "check", &at(ONE), &at(TWO), "--json"]).exits(1).json();
        assert_eq!(fields(&json["sources"], "state"), ["ok", "no-url", "differs", "unreachable"], "{json:#}");
        assert_eq!(
            (json["sources"][2]["expected"].as_str(), json["sources"][2]["got"].as_str()),
            (Some(A), Some(&*hash))
        );
    }
}

#[test]
fn source_check_warns_of_uncommitted_config() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = with_steps(&nix, &[(ONE, copying("sources.text")), (TWO, copying("sources.text"))]);
    sandbox.git(&["switch", "-q", &branch(&at(TWO))]);
    let check = || sandbox.lattice(&["source", "check", &at(ONE), &at(TWO)]).exits(0);
    check().never_says("warning");
    let file = format!("{}/config.toml", dir(&at(TWO)));
    sandbox.write(&file, "[sources.text]\n");
    check().says_err(&format!("warning: uncommitted changes are not checked: `{file}`"));
    sandbox.lattice(&["source", "check", &at(ONE)]).exits(0).never_says("warning");
    sandbox.git(&["checkout", "-q", &file]);
    sandbox.write(&format!("{}/step.nix", dir(&at(TWO))), "null\n");
    check().never_says("warning");
}

#[test]
fn url_that_nix_does_not_fetch_is_found() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = with_steps(&nix, &[(ONE, copying("sources.text"))]);
    sandbox.write("../text", "a file\n");
    let (hash, url) =
        (hash(&sandbox, "file", &sandbox.path("text")), format!("file://{}", sandbox.path("text").display()));
    sandbox.commit_to(&at(ONE), &[("config.toml", &format!("[sources.text]\nurl = \"{url}\"\nhash = \"{hash}\"\n"))]);
    let why = format!("`{url}` is not a URL that Nix fetches: expected one of http, https, ftp");
    let json = sandbox.lattice(&["source", "check", "--json", &at(ONE)]).exits(1).json();
    assert_eq!(
        (&json["sources"][0]["state"], &json["sources"][0]["error"]),
        (&"unreachable".into(), &why.clone().into())
    );
    let place = format!("{}/config.toml", dir(&at(ONE)));
    assert_eq!(findings(&sandbox, "input"), [format!("{place}: has an input that is not valid: {why}")]);
}

#[test]
fn source_check_reads_points_of_the_remote() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = with_steps(&nix, &[(ONE, copying("sources.text"))]);
    sandbox.commit_to(&at(ONE), &[("config.toml", "[sources.local]\n")]);
    sandbox.git(&["push", "-q", "origin", &branch(&at(ONE))]);
    let clone = sandbox.colleague();
    let run = sandbox.lattice_in(clone, &["source", "check", &at(ONE)], |command| command).exits(0);
    run.says_out(&format!("no url  {}  local", at(ONE)));
    let run = sandbox.lattice(&["source", "check", &at("phase7/step1")]).exits(2);
    run.says_err("has no branch");
}

/// The findings of these names, as `place: message`.
fn findings(sandbox: &Sandbox, name: &str) -> Vec<String> {
    let json = sandbox.lattice(&["check", "--json"]).json();
    let all = json["findings"].as_array().unwrap().iter().filter(|it| it["name"] == name);
    all.map(|it| format!("{}: {}", it["place"].as_str().unwrap(), it["message"].as_str().unwrap())).collect()
}

/// A sandbox with these points and their `config.toml`; none is below another one's branch.
fn configured(points: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (point, config) in points {
        sandbox.points(&[point]);
        sandbox.commit_to(point, &[("config.toml", config)]);
    }
    sandbox
}

#[test]
fn one_url_with_two_hashes_is_found() {
    let source = |hash: &str| format!("[sources.tcc]\nurl = \"https://example.org/tcc\"\nhash = \"{hash}\"\n");
    let sandbox = configured(&[(&at(ONE), &source(A)), (&far(ONE), &source(B)), (&at(TWO), &source(A))]);
    let points = if at(ONE) < far(ONE) { [far(ONE), at(ONE)] } else { [at(ONE), far(ONE)] };
    let hashes = if points[0] == far(ONE) { [B, A] } else { [A, B] };
    let [has, first] = hashes;
    let expected =
        format!("flakes/{}/config.toml: has {has} for source `tcc`, but `{}` has {first}", points[0], points[1]);
    assert_eq!(findings(&sandbox, "hashes"), [expected]);
}

#[test]
fn one_name_with_two_hashes_is_found_in_a_chain() {
    let seed = |hash: &str| format!("[seeds.gcc]\nhash = \"{hash}\"\n");
    let sandbox = configured(&[(&at(ONE), &seed(A)), (&far(ONE), &seed(B))]);
    assert_eq!(findings(&sandbox, "hashes"), [""; 0], "another architecture has another seed");
    sandbox.points(&[&at(TWO)]);
    sandbox.commit_to(&at(TWO), &[("config.toml", &seed(B))]);
    let expected = format!("flakes/{}/config.toml: has {B} for seed `gcc`, but `{}` has {A}", at(TWO), at(ONE));
    assert_eq!(findings(&sandbox, "hashes"), [expected]);
    // Two versions of a source have two URLs.
    let source =
        |url: &str, hash: &str| format!("[sources.tcc]\nurl = \"https://example.org/{url}\"\nhash = \"{hash}\"\n");
    sandbox.commit_to(&at(ONE), &[("config.toml", &source("1", A))]);
    sandbox.commit_to(&at(TWO), &[("config.toml", &source("2", B))]);
    assert_eq!(findings(&sandbox, "hashes"), [""; 0]);
}

#[test]
fn input_that_is_not_valid_is_found() {
    let sandbox = configured(&[(&at(ONE), "[sources.tcc]\nhash = \"sha1-x\"\n"), (&at(TWO), "seeds = []\n")]);
    let found = findings(&sandbox, "input");
    assert!(found[0].contains("`sources.tcc.hash` is `sha1-x`: expected a SHA-256 hash"), "{found:?}");
    assert!(found[1].contains("`seeds` must be a table"), "{found:?}");
}
