//! Tools that are missing, or other programs of the same name.

use crate::sandbox::Sandbox;

const NEW: [&str; 4] = ["new", "--arch", "aarch64", "--no-switch"];

/// A clone with a point for this machine.
fn with_point() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", "--arch", std::env::consts::ARCH]).exits(0);
    sandbox
}

#[test]
fn missing_nix_stops_only_builds() {
    let sandbox = with_point();
    let run = sandbox.refused(&["build"]).exits(2).says_err("`nix` was not found");
    run.says_err("hint: ").says_err("nixos.org/download");
    sandbox.lattice(&["next-step", "--no-switch"]).exits(0).says_out("created");
    sandbox.lattice(&["status"]).exits(0).says_out("new");
}

#[test]
fn program_named_nix_that_is_not_nix_is_refused() {
    let mut sandbox = with_point();
    for script in [
        "#!/bin/sh\nexit 0\n",
        "#!/bin/sh\necho 'nix 7'\n",
        "#!/bin/sh\nexit 3\n",
        "#!/bin/sh\nhead -c 100000 /dev/zero\n",
        "#!/bin/sh\nkill -9 $$\n",
    ] {
        sandbox.use_program("nix", script);
        let run = sandbox.refused(&["build"]).exits(2).says_err("nix");
        assert!(!run.stderr.contains("panicked"), "{script}: {}", run.stderr);
        let state = sandbox.lattice(&["status", "--json"]).exits(0).json()["points"][0]["state"].clone();
        assert_eq!(state, "new", "{script}: a Nix that does not work is no verdict about the point");
    }
}

#[test]
fn false_answers_of_nix_make_no_point_green() {
    let mut sandbox = with_point();
    let settings = r#"{"system":{"value":"x86_64-linux"},"extra-platforms":{"value":["aarch64-linux"]}}"#;
    for end in [
        "exit 0",
        "echo '[]'",
        "echo 'null'",
        "echo '{}'",
        r#"echo '[{"drvPath":"x","outputs":{}}]'"#,
        "echo '[{'",
        "printf '\\377'",
    ] {
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *--version*) echo 'nix (Nix) 2.8.0';; *show*) echo '{settings}';; *) {end};; esac\n"
        );
        sandbox.use_program("nix", &script);
        let run = sandbox.lattice(&["build"]);
        assert!(run.code == 1 || run.code == 2, "{end}: nothing was built\n{}{}", run.stdout, run.stderr);
        let state = sandbox.lattice(&["status", "--json"]).exits(0).json()["points"][0]["state"].clone();
        assert_ne!(state, "built", "{end}: nothing was built");
    }
}

#[test]
fn missing_statix_is_reported_in_one_line() {
    let sandbox = Sandbox::new();
    let run = sandbox.lattice(&NEW).exits(0).says_err("checked by rnix, git-lattice, format; not by statix, deadnix\n");
    let lines: Vec<_> = run.stderr.lines().filter(|line| line.starts_with("not checked by statix")).collect();
    assert_eq!(lines.len(), 1, "the missing statix should be reported once: {}", run.stderr);
    assert!(lines[0].contains("nix profile install"), "{}", lines[0]);
    let json = sandbox.lattice(&["new", "--arch", "x86_64", "--no-switch", "--json"]).exits(0).json();
    assert!(json["unchecked"][0].as_str().unwrap().contains("statix"), "JSON should report it: {json}");
    assert!(!json["checked"].to_string().contains("statix"), "statix should not be listed as checked: {json}");
}

#[test]
fn other_program_named_statix_is_not_used() {
    let server = "#!/bin/sh\necho 'statix: a web server. Usage: statix [FOLDER]'\n";
    for script in [server, "#!/bin/sh\nexit 0\n", "#!/bin/sh\nexit 1\n", "#!/bin/sh\necho --stdin >&2; exit 2\n"] {
        let mut sandbox = Sandbox::new();
        sandbox.use_program("statix", script);
        let run =
            sandbox.lattice(&NEW).exits(0).says_err("not checked").says_err("of that name, not the linter for Nix");
        let lines = run.stderr.lines().filter(|line| line.starts_with("not checked by statix")).count();
        assert_eq!(lines, 1, "it should be reported in one line: {}", run.stderr);
    }
}

#[test]
fn failing_statix_does_not_count_as_a_pass() {
    let mut sandbox = Sandbox::new();
    sandbox.use_program(
        "statix",
        "#!/bin/sh\ncase $2 in --help) echo '--stdin errfmt';; *) echo boom >&2; exit 0;; esac\n",
    );
    let run = sandbox.lattice(&NEW).exits(0).says_err("was not checked by statix: it printed `boom`");
    let by = run.stderr.lines().find(|line| line.starts_with("checked by")).unwrap_or_default();
    assert!(by.contains("rnix") && !by.contains("statix"), "statix did not check: {}", run.stderr);
}

#[test]
fn missing_git_is_named() {
    let sandbox = Sandbox::new();
    let run = sandbox.lattice_in("work", &["status"], |command| command.env("PATH", "/nowhere")).exits(2);
    run.says_err("`git` was not found").says_err("hint: install git").says_err("GIT_LATTICE_GIT");
    let gone = sandbox.lattice_in("work", &NEW, |command| command.env("GIT_LATTICE_GIT", "/nowhere/git")).exits(2);
    gone.says_err("`/nowhere/git` was not found");
}

#[test]
fn git_output_is_parsed_in_the_c_locale() {
    let sandbox = Sandbox::new();
    sandbox.git(&["branch", "feature"]);
    let german = [("LANG", "de_DE.UTF-8"), ("LC_ALL", "de_DE.UTF-8"), ("LANGUAGE", "de")];
    let run = sandbox.lattice_in("work", &NEW, |command| command.envs(german)).exits(1);
    run.says_err("the branch `feature`");
}

#[test]
fn user_aliases_and_settings_change_nothing() {
    let sandbox = Sandbox::new();
    for (key, value) in [
        ("push.default", "nothing"),
        ("push.followTags", "true"),
        ("core.pager", "false"),
        ("color.ui", "always"),
        ("core.quotePath", "true"),
        ("status.showUntrackedFiles", "no"),
        ("log.showSignature", "true"),
        ("notes.rewriteRef", "refs/notes/*"),
        ("core.abbrev", "4"),
        ("advice.detachedHead", "true"),
        ("transfer.fsckObjects", "true"),
        ("core.logAllRefUpdates", "false"),
        ("push.recurseSubmodules", "on-demand"),
        ("core.fsync", "committed"),
        ("core.ignoreCase", "true"),
        ("core.autocrlf", "true"),
        ("i18n.commitEncoding", "ISO-8859-1"),
    ] {
        sandbox.git(&["config", "--global", key, value]);
    }
    sandbox.lattice(&["new", "--arch", "aarch64"]).exits(0).says_out("created").says_out("pushed");
    sandbox.lattice(&["next-step"]).exits(0).says_out("created").says_out("pushed");
    sandbox.lattice(&["status"]).exits(0).says_out("step2");
    sandbox.lattice(&["new", "--arch", "aarch64", "--step", "step1", "--no-switch"]).exits(0).says_out("unchanged");
    sandbox.git(&["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn statix_that_reads_nothing_does_not_count() {
    let mut sandbox = Sandbox::new();
    sandbox.use_program("statix", "#!/bin/sh\ncase $2 in --help) echo '--stdin errfmt json';; esac\nexit 0\n");
    let run = sandbox
        .lattice(&NEW)
        .exits(0)
        .says_err("not checked by statix")
        .says_err("reports nothing for a file with a known problem");
    assert!(
        !run.stderr.contains("checked by statix") || run.stderr.contains("not checked by statix"),
        "{}",
        run.stderr
    );
    let json = sandbox.lattice(&["lint", "--json", "--all"]).json();
    assert!(!json["checked"].to_string().contains("statix"), "{json}");
}

#[test]
fn statix_that_reports_another_file_does_not_count() {
    let mut sandbox = Sandbox::new();
    let document = r#"{"file":"other.nix","report":[]}"#;
    sandbox.use_program(
        "statix",
        &format!(
            "#!/bin/sh\ncase $2 in --help) echo '--stdin errfmt json'; exit;; esac\n\
             if grep -q 'a probe'; then echo '<stdin>>2:17:W:3:x'; exit 1; fi\necho '{document}'\n"
        ),
    );
    let run = sandbox.lattice(&NEW).exits(0);
    run.says_err("was not checked by statix: it looked at `other.nix`, which it was not given");
}
