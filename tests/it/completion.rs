//! Completion: what the program offers, and that real shells come to it.

mod install;
mod shells;

use serde_json::json;

use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch};

impl Sandbox {
    /// Adds the programs of the machine, which shells and `man` need.
    fn use_machine(&mut self) {
        self.prepend_path(std::path::Path::new("/usr/bin"));
    }

    /// What the words can become, one candidate each line with its help after a tab.
    fn completes(&self, words: &[&str]) -> String {
        let run = self.completion("work", words).exits(0);
        assert_eq!(run.stderr, "", "{words:?} should print nothing but candidates");
        run.stdout
    }

    fn completion(&self, dir: &str, words: &[&str]) -> Run {
        self.lattice_in(dir, &[&["complete", "fish", "--"], words].concat(), |command| command)
    }

    /// Asserts what the last word can become, in this order.
    #[track_caller]
    fn offers(&self, words: &[&str], candidates: &[&str]) {
        let found = self.completes(words);
        let found: Vec<_> = found.lines().map(|line| line.split('\t').next().unwrap()).collect();
        assert_eq!(found, candidates, "{words:?}");
    }

    /// Makes branches for points by refs alone.
    fn with_points(&self, points: impl IntoIterator<Item = String>) {
        let lines: Vec<_> =
            points.into_iter().map(|point| format!("create refs/heads/feature/{point} HEAD\n")).collect();
        let refs = self.path("refs");
        std::fs::write(&refs, lines.concat()).unwrap();
        let update = std::process::Command::new("git")
            .args(["update-ref", "--stdin"])
            .current_dir(self.work())
            .stdin(std::fs::File::open(refs).unwrap())
            .status();
        assert!(update.unwrap().success());
    }
}

/// Forty points, of two architectures and two phases.
fn forty() -> impl Iterator<Item = String> {
    let all = |arch: &'static str| (0..2).flat_map(move |phase| (1..=10).map(move |step| (arch, phase, step)));
    all("aarch64").chain(all("x86_64")).map(|(arch, phase, step)| format!("toolchain/{arch}/phase{phase}/step{step}"))
}

#[test]
fn commands_and_flags_complete_with_their_help() {
    let sandbox = Sandbox::new();
    sandbox.offers(&["ne"], &["new", "next-step"]);
    assert!(sandbox.completes(&["ne"]).contains("new\tMake points: "), "{}", sandbox.completes(&["ne"]));
    sandbox.offers(&["hooks", "un"], &["uninstall"]);
    sandbox.offers(&["show", "--j"], &["--json"]);
    sandbox.offers(&["completions", "n"], &["nushell"]);
    sandbox.offers(&["help", "prom"], &["promote", "prompt"]);
}

#[test]
fn many_points_complete_part_by_part() {
    let sandbox = Sandbox::new();
    sandbox.offers(&["show", "t"], &[]);
    sandbox.with_points(forty());
    sandbox.offers(&["show", ""], &["toolchain/aarch64/", "toolchain/x86_64/"]);
    let few: Vec<_> = forty().filter(|point| point.contains("x86_64")).collect();
    sandbox.offers(&["build", "toolchain/x"], &few.iter().map(String::as_str).collect::<Vec<_>>());
    sandbox.offers(&["show", "toolchain/x86_64/phase1/step10"], &["toolchain/x86_64/phase1/step10"]);
    sandbox.offers(&["show", "toolchain/*/p"], &["toolchain/*/phase0/", "toolchain/*/phase1/"]);
    sandbox.offers(&["show", "elsewhere/"], &[]);
    sandbox.git(&["pack-refs", "--all"]);
    sandbox.offers(&["build", "x", "too"], &["toolchain/aarch64/", "toolchain/x86_64/"]);
    sandbox.offers(&["log", "feature/too"], &["feature/toolchain/aarch64/", "feature/toolchain/x86_64/"]);
}

#[test]
fn points_of_the_remote_complete() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", &at("phase0/step1")]).exits(0);
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.git(&["branch", "-q", "-D", &branch(&at("phase0/step1"))]);
    sandbox.offers(&["show", ""], &[&at("phase0/step1")]);
    sandbox.offers(&["show", "origin/"], &[&format!("origin/{}", branch(&at("phase0/step1")))]);
}

#[test]
fn ids_of_notes_complete() {
    let sandbox = Sandbox::new();
    sandbox.with_points([at("phase0/step1"), at("phase0/step2")]);
    for step in ["phase0/step1", "phase0/step2"] {
        sandbox.lattice(&["note", &at(step), "-m", &format!("about {step}")]).exits(0);
    }
    let shown = sandbox.completes(&["note", &at("phase0/step2"), "--edit", "--id", ""]);
    let (id, help) = shown.trim_end().split_once('\t').unwrap();
    assert!(id.len() == 8 && help == "about phase0/step2", "{shown}");
    assert_eq!(
        sandbox.completes(&["note", "--remove", "--id", ""]).lines().count(),
        2,
        "without a point all notes fit"
    );
}

#[test]
fn switch_completes_points_and_words() {
    let sandbox = Sandbox::new();
    sandbox.offers(&["switch", "n"], &["next"]);
    sandbox.offers(&["switch", ""], &["up", "down", "first", "last", "next", "prev"]);
    sandbox.with_points([at("phase0/step1")]);
    sandbox.offers(&["switch", "t"], &[&at("phase0/step1")]);
    sandbox.offers(&["switch", "feature/"], &[&branch(&at("phase0/step1"))]);
    sandbox.offers(&["switch", "ma"], &["main"]);
    let flags = sandbox.completes(&["switch", "-"]);
    assert!(flags.lines().any(|line| line == "-") && flags.contains("--failed\t"), "{flags}");
}

#[test]
fn new_points_complete_before_they_exist() {
    let sandbox = Sandbox::new();
    sandbox.offers(&["new", ""], &["toolchain/aarch64/", "toolchain/x86_64/"]);
    sandbox.offers(&["new", "toolchain/x"], &["toolchain/x86_64/phase0/step1"]);
    sandbox.offers(&["new", "toolchain/aarch64+"], &["toolchain/aarch64+x86_64/"]);
    sandbox.with_points(forty());
    sandbox.offers(
        &["new", "toolchain/x86_64/"],
        &["phase0/", "phase1/", "phase2/"].map(|it| format!("toolchain/x86_64/{it}")).each_ref().map(String::as_str),
    );
    sandbox.offers(
        &["new", "toolchain/x86_64/phase1/step1"],
        &["step1", "step10", "step11"].map(|it| format!("toolchain/x86_64/phase1/{it}")).each_ref().map(String::as_str),
    );
}

#[test]
fn values_complete_on_every_axis() {
    let sandbox = Sandbox::new();
    sandbox.offers(&["status", "--arch", ""], &["aarch64", "x86_64"]);
    sandbox.offers(&["status", "--arch=x"], &["--arch=x86_64"]);
    sandbox.offers(&["status", "--arch", "x86_64,"], &["x86_64,aarch64"]);
    sandbox.offers(&["new", "--arch", "x86_64+a"], &["x86_64+aarch64"]);
    sandbox.offers(&["new", "--phase", ""], &["phase0"]);
    sandbox.with_points(["toolchain/aarch64/phase2/step3".to_owned()]);
    sandbox.offers(&["new", "--phase", ""], &["phase2", "phase3"]);
    sandbox.offers(&["show", "--step", ""], &["step3"]);
}

#[test]
fn values_of_own_axes_depend_on_the_chosen_phase() {
    let axes = "image = { set = [\"base\", \"web\"] }\nstage = { chain = [\"pre\", \"main\"] }\n\
                part = { chain = { pre = [\"fetch\", \"check\"], \"*\" = [\"compile\"] } }\n";
    let sandbox = Sandbox::with_toml(&format!(
        "base = \"main\"\nunknown = true\n[systems]\n\"*\" = \"x86_64-linux\"\n[axes]\n{axes}"
    ));
    sandbox.offers(&["new", "--image", ""], &["base", "web"]);
    sandbox.offers(&["new", "--stage", "pre", "--part", ""], &["fetch", "check"]);
    sandbox.offers(&["new", "--stage=main", "--part", ""], &["compile"]);
    sandbox.offers(&["new", "--part", ""], &["fetch", "check", "compile"]);
    sandbox.offers(&["new", "web/pre/"], &["web/pre/fetch", "web/pre/check"]);
    sandbox.offers(&["axis", "add", ""], &["image", "stage", "part"]);
    sandbox.offers(&["status", "--rows", "stage,"], &["stage,image", "stage,part"]);
    sandbox.offers(&["axis", "rename", "image", ""], &["base", "web"]);
    sandbox.offers(&["axis", "reorder", "stage", "main", "p"], &["pre"]);
    sandbox.offers(&["new", "--ar"], &[]);
}

#[test]
fn operations_templates_branches_and_remotes_complete() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", &at("phase0/step1"), "--no-switch"]).exits(0);
    let id = sandbox.lattice(&["ops", "--json"]).json()["operations"][0]["id"].as_str().unwrap().to_owned();
    sandbox.offers(&["undo", ""], &[&id]);
    assert!(
        sandbox.completes(&["undo", &id[..3]]).contains("\t2"),
        "the time and the command: {}",
        sandbox.completes(&["undo", ""])
    );
    sandbox.lattice(&["undo", &id]).exits(0);
    let undo = sandbox.lattice(&["ops", "--json"]).json()["operations"][0]["id"].as_str().unwrap().to_owned();
    sandbox.offers(&["undo", ""], &[&undo]);
    sandbox.offers(&["new", "--template", ""], &["config", "step", "nixpkgs", "rust"]);
    sandbox.offers(&["init", "--remote", ""], &["origin"]);
    sandbox.offers(&["init", "--base", "m"], &["main"]);
    sandbox.offers(&["init", "--arch", "aarch64,x8"], &["aarch64,x86_64"]);
    sandbox.offers(&["lint", "--from-ref", "m"], &["main"]);
}

#[test]
fn fields_of_a_format_complete() {
    let sandbox = Sandbox::new();
    sandbox.offers(&["list", "--format", "%(po"], &["%(point)"]);
    sandbox.offers(
        &["list", "--format", "%(point)%00%(s"],
        &["%(point)%00%(systems)", "%(point)%00%(state)", "%(point)%00%(step)"],
    );
    sandbox.offers(&["list", "--format=%(ph"], &["--format=%(phase)"]);
    let all = sandbox.completes(&["list", "--format", ""]);
    assert!(all.starts_with("%(point)\n") && all.contains("\n%(arch)\n"), "{all}");
    assert_eq!(sandbox.completes(&["list", "--format", "%"]), all);
    sandbox.offers(&["list", "--format", "$(touch x)%(po"], &[]);
    let print =
        |shell: &str, word: &str| sandbox.lattice(&["complete", shell, "--", "list", "--format", word]).exits(0).stdout;
    assert_eq!(print("bash", "'%(po"), "%(point)\n");
    assert!(print("bash", "").starts_with("'%(point)' \n"), "{}", print("bash", ""));
    assert_eq!(print("powershell", "=%(po"), "", "it would take the parentheses for code");
}

#[test]
fn names_that_a_shell_would_run_are_not_offered() {
    let sandbox = Sandbox::new();
    sandbox.git(&["branch", "other"]);
    for name in ["other;touch", "other$(touch)", "other`x`", "other|x", "other&x", "other'x"] {
        sandbox.git(&["branch", name]);
    }
    sandbox.offers(&["lint", "--from-ref", "o"], &["other"]);
}

#[test]
fn files_are_left_to_the_shell() {
    let sandbox = Sandbox::new();
    for words in [&["new", "--config", "R"][..], &["lint", ""], &["new", "--config=R"], &["man", "--install", ""]] {
        let run = sandbox.completion("work", words).exits(1);
        assert!(run.stdout.is_empty() && run.stderr.is_empty(), "{words:?}: {}{}", run.stdout, run.stderr);
    }
    sandbox.offers(&["lint", "--fi"], &["--fix"]);
}

#[test]
fn completion_is_silent_where_nothing_can_be_read() {
    let mut sandbox = Sandbox::without_lattice();
    let words = [
        &["new", ""][..],
        &["show", "x"],
        &["new", "--arch", ""],
        &["undo", "1"],
        &["axis", "add", ""],
        &["init", "--base", "z"],
    ];
    let check = |sandbox: &Sandbox, dir: &str| {
        for words in words {
            let run = sandbox.completion(dir, words).exits(0);
            assert_eq!(run.stderr, "", "{dir}: {words:?}");
            let is_static = |line: &str| line.starts_with("--") && line.contains('\t');
            assert!(run.stdout.lines().all(is_static), "{dir}: {words:?}: {}", run.stdout);
        }
        let run = sandbox.completion(dir, &["new", "--ar"]).exits(0);
        assert!(run.stdout.starts_with("--arch\t"), "the usual axes have flags: {}", run.stdout);
        let run = sandbox.completion(dir, &["new", "--template", "r"]).exits(0);
        assert_eq!(run.stdout, "rust\n");
    };
    check(&sandbox, "home");
    check(&sandbox, "work");
    sandbox.write("lattice.toml", "base = [\n");
    check(&sandbox, "work");
    sandbox.write(".git/HEAD", "nonsense\n");
    check(&sandbox, "work");
    sandbox.use_program("git", "#!/bin/sh\necho broken >&2\nexit 128\n");
    check(&sandbox, "home");
}

#[test]
fn completion_runs_no_program_and_writes_nothing() {
    let mut sandbox = Sandbox::new();
    sandbox.with_points(forty());
    sandbox.lattice(&["hooks", "install"]).exits(0);
    sandbox.git(&["remote", "set-url", "origin", "ssh://elsewhere/repository"]);
    let before = sandbox.state();
    for program in ["git", "nix", "ssh", "statix"] {
        sandbox.use_program(program, "#!/bin/sh\necho \"$0 $*\" >>\"$HOME/called\"\nexit 1\n");
    }
    for words in [
        &["show", ""][..],
        &["new", ""],
        &["new", "--phase", ""],
        &["undo", ""],
        &["sync", "t"],
        &["init", "--base", ""],
    ] {
        assert_eq!(sandbox.completion("work", words).exits(0).stderr, "", "{words:?}");
    }
    assert!(!sandbox.path("home/called").exists(), "{}", std::fs::read_to_string(sandbox.path("home/called")).unwrap());
    for program in ["git", "nix", "ssh", "statix"] {
        std::fs::remove_file(sandbox.path(&format!("bin-{program}/{program}"))).unwrap();
    }
    assert_eq!(sandbox.state(), before);
}

#[test]
fn each_shell_gets_its_own_form() {
    let sandbox = Sandbox::new();
    let print =
        |shell: &str, words: &[&str]| sandbox.lattice(&[&["complete", shell, "--"], words].concat()).exits(0).stdout;
    assert_eq!(print("bash", &["new", ""]), "toolchain/aarch64/\ntoolchain/x86_64/\n", "no space after a part");
    assert_eq!(print("bash", &["new", "--arch", "x"]), "x86_64 \n");
    assert_eq!(print("bash", &["new", "'toolchain/{aarch64,x"]), "toolchain/{aarch64,x86_64\n");
    assert_eq!(print("powershell", &["new", "--arch", "=x"]), "x86_64\n");
    assert_eq!(print("zsh", &["promo"]), print("elvish", &["promo"]));
    let found: serde_json::Value = serde_json::from_str(&print("nushell", &["new", "--arch", ""])).unwrap();
    let value = |value: &str| json!({ "value": value, "description": null });
    assert_eq!(found, json!([value("aarch64"), value("x86_64")]));
    assert_eq!(print("nushell", &["new", "--arch", "z"]), "[]\n");
    sandbox.lattice(&["complete", "cmd", "--", ""]).exits(2);
}

#[test]
fn scripts_of_shells_that_are_not_tested_ask_the_program() {
    let sandbox = Sandbox::without_lattice();
    let script = |shell: &str| sandbox.lattice(&["completions", shell]).exits(0).stdout;
    for (shell, parts) in [
        (
            "nushell",
            ["external.completer", "^git-lattice complete nushell --", "[\"git\" \"lattice\"]", "do $before $spans"],
        ),
        (
            "powershell",
            [
                "Register-ArgumentCompleter -Native -CommandName git-lattice",
                "-CommandName git ",
                "git-lattice complete powershell --",
                "[System.Management.Automation.CompletionResult]",
            ],
        ),
        (
            "elvish",
            ["arg-completer[git-lattice]", "arg-completer[git]", "git-lattice complete elvish --", "code-suffix"],
        ),
    ] {
        let script = script(shell);
        for part in parts {
            assert!(script.contains(part), "{shell} needs `{part}`:\n{script}");
        }
    }
    sandbox.lattice(&["completions", "cmd"]).exits(2).says_err("nushell");
    sandbox.lattice(&["completions"]).exits(2);
}
