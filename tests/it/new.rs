//! `git lattice new`: which points it makes, where they grow, what they hold, and what it does not touch.

use std::fs;

use crate::sandbox::Sandbox;
use crate::story::{at, branch, chains, dir, elsewhere, far, fields, here, texts, toml};

/// Installs a hook `event` in `dir` that writes its stdin into one file per call.
fn watch(sandbox: &Sandbox, dir: &str, event: &str, when: &str) {
    let calls = sandbox.path(&format!("calls-{event}"));
    fs::create_dir_all(&calls).unwrap();
    let script = format!("#!/bin/sh\n[ \"$1\" = '{when}' ] || exit 0\ncat >'{}'/$$\n", calls.display());
    write_hook(sandbox, dir, event, &script);
}

fn write_hook(sandbox: &Sandbox, dir: &str, event: &str, script: &str) {
    let hooks = sandbox.path(dir).join("hooks");
    fs::create_dir_all(&hooks).unwrap();
    fs::write(hooks.join(event), script).unwrap();
    sandbox.git_in(dir, &["config", "core.hooksPath", hooks.to_str().unwrap()]);
    fs::set_permissions(hooks.join(event), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

/// The lines of each recorded call.
fn calls(sandbox: &Sandbox, event: &str) -> Vec<Vec<String>> {
    let read = |entry: fs::DirEntry| fs::read_to_string(entry.path()).unwrap().lines().map(str::to_owned).collect();
    fs::read_dir(sandbox.path(&format!("calls-{event}"))).unwrap().map(|entry| read(entry.unwrap())).collect()
}

#[test]
fn defaults_are_the_only_value_or_first_of_a_chain() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--arch", here()]).exits(0).says_out("created").says_out(&branch(&at("phase0/step1")));
    assert_eq!(sandbox.git(&["symbolic-ref", "--short", "HEAD"]), branch(&at("phase0/step1")));
}

#[test]
fn ambiguous_axis_lists_its_values() {
    let sandbox = Sandbox::new();
    sandbox
        .lattice(&["new"])
        .exits(2)
        .says_err("axis `arch` needs a value, one of: ")
        .says_err("aarch64, x86_64")
        .says_err("--arch");
}

#[test]
fn flag_overrides_head_point_overrides_first_value() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--arch", "x86_64", "--phase", "phase2", "--no-push"]).exits(0);
    let run = sandbox.lattice(&["new", "--step", "step2", "--dry-run"]).exits(0);
    run.says_out("feature/toolchain/x86_64/phase2/step2");
    let run = sandbox.lattice(&["new", "--arch", "aarch64", "--dry-run"]).exits(0);
    run.says_out("feature/toolchain/aarch64/phase2/step1");
}

#[test]
fn point_can_be_named_by_path_or_branch() {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "toolchain/x86_64/phase1/step3", "--no-switch"]).exits(0);
    assert!(sandbox.has("toolchain/x86_64/phase1/step3"));
    let named = sandbox.lattice(&["new", "feature/toolchain/x86_64/phase1/step3", "--no-switch"]).exits(0);
    named.says_out("unchanged");
    sandbox.lattice(&["new", "toolchain/x86_64/phase1/step3", "--arch", "x86_64"]).exits(2).says_err("not both");
}

#[test]
fn several_points_use_one_transaction_and_one_push() {
    let sandbox = Sandbox::new();
    watch(&sandbox, "work/.git", "reference-transaction", "committed");
    watch(&sandbox, "remote.git", "pre-receive", "");
    let head = sandbox.git(&["symbolic-ref", "HEAD"]);
    sandbox.lattice(&["new", "--arch", "aarch64,x86_64"]).exits(0);
    let is_branch = |line: &&String| line.contains("refs/heads/feature/");
    let local: Vec<_> = calls(&sandbox, "reference-transaction")
        .iter()
        .map(|lines| lines.iter().filter(is_branch).count())
        .filter(|&count| count > 0)
        .collect();
    assert_eq!(local, [2], "one transaction should make both branches");
    let pushes: Vec<_> = calls(&sandbox, "pre-receive").iter().map(Vec::len).collect();
    assert_eq!(pushes, [2], "one push should bring both branches");
    assert_eq!(sandbox.git(&["symbolic-ref", "HEAD"]), head, "several points should not switch");
}

#[test]
fn all_archs_makes_a_point_per_architecture() {
    let sandbox = Sandbox::new();
    let made = sandbox.lattice(&["new", "--all-archs", "--json"]).exits(0).json();
    let expected = ["toolchain/aarch64/phase0/step1", "toolchain/x86_64/phase0/step1"];
    assert_eq!(fields(&made["created"], "point"), expected);
    assert!(expected.iter().all(|point| sandbox.remote_has(point)), "both should be pushed: {made}");
}

#[test]
fn refused_push_is_atomic_and_can_be_repeated() {
    let sandbox = Sandbox::new();
    let refuse = format!("#!/bin/sh\ncase $1 in */{}/*) echo 'not this one' >&2; exit 1 ;; esac\n", elsewhere());
    write_hook(&sandbox, "remote.git", "update", &refuse);
    let run = sandbox.lattice(&["new", "--all-archs"]).exits(1);
    run.says_err("the push failed").says_out("not pushed");
    let points = [at("phase0/step1"), far("phase0/step1")];
    assert!(points.iter().all(|point| sandbox.has(point)), "the points should exist here");
    assert!(!points.iter().any(|point| sandbox.remote_has(point)), "a push should be all or nothing");

    fs::remove_file(sandbox.path("remote.git/hooks/update")).unwrap();
    let again = sandbox.lattice(&["new", "--all-archs", "--json"]).exits(0).json();
    assert_eq!(fields(&again["unchanged"], "point").len(), 2, "{again}");
    assert!(points.iter().all(|point| sandbox.remote_has(point)), "both should be on the remote now");
}

#[test]
fn config_is_kept_byte_for_byte() {
    let sandbox = Sandbox::new();
    let text = "# über\r\n[rust]\nversion = '1.83'  \n\t\nraw = '''${x} \\ '' \"'''\n[other]\nlist=[1,\n2]";
    fs::write(sandbox.path("home/step.toml"), text).unwrap();
    sandbox.lattice(&["new", "--arch", "aarch64", "--config", "../home/step.toml", "--no-switch"]).exits(0);
    let path = "flakes/toolchain/aarch64/phase0/step1/config.toml";
    assert_eq!(sandbox.bytes("feature/toolchain/aarch64/phase0/step1", path), text.as_bytes());
}

#[test]
fn config_can_come_from_stdin_even_if_empty() {
    for text in ["a = 1", ""] {
        let sandbox = Sandbox::new();
        let args = ["new", "--arch", "aarch64", "--config", "-", "--no-switch", "--no-push"];
        sandbox.lattice_in("work", &args, |command| command.write_stdin(text)).exits(0);
        let path = "flakes/toolchain/aarch64/phase0/step1/config.toml";
        assert_eq!(sandbox.bytes("feature/toolchain/aarch64/phase0/step1", path), text.as_bytes());
    }
}

#[test]
fn config_path_is_relative_to_the_current_directory() {
    let sandbox = Sandbox::new();
    sandbox.write("deep/step.toml", "deep = true\n");
    let args = ["new", "--arch", "aarch64", "--config", "step.toml", "--no-switch", "--no-push"];
    sandbox.lattice_in("work/deep", &args, |command| command).exits(0);
    let path = "flakes/toolchain/aarch64/phase0/step1/config.toml";
    assert_eq!(sandbox.bytes("feature/toolchain/aarch64/phase0/step1", path), b"deep = true\n");
}

#[test]
fn older_generator_keys_are_understood() {
    let sandbox = Sandbox::new();
    sandbox.write("step.toml", "[nix]\nnixpkgs_path = \"path:/x\"\nodd = 1\n");
    let args = ["new", "--arch", "x86_64", "--phase", "phase0", "--step", "step1", "--config-path", "step.toml"];
    sandbox.lattice(&args).exits(0);
    let path = "flakes/toolchain/x86_64/phase0/step1/config.toml";
    let text = b"[nix]\nnixpkgs_path = \"path:/x\"\nodd = 1\n";
    assert_eq!(sandbox.bytes("HEAD", path), text, "unknown keys should be kept");
}

#[test]
fn template_is_chosen_by_name() {
    let sandbox = Sandbox::new();
    let point = at("phase0/step1");
    sandbox.lattice(&["new", &point, "--template", "step", "--no-switch"]).exits(0).says_out("step.nix");
    let flake = String::from_utf8(sandbox.bytes(&branch(&point), &format!("{}/flake.nix", dir(&point)))).unwrap();
    assert!(flake.contains("template `step`"), "{flake}");
    let run = sandbox.lattice(&["new", &at("phase0/step2"), "--template", "stair"]).exits(2);
    run.says_err("stair").says_err("config").says_err("nixpkgs").says_err("rust");
}

#[test]
fn template_in_lattice_toml_is_the_default() {
    let text = toml(&chains("[\"phase0\"]", "\"step{n}\""), "template = \"step\"");
    let sandbox = Sandbox::with_toml(&text);
    let made = sandbox.lattice(&["new", "--arch", here(), "--json", "--no-switch"]).exits(0).json();
    assert_eq!(made["created"][0]["template"], "step");
}

#[test]
fn no_push_and_no_switch_are_honoured() {
    let sandbox = Sandbox::new();
    let point = at("phase0/step1");
    let run = sandbox.lattice(&["new", &point, "--no-push", "--no-switch"]).exits(0);
    run.says_out("not pushed");
    assert!(sandbox.has(&point) && !sandbox.remote_has(&point));
    assert_eq!(sandbox.git(&["symbolic-ref", "--short", "HEAD"]), "main");
}

#[test]
fn dry_run_writes_nothing_not_even_an_object() {
    let sandbox = Sandbox::new();
    let objects = || sandbox.git(&["count-objects", "-v"]);
    let before = (sandbox.state(), objects());
    let planned = sandbox.lattice(&["new", "--all-archs", "--dry-run", "--json"]).exits(0).json();
    sandbox.lattice(&["new", &at("phase0/step1"), "--dry-run"]).exits(0).says_out("would create").says_out("flake.nix");
    assert_eq!((sandbox.state(), objects()), before);
    assert_eq!(planned["dry_run"], true);
    assert!(!sandbox.remote_has(&at("phase0/step1")), "nothing should be pushed");
    let made = sandbox.lattice(&["new", "--all-archs", "--json"]).exits(0).json();
    assert_eq!(
        fields(&planned["created"], "commit"),
        fields(&made["created"], "commit"),
        "the dry run should match the result"
    );
}

#[test]
fn json_has_the_documented_fields() {
    let sandbox = Sandbox::new();
    let point = at("phase0/step1");
    let made = sandbox.lattice(&["new", &point, "--json", "--no-push", "--no-switch"]).exits(0).json();
    assert_eq!((&made["version"], made["unchanged"].as_array().unwrap().len()), (&1.into(), 0));
    let one = &made["created"][0];
    assert_eq!(one["point"], point);
    assert_eq!(one["branch"], branch(&point));
    assert_eq!(one["commit"], sandbox.commit(&branch(&point)));
    assert_eq!(one["flake"], dir(&point));
    assert_eq!(one["pushed"], false);
    let again = sandbox.lattice(&["new", &point, "--json", "--no-switch"]).exits(0).json();
    assert_eq!((again["created"].as_array().unwrap().len(), &again["unchanged"][0]["pushed"]), (0, &true.into()));
}

#[test]
fn unchecked_files_are_reported() {
    let sandbox = Sandbox::new();
    let run = sandbox.lattice(&["new", &at("phase0/step1"), "--no-switch"]).exits(0);
    run.says_err("checked by rnix").says_err("not checked by statix");
    let made = sandbox.lattice(&["new", &far("phase0/step1"), "--no-switch", "--json"]).exits(0).json();
    assert!(texts(&made["unchecked"]).concat().contains("statix"), "{made}");
}

#[test]
fn stdout_holds_only_json() {
    let sandbox = Sandbox::new();
    let run = sandbox.lattice(&["new", "--arch", here(), "--json"]).exits(0);
    assert!(run.stdout.starts_with('{') && run.stdout.ends_with("}\n"), "{}", run.stdout);
}

#[test]
fn remote_only_point_is_unchanged_and_switched_to() {
    let sandbox = Sandbox::new();
    let one = at("phase0/step1");
    sandbox.lattice(&["new", &one, "--no-switch"]).exits(0);
    let colleague = sandbox.colleague();
    sandbox.lattice_in(colleague, &["new", &one], |command| command).exits(0).says_out("unchanged");
    assert_eq!(sandbox.git_in(colleague, &["symbolic-ref", "--short", "HEAD"]), branch(&one));
    assert_eq!(sandbox.git_in(colleague, &["rev-parse", "HEAD"]), sandbox.commit(&branch(&one)));
}

#[test]
fn braces_and_stars_name_several_points() {
    let sandbox = Sandbox::new();
    let made = sandbox.lattice(&["new", "toolchain/{aarch64,x86_64}/phase0/step1", "--json"]).exits(0).json();
    assert_eq!(made["created"].as_array().unwrap().len(), 2);
    let made = sandbox.lattice(&["new", "*/*/phase0/step2", "--json"]).exits(0).json();
    assert_eq!(made["created"].as_array().unwrap().len(), 2);
}

#[test]
fn commit_changes_only_its_directory_and_has_trailers() {
    let sandbox = Sandbox::new();
    let point = at("phase0/step1");
    sandbox.points(&[&point]);
    let changed = sandbox.git(&["diff", "--name-only", &format!("main..{}", branch(&point))]);
    assert_eq!(changed, format!("{0}/config.toml\n{0}/flake.nix", dir(&point)));
    let message = sandbox.git(&["log", "-1", "--format=%B", &branch(&point)]);
    let config = sandbox.git(&["rev-parse", &format!("{}:{}/config.toml", branch(&point), dir(&point))]);
    for line in [
        format!("Lattice-Point: {point}"),
        "Lattice-Template: config@".to_owned(),
        format!("Lattice-Config: {}", &config[..12]),
        format!("Lattice-Generator: git-lattice {}", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(message.lines().any(|it| it.starts_with(&line)), "`{line}` should be a trailer:\n{message}");
    }
    let trailers = sandbox.git(&["log", "-1", "--format=%(trailers:only,keyonly)", &branch(&point)]);
    assert_eq!(trailers.lines().count(), 4, "git should parse the trailers: {trailers}");
}

#[test]
fn repeated_command_changes_nothing() {
    let sandbox = Sandbox::new();
    let point = at("phase0/step1");
    sandbox.lattice(&["new", &point, "--no-switch"]).exits(0);
    let before = (sandbox.state(), sandbox.git(&["count-objects", "-v"]));
    let later = |command: &mut assert_cmd::Command| {
        command.env("GIT_COMMITTER_DATE", "2027-01-01T00:00:00Z");
    };
    let run = sandbox.lattice_in("work", &["new", &point, "--no-switch"], |command| {
        later(command);
        command
    });
    run.exits(0).says_out("unchanged");
    assert_eq!(
        (sandbox.state(), sandbox.git(&["count-objects", "-v"])),
        before,
        "there should be no new commit or ref"
    );
}

#[test]
fn same_input_gives_the_same_tree() {
    let tree = || {
        let sandbox = Sandbox::new();
        sandbox.points(&[&at("phase0/step1"), &at("phase0/step2")]);
        sandbox.git(&["rev-parse", &format!("{}^{{tree}}", branch(&at("phase0/step2")))])
    };
    assert_eq!(tree(), tree());
}

#[test]
fn repeated_command_pushes_an_unpushed_point() {
    let sandbox = Sandbox::new();
    let point = at("phase0/step1");
    sandbox.lattice(&["new", &point, "--no-push", "--no-switch"]).exits(0);
    let commit = sandbox.commit(&branch(&point));
    sandbox.lattice(&["new", &point, "--no-switch"]).exits(0).says_out("unchanged").says_out("pushed");
    let there = sandbox.git_in("remote.git", &["rev-parse", &branch(&point)]);
    assert_eq!(
        (there, sandbox.commit(&branch(&point))),
        (commit.clone(), commit),
        "HEAD, index and worktree should not change"
    );
}

#[test]
fn no_switch_keeps_head_index_and_worktree() {
    let sandbox = Sandbox::new();
    sandbox.write("staged", "mine\n");
    sandbox.git(&["add", "staged"]);
    sandbox.write("staged", "mine, later\n");
    sandbox.write("README", "changed\n");
    sandbox.write("untracked", "x\n");
    sandbox.write("flakes/untracked", "x\n");
    let state = || {
        let refs = sandbox.git(&["for-each-ref", "refs/heads/main", "refs/tags"]);
        let index = sandbox.git(&["ls-files", "-s"]);
        [refs, index, sandbox.git(&["status", "--porcelain=v2", "-b", "-uall"]), sandbox.git(&["diff"])]
    };
    let before = state();
    sandbox.lattice(&["new", "--all-archs", "--no-switch"]).exits(0);
    assert_eq!(state(), before);
    let files = sandbox.git(&["ls-tree", "-r", "--name-only", &branch(&at("phase0/step1"))]);
    assert!(
        !files.contains("staged") && !files.contains("untracked"),
        "the user's files should not be committed:\n{files}"
    );
    assert_eq!(sandbox.git(&["show", &format!("{}:README", branch(&at("phase0/step1")))]), "a project");
}

#[test]
fn switching_carries_local_changes_as_git_does() {
    let sandbox = Sandbox::new();
    sandbox.write("staged", "mine\n");
    sandbox.git(&["add", "staged"]);
    sandbox.write("README", "changed\n");
    sandbox.lattice(&["new", "--arch", here()]).exits(0);
    assert_eq!(sandbox.git(&["symbolic-ref", "--short", "HEAD"]), branch(&at("phase0/step1")));
    assert_eq!(sandbox.git(&["status", "--porcelain"]), " M README\nA  staged");
    assert!(sandbox.work().join(dir(&at("phase0/step1"))).join("flake.nix").exists());
}

#[test]
fn phase_with_own_steps_starts_at_its_first() {
    let steps = "{ phase0 = [\"fetch\", \"make\"], \"*\" = [\"check\"] }";
    let sandbox = Sandbox::with_toml(&toml(&chains("\"phase{n}\", from = 0", steps), ""));
    sandbox.lattice(&["new", &at("phase0/make"), "--no-push"]).exits(0);
    sandbox.lattice(&["new", "--phase", "phase1", "--no-push"]).exits(0).says_out(&at("phase1/check"));
    sandbox.lattice(&["new", "--arch", elsewhere(), "--no-push"]).exits(0).says_out(&far("phase1/check"));
}

#[test]
fn axis_named_like_a_flag_does_not_shadow_it() {
    let axes = "template = { set = [\"a\", \"b\"] }\nstep = { chain = \"step{n}\" }";
    let sandbox = Sandbox::with_toml(&toml(axes, "[systems]\n\"*\" = \"x86_64-linux\""));
    sandbox.lattice(&["new", "b/step1", "--template", "config", "--no-switch"]).exits(0);
    assert_eq!(sandbox.state_of("b/step1"), "new");
}

/// A working statix that runs `look` for each file.
fn statix(look: &str) -> String {
    format!(
        "#!/bin/sh\ncase $* in\n'check --help') echo 'Usage: statix check --format errfmt --stdin' ;;\n\
         --version) echo 'statix 0.5.8' ;;\n\
         *) if grep -q 'a probe'; then echo '<stdin>>1:3:W:4:this is odd'; exit 1; fi\n{look} ;;\nesac\n"
    )
}

#[test]
fn broken_statix_is_named_and_stops_no_point() {
    let mut sandbox = Sandbox::new();
    sandbox.use_program("statix", &statix("echo rubbish; exit 3"));
    let why = "was not checked by statix: its output was not understood: `rubbish`";
    let run = sandbox.lattice(&["new", &at("phase0/step1"), "--no-switch"]).exits(0).says_out("created");
    let run = run.says_err("checked by rnix").says_err(why);
    assert!(!run.stderr.contains("fault of git-lattice"), "{}", run.stderr);
    let toml = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", format!("{toml}[lint]\nrequire = [\"statix\"]\n"));
    let run = sandbox.refused(&["new", &far("phase0/step1"), "--no-switch"]).exits(2);
    run.says_err("error: lattice.toml requires the linter statix, which did not run: its output was not understood");
}

#[test]
fn generated_text_is_linted_once_before_refs_move() {
    let mut sandbox = Sandbox::new();
    let looks = sandbox.path("looks");
    // The second check of the same text fails: by then the branch existed, and the command ended with an error.
    let look = format!("echo look >> '{0}'; [ $(wc -l < '{0}') = 1 ] || exit 3", looks.display());
    sandbox.use_program("statix", &statix(&look));
    sandbox.lattice(&["new", "--arch", "aarch64", "--template", "config"]).exits(0);
    assert_eq!(fs::read_to_string(&looks).unwrap(), "look\n");
}

#[test]
fn nixpkgs_by_path_is_a_warning_and_no_bug() {
    let sandbox = Sandbox::new();
    sandbox.write("step.toml", "[nix]\nnixpkgs_path = \"path:/opt/nixpkgs\"\n");
    let args =
        ["new", &at("phase0/step1"), "--template", "nixpkgs", "--config", "step.toml", "--no-push", "--no-switch"];
    let run = sandbox.lattice(&[&args[..], &["--dry-run"]].concat()).exits(0);
    run.says_err("warning: `nix.nixpkgs_path` in config.toml: an input by path works on this machine only");
    let made = sandbox.lattice(&[&args[..], &["--json"]].concat()).exits(0).json();
    let warnings = made["warnings"].to_string();
    assert!(warnings.contains("nix.nixpkgs_path") && warnings.contains("L18"), "{made:#}");
    assert!(sandbox.has(&at("phase0/step1")));
}
