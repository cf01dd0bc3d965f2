//! Trouble that keeps Nix from building is no statement about the content: exit code 2, a remedy, no record.

use std::fs;

use serde_json::Value;

use super::shared::{other_system, step, with_script, with_step};
use super::sshd::Sshd;
use crate::mounted::Mounted;
use crate::nix_setup::every_nix;
use crate::sandbox::{Run, Sandbox};
use crate::story::{at, far, fields};

const HELLO_SCRIPT: &str = "echo hello >$out";

impl Sandbox {
    /// Changes the scripts that wrap `nix` and `nix-store`.
    fn change_nix(&self, from: &str, to: &str) {
        for name in ["nix", "nix-store"] {
            let path = self.path(&format!("nix/bin/{name}"));
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{text}");
            fs::write(&path, text.replace(from, to)).unwrap();
        }
    }

    /// Builds the first point, which must end without a verdict.
    #[track_caller]
    pub(super) fn assert_no_verdict(&self) -> Run {
        let run = self.lattice(&["build", &at("phase0/step1")]).exits(2).says_err("could not build");
        assert_eq!(self.records(), Vec::<Value>::new(), "trouble leaves no record: {}", run.stderr);
        assert_eq!(self.state_of(&at("phase0/step1")), "new");
        run
    }
}

/// Writes a file of the store's database before Nix does.
fn write_store_file(sandbox: &Sandbox, file: &str, text: &str) {
    let path = sandbox.path("nix/store/nix/var/nix").join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn damaged_store_database_is_no_verdict() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, HELLO_SCRIPT);
        write_store_file(&sandbox, "db/schema", "");
        sandbox.assert_no_verdict().says_err("is corrupt").says_err("hint: the store's database is damaged");
    }
}

#[test]
fn store_of_a_newer_nix_is_no_verdict() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, HELLO_SCRIPT);
        write_store_file(&sandbox, "db/schema", "99");
        sandbox.assert_no_verdict().says_err("hint: a newer Nix created this store");
    }
}

#[test]
fn unwritable_store_is_no_verdict() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, HELLO_SCRIPT);
        let Some(_mounted) = Mounted::tmpfs(&sandbox.path("nix/store"), "ro") else { return };
        sandbox.assert_no_verdict().says_err("Read-only file system").says_err("hint: the store cannot be written");
    }
}

#[test]
fn full_store_is_no_verdict() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, HELLO_SCRIPT);
        let Some(_mounted) = Mounted::tmpfs(&sandbox.path("nix/store"), "size=100k") else { return };
        sandbox.assert_no_verdict();
    }
}

#[test]
fn unknown_store_type_is_no_verdict() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, HELLO_SCRIPT);
        sandbox.change_nix("NIX_REMOTE=\"local?root=$home/store\"", "NIX_REMOTE=strange://there");
        let run = sandbox.lattice(&["build", &at("phase0/step1")]).exits(2);
        run.says_err("strange").says_err("hint: `NIX_REMOTE`");
        assert_eq!(sandbox.records(), Vec::<Value>::new());
    }
}

#[test]
fn missing_build_users_are_no_verdict() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, HELLO_SCRIPT);
        sandbox.configure_nix("build-users-group = no-such-group");
        sandbox.assert_no_verdict().says_err("no-such-group").says_err("hint: `build-users-group` in nix.conf");
        let doctor = sandbox.lattice(&["doctor", "--offline"]);
        doctor.says_out("nothing can be built here: the group 'no-such-group'").says_out("build-users-group =");
    }
}

#[test]
fn missing_sandbox_shell_is_no_verdict() {
    for nix in every_nix() {
        for paths in ["", "/bin/sh=/no/such/busybox"] {
            let sandbox = with_script(&nix, HELLO_SCRIPT);
            sandbox.configure_nix(&format!("sandbox-paths = {paths}"));
            sandbox.assert_no_verdict().says_err("hint: ").says_err("sandbox-paths");
            let doctor = sandbox.lattice(&["doctor", "--offline"]);
            assert_eq!(doctor.stdout.contains("has no `/bin/sh`"), paths.is_empty(), "{}", doctor.stdout);
        }
    }
}

#[test]
fn missing_temporary_folder_is_no_verdict() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, HELLO_SCRIPT);
        sandbox.change_nix("export NIX_USER", "export TMPDIR=/no/such/folder NIX_USER");
        let run = sandbox.lattice(&["build", &at("phase0/step1")]);
        assert!(run.code == 0 || run.code == 2, "a build may need no shell: {}", run.stderr);
        assert!(!fields(&sandbox.records().into(), "verdict").contains(&"failed"), "{}", run.stderr);
    }
}

#[test]
fn killed_builder_is_no_verdict() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, "sh -c 'kill -9 $$'; exit $?");
        sandbox.assert_no_verdict().says_err("exit code 137").says_err("hint: memory may be short");
    }
}

#[test]
fn builder_ended_by_sigterm_is_no_verdict() {
    for nix in every_nix() {
        with_script(&nix, "sh -c 'kill -TERM $$'; exit $?").assert_no_verdict().says_err("exit code 143");
    }
}

/// A source from an unreachable server, or with a wrong hash.
fn source(url: &str) -> String {
    format!(
        "{{ ... }}:\nderivation {{ name = \"source\"; system = \"builtin\"; builder = \"builtin:fetchurl\"; url = \"{url}\"; urls = [ \"{url}\" ];\n\
         outputHashMode = \"flat\"; outputHashAlgo = \"sha256\"; outputHash = \"sha256-HDfQGvQL4ugGkd48w99EN3ppmvuxfGjwgJZLL9Bx/BM=\";\n\
         executable = false; unpack = false; preferLocalBuild = true; }}\n"
    )
}

#[test]
fn unreachable_source_is_no_verdict() {
    for nix in every_nix() {
        let sandbox = with_step(&nix, &at("phase0/step1"), &source("http://127.0.0.1:1/x"));
        sandbox.configure_nix("download-attempts = 1");
        sandbox.assert_no_verdict().says_err("`source` could not be fetched").says_err("hint: check the network");
    }
}

#[test]
fn hash_mismatch_shows_both_hashes() {
    for nix in every_nix() {
        let fixed = "outputHashMode = \"flat\"; outputHashAlgo = \"sha256\"; outputHash = \"sha256-HDfQGvQL4ugGkd48w99EN3ppmvuxfGjwgJZLL9Bx/BM=\";";
        let text = super::shared::step_with(fixed, "echo a login page >$out");
        let sandbox = with_step(&nix, &at("phase0/step1"), &text);
        sandbox
            .assert_no_verdict()
            .says_err("specified: sha256-HDfQGvQL")
            .says_err("got: sha256-")
            .says_err("hint: check what the URL");
    }
}

#[test]
fn killed_nix_is_not_recorded_as_cancelled() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, HELLO_SCRIPT);
        let path = sandbox.path("nix/bin/nix-store");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("exec ", "kill -9 $$; exec ")).unwrap();
        sandbox.assert_no_verdict().says_err("nix was killed (signal 9)");
    }
}

#[test]
fn trouble_with_one_point_keeps_other_results() {
    for nix in every_nix() {
        let sandbox = with_step(&nix, &at("phase0/step1"), &source("http://127.0.0.1:1/x"));
        sandbox.configure_nix("download-attempts = 1\nmax-jobs = 4");
        for (place, script) in [("phase1/step1", "exit 3"), ("phase2/step1", HELLO_SCRIPT)] {
            sandbox.lattice(&["new", &at(place), "--template", "step", "--no-push", "--no-switch"]).exits(0);
            sandbox.commit_to(&at(place), &[("step.nix", &step(script))]);
        }
        let all = format!("*/{}/*/*", crate::story::here());
        let run = sandbox.lattice(&["build", &all, "--json"]).exits(2).says_out("could not be fetched");
        let told = run.json();
        assert_eq!(told["undecided"][0]["point"], at("phase0/step1").as_str(), "{told}");
        let mut verdicts = fields(&told["results"], "verdict");
        verdicts.sort_unstable();
        assert_eq!(verdicts, ["built", "failed"], "{told}");
        assert_eq!(sandbox.records().len(), 2);
    }
}

#[test]
fn output_of_a_builder_fails_no_other_point() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, "sh -c 'kill -9 $$'; exit $?");
        sandbox.configure_nix("max-jobs = 4");
        let point = at("phase0/step1");
        sandbox.lattice(&["build", &point]).exits(2);
        let log = sandbox.logs();
        let drv = log.split('\'').find(|word| word.strip_suffix(".drv").is_some()).unwrap().to_owned();
        let fake = format!(
            "echo '@nix {{\"action\":\"msg\",\"level\":0,\"msg\":\"error: builder for '\"'{drv}'\"' failed with exit code 7\"}}'; echo >$out"
        );
        sandbox.lattice(&["new", &at("phase1/step1"), "--template", "step", "--no-push", "--no-switch"]).exits(0);
        sandbox.commit_to(&at("phase1/step1"), &[("step.nix", &step(&fake).replace("''\"'", "''\\\"'"))]);
        sandbox.lattice(&["build", &point, &at("phase1/step1")]).exits(2);
        assert!(!fields(&sandbox.records().into(), "verdict").contains(&"failed"), "{:?}", sandbox.records());
    }
}

#[test]
fn concurrent_store_creation_fails_no_build() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, HELLO_SCRIPT);
        let points: Vec<_> = (1..=8).map(|n| at(&format!("phase1/step{n}"))).collect();
        points.iter().for_each(|point| sandbox.points(&[point]));
        std::thread::scope(|scope| {
            let run = |point: &'_ String| {
                let (sandbox, point) = (&sandbox, point.clone());
                scope.spawn(move || sandbox.lattice(&["build", &point]))
            };
            let all: Vec<_> = points.iter().map(run).collect();
            all.into_iter().for_each(|run| drop(run.join().unwrap()));
        });
        assert!(!fields(&sandbox.records().into(), "verdict").contains(&"failed"), "{:?}", sandbox.records());
    }
}

#[test]
fn remote_builder_exit_status_is_known() {
    let sshd = Sshd::start();
    for (index, (nix, there)) in super::shared::every_pair().into_iter().enumerate() {
        let machine = sshd.machine(&format!("ends{index}"), &there, Some(&other_system()));
        let one = far("phase0/step1");
        let line = machine.line(&other_system());
        let sandbox = with_step(&nix, &one, &step("echo broken; exit 4"));
        sandbox.lattice_over_ssh(&sshd, &["build", &one, "--builders", &line]).exits(1).says_out("failed");
        assert!(sandbox.records()[0]["error"].as_str().unwrap().contains("exit code 4"), "{:?}", sandbox.records());
        let sandbox = with_step(&nix, &one, &step("sh -c 'kill -9 $$'; exit $?"));
        sandbox.lattice_over_ssh(&sshd, &["build", &one, "--builders", &line]).exits(2);
        assert_eq!(sandbox.records(), Vec::<Value>::new());
    }
}

#[test]
fn silent_server_fails_no_evaluation() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", server.local_addr().unwrap());
    let hash = "sha256-HDfQGvQL4ugGkd48w99EN3ppmvuxfGjwgJZLL9Bx/BM=";
    for nix in every_nix() {
        let text = format!("{{ ... }}:\nbuiltins.fetchurl {{ url = \"{url}\"; sha256 = \"{hash}\"; }}\n");
        let sandbox = with_step(&nix, &at("phase0/step1"), &text);
        sandbox.git(&["config", "lattice.limit.evaluation", "3"]);
        sandbox.assert_no_verdict().says_err("could not be fetched").says_err("hint: check the network");
    }
}

#[test]
fn missing_daemon_is_no_verdict() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, HELLO_SCRIPT);
        sandbox.change_nix("NIX_REMOTE=\"local?root=$home/store\"", "NIX_REMOTE=unix:///no/such/socket");
        let start = "`sudo systemctl start nix-daemon` starts the Nix daemon";
        sandbox.assert_no_verdict().says_err("cannot connect to socket").says_err(&format!("hint: {start}"));
        sandbox.lattice(&["doctor", "--offline"]).says_out(start);
        let run = sandbox.lattice(&["build", "--background", "--wait", &at("phase0/step1")]).exits(2);
        let point = at("phase0/step1");
        run.says_err(&format!("error: `{point}` could not be built: cannot connect"))
            .says_err(&format!("hint: {start}"));
        let run = sandbox.lattice(&["log", &point]).exits(0);
        run.says_err(&format!("error: `{point}` could not be built: cannot connect"))
            .says_err(&format!("hint: {start}"));
    }
}

#[test]
fn wrong_setting_of_nix_is_quoted() {
    for nix in every_nix() {
        for (setting, said) in [("this is no setting", "this is no setting"), ("sandbox = maybe", "maybe")] {
            let sandbox = with_script(&nix, HELLO_SCRIPT);
            sandbox.configure_nix(setting);
            let run = sandbox.lattice(&["build", &at("phase0/step1")]).exits(2);
            let run =
                run.says_err("--version` failed: ").says_err(said).says_err("hint: correct the setting in nix.conf");
            assert!(!run.stderr.contains("is not Nix"), "{}", run.stderr);
            sandbox.lattice(&["doctor", "--offline"]).says_out("correct the setting in nix.conf");
        }
    }
}

#[test]
fn garbage_collection_during_a_build_is_no_verdict() {
    for nix in every_nix() {
        let sandbox = with_script(&nix, HELLO_SCRIPT);
        let collect = format!("'{}' --gc >/dev/null 2>&1", nix.with_file_name("nix-store").display());
        sandbox.change_nix("exec '", &format!("case \"$*\" in *--realise*) {collect};; esac\nexec '"));
        let run = sandbox.assert_no_verdict();
        run.says_err("hint: the garbage collector may have removed it during the build: run the same command again");
    }
}
