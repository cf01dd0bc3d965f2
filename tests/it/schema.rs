//! The documents of `--json`, validated against the schemas in docs/src/schema.
//!
//! The schemas allow no other fields, so a field without documentation fails the test. A field that no command prints fails it too.

mod validator;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::validator::Schemas;
use crate::diff::step_with_calls;
use crate::hostile::victim::Victim;
use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir, elsewhere, far, write_record};

/// Definitions that the schemas share; no command prints such a document.
const COMMON: &str = "common";
/// Fields that need a second machine, or a Nix, to be printed.
const NEED_MACHINE: [&str; 2] = ["not_compared", "background"];
const NEED_NIX: [&str; 17] = [
    "copied",
    "paths",
    "undecided",
    "limit",
    "expected",
    "was",
    "text",
    "from_system",
    "to_system",
    "derivations",
    "event",
    "builds",
    "derivation",
    "needed_by",
    "succeeded",
    "new",
    "tail",
];

/// The schemas, and what was validated against them.
struct Documents {
    schemas: Schemas,
    used: RefCell<BTreeSet<String>>,
    fields: RefCell<BTreeSet<String>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/schema")
}

/// The schemas, by the words of the command joined by `-`.
fn files() -> BTreeMap<String, PathBuf> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path)).collect()
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Documents {
    fn new() -> Self {
        let schemas = Schemas(files().into_iter().map(|(name, path)| (name, read(&path))).collect());
        Self { schemas, used: RefCell::default(), fields: RefCell::default() }
    }

    /// Runs a command with `--json` and validates what it prints.
    #[track_caller]
    fn print(&self, sandbox: &Sandbox, args: &[&str], code: i32) -> Value {
        self.print_in(sandbox, "work", args, code)
    }

    #[track_caller]
    fn print_in(&self, sandbox: &Sandbox, dir: &str, args: &[&str], code: i32) -> Value {
        let args = [args, &["--json"]].concat();
        let document = sandbox.lattice_in(dir, &args, |command| command).exits(code).json();
        let words =
            if let ["trust", "list", ..] | ["hooks" | "source" | "seed" | "axis", ..] = args[..] { 2 } else { 1 };
        let name = args[..words].join("-");
        let errors = self.schemas.errors(&name, &document);
        assert!(errors.is_empty(), "git lattice {}:\n{}\n{document:#}", args.join(" "), errors.join("\n"));
        self.used.borrow_mut().insert(name);
        keys(&document, &mut self.fields.borrow_mut());
        document
    }

    /// Runs a build with `--json-lines` and validates each line; returns the last one.
    #[track_caller]
    fn print_lines(&self, sandbox: &Sandbox, args: &[&str], code: i32) -> Value {
        let run = sandbox.lattice(&[&["build", "--json-lines"], args].concat()).exits(code);
        let line = |line: &str| {
            let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let errors = self.schemas.errors("build", &event);
            assert!(errors.is_empty(), "{}\n{event:#}", errors.join("\n"));
            keys(&event, &mut self.fields.borrow_mut());
            event
        };
        run.stdout.lines().map(line).last().unwrap()
    }
}

/// The keys of all objects in a document.
fn keys(document: &Value, found: &mut BTreeSet<String>) {
    match document {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            found.insert(key.clone());
            keys(value, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

/// The fields that a schema describes.
fn described(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(words) => words.iter().for_each(|(word, value)| {
            if let ("properties", Value::Object(fields)) = (word.as_str(), value) {
                found.extend(fields.keys().cloned());
            }
            described(value, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| described(item, found)),
        _ => {}
    }
}

/// The commands whose help, as the book has it, lists `--json`.
fn commands_with_json() -> BTreeSet<String> {
    let page = fs::read_to_string(folder().with_file_name("commands.md")).unwrap();
    let has_flag = |help: &str| help.lines().any(|line| line.split_whitespace().next() == Some("--json"));
    let sections = page.split("\n## git lattice ").skip(1).filter(|section| has_flag(section));
    sections.map(|section| section.lines().next().unwrap().replace(' ', "-")).collect()
}

#[test]
fn every_command_with_json_has_a_linked_schema() {
    let (commands, mut names) = (commands_with_json(), files());
    assert!(commands.contains("hooks-status") && commands.len() > 10, "{commands:?}");
    assert!(names.remove(COMMON).is_some());
    assert_eq!(names.into_keys().collect::<BTreeSet<_>>(), commands);
    let page = fs::read_to_string(folder().with_file_name("json.md")).unwrap();
    for name in commands {
        assert!(page.contains(&format!("(schema/{name}.json)")), "json.md should link {name}.json");
    }
}

#[test]
fn every_document_is_what_its_schema_says() {
    let documents = Documents::new();
    adopted(&documents);
    points_and_promotions(&documents);
    undone(&documents);
    moved(&documents);
    shared(&documents);
    disputed(&documents);
    trusted(&documents);
    proposed(&documents);
    checked(&documents);
    linted(&documents);
    let nix = every_nix().into_iter().next();
    nix.iter().for_each(|nix| built(&documents, nix));

    let names = files().into_keys().filter(|name| name != COMMON).collect();
    assert_eq!(documents.used.into_inner(), names, "every schema should be used");
    let (mut fields, printed) = (BTreeSet::new(), documents.fields.into_inner());
    files().values().for_each(|path| described(&read(path), &mut fields));
    let may_lack =
        |name: &String| NEED_MACHINE.contains(&name.as_str()) || (nix.is_none() && NEED_NIX.contains(&name.as_str()));
    let unused: Vec<_> = fields.difference(&printed).filter(|name| !may_lack(name)).collect();
    assert!(unused.is_empty(), "no command prints these fields: {unused:?}");
}

fn adopted(documents: &Documents) {
    let sandbox = Sandbox::without_lattice();
    let branches = ["f/gcc/x86_64/step1", "f/gcc/x86_64/step2", "f/gcc/step3", "g/a/b", "g/a/c", "dev"];
    branches.iter().for_each(|branch| drop(sandbox.git(&["branch", branch, "main"])));
    documents.print(&sandbox, &["adopt"], 1);
    documents.print(&sandbox, &["adopt", "--from", "g/*/*"], 0);
}

fn points_and_promotions(documents: &Documents) {
    let mut sandbox = Sandbox::new();
    sandbox.forbid_nix();
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    let print = |args: &[&str], code| documents.print(&sandbox, args, code);
    print(&["status"], 0);
    print(&["new", &one, "--dry-run"], 0);
    print(&["new", &one], 0);
    print(&["new", &one, &far("phase0/step1")], 0);
    print(&["next-step", "--dry-run"], 0);
    print(&["next-step"], 0);
    print(&["show"], 0);
    let fields = [
        "point", "branch", "refname", "upstream", "commit", "parents", "dir", "systems", "pushed", "key", "state",
        "note",
    ];
    let format = format!("%({})", [&fields[..], &["arch", "point"]].concat().join(")%("));
    let listed = print(&["list", "--format", &format], 0);
    assert_eq!(listed["points"][0].as_object().unwrap().len(), fields.len() + 1, "{listed:#}");
    print(&["list"], 0);
    print(&["note", &two, "-m", "waits"], 0);
    print(&["note", "--list"], 0);
    print(&["show", &two], 0);
    print(&["report"], 0);
    print(&["graph"], 0);
    print(&["graph", &two], 0);
    print(&["page", "../site"], 0);
    print(&["switch", "prev"], 0);
    print(&["switch", "main"], 0);
    print(&["switch", &two], 0);
    print(&["log"], 0);
    print(&["promote"], 1);
    print(&["promote", "--to", "base"], 1);
    sandbox.built_elsewhere(&[&one, &two]);
    print(&["build", &two], 0);
    print(&["bisect", &two], 0);
    print(&["build", "--background", &two], 0);
    print(&["build", "--background", "--wait", &two], 0);
    print(&["build", "--cancel", "--all"], 0);
    print(&["promote", "--dry-run"], 0);
    print(&["promote", "--no-switch"], 0);
    print(&["promote", "--to", "base", "--dry-run"], 0);
    print(&["promote", "--to", "base"], 0);
    print(&["promote", "--to", "base"], 0);
    print(&["status"], 0);
}

fn undone(documents: &Documents) {
    let sandbox = Sandbox::new();
    let print = |args: &[&str], code| documents.print(&sandbox, args, code);
    print(&["ops"], 0);
    print(&["new", &at("phase0/step1"), "--no-switch"], 0);
    print(&["undo", "--dry-run"], 0);
    print(&["undo", "--dry-run", "--remote"], 0);
    print(&["undo"], 0);
    print(&["ops"], 0);
    print(&["undo"], 0);
    print(&["undo", "--remote"], 0);
    print(&["ops", "-n", "1"], 0);
}

fn moved(documents: &Documents) {
    let sandbox = Sandbox::new();
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    let print = |args: &[&str], code| documents.print(&sandbox, args, code);
    sandbox.lattice(&["new", &one, &two, "--no-switch"]).exits(0);
    sandbox.commit_to(&one, &[("note", "from below\n")]);
    print(&["status"], 0);
    print(&["diff", &one, &two], 0);
    print(&["restack", "--dry-run"], 0);
    print(&["restack"], 0);
    print(&["restack", &two], 0);
    print(&["regenerate"], 0);
    print(&["regenerate", &one, "--template", "config", "--dry-run"], 0);
    print(&["port", &one, "--to-arch", elsewhere(), "--dry-run"], 0);
    let three = at("phase0/step3");
    print(&["move", &two, &three, "--dry-run"], 0);
    print(&["move", &two, &three, "--delete-remote"], 0);
    print(&["move", &three, &two], 0);
    print(&["axis", "rename", "arch", elsewhere(), "other", "--dry-run"], 0);
    print(&["axis", "remove", "component"], 0);
    print(&["undo"], 0);
    sandbox.git(&["checkout", "-q", "HEAD", "--", "lattice.toml"]);
    sandbox.lattice(&["sync"]).exits(0);
    print(&["axis", "reorder", "arch", "x86_64", "aarch64", "--dry-run"], 0);
    sandbox.commit_to(&two, &[("../step1/note", "from above\n")]);
    sandbox.commit_to(&one, &[("note", "from below again\n")]);
    let conflict = print(&["restack"], 1);
    assert_eq!(conflict["points"][0]["conflicts"], json!([format!("{}/note", dir(&one))]));
    print(&["prune", &two, "--remote", "--dry-run"], 1);
    print(&["prune", &two, "--remote", "--force"], 0);
    print(&["prune"], 0);
    refuse_pushes(&sandbox, "*");
    sandbox.lattice(&["new", &far("phase0/step1"), "--no-switch", "--no-push"]).exits(0);
    let refused = print(&["new", &far("phase0/step2"), "--no-switch"], 1);
    assert!(refused["push_refused"].is_array(), "{refused:#}");
}

/// Makes the remote refuse refs of this pattern.
fn refuse_pushes(sandbox: &Sandbox, pattern: &str) {
    let hook = sandbox.path("remote.git/hooks/update");
    fs::write(&hook, format!("#!/bin/sh\ncase $1 in {pattern}) exit 1;; esac\n")).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
}

fn shared(documents: &Documents) {
    let sandbox = Sandbox::new();
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    let print = |args: &[&str], code| documents.print(&sandbox, args, code);
    sandbox.points(&[&one, &two]);
    sandbox.built_elsewhere(&[&one]);
    sandbox.lattice(&["note", &one, "-m", "waits"]).exits(0);
    print(&["sync", "--dry-run"], 0);
    print(&["sync"], 0);
    let colleague = sandbox.colleague();
    documents.print_in(&sandbox, colleague, &["sync"], 0);
    documents.print_in(&sandbox, colleague, &["note", &one, "--remove"], 0);
    documents.print_in(&sandbox, colleague, &["note", "--list"], 0);
    for (clone, text) in [(colleague, "theirs\n"), ("work", "ours\n")] {
        sandbox.git_in(clone, &["switch", "-q", &branch(&one)]);
        fs::write(sandbox.path(clone).join(dir(&one)).join("note"), text).unwrap();
        sandbox.git_in(clone, &["add", "flakes"]);
        sandbox.git_in(clone, &["commit", "-q", "-m", text]);
    }
    sandbox.git_in(colleague, &["push", "-q", "origin", "HEAD"]);
    print(&["sync", "--no-fetch", "--dry-run"], 0);
    let diverged = print(&["sync"], 1);
    assert_eq!(diverged["points"][0]["standing"], "diverged");
    refuse_pushes(&sandbox, "*step2");
    sandbox.commit_to(&two, &[("note", "more\n")]);
    print(&["sync"], 1);
    print(&["status"], 0);
}

fn disputed(documents: &Documents) {
    let sandbox = Sandbox::new();
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    sandbox.points(&[&one, &two]);
    let inputs = json!([{ "kind": "seed", "name": "gcc", "hash": "sha256-x", "size": 1 }]);
    let elsewhere = json!({
        "store": "ssh-ng://far", "machine": "ssh://builder", "nix": "2.31.2", "inputs": inputs, "inputs_left_out": 7,
    });
    write_record(&sandbox, "work", "first", &one, &elsewhere);
    let other =
        json!({ "out": { "path": "/nix/store/00000000000000000000000000000000-x", "narHash": "sha256-other" } });
    write_record(&sandbox, "work", "second", &one, &json!({ "outputs": other }));
    write_record(&sandbox, "work", "third", &one, &json!({ "verdict": "failed", "error": "it failed" }));
    let shown = documents.print(&sandbox, &["show", &one], 0);
    assert_eq!(shown["disputes"][0]["sides"].as_array().unwrap().len(), 2, "{shown:#}");
    documents.print(&sandbox, &["status"], 0);
    documents.print(&sandbox, &["promote", &one], 1);
    write_record(&sandbox, "work", "first", &two, &json!({ "verdict": "failed", "error": "it failed" }));
    documents.print(&sandbox, &["report", "*/*/*/*"], 0);
}

fn trusted(documents: &Documents) {
    let victim = Victim::new(None);
    victim.receives_branch("step", &[]);
    let (one, print) = (at("phase0/step1"), |args: &[&str], code| documents.print(&victim.sandbox, args, code));
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g ada";
    print(&["trust", "list"], 0);
    print(&["trust", &one, "--dry-run"], 0);
    print(&["trust", &one, "--yes"], 0);
    print(&["trust", &one], 0);
    print(&["trust", "--author", key, "--dry-run"], 0);
    print(&["trust", "--author", key, "--yes"], 0);
    print(&["trust", "list"], 0);
}

fn proposed(documents: &Documents) {
    let mut sandbox = Sandbox::new();
    sandbox.forbid_nix();
    let one = at("phase0/step1");
    sandbox.points(&[&one]);
    sandbox.built_elsewhere(&[&one]);
    let toml = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", format!("{toml}\n[build]\nstore = \"ssh-ng://far\"\n"));
    sandbox.commit_lattice();
    let print = |args: &[&str], code| documents.print(&sandbox, args, code);
    let built = print(&["build", &one], 0);
    assert_eq!(built["proposed"]["keys"], json!(["store"]), "{built:#}");
    print(&["trust", "--settings", "--dry-run"], 0);
    print(&["trust", "--settings"], 2);
    print(&["trust", "--settings", "--yes"], 0);
    print(&["trust", "list"], 0);
}

fn checked(documents: &Documents) {
    let sandbox = Sandbox::new();
    let print = |args: &[&str], code| documents.print(&sandbox, args, code);
    let one = at("phase0/step1");
    print(&["hooks", "status"], 0);
    sandbox.write(".git/hooks/pre-commit", "#!/bin/sh\n");
    sandbox.lattice(&["hooks", "install"]).exits(0);
    print(&["hooks", "status"], 0);
    sandbox.lattice(&["hooks", "uninstall"]).exits(0);
    sandbox.points(&[&one]);
    print(&["check"], 0);
    sandbox.commit_to(&one, &[("flake.nix", "{ outputs = _: { }; }\n")]);
    print(&["check", &one], 1);
    sandbox.write(".git/lattice/x.new4194304", "");
    let found = print(&["doctor", "--offline"], 0);
    assert!(found["lines"].as_array().unwrap().iter().any(|line| line["repairable"] == true), "{found:#}");
    print(&["doctor", "--offline", "--repair"], 0);
    documents.print_in(&sandbox, "home", &["doctor", "--offline"], 0);
}

fn linted(documents: &Documents) {
    let sandbox = Sandbox::new();
    let print = |args: &[&str], code| documents.print(&sandbox, args, code);
    print(&["lint"], 0);
    sandbox.write("twice.nix", "{\n  a = 1;\n  a = 2;\n}\n");
    sandbox.write("wide.nix", "{a=1;}\n");
    sandbox.write("broken.nix", "{ a = ; }\n");
    print(&["lint"], 1);
    print(&["lint", "--fix"], 1);
    let toml = fs::read_to_string(sandbox.work().join("lattice.toml")).unwrap();
    sandbox.write("lattice.toml", format!("{toml}\n[lint]\nrequire = [\"statix\"]\n"));
    sandbox.commit_lattice();
    print(&["lint", "wide.nix"], 2);
}

/// The text of a `step.nix` whose builder runs this shell script.
fn step(script: &str) -> String {
    format!(
        "{{ system, ... }}:\nderivation {{\n  name = \"scripted\";\n  inherit system;\n  builder = \"/bin/sh\";\n  args = [\n    \
         \"-c\"\n    {script:?}\n  ];\n}}\n"
    )
}

fn built(documents: &Documents, nix: &Path) {
    let mut sandbox = Sandbox::new();
    sandbox.use_nix(nix);
    let (one, two) = (at("phase0/step1"), at("phase0/step2"));
    sandbox.points(&[&one, &far("phase0/step1")]);
    let print = |args: &[&str], code| documents.print(&sandbox, args, code);
    print(&["build", &one], 0);
    print(&["build", "--check", &one], 0);
    let cache = format!("file://{}", tempfile::tempdir().unwrap().path().display());
    print(&["build", "--again", "--push-cache", &cache, &one], 0);
    print(&["build", &far("phase0/step1")], 1);
    print(&["diff", "--closure", &one, &far("phase0/step1")], 0);
    print(&["diff", "--closure", &one, &one], 0);
    print(&["log", &one], 0);
    print(&["show", &one], 0);

    sandbox.lattice(&["new", &two, "--template", "step", "--no-push"]).exits(0);
    sandbox.write("../tools/hello", "hello\n");
    print(&["source", "add", "../tools/hello", "--print"], 0);
    print(&["seed", "add", "tools", "../tools"], 0);
    sandbox.commit_to(&two, &[("config.toml", "[sources.a]\nurl = \"http://127.0.0.1:1/a\"\n[seeds.b]\n")]);
    sandbox.commit_to(&two, &[("step.nix", "{ seeds, ... }: seeds.b\n")]);
    print(&["source", "check", &two], 1);
    print(&["show", "--trusted-base", &two], 0);
    print(&["build", &two], 2);
    let three = at("phase0/step3");
    sandbox.lattice(&["new", &three, "--template", "step", "--fresh", "--no-push", "--no-switch"]).exits(0);
    for (point, call) in [(&two, r#"{"program":"cc","environment":{"A":"b"}}"#), (&three, r#"{"program":"cc"}"#)] {
        sandbox.commit_to(point, &[("step.nix", &step_with_calls(call))]);
        print(&["build", point], 0);
    }
    print(&["diff", "--calls", &two, &three], 0);
    sandbox.commit_to(&two, &[("step.nix", "{ seeds, ... }: seeds.b\n")]);
    sandbox.git(&["switch", "-q", &branch(&two)]);
    print(&["try"], 2);
    let change = |script: &str| sandbox.commit_to(&two, &[("step.nix", &step(script))]);
    change("exit 1");
    print(&["build", &two], 1);
    print(&["try"], 1);
    print(&["bisect", &two], 0);
    let events = documents.print_lines(&sandbox, &["--all", "--again", "--push-cache", &cache], 1);
    assert_eq!((&events["event"], &events["error"]), (&json!("summary"), &Value::Null));
    change("while :; do :; done");
    print(&["build", "--background", &two], 0);
    print(&["status"], 0);
    let cancelled = print(&["build", "--cancel", &two], 0);
    assert_eq!(cancelled["cancelled"][0]["point"], two.as_str());
    change("while :; do echo chatter; done");
    sandbox.git(&["config", "lattice.limit.log", "1k"]);
    print(&["build", &two], 2);
    let ended = documents.print_lines(&sandbox, &["--check", &two], 2);
    assert!(ended["error"].as_str().unwrap().contains("1K"), "{ended:#}");
    print(&["doctor", "--offline"], 0);
}
