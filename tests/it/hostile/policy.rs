//! A lattice.toml of a branch grants no permission and changes no policy.

use super::victim::{FileChange, Victim, derivation};
use crate::sandbox::Sandbox;
use crate::story::{at, branch, chains, dir, elsewhere, far, here, toml};

const STEP: &str = "its step.nix was not written here";

/// The sandbox's lattice with these lines.
fn lattice_with(rest: &str) -> String {
    toml(&chains("\"phase{n}\", from = 0", "\"step{n}\", from = 1"), rest)
}

fn with_policy(text: &str) -> FileChange {
    FileChange::Text(text.to_owned())
}

#[test]
fn branch_cannot_disable_checks() {
    let base = branch(&at("phase0/step1"));
    let own = lattice_with("").replace("base = \"main\"", &format!("base = \"{base}\""));
    let trusting = "[trust]\nall = true\n[hooks]\non-worktree-add = true\ntrust = \"all\"\n[build]\ninclude = [\"README\"]\n\
                    builders = \"ssh://evil\"\nstore = \"ssh://evil\"\n[lint]\noff = [\"L01\"]\n";
    let other = "branch = \"feature/{arch}/{component}/{phase}/{step}\"\nflake = \"flakes/{arch}/{component}/{phase}/{step}\"\n";
    let [axes, rest] = [lattice_with(""), String::new()];
    for text in
        [own, format!("{axes}{trusting}{rest}"), lattice_with(other), "base = \n".to_owned(), "\0\u{1}".to_owned()]
    {
        let victim = Victim::new(None);
        victim.receives_branch("step", &[("/lattice.toml", with_policy(&text))]);
        victim.assert_switch_explains(STEP);
    }
}

#[test]
fn broken_lattice_toml_of_a_branch_is_harmless() {
    let links = ["/dev/zero", "@SECRET@", ".", "lattice.toml"].map(|to| FileChange::Link(to.to_owned()));
    let large = FileChange::Text("# lattice\n".repeat(200_000));
    for change in links.into_iter().chain([FileChange::Gone, FileChange::Submodule, large]) {
        let victim = Victim::new(None);
        victim.receives_branch("step", &[("/lattice.toml", change)]);
        victim.assert_switch_explains(STEP);
        let run = victim.sandbox.lattice(&["status"]).exits(0).says_out("phase0/step1");
        assert!(!run.stdout.contains("private key") && !run.stderr.contains("private key"), "{}", run.stderr);
    }
}

#[test]
fn branch_cannot_choose_its_base() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    // In the branch's own base the directory belongs to another point, whose files look harmless.
    let harmless =
        lattice_with("flake = \"harmless/{component}/{arch}/{phase}/{step}\"\n").replace("\"main\"", "\"evil\"");
    victim.receives_branch_with("step", &[("/lattice.toml", with_policy(&harmless))], |clone| {
        let from = sandbox.path(clone).join(dir(&at("phase0/step1")));
        let to = sandbox.path(clone).join(dir(&at("phase0/step1")).replace("flakes", "harmless"));
        std::fs::create_dir_all(&to).unwrap();
        std::fs::copy(from.join("config.toml"), to.join("config.toml")).unwrap();
        sandbox.git_in(clone, &["add", "-A"]);
        sandbox.git_in(clone, &["commit", "-q", "-m", "x"]);
        sandbox.git_in(clone, &["push", "-q", "origin", "HEAD:refs/heads/evil"]);
    });
    victim.assert_switch_explains(STEP);
}

#[test]
fn branch_cannot_choose_its_pattern() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    let evil = lattice_with("branch = \"{component}/{arch}/{phase}/{step}\"\n");
    victim.receives_branch_with("config", &[("/lattice.toml", with_policy(&evil))], |clone| {
        sandbox.git_in(clone, &["commit", "-q", "-m", "x"]);
        sandbox.git_in(clone, &["push", "-q", "origin", &format!("HEAD:refs/heads/{}", at("phase0/step1"))]);
    });
    let before = victim.files();
    assert_eq!(victim.switch(&at("phase0/step1")), "", "by the base's pattern this is no point's branch");
    victim.assert_nothing_happened(&before);
}

#[test]
fn unknown_base_builds_nothing_and_names_the_remedy() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    victim.receives_branch("config", &[]);
    // As after `git init`, `git remote add` and `git fetch`: no ref or setting here names the base branch.
    sandbox.git(&["config", "--unset", "lattice.base"]);
    std::fs::remove_dir_all(sandbox.work().join(".git/logs")).unwrap();
    let said = victim.assert_switch_starts_nothing();
    let line =
        "git-lattice: not built automatically, the base branch is unknown: `git config lattice.base BRANCH` sets it";
    assert_eq!(said, line);
    sandbox.lattice(&["trust", "--yes"]).exits(2).says_err("git remote set-head origin --auto");
    sandbox.lattice(&["status"]).exits(0).says_out("phase0/step1");
    sandbox.git(&["remote", "set-head", "origin", "--auto"]);
    sandbox.git(&["switch", "-q", "main"]);
    assert!(victim.switch(&branch(&at("phase0/step1"))).contains("in the background"), "the base should be known now");
}

#[test]
fn base_is_configured_or_remote_head_or_committed_here() {
    let sandbox = Sandbox::without_lattice();
    let axes = |name: &str| lattice_with("").replace("[\"toolchain\"]", &format!("[\"{name}\"]"));
    let commit = |branch: &str, component: &str, base: &str| {
        sandbox.git(&["switch", "-q", "-C", branch, "main"]);
        sandbox.write("lattice.toml", axes(component).replace("\"main\"", &format!("\"{base}\"")));
        sandbox.git(&["add", "lattice.toml"]);
        sandbox.git(&["commit", "-q", "--allow-empty", "-m", component]);
        sandbox.git(&["push", "-q", "origin", "HEAD"]);
    };
    commit("develop", "mine", "develop");
    commit("release", "theirs", "release");
    commit("evil", "evil", "develop");
    let component = || {
        let run = sandbox.lattice(&["new", "--arch", here(), "--dry-run", "--json"]).exits(0);
        run.json()["created"][0]["point"].as_str().unwrap().split('/').next().unwrap().to_owned()
    };
    assert_eq!(component(), "mine", "the base that HEAD proposes, committed here");
    sandbox.git_in("remote.git", &["symbolic-ref", "HEAD", "refs/heads/release"]);
    sandbox.git(&["remote", "set-head", "origin", "--auto"]);
    assert_eq!(component(), "theirs", "the remote's HEAD");
    sandbox.git(&["config", "lattice.base", "develop"]);
    assert_eq!(component(), "mine", "the configured base");
    sandbox.git(&["config", "lattice.base", "evil"]);
    assert_eq!(component(), "mine", "a base can name another as its successor");
}

#[test]
fn init_configures_the_base_unless_the_remote_has_a_head() {
    let init = ["init", "--component", "toolchain", "--arch", here(), "--no-hooks"];
    let sandbox = Sandbox::without_lattice();
    sandbox.lattice(&init).exits(0);
    assert_eq!(sandbox.git(&["config", "--local", "lattice.base"]), "main");
    let clone = sandbox.colleague();
    sandbox.lattice_in(clone, &init, |command| command).exits(0);
    assert!(
        !sandbox.try_git(clone, &["config", "lattice.base"]).status.success(),
        "a clone should know its remote's HEAD"
    );
}

/// A base that lets builds read `src`, and the user's own step.nix that does.
fn with_included_src() -> Victim {
    // The user's architecture comes first, so that the other one is never the first parent.
    let set = format!("[\"{}\", \"{}\"]", here(), elsewhere());
    let toml = lattice_with("").replace("[\"aarch64\", \"x86_64\"]", &set);
    let sandbox = Sandbox::with_toml(&format!("{toml}\n[build]\ninclude = [\"src\"]\n"));
    let victim = Victim::on(sandbox, None);
    let sandbox = &victim.sandbox;
    sandbox.write("src/script", "echo x > $out\n");
    sandbox.git(&["add", "src"]);
    sandbox.git(&["commit", "-q", "-m", "what steps run"]);
    sandbox.lattice(&["new", &at("phase0/step1"), "--template", "step", "--no-switch"]).exits(0);
    let step = "{ ... }: import ../../../../../src/script\n";
    sandbox.git(&["-c", "core.hooksPath=/dev/null", "switch", "-q", &branch(&at("phase0/step1"))]);
    sandbox.write(&format!("{}/step.nix", dir(&at("phase0/step1"))), step);
    sandbox.git(&["commit", "-q", "-a", "-m", "read it"]);
    sandbox.git(&["push", "-q", "origin", "HEAD"]);
    sandbox.git(&["switch", "-q", "main"]);
    victim
}

#[test]
fn included_paths_are_judged_too() {
    let mine = with_included_src();
    assert!(mine.switch(&branch(&at("phase0/step1"))).contains("in the background"), "all of it was committed here");

    let victim = with_included_src();
    let sandbox = &victim.sandbox;
    let evil = derivation("echo evil");
    sandbox.git_in("", &["clone", "-q", "-b", &branch(&at("phase0/step1")), "remote.git", "stranger"]);
    std::fs::write(sandbox.path("stranger/src/script"), evil).unwrap();
    sandbox.git_in("stranger", &["commit", "-q", "-a", "-m", "improve it"]);
    sandbox.git_in("stranger", &["push", "-q"]);
    sandbox.git(&["fetch", "-q"]);
    let name = branch(&at("phase0/step1"));
    sandbox.git(&["update-ref", &format!("refs/heads/{name}"), &format!("refs/remotes/origin/{name}")]);
    victim.assert_switch_explains("`src`, which builds may read, was not written here");
}

/// A submodule is a commit of another repository, which builds cannot read.
#[test]
fn submodule_in_place_of_an_include_is_left_out() {
    let victim = with_included_src();
    let sandbox = &victim.sandbox;
    let name = branch(&at("phase0/step1"));
    sandbox.git_in("", &["clone", "-q", "-b", &name, "remote.git", "stranger"]);
    sandbox.git_in("stranger", &["rm", "-q", "-r", "src"]);
    sandbox.git_in("stranger", &["update-index", "--add", "--cacheinfo", &format!("160000,{},src", "1".repeat(40))]);
    sandbox.git_in("stranger", &["commit", "-q", "-m", "improve it"]);
    sandbox.git_in("stranger", &["push", "-q"]);
    sandbox.git(&["fetch", "-q"]);
    sandbox.git(&["update-ref", &format!("refs/heads/{name}"), &format!("refs/remotes/origin/{name}")]);
    assert!(victim.switch(&name).contains("in the background"), "the remaining content was committed here");
    sandbox.lattice(&["trust", "--dry-run", &at("phase0/step1")]).exits(0);
    sandbox
        .lattice(&["build", &at("phase0/step1")])
        .exits(2)
        .says_err("left out: `src` of `[build] include` is a submodule");
}

#[test]
fn amending_a_foreign_commit_does_not_make_it_trusted() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    victim.receives_branch("step", &[]);
    let name = branch(&at("phase0/step1"));
    sandbox.git(&["-c", "core.hooksPath=/dev/null", "switch", "-q", &name]);
    sandbox.git(&["reset", "-q", "--hard", &format!("{name}~1")]);
    sandbox.git(&["commit", "-q", "--amend", "-m", "a better subject"]);
    sandbox.git(&["switch", "-q", "main"]);
    victim.assert_switch_explains(STEP);
}

#[test]
fn merging_a_foreign_commit_does_not_make_it_trusted() {
    let victim = with_included_src();
    let sandbox = &victim.sandbox;
    let both = "toolchain/aarch64+x86_64/phase0/step2";
    sandbox.git(&["push", "-q", "origin", "main"]);
    sandbox.git_in("", &["clone", "-q", "remote.git", "stranger"]);
    sandbox.lattice_in("stranger", &["new", &far("phase0/step1"), "--no-push"], |command| command).exits(0);
    std::fs::write(sandbox.path("stranger/src/script"), derivation("echo evil")).unwrap();
    sandbox.git_in("stranger", &["commit", "-q", "-a", "-m", "improve it"]);
    sandbox.git_in("stranger", &["push", "-q", "origin", "HEAD"]);
    sandbox.git(&["fetch", "-q"]);
    sandbox.git(&["branch", "-q", &branch(&far("phase0/step1")), &format!("origin/{}", branch(&far("phase0/step1")))]);
    sandbox.lattice(&["new", both, "--template", "step", "--no-switch"]).exits(0);
    let said = victim.switch(&branch(both));
    assert!(said.contains("`src`, which builds may read, was not written here"), "{said}");
}

#[test]
fn included_paths_may_be_committed_on_a_point_below() {
    let victim = with_included_src();
    let sandbox = &victim.sandbox;
    let one = branch(&at("phase0/step1"));
    sandbox.git(&["-c", "core.hooksPath=/dev/null", "switch", "-q", &one]);
    sandbox.write("src/script", derivation("echo mine > $out"));
    sandbox.git(&["commit", "-q", "-a", "-m", "what this phase runs"]);
    sandbox.git(&["push", "-q"]);
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.lattice(&["promote", &at("phase0/step1"), "--force", "--reason", "test", "--no-switch"]).exits(0);
    let said = victim.switch(&branch(&at("phase1/step1")));
    assert!(said.contains("in the background"), "all of it was committed here: {said}");
}

/// git shows another commit in place of the one made here if `refs/replace/*` is fetched.
#[test]
fn replaced_commit_is_not_trusted() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    let (point, step) = (at("phase0/step1"), format!("{}/step.nix", dir(&at("phase0/step1"))));
    sandbox.lattice(&["new", &point, "--template", "step", "--no-switch"]).exits(0);
    let commit = sandbox.git(&["rev-parse", &branch(&point)]);
    for clone in ["stranger", "other"] {
        sandbox.git_in("", &["clone", "-q", "-b", &branch(&point), "remote.git", clone]);
    }
    std::fs::write(sandbox.path(&format!("stranger/{step}")), "{ ... }: throw \"evil\"\n").unwrap();
    sandbox.git_in("stranger", &["commit", "-q", "-a", "-m", "improve it"]);
    sandbox.git_in("stranger", &["push", "-q", "origin", &format!("HEAD:refs/replace/{commit}")]);
    sandbox.git(&["fetch", "-q", "origin", "+refs/replace/*:refs/replace/*"]);
    assert!(
        sandbox.git(&["show", &format!("{commit}:{step}")]).contains("evil"),
        "git itself should show the replacement"
    );
    let key = |clone: &str| {
        let shown = sandbox.lattice_in(clone, &["show", &point, "--json"], |command| command).exits(0).json();
        shown["key"].as_str().unwrap().to_owned()
    };
    assert_eq!(key("work"), key("other"), "the original commit should be built");
}

/// `next-step` keeps an existing step.nix: an attacker may have put one where the next step will be.
#[test]
fn next_step_does_not_adopt_a_foreign_step_nix() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    let next = dir(&at("phase0/step2"));
    victim.receives_branch(
        "config",
        &[(&format!("/{next}/step.nix"), FileChange::Text("{ ... }: throw \"evil\"\n".to_owned()))],
    );
    let made = ["next-step", &at("phase0/step1"), "--template", "step", "--no-push", "--no-switch"];
    sandbox.lattice(&made).exits(0);
    let said = victim.switch(&branch(&at("phase0/step2")));
    assert!(said.contains(STEP), "a foreign step.nix should not be built: {said}");
}

/// `next-step` takes over the step.nix of the point below. That is not written here, also if the point below is replaced later.
#[test]
fn inherited_foreign_step_nix_stays_foreign() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    let [one, two, three] = ["phase0/step1", "phase0/step2", "phase0/step3"].map(at);
    let evil = FileChange::Text("{ ... }: throw \"evil\"\n".to_owned());
    victim.receives_branch("step", &[("step.nix", evil)]);
    for (from, to) in [(&one, &two), (&two, &three)] {
        let made = sandbox.lattice(&["next-step", from, "--no-push", "--no-switch", "--json"]).exits(0).json();
        assert_eq!(made["created"][0]["step_from"], from.as_str(), "{made:#}");
        let said = victim.switch(&branch(to));
        assert!(said.contains(STEP), "{to} should not be built: {said}");
    }
    // The user replaces the lowest step, and merges it into those above.
    victim.switch(&branch(&one));
    sandbox.write(&format!("{}/step.nix", dir(&one)), "{ ... }: throw \"mine\"\n");
    sandbox.git(&["commit", "-q", "-a", "-m", "write it anew"]);
    sandbox.lattice(&["restack", "--no-push"]).exits(0);
    for point in [&two, &three] {
        let said = victim.switch(&branch(point));
        assert!(said.contains(STEP), "{point} has the foreign step.nix still: {said}");
    }
    // Those that the user commits count.
    for point in [&two, &three] {
        victim.switch(&branch(point));
        sandbox.write(&format!("{}/step.nix", dir(point)), "{ ... }: throw \"mine too\"\n");
        sandbox.git(&["commit", "-q", "-a", "-m", "write it anew"]);
    }
    sandbox.lattice(&["restack", "--no-push"]).exits(0);
    victim.switch(&branch(&two));
    let said = victim.switch(&branch(&three));
    assert!(!said.contains(STEP), "all steps are written here: {said}");
}

/// The step.nix of the user's own steps counts as written here in the steps above, also after a change below.
#[test]
fn inherited_own_step_nix_is_written_here() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    let [one, two, three] = ["phase0/step1", "phase0/step2", "phase0/step3"].map(at);
    sandbox.lattice(&["new", &one, "--template", "step", "--no-push", "--no-switch"]).exits(0);
    let write = |text: &str| {
        victim.switch(&branch(&one));
        sandbox.write(&format!("{}/step.nix", dir(&one)), format!("{{ ... }}: throw \"{text}\"\n"));
        sandbox.git(&["commit", "-q", "-a", "-m", text]);
    };
    write("first");
    sandbox.lattice(&["next-step", &one, "--no-push", "--no-switch"]).exits(0);
    sandbox.lattice(&["next-step", &two, "--no-push", "--no-switch"]).exits(0);
    assert!(!victim.switch(&branch(&three)).contains(STEP));
    write("second");
    sandbox.lattice(&["restack", "--no-push"]).exits(0);
    let said = victim.switch(&branch(&three));
    assert!(!said.contains(STEP), "it was written here: {said}");
}
