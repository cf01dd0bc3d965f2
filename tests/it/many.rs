//! Many points by one command: one evaluation, one call to Nix, and a record for each, whatever happens to the others.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::nix_setup::every_nix;
use crate::sandbox::{Run, Sandbox};
use crate::story::{branch, fields, here, toml};

/// Twelve components, so that twelve points do not depend on each other.
fn components() -> Vec<String> {
    (1..=12).map(|n| format!("c{n:02}")).collect()
}

fn sandbox(nix: &Path, rest: &str) -> Sandbox {
    let values = components().iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let axes = format!(
        "component = {{ set = [{values}] }}\narch = {{ set = [\"aarch64\", \"x86_64\"] }}\n\
         phase = {{ chain = [\"phase0\"] }}\nstep = {{ chain = \"step{{n}}\" }}"
    );
    let mut sandbox = Sandbox::with_toml(&toml(&axes, &format!("template = \"step\"\n{rest}")));
    sandbox.use_nix(nix);
    sandbox.add_nix_setting("max-jobs = 4");
    sandbox
}

fn first(component: &str) -> String {
    format!("{component}/{}/phase0/step1", here())
}

fn second(component: &str) -> String {
    format!("{component}/{}/phase0/step2", here())
}

/// A `step.nix` that runs this shell script, with the output of the step before as `$below`.
fn step(name: &str, script: &str) -> String {
    format!(
        "{{ system, previous, ... }}:\nderivation {{\n  name = \"{name}\";\n  inherit system;\n  builder = \"/bin/sh\";\n  below = previous;\n  \
         args = [\n    \"-c\"\n    ''\n{script}\n    ''\n  ];\n}}\n"
    )
}

fn working_step(name: &str) -> String {
    step(name, &format!("echo from {name}; echo {name} >$out"))
}

impl Sandbox {
    /// Adds a line to nix.conf.
    fn add_nix_setting(&self, line: &str) {
        let path = self.path("nix/conf/nix.conf");
        let conf = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{conf}{line}\n")).unwrap();
    }

    /// Makes a point with this `step.nix`.
    fn make_point(&self, point: &str, text: &str) {
        self.points(&[point]);
        self.commit_to(point, &[("step.nix", text)]);
    }

    /// Twelve points: c03 does not evaluate, c07 fails, and a second step builds on c07; the others build.
    fn make_twelve_points(&self) {
        for name in components().iter().take(11) {
            let text = match name.as_str() {
                "c03" => "{ ... }: throw \"this fails\"\n".to_owned(),
                "c07" => step("c07", "echo seven says so; exit 7"),
                _ => working_step(name),
            };
            self.make_point(&first(name), &text);
        }
        self.make_point(&second("c07"), &working_step("rests"));
    }

    /// Builds, printing every started program to stderr.
    fn build_traced(&self, args: &[&str]) -> Run {
        self.lattice_in("work", &[&["build"], args].concat(), |command| command.env("GIT_LATTICE_TRACE", "1"))
    }

    /// The log of a point's build.
    fn log_of(&self, point: &str) -> String {
        let key = self.point(point)["key"].as_str().unwrap().to_owned();
        fs::read_to_string(self.work().join(format!(".git/lattice/log/{key}-{}-linux.log", here()))).unwrap()
    }

    fn record_of(&self, point: &str) -> Value {
        let records: Vec<_> = self.records().into_iter().filter(|record| record["point"] == point).collect();
        assert_eq!(records.len(), 1, "{point} should have one record: {records:?}");
        records.into_iter().next().unwrap()
    }

    /// Waits for `count` records.
    #[track_caller]
    fn wait_for_records(&self, count: usize) {
        for _ in 0..600 {
            if self.records().len() >= count {
                return;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("there should be {count} records by now: {:?}", self.records());
    }
}

/// How often a program was started with all these words.
fn count_starts(run: &Run, words: &[&str]) -> usize {
    let is = |line: &&str| line.starts_with("trace:") && words.iter().all(|word| line.contains(word));
    run.stderr.lines().filter(is).count()
}

#[test]
fn each_point_gets_its_own_record() {
    for nix in every_nix() {
        let sandbox = sandbox(&nix, "");
        sandbox.make_twelve_points();
        let run = sandbox.build_traced(&["--all"]).exits(1);
        assert_eq!(
            count_starts(&run, &["nix-store", "--realise", "--keep-going"]),
            1,
            "one call builds all:\n{}",
            run.stderr
        );
        assert_eq!(sandbox.records().len(), 12, "twelve points, twelve records");
        for name in components().iter().take(11).filter(|name| !["c03", "c07"].contains(&name.as_str())) {
            let record = sandbox.record_of(&first(name));
            assert_eq!(record["verdict"], "built", "{record}");
            assert!(record["outputs"]["out"]["narHash"].as_str().unwrap().starts_with("sha256-"), "{record}");
            assert_eq!(
                sandbox.built(record["outputs"]["out"]["path"].as_str().unwrap()),
                format!("{name}\n").as_bytes()
            );
        }
        let record = sandbox.record_of(&first("c03"));
        assert_eq!((&record["verdict"], &record["error"]), (&"failed".into(), &"this fails".into()));
        let seven = sandbox.record_of(&first("c07"));
        let drv = seven["drv"].as_str().unwrap();
        assert!(drv.ends_with("-c07.drv") && seven["error"].as_str().unwrap().ends_with("with exit code 7"), "{seven}");
        let rests = sandbox.record_of(&second("c07"));
        let error = rests["error"].as_str().unwrap();
        assert!(error.starts_with(&format!("its input `{}` failed", first("c07"))), "{rests}");
        assert!(error.ends_with("with exit code 7") && error.contains(drv), "the cause should be named: {rests}");
        assert!(rests["drv"].as_str().unwrap().ends_with("-rests.drv"), "its own derivation: {rests}");
    }
}

#[test]
fn process_count_does_not_grow_with_the_points() {
    for nix in every_nix() {
        let sandbox = sandbox(&nix, "");
        let names = components();
        names.iter().for_each(|name| sandbox.make_point(&first(name), &working_step(name)));
        let run = sandbox.build_traced(&["--all"]).exits(0);
        assert_eq!(
            count_starts(&run, &["build --dry-run --json"]),
            1,
            "there should be one evaluation:\n{}",
            run.stderr
        );
        assert_eq!(count_starts(&run, &["--realise", "--keep-going"]), 1, "there should be one build:\n{}", run.stderr);
        assert_eq!(sandbox.records().len(), 12);
        // How often the store is asked while Nix works depends on timing; all builds that ended by then are recorded together.
        let asked = count_starts(&run, &["path-info"]);
        // For the machines, and to find Nix's log files where its version does not say which builder ended.
        let settings = count_starts(&run, &["show-config"]) + count_starts(&run, &["config show"]);
        assert!((1..=2).contains(&settings), "{}", run.stderr);
        // Evaluation, missing paths per system (two), the build.
        assert_eq!(
            count_starts(&run, &["nix", "--extra"]),
            4 + settings + asked + count_starts(&run, &["--add-root"]),
            "{}",
            run.stderr
        );
        assert!(count_starts(&run, &["update-ref", "lattice: record"]) <= asked, "{}", run.stderr);
    }
}

#[test]
fn each_log_has_only_its_own_lines() {
    for nix in every_nix() {
        let sandbox = sandbox(&nix, "");
        ["c01", "c02", "c03"].iter().for_each(|name| sandbox.make_point(&first(name), &working_step(name)));
        sandbox.make_point(&second("c03"), &working_step("third"));
        // The first step of c03 is not requested: its second step depends on it.
        sandbox.lattice(&["build", &first("c01"), &first("c02"), &second("c03")]).exits(0);
        let log = sandbox.log_of(&first("c01"));
        assert!(log.contains("from c01\n") && !log.contains("c02") && !log.contains("c03"), "{log}");
        let log = sandbox.log_of(&second("c03"));
        assert!(log.contains("from c03\n") && log.contains("from third\n") && !log.contains("c01"), "{log}");
        let point = sandbox.point(&first("c03"));
        assert_eq!(point["state"], "new", "a point that was not requested should have no record");
        sandbox.make_point(&first("c04"), &working_step("c04"));
        sandbox.lattice(&["build", &first("c04")]).exits(0);
        assert_eq!(
            sandbox.log_of(&first("c04")).matches("will be built").count(),
            1,
            "evaluation should leave no list of outputs"
        );
    }
}

#[test]
fn failed_dependency_is_named_in_the_record() {
    for nix in every_nix() {
        let sandbox = sandbox(&nix, "");
        sandbox.make_point(&first("c01"), &working_step("c01"));
        sandbox.make_point(&first("c02"), &step("low", "echo low; exit 5"));
        sandbox.make_point(&second("c02"), &working_step("c02"));
        sandbox.lattice(&["build", &first("c01"), &second("c02")]).exits(1).says_out("low");
        let record = sandbox.record_of(&second("c02"));
        assert!(record["drv"].as_str().unwrap().ends_with("-c02.drv"), "{record}");
        let error = record["error"].as_str().unwrap();
        assert!(error.contains("-low.drv'") && error.ends_with("with exit code 5"), "{record}");
        assert_eq!(sandbox.record_of(&first("c01"))["verdict"], "built");
    }
}

#[test]
fn end_of_the_log_is_of_what_failed() {
    for nix in every_nix() {
        let sandbox = sandbox(&nix, "");
        sandbox.make_point(&first("c01"), &step("low", "echo this is why; sleep 2; exit 5"));
        let above = working_step("high").replace(
            "  below = previous;",
            "  below = previous;\n  tool = derivation {\n    name = \"tool\";\n    inherit system;\n    builder = \"/bin/sh\";\n    \
             args = [ \"-c\" \"echo a tool; echo >$out\" ];\n  };",
        );
        sandbox.make_point(&second("c01"), &above);
        let run = sandbox.lattice(&["build", "--all", "--junit", "../report.xml"]).exits(1);
        assert_eq!(run.stderr.matches("  this is why\n").count(), 2, "{}", run.stderr);
        assert!(!run.stderr.contains("  a tool\n"), "{}", run.stderr);
        let log = sandbox.log_of(&second("c01"));
        assert!(log.contains("a tool\n") && log.contains("this is why\n"), "{log}");
        let report = fs::read_to_string(sandbox.path("report.xml")).unwrap();
        for name in ["low", "high"] {
            assert_eq!(
                report.matches(&format!("-{name}.drv\n")).count(),
                1,
                "each case has its own derivation: {report}"
            );
        }
    }
}

#[test]
fn every_output_survives_garbage_collection() {
    for nix in every_nix() {
        let sandbox = sandbox(&nix, "");
        ["c01", "c02", "c03"].iter().for_each(|name| sandbox.make_point(&first(name), &working_step(name)));
        sandbox.lattice(&["build", "--all"]).exits(0);
        sandbox.lattice(&["build", "--all", "--again"]).exits(0);
        let roots = || fs::read_dir(sandbox.work().join(".git/lattice/roots")).unwrap().count();
        assert_eq!(roots(), 3, "an output with a root should get no second one");
        let gone = sandbox.record_of_latest(&first("c03"));
        let key = sandbox.point(&first("c03"))["key"].as_str().unwrap().to_owned();
        let link = sandbox.work().join(format!(".git/lattice/result/{key}-{}-linux", here()));
        assert_eq!(fs::read_link(&link).unwrap().to_str().unwrap(), gone);
        fs::remove_file(link).unwrap();
        sandbox.lattice(&["build", &first("c01"), &first("c02"), "--again"]).exits(0);
        assert_eq!(roots(), 2, "removing the link should remove its root");
        let mut gc = Command::new(sandbox.path("nix/bin/nix"));
        gc.args(["store", "gc"]).env("PATH", sandbox.search_path());
        assert!(gc.output().unwrap().status.success());
        for name in ["c01", "c02"] {
            sandbox.built(&sandbox.record_of_latest(&first(name)));
        }
        assert!(!sandbox.path(&format!("nix/store{gone}")).exists(), "no root should hold it any more");
    }
}

impl Sandbox {
    /// The output in the newest record of a point.
    fn record_of_latest(&self, point: &str) -> String {
        let record = self.records().into_iter().rfind(|record| record["point"] == point).unwrap();
        record["outputs"]["out"]["path"].as_str().unwrap().to_owned()
    }
}

#[test]
fn finished_points_are_recorded_before_an_interrupt() {
    for nix in every_nix() {
        let sandbox = sandbox(&nix, "");
        ["c01", "c02"].iter().for_each(|name| sandbox.make_point(&first(name), &working_step(name)));
        sandbox.make_point(&first("c03"), &step("endless", "echo begun; while :; do :; done"));
        sandbox.make_point(&second("c03"), &working_step("waits"));
        let mut running = sandbox.command("work", &["build", "--all"]).spawn().unwrap();
        // Nix prints nothing more: the others are done, and the endless one is silent.
        sandbox.wait_for_records(2);
        for name in ["c01", "c02"] {
            assert_eq!(sandbox.record_of(&first(name))["verdict"], "built");
        }
        Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
        running.wait().unwrap();
        assert_eq!(sandbox.records().len(), 4);
        for point in [first("c03"), second("c03")] {
            assert_eq!(sandbox.record_of(&point)["verdict"], "cancelled");
        }
        assert!(sandbox.log_of(&first("c03")).contains("begun"));
    }
}

#[test]
fn duplicate_keys_are_built_once() {
    for nix in every_nix() {
        let sandbox = sandbox(&nix, "");
        ["c01", "c02"].iter().for_each(|name| sandbox.make_point(&first(name), &working_step(name)));
        let one = first("c01");
        let built = sandbox.lattice(&["build", &one, &first("c02"), &one, &branch(&one), "--json"]).exits(0).json();
        assert_eq!(fields(&built["results"], "verdict"), ["built"; 4], "each point should have a result: {built}");
        assert_eq!(sandbox.records().len(), 2, "a key should have one record per system: {built}");
    }
}

#[test]
fn shared_derivation_is_recorded_for_both_points() {
    for nix in every_nix() {
        let sandbox = sandbox(&nix, "");
        ["c01", "c02"].iter().for_each(|name| sandbox.make_point(&first(name), &working_step("same")));
        sandbox.lattice(&["build", "--all"]).exits(0);
        let [one, two] = ["c01", "c02"].map(|name| sandbox.record_of(&first(name)));
        assert_eq!((&one["drv"], &one["outputs"]), (&two["drv"], &two["outputs"]));
        assert_ne!(one["key"], two["key"]);
        let logs = ["c01", "c02"].map(|name| sandbox.log_of(&first(name)));
        assert!(logs.iter().all(|log| log.contains("from same")), "{logs:?}");
    }
}

#[test]
fn failed_and_frontier_flags_select_points() {
    for nix in every_nix() {
        let sandbox = sandbox(&nix, "");
        sandbox.make_point(&first("c01"), &working_step("c01"));
        sandbox.make_point(&second("c01"), &working_step("c01b"));
        sandbox.make_point(&first("c02"), &step("bad", "exit 1"));
        sandbox.make_point(&second("c02"), &working_step("c02b"));
        let points = |args: &[&str], code: i32| {
            let built = sandbox.lattice(&[&["build", "--json"], args].concat()).exits(code).json();
            fields(&built["results"], "point").into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(points(&["--failed"], 0), [""; 0], "no point was built yet");
        assert_eq!(points(&["--frontier"], 1), [first("c01"), first("c02")], "points without a point below");
        assert_eq!(points(&["--failed"], 1), [first("c02")]);
        assert_eq!(points(&["--failed", "--component", "c01"], 0), [""; 0], "only points of c01");
        assert_eq!(points(&["--frontier", "c01/*/*/*"], 0), [second("c01")], "points above the built ones");
        assert_eq!(points(&["--frontier"], 1), [first("c02")], "no points above a failed one");
        assert_eq!(points(&["--frontier", "--component", "c01"], 0), [""; 0]);
        sandbox
            .lattice(&["build", "--frontier", "--component", "c01"])
            .exits(0)
            .says_err("everything is built, or depends on");
        sandbox.lattice(&["build", "--failed", "--component", "c01"]).exits(0).says_err("nothing has failed");
        assert_eq!(points(&["--all"], 1).len(), 4);
        sandbox.commit_to(&first("c02"), &[("step.nix", &working_step("good"))]);
        assert_eq!(points(&["--failed"], 1), [second("c02")], "only the point above the changed one failed");
        assert_eq!(points(&["--all"], 1).len(), 4);
    }
}

/// A fake `nix-eval-jobs`: it takes the expression apart, has Nix evaluate each attribute, and answers in the real one's format,
/// in any order, and with all errors.
const EVAL_JOBS: &str = r#"#!/bin/sh
case "$*" in *--help*)
  printf 'USAGE: nix-eval-jobs [options] expr\n\n'
  for flag in expr flake force-recurse gc-roots-dir max-memory-size meta workers; do printf '  --%-20s what it does\n' "$flag"; done
  exit 0 ;;
esac
for expression; do :; done
printf '%s\n' "$expression" | sed 's/;/\n/g' | sed -n 's/^[ {]*\(job[0-9]*\) = (builtins.getFlake "\([^"]*\)").packages."\([^"]*\)".default$/\1 \2 \3/p' |
while read -r job flake system; do
  if said=$(nix build --dry-run --json --option eval-cache false "$flake#packages.$system.default" 2>"$0.err"); then
    printf '%s\n' "$said" | sed 's|^\[{"drvPath":"\([^"]*\)","outputs":{"out":"\([^"]*\)"}.*|{"attr":"JOB","attrPath":["JOB"],"drvPath":"\1","name":"x","outputs":{"out":"\2"},"system":"'"$system"'"}|; s|JOB|'"$job"'|g'
  else
    printf '{"attr":"%s","attrPath":["%s"],"error":"error:\\n … while calling the '\''throw'\'' builtin\\n\\n error: %s"}\n' "$job" "$job" "$(sed -n 's/^ *error: *\(..*\)/\1/p' "$0.err" | sed 's/"/\\"/g' | sed -n '$p')"
  fi
done
"#;

#[test]
fn nix_eval_jobs_is_used_if_installed() {
    for nix in every_nix() {
        let mut sandbox = sandbox(&nix, "");
        sandbox.use_program("nix-eval-jobs", EVAL_JOBS);
        sandbox.make_twelve_points();
        let run = sandbox.build_traced(&["--all", "--json"]).exits(1);
        assert_eq!(count_starts(&run, &["nix-eval-jobs", "--expr"]), 1, "{}", run.stderr);
        assert_eq!(
            count_starts(&run, &["build --dry-run --json"]),
            1,
            "Nix should only evaluate the failing point again, to find the cause:\n{}",
            run.stderr
        );
        let built = run.json();
        assert_eq!(built["evaluator"], "nix-eval-jobs");
        let verdicts = fields(&built["results"], "verdict");
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == "built").count(), 9, "{verdicts:?}");
        assert_eq!(sandbox.record_of(&first("c03"))["error"], "this fails");
    }
}

#[test]
fn nix_evaluates_what_nix_eval_jobs_skips() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let mut sandbox = sandbox(&nix, "");
    ["c01", "c02"].iter().for_each(|name| sandbox.make_point(&first(name), &working_step(name)));
    let half = EVAL_JOBS.replace("job[0-9]*", "job1");
    sandbox.use_program("nix-eval-jobs", &half);
    let built = sandbox.lattice(&["build", "--all", "--json"]).exits(0).json();
    assert_eq!(fields(&built["results"], "verdict"), ["built", "built"]);
    sandbox.use_program("nix-eval-jobs", "#!/bin/sh\necho 'worker died' >&2\nexit 1\n");
    let built = sandbox.lattice(&["build", "--all", "--again", "--json"]).exits(0).json();
    assert_eq!(built["evaluator"], "nix", "another program of that name should not be used: {built}");
}

/// The real one, if it is installed: with the private store, like the sandbox's Nix.
#[test]
fn installed_nix_eval_jobs_is_understood() {
    let (Some(nix), Ok(real)) = (every_nix().pop(), which::which("nix-eval-jobs")) else { return };
    let mut sandbox = sandbox(&nix, "");
    let wrapper = fs::read_to_string(sandbox.path("nix/bin/nix")).unwrap();
    let lines: Vec<_> = wrapper.lines().filter(|line| !line.starts_with("exec ")).collect();
    sandbox.use_program("nix-eval-jobs", &format!("{}\nexec '{}' \"$@\"\n", lines.join("\n"), real.display()));
    sandbox.make_twelve_points();
    let built = sandbox.lattice(&["build", "--all", "--json"]).exits(1).json();
    assert_eq!(built["evaluator"], "nix-eval-jobs");
    let verdicts = fields(&built["results"], "verdict");
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == "built").count(), 9, "{built}");
    assert!(sandbox.record_of(&first("c03"))["error"].as_str().unwrap().contains("this fails"));
}
