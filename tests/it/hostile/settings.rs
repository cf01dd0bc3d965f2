//! A lattice.toml that arrives with a branch or a pull chooses nothing for a build that the user types.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use git_lattice::process::Cmd;

use super::victim::{FileChange, Victim};
use crate::nix_setup::every_nix;
use crate::sandbox::{Run, Sandbox};
use crate::story::{at, branch, chains, here, toml};

const KEYS: [&str; 4] = ["store", "builders", "substituters", "push-cache"];

/// Attributes that make a checkout differ from its blob while git calls it unchanged.
const ATTRIBUTES: [&str; 4] = ["eol=crlf", "ident", "filter=tidy", "working-tree-encoding=ISO-8859-1"];

/// A program that leaves a trace, in a folder without spaces, because a builder line cannot quote one.
struct TraceProgram {
    folder: tempfile::TempDir,
}

impl TraceProgram {
    fn new() -> Self {
        let program = Self { folder: tempfile::tempdir().unwrap() };
        let text = format!("#!/bin/sh\ntouch '{}'\nexit 1\n", program.trace().display());
        let path = program.folder.path().join("program");
        // A child process writes it, for the reason that `Scratch::program` gives.
        Cmd::new("sh").args(["-c", "cat >\"$1\"", "sh"]).arg(&path).stdin(text).read().unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    fn trace(&self) -> PathBuf {
        self.folder.path().join("trace")
    }

    fn was_run(&self) -> bool {
        self.trace().exists()
    }

    /// The value of a key that makes Nix run the program, without ssh.
    fn setting_value(&self, key: &str) -> String {
        let url = format!("ssh://localhost?remote-program={}/program", self.folder.path().display());
        if key == "builders" { format!("{url} {}-linux", here()) } else { url }
    }

    /// A lattice.toml with that value, and with text that the attributes change.
    fn lattice(&self, key: &str) -> String {
        let value = if key == "substituters" {
            format!("[{:?}]", self.setting_value(key))
        } else {
            format!("{:?}", self.setting_value(key))
        };
        let axes = chains("\"phase{n}\", from = 0", "\"step{n}\", from = 1");
        toml(&axes, &format!("# $Id$ \u{fc}\n[build]\n{key} = {value}\n"))
    }
}

/// A victim with this Nix and a filter, who has fetched an attacker's branch with this lattice.toml and these attributes.
fn with_foreign_branch(nix: &std::path::Path, attributes: &str, lattice: &str) -> Victim {
    let victim = Victim::new(Some(nix));
    victim.sandbox.git(&["config", "filter.tidy.smudge", "sed 's/$/ # tidy/'"]);
    victim.sandbox.git(&["config", "filter.tidy.clean", "sed 's/ # tidy$//'"]);
    let attributes = FileChange::Text(format!("lattice.toml {attributes}\n"));
    victim.receives_branch(
        "step",
        &[("/.gitattributes", attributes), ("/lattice.toml", FileChange::Text(lattice.to_owned()))],
    );
    victim
}

/// Switches to the branch, where lattice.toml differs from HEAD's blob although git calls it unchanged, and builds.
#[track_caller]
fn switch_and_build(victim: &Victim) -> Run {
    let sandbox = &victim.sandbox;
    victim.switch(&branch(&at("phase0/step1")));
    let blob = sandbox.try_git("work", &["cat-file", "blob", "HEAD:lattice.toml"]).stdout;
    assert_ne!(
        fs::read(sandbox.work().join("lattice.toml")).unwrap(),
        blob,
        "the checkout should differ from the blob"
    );
    assert_eq!(sandbox.git(&["status", "--porcelain"]), "", "git should call it unchanged");
    victim.build_by_hand()
}

#[test]
fn foreign_branch_chooses_no_machine_by_any_key() {
    for nix in every_nix() {
        for key in KEYS {
            let program = TraceProgram::new();
            let victim = with_foreign_branch(&nix, "eol=crlf", &program.lattice(key));
            switch_and_build(&victim).exits(0).says_out("built");
            assert!(!program.was_run(), "`{key}` of the branch should count for nothing");
        }
    }
}

#[test]
fn foreign_branch_chooses_no_machine_by_git_attributes() {
    for nix in every_nix() {
        for attributes in ATTRIBUTES {
            let program = TraceProgram::new();
            let victim = with_foreign_branch(&nix, attributes, &program.lattice("store"));
            switch_and_build(&victim).exits(0).says_out("built");
            assert!(!program.was_run(), "`{attributes}` should change nothing");
        }
    }
}

#[test]
fn foreign_branch_chooses_no_machine_under_autocrlf() {
    for nix in every_nix() {
        let program = TraceProgram::new();
        let victim = with_foreign_branch(&nix, "-ident", &program.lattice("store"));
        victim.sandbox.git(&["config", "core.autocrlf", "true"]);
        switch_and_build(&victim).exits(0).says_out("built");
        assert!(!program.was_run(), "line endings are no edit");
    }
}

/// `working-tree-encoding=ASCII//TRANSLIT` is not reversible, so git always calls a new checkout modified.
#[test]
fn modified_foreign_lattice_toml_is_no_user_edit() {
    for nix in every_nix() {
        let program = TraceProgram::new();
        let axes = chains("[\"mine\"]", "\"step{n}\", from = 1");
        let lattice = toml(&axes, &format!("# \u{fc}\n[build]\nstore = {:?}\n", program.setting_value("store")));
        let victim = with_foreign_branch(&nix, "-ident", &lattice);
        let sandbox = &victim.sandbox;
        let attributes = "lattice.toml working-tree-encoding=ASCII//TRANSLIT\n";
        fs::write(sandbox.path("stranger/.gitattributes"), attributes).unwrap();
        sandbox.git_in("stranger", &["commit", "-q", "-m", "encode", "--", ".gitattributes"]);
        sandbox.git_in("stranger", &["push", "-q", "origin", "HEAD"]);
        sandbox.git(&["fetch", "-q"]);
        victim.switch(&branch(&at("phase0/step1")));
        sandbox.git(&["rm", "-q", "--cached", "lattice.toml"]);
        sandbox.git(&["reset", "-q"]);
        assert!(sandbox.git(&["status", "--porcelain"]).contains("lattice.toml"), "git should call the file modified");
        victim.build_by_hand().exits(0).says_out("built");
        assert!(!program.was_run(), "no setting of it should count");
    }
}

#[test]
fn linked_foreign_lattice_toml_is_no_user_edit() {
    for nix in every_nix() {
        let program = TraceProgram::new();
        let victim = Victim::new(Some(&nix));
        let files = [
            ("/evil.toml", FileChange::Text(program.lattice("store"))),
            ("/lattice.toml", FileChange::Link("evil.toml".to_owned())),
        ];
        victim.receives_branch("step", &files);
        switch_and_build(&victim).exits(0).says_out("built");
        assert!(!program.was_run(), "the link's target should not count");
    }
}

/// Locking an input copies it into the store, where every user of the machine can read it.
#[test]
fn next_step_copies_no_folder_named_by_a_foreign_flake() {
    for nix in every_nix() {
        let victim = Victim::new(Some(&nix));
        let sandbox = &victim.sandbox;
        // Without spaces, which Nix 2.8 does not decode.
        let plain = sandbox.path("").parent().unwrap().join("plain");
        std::os::unix::fs::symlink(sandbox.path("secret"), &plain).unwrap();
        fs::write(sandbox.path("secret/flake.nix"), "{ outputs = _: { }; }").unwrap();
        let config = format!("[nix]\nnixpkgs_path = \"path:{}/\"\n", plain.display());
        victim.receives_branch("config", &[("config.toml", FileChange::Text(config))]);
        let next = ["next-step", &at("phase0/step1"), "--template", "nixpkgs", "--no-push", "--no-switch"];
        let run = sandbox.lattice(&next).exits(0).says_err("flake.lock` was not made");
        run.says_err("an input by path works on this machine only");
        victim.assert_nothing_escaped();
    }
}

/// An input names inputs of its own, and Nix copies those too while it locks.
#[test]
fn next_step_copies_no_folder_named_by_an_input() {
    for nix in every_nix() {
        let victim = Victim::new(Some(&nix));
        let sandbox = &victim.sandbox;
        // Without spaces, which Nix 2.8 does not decode.
        let plain = sandbox.path("").parent().unwrap().join("plain");
        std::os::unix::fs::symlink(sandbox.path("secret"), &plain).unwrap();
        let input = format!("inputs.x = {{ url = \"path:{}/.\"; flake = false; }};", plain.display());
        let url = serve(&tarball(sandbox, &format!("{{ {input} outputs = _: {{ }}; }}\n")));
        victim.receives_branch(
            "config",
            &[("config.toml", FileChange::Text(format!("[nix]\nnixpkgs_path = \"{url}\"\n")))],
        );
        let next = ["next-step", &at("phase0/step1"), "--template", "nixpkgs", "--no-push", "--no-switch"];
        sandbox.lattice(&next).exits(0).says_err("flake.lock` was not made");
        victim.assert_nothing_escaped();
    }
}

/// A packed flake.
fn tarball(sandbox: &Sandbox, flake: &str) -> Vec<u8> {
    let dir = sandbox.path("packed");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("flake.nix"), flake).unwrap();
    let output = std::process::Command::new("tar").args(["cz", "packed"]).current_dir(sandbox.path("")).output();
    output.unwrap().stdout
}

/// Serves these bytes over HTTP and returns the URL.
fn serve(bytes: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/packed.tar.gz", listener.local_addr().unwrap());
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
    let answer = [head.as_bytes(), bytes].concat();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let _request = client.read(&mut [0; 4096]);
            client.write_all(&answer).ok();
        }
    });
    url
}

/// A base branch with this in `[build]`, pulled by the victim, and a point of an attacker.
fn with_pulled_base(nix: &std::path::Path, lattice: &str) -> Victim {
    let victim = Victim::new(Some(nix));
    victim.receives_branch("step", &[]);
    let sandbox = &victim.sandbox;
    sandbox.git_in("stranger", &["switch", "-q", "main"]);
    fs::write(sandbox.path("stranger/lattice.toml"), lattice).unwrap();
    sandbox.git_in("stranger", &["commit", "-q", "-a", "-m", "machines for all"]);
    sandbox.git_in("stranger", &["push", "-q", "origin", "main"]);
    sandbox.git(&["pull", "-q", "--ff-only"]);
    victim.switch(&branch(&at("phase0/step1")));
    victim
}

#[test]
fn pulled_base_names_no_program() {
    for nix in every_nix() {
        for key in KEYS {
            let program = TraceProgram::new();
            let victim = with_pulled_base(&nix, &program.lattice(key));
            let refused = |run: Run| {
                let run = run.exits(2).says_err(&format!("could not use `[build] {key}` in lattice.toml"));
                run.says_err("`remote-program`").says_err(&format!("git config lattice.{key} VALUE"));
            };
            refused(victim.build_by_hand());
            refused(victim.sandbox.lattice(&["trust", "--settings", "--yes"]));
            refused(victim.build_by_hand());
            assert!(!program.was_run(), "`{key}` of the base branch should not run it");
            victim.sandbox.git(&["config", &format!("lattice.{key}"), ""]);
            victim.build_by_hand().exits(0);
            assert!(!program.was_run(), "the user's own setting should take precedence");
        }
    }
}

/// An entry that another program or a manual edit put into the ledger does not bypass the check.
#[test]
fn allowed_settings_still_name_no_program() {
    for nix in every_nix() {
        let program = TraceProgram::new();
        let victim = with_pulled_base(
            &nix,
            &program.lattice("store").replace(&program.setting_value("store"), "ssh-ng://far.invalid"),
        );
        let sandbox = &victim.sandbox;
        sandbox.lattice(&["trust", "--settings", "--yes"]).exits(0);
        let ledger = sandbox.path("home/.local/state/git-lattice/trust.json");
        let text = fs::read_to_string(&ledger).unwrap();
        fs::write(&ledger, text.replace("ssh-ng://far.invalid", &program.setting_value("store"))).unwrap();
        sandbox.git(&["switch", "-q", "main"]);
        sandbox.write("lattice.toml", program.lattice("store"));
        sandbox.git(&["commit", "-q", "-a", "-m", "another store"]);
        victim.build_by_hand().exits(2).says_err("`remote-program`");
        assert!(!program.was_run());
    }
}

#[test]
fn pulled_base_settings_need_permission() {
    for nix in every_nix() {
        let program = TraceProgram::new();
        let lattice = program.lattice("store").replace(&program.setting_value("store"), "ssh-ng://far.invalid");
        let victim = with_pulled_base(&nix, &lattice);
        let run = victim.build_by_hand().exits(0).says_out("built");
        let said = run.stderr.lines().filter(|line| line.contains("not used")).collect::<Vec<_>>();
        assert_eq!(
            said,
            [
                "not used: `store` under `[build]` in lattice.toml; `git lattice trust --settings` shows what is proposed, and allows it"
            ]
        );
        let run = victim.sandbox.lattice(&["build", &at("phase0/step1"), "--again", "--json"]).exits(0).json();
        assert_eq!(run["proposed"]["keys"][0], "store");
        assert_eq!(
            (&run["proposed"]["used"], &run["proposed"]["settings"][0]),
            (&false.into(), &"store = \"ssh-ng://far.invalid\"".into())
        );
        assert_eq!(run["proposed"]["command"], "git lattice trust --settings");
        assert!(run["results"][0].get("store").is_none(), "it should be built here: {run}");
    }
}

/// Control: the program is able to run, so the tests above can fail.
#[test]
fn own_git_configuration_does_run_the_program() {
    for nix in every_nix() {
        for key in KEYS {
            let program = TraceProgram::new();
            let victim = with_foreign_branch(&nix, "-ident", &toml(&chains("[\"x\"]", "\"step{n}\""), ""));
            victim.switch(&branch(&at("phase0/step1")));
            victim.sandbox.git(&["config", &format!("lattice.{key}"), &program.setting_value(key)]);
            victim.sandbox.lattice(&["build", &at("phase0/step1")]);
            assert!(program.was_run(), "`{key}` should be followed where the user says so");
        }
    }
}

#[test]
fn foreign_remote_is_no_option_and_no_url() {
    let sandbox = Sandbox::new();
    let text = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    for (key, value) in [
        ("remote", "--upload-pack=touch touched"),
        ("remote", "--receive-pack=evil"),
        ("remote", "ext::sh -c touch% touched"),
        ("remote", "https://evil.example.org/x.git"),
        ("remote", "../../evil"),
        ("remote", "-x"),
        ("base", "--upload-pack=x"),
        ("base", "main; touch touched"),
        ("base", "../tags/x"),
    ] {
        let old = if key == "remote" { "remote = \"origin\"" } else { "base = \"main\"" };
        assert!(text.contains(old));
        sandbox.write("lattice.toml", text.replace(old, &format!("{key} = {value:?}")));
        for args in [&["new", "--arch", here()][..], &["sync"], &["promote", "--to", "base"], &["build"]] {
            sandbox.lattice(args).exits(2).says_err(&format!("`{key}` is {value:?}, which is not a valid"));
        }
    }
    assert!(!sandbox.work().join("touched").exists());
}

#[test]
fn old_branch_sees_the_base_s_axes_under_autocrlf() {
    let sandbox = Sandbox::with_toml(&toml(&chains("[\"phase1\"]", "\"step{n}\""), ""));
    sandbox.lattice(&["new", &at("phase1/step1"), "--no-switch"]).exits(0);
    sandbox.write("lattice.toml", toml(&chains("[\"phase1\", \"phase2\"]", "\"step{n}\""), ""));
    sandbox.git(&["commit", "-q", "-a", "-m", "a phase more"]);
    sandbox.git(&["config", "core.autocrlf", "true"]);
    sandbox.git(&["switch", "-q", &branch(&at("phase1/step1"))]);
    assert!(fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap().contains("\r\n"));
    let new = ["new", "--arch", here(), "--phase", "phase2", "--no-push", "--no-switch"];
    sandbox.lattice(&new).exits(0).says_out("phase2/step1");
}

#[test]
fn uncommitted_edit_changes_axes_but_no_machine() {
    let mut sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    sandbox.forbid_nix();
    let text = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    let more = "[build]\nstore = \"ssh-ng://mine.invalid\"\n[promote]\nrequire = \"reproduced\"\n";
    for stage in [false, true] {
        sandbox.write(
            "lattice.toml",
            format!("{}\n{more}", text.replace("[\"toolchain\"]", "[\"toolchain\", \"other\"]")),
        );
        if stage {
            sandbox.git(&["add", "lattice.toml"]);
        }
        let run = sandbox.lattice(&["new", &at("phase0/step1").replace("toolchain", "other"), "--dry-run"]).exits(0);
        let warning = "takes effect only when it is committed on the base branch";
        run.says_err(&format!("`[build] store` {warning}")).says_err(&format!("`[promote]` {warning}"));
        let run = sandbox.lattice(&["build", &at("phase0/step1")]);
        assert!(!run.stderr.contains("mine.invalid") && !run.stderr.contains("not used"), "{}", run.stderr);
        let calls = fs::read_to_string(sandbox.path("nix-was-called")).unwrap();
        assert!(!calls.contains("mine.invalid"), "{calls}");
    }
    sandbox.record(&at("phase0/step1"), &format!("{}-linux", here()), "built");
    sandbox.lattice(&["promote", &at("phase0/step1"), "--no-push", "--no-switch"]).exits(0);
}
