//! `git lattice list`: the lines, the fields, what selects points, and that it reads no more than it is asked for.

use std::fs;
use std::process::Stdio;

use serde_json::json;

use crate::sandbox::Sandbox;
use crate::story::{at, branch, crossing, dir, far, fields, here, texts, toml};

fn with_points(points: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.points(points);
    sandbox
}

/// What `list` prints with these arguments, which must be all that it prints.
#[track_caller]
fn listed(sandbox: &Sandbox, args: &[&str]) -> String {
    let run = sandbox.refused(&[&["list"], args].concat()).exits(0);
    assert_eq!(run.stderr, "", "{args:?}");
    run.stdout
}

fn lines<T: AsRef<str>>(lines: &[T]) -> String {
    lines.iter().flat_map(|line| [line.as_ref(), "\n"]).collect()
}

#[test]
fn selecting_nothing_is_the_same_for_every_command_that_shows() {
    let sandbox = Sandbox::new();
    sandbox.points(&[&at("phase0/step1")]);
    for pattern in ["*/*/phase1/*", &at("phase1/step1")] {
        for command in ["status", "list", "graph", "report", "note --list"] {
            let args: Vec<_> = command.split(' ').chain([pattern]).collect();
            let run = sandbox.lattice(&args).exits(0);
            assert_eq!(run.stdout, "", "{args:?}");
            let expected = if command == "list" { "" } else { "no such point has a branch\n" };
            assert_eq!(run.stderr, expected, "{args:?}");
        }
    }
    sandbox.lattice(&["report", "*/*/phase1/*", "--json"]).exits(0);
    sandbox.lattice(&["note", "*/*/phase1/*", "-m", "x"]).exits(2).says_err("selects no point");
}

#[test]
fn names_are_listed_in_the_order_of_the_lattice() {
    let sandbox = with_points(&[]);
    assert_eq!(listed(&sandbox, &[]), "");
    assert_eq!(sandbox.lattice(&["list", "--json"]).exits(0).json(), json!({ "version": 1, "points": [] }));
    let (one, two, ten) = (at("phase0/step1"), at("phase0/step2"), at("phase0/step10"));
    sandbox.points(&[&ten, &two, &one]);
    assert_eq!(listed(&sandbox, &[]), lines(&[one, two, ten]));
}

#[test]
fn points_are_selected_as_everywhere() {
    let (one, two, other) = (at("phase0/step1"), at("phase0/step2"), far("phase0/step1"));
    let sandbox = with_points(&[&one, &two, &other]);
    assert_eq!(listed(&sandbox, &["--arch", here()]), lines(&[&one, &two]));
    assert_eq!(listed(&sandbox, &["--arch", here(), "--step", "step2,step7"]), lines(&[&two]));
    assert_eq!(listed(&sandbox, &["toolchain/*/phase0/{step1,step3}"]).lines().count(), 2);
    assert_eq!(listed(&sandbox, &[&branch(&two), &other, &other]).lines().count(), 2);
    assert_eq!(listed(&sandbox, &[&at("phase9/step9")]), "", "a point without a branch is not listed");
    sandbox.refused(&["list", "--arch", "sparc"]).exits(2).says_err("sparc");
}

#[test]
fn fields_have_the_values_of_git_and_of_status() {
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", &one, "--no-switch"]).exits(0);
    sandbox.points(&[&two]);
    let known = sandbox.point(&one);
    for (field, value) in [
        ("point", one.clone()),
        ("component", "toolchain".to_owned()),
        ("arch", here().to_owned()),
        ("axis:step", "step1".to_owned()),
        ("branch", branch(&one)),
        ("refname", format!("refs/heads/{}", branch(&one))),
        ("upstream", format!("refs/remotes/origin/{}", branch(&one))),
        ("commit", sandbox.commit(&branch(&one))),
        ("parents", sandbox.parents(&one).join(" ")),
        ("dir", dir(&one)),
        ("systems", format!("{}-linux", here())),
        ("pushed", "yes".to_owned()),
        ("key", known["key"].as_str().unwrap().to_owned()),
        ("state", "new".to_owned()),
    ] {
        assert_eq!(listed(&sandbox, &[&one, "--format", &format!("<%({field})>")]), format!("<{value}>\n"), "{field}");
    }
    assert_eq!(listed(&sandbox, &[&two, "--format", "%(upstream),%(pushed)"]), ",no\n");
    let colleague = sandbox.colleague();
    let args = ["list", "--format", "%(refname) %(branch) %(commit) %(pushed)"];
    let run = sandbox.lattice_in(colleague, &args, |command| command).exits(0);
    let (name, commit) = (branch(&one), sandbox.commit(&branch(&one)));
    assert_eq!(run.stdout, format!("refs/remotes/origin/{name} {name} {commit} yes\n"));
}

#[test]
fn several_systems_and_parents_are_separated_by_spaces() {
    let both = "toolchain/aarch64+x86_64/phase0/step1";
    let sandbox = with_points(&[&at("phase0/step1"), &far("phase0/step1"), both]);
    let expected = format!("aarch64-linux x86_64-linux|{}\n", sandbox.parents(both).join(" "));
    assert_eq!(listed(&sandbox, &[both, "--format", "%(systems)|%(parents)"]), expected);
    assert_eq!(sandbox.parents(both).len(), 2);
}

#[test]
fn point_without_its_directory_has_no_key() {
    let sandbox = Sandbox::new();
    sandbox.git(&["branch", &branch(&at("phase0/step1")), "main"]);
    assert_eq!(listed(&sandbox, &["--format", "%(step)<%(key)>"]), "step1<>\n");
    let listed = sandbox.lattice(&["list", "--format", "%(key)", "--json"]).exits(0).json();
    assert_eq!(listed["points"], json!([{ "key": null }]));
}

#[test]
fn axis_with_the_name_of_a_field_has_a_longer_name() {
    let axes = "state = { set = [\"base\", \"web\"] }\nrelease = { chain = \"r{n}\" }\n";
    let sandbox =
        Sandbox::with_toml(&toml(axes, "").replace("\n[axes]", "[systems]\n\"*\" = \"x86_64-linux\"\n[axes]"));
    sandbox.points(&["web/r2"]);
    assert_eq!(listed(&sandbox, &["--format", "%(axis:state) %(axis:release) %(release) %(state)"]), "web r2 r2 new\n");
}

#[test]
fn literal_text_is_read_as_git_reads_it() {
    let sandbox = with_points(&[&at("phase0/step1")]);
    let format = "%% %%00 %41%0a%c3%A9 %4 %zz %(refname)%";
    let git = sandbox.git(&["for-each-ref", "--format", format, "refs/heads/feature/"]);
    assert_eq!(listed(&sandbox, &["--format", format]), format!("{git}\n"));
    assert!(git.contains("% %00 A\né %4 %zz refs/heads/"), "{git}");
    let mut list = sandbox.command("work", &["list", "--format", "%ff%00%07%1b[31m"]);
    assert_eq!(list.output().unwrap().stdout, b"\xff\0\x07\x1b[31m\n", "a pipe should get the bytes");
}

#[test]
fn lines_end_with_nul_on_request() {
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    let sandbox = with_points(&[&one, &two]);
    assert_eq!(listed(&sandbox, &["-z"]), format!("{one}\0{two}\0"));
    sandbox.refused(&["list", "-z", "--json"]).exits(2);
}

#[test]
fn wrong_formats_are_refused() {
    let sandbox = with_points(&[&at("phase0/step1")]);
    let run = sandbox.refused(&["list", "--format", "%(point) %(stat)"]).exits(2).says_err("unknown field `%(stat)`");
    let run = run.says_err("point, branch,").says_err("state, note, component, arch, phase, step");
    assert_eq!(run.stdout, "");
    sandbox.refused(&["list", "--format", "x %(point"]).exits(2).says_err("`%(point` in the format is not closed");
    sandbox.refused(&["list", "--state", "bilt"]).exits(2).says_err("disputed");
}

/// Points that are built, failed, new, behind and failed, and behind and built.
fn of_many_states() -> (Sandbox, [String; 5]) {
    let points = ["phase0/step1", "phase0/step2", "phase0/step3", "phase1/step1"].map(at);
    let [one, two, three, four] = points;
    let other = far("phase0/step1");
    let sandbox = with_points(&[&one, &two, &three, &four, &other]);
    let system = format!("{}-linux", here());
    sandbox.built_elsewhere(&[&one, &four]);
    sandbox.record(&two, &system, "failed");
    sandbox.record(&three, &system, "failed");
    sandbox.commit_to(&two, &[]);
    (sandbox, [one, two, three, four, other])
}

#[test]
fn points_are_selected_by_their_state() {
    let (sandbox, [one, two, three, four, other]) = of_many_states();
    let of = |args: &[&str]| {
        let mut found: Vec<_> = listed(&sandbox, args).lines().map(str::to_owned).collect();
        found.sort();
        found
    };
    let sorted = |points: &[&String]| {
        let mut points: Vec<_> = points.iter().map(|point| (*point).clone()).collect();
        points.sort();
        points
    };
    assert_eq!(of(&["--state", "built"]), sorted(&[&one]));
    assert_eq!(of(&["--state", "failed"]), sorted(&[&two]));
    assert_eq!(of(&["--state", "behind"]), sorted(&[&three, &four]));
    assert_eq!(of(&["--state", "new", "--state", "built,failed"]), sorted(&[&one, &two, &other]));
    assert_eq!(of(&["--failed"]), sorted(&[&two, &three]), "as for `build --failed`");
    assert_eq!(of(&["--failed", "--state", "behind"]), sorted(&[&three]));
    assert_eq!(of(&["--failed", "--step", "step2"]), sorted(&[&two]));
    assert_eq!(of(&["--state", "queued"]), sorted(&[]));
}

#[test]
fn state_is_that_of_status_for_any_selection() {
    let (sandbox, points) = of_many_states();
    let status = sandbox.lattice(&["status", "--json"]).exits(0).json();
    let line = |i: usize| {
        let [point, state] = ["point", "state"].map(|name| fields(&status["points"], name)[i].to_owned());
        format!("{point} {state}\n")
    };
    let all: Vec<String> = (0..points.len()).map(line).collect();
    assert_eq!(listed(&sandbox, &["--format", "%(point) %(state)"]), all.concat());
    for subset in 1..1 << points.len() {
        let chosen: Vec<_> = (0..points.len()).filter(|i| subset >> i & 1 == 1).collect();
        let names: Vec<_> = chosen.iter().map(|&i| all[i].split(' ').next().unwrap()).collect();
        let run = sandbox.lattice(&[&["list", "--format", "%(point) %(state)"], &names[..]].concat()).exits(0);
        assert_eq!(run.stdout, chosen.iter().map(|&i| all[i].as_str()).collect::<String>(), "{names:?}");
    }
}

#[test]
fn join_is_listed_with_the_state_of_status() {
    let points = crossing();
    let sandbox = with_points(&points.each_ref().map(String::as_str));
    sandbox.commit_to(&points[3], &[("config.toml", "new = true\n")]);
    assert_eq!(sandbox.state_of(&points[4]), "behind");
    assert_eq!(listed(&sandbox, &[&points[4], "--format", "%(state)"]), "behind\n");
}

#[test]
fn only_what_is_asked_for_is_read() {
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    let sandbox = with_points(&[&one, &two]);
    let commit = sandbox.commit(&branch(&two));
    sandbox.write(".git/refs/notes/lattice/bad", "no id\n");
    assert_eq!(listed(&sandbox, &["--format", "%(point) %(key)"]).lines().count(), 2, "records should not be read");
    sandbox
        .lattice(&["list", "--format", "%(state)"])
        .exits(0)
        .says_out("new\nnew\n")
        .says_err("refs/notes/lattice/bad");
    fs::remove_file(sandbox.path("work/.git/objects").join(&commit[..2]).join(&commit[2..])).unwrap();
    fs::remove_dir_all(sandbox.path("work/.git/lattice")).unwrap();
    let args = ["list", "--format", "%(point) %(commit) %(pushed) %(dir)"];
    let run = sandbox.lattice(&args).exits(0).says_out(&format!("{two} {commit} no"));
    assert_eq!(run.stderr, "", "commits should not be read");
    let run = sandbox.lattice(&["list", "--format", "%(point) %(key)"]).exits(0).says_err(&branch(&two));
    assert!(run.stdout.starts_with(&one) && run.stdout.lines().count() == 1, "{}", run.stdout);
}

#[test]
fn point_without_its_commit_hides_no_state() {
    let steps = ["phase0/step1", "phase0/step2", "phase0/step3"].map(at);
    let sandbox = with_points(&steps.each_ref().map(String::as_str));
    let commit = sandbox.commit(&branch(&steps[1]));
    fs::remove_file(sandbox.path("work/.git/objects").join(&commit[..2]).join(&commit[2..])).unwrap();
    let run = sandbox.lattice(&["list", "--format", "%(point) %(state)"]).exits(0).says_err(&branch(&steps[1]));
    assert_eq!(run.stdout, format!("{} new\n{} new\n", steps[0], steps[2]));
    sandbox.lattice(&["status"]).exits(0).says_err(&branch(&steps[1])).says_out("phase0/step3");
}

#[test]
fn broken_ref_is_left_out_with_a_warning() {
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    let sandbox = with_points(&[&one, &two]);
    sandbox.write(&format!(".git/refs/heads/{}", branch(&two)), "no id\n");
    let run = sandbox.lattice(&["list"]).exits(0).says_err("a ref was left out").says_err(&branch(&two));
    assert_eq!(run.stdout, lines(&[&one]));
    let other = far("phase0/step1");
    sandbox.points(&[&other]);
    assert_eq!(listed(&sandbox, &[&other, "--format", "%(state)"]), "new\n", "refs of other points should not be read");
}

#[test]
fn json_has_the_fields_of_the_format() {
    let one = at("phase0/step1");
    let sandbox = with_points(&[&one]);
    let json = |format: &str| sandbox.lattice(&["list", "--json", "--format", format]).exits(0).json();
    let found = json("%(state): %(arch)/%(step) %(state) %(systems) %(pushed) %(upstream)");
    let system = format!("{}-linux", here());
    assert_eq!(
        found["points"],
        json!([{ "state": "new", "systems": [system], "pushed": false, "upstream": null, "axes": { "arch": here(), "step": "step1" } }])
    );
    assert_eq!(texts(&json("%(parents)")["points"][0]["parents"]), sandbox.parents(&one));
    let plain = sandbox.lattice(&["list", "--json"]).exits(0).json();
    assert_eq!(plain, json!({ "version": 1, "points": [{ "point": one }] }));
}

#[test]
fn output_never_has_colour() {
    let sandbox = with_points(&[&at("phase0/step1")]);
    sandbox.built_elsewhere(&[&at("phase0/step1")]);
    let args = ["list", "--format", "%(state)"];
    let run = sandbox.lattice_in("work", &args, |command| command.env("CLICOLOR_FORCE", "1")).exits(0);
    assert_eq!(run.stdout, "built\n");
}

#[test]
#[cfg(target_os = "linux")]
fn terminal_gets_no_control_characters() {
    let one = at("phase0/step1");
    let sandbox = with_points(&[&one]);
    let shown = crate::columns::on_terminal(&sandbox, 80, "list --format '%(point)%07%e2%80%ae'");
    assert_eq!(shown, format!("{one}\u{fffd}\u{fffd}"));
    let long = crate::columns::on_terminal(&sandbox, 40, "list --format '%(branch) %(branch)'");
    assert_eq!(long, format!("{0} {0}", branch(&one)), "a line should stay one line");
}

#[test]
fn closed_pipe_is_no_error() {
    let sandbox = with_points(&[&at("phase0/step1")]);
    let mut list = sandbox.command("work", &["list"]);
    let mut list = list.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(list.stdout.take());
    let output = list.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(141), "the status of a program that a closed pipe ends");
}

#[test]
fn clone_of_a_moved_point_hides_the_old_branch() {
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    let sandbox = Sandbox::new();
    sandbox.lattice(&["new", &one, "--no-switch"]).exits(0);
    sandbox.lattice(&["move", &one, &two]).exits(0);
    assert_eq!(listed(&sandbox, &[]), lines(&[two]));
}
