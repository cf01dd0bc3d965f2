//! What a step.nix gets: the points below it by name, and files and trees from outside by their hashes.

mod add;
mod check;
mod missing;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::at;

/// A step.nix that copies this Nix expression, the path of a file, to its output.
pub(crate) fn copying(expression: &str) -> String {
    format!(
        "{{ system, output, below, sources, seeds, ... }}:\nderivation {{\n  name = \"copy\";\n  inherit system;\n  \
         file = {expression};\n  builder = \"/bin/sh\";\n  args = [ \"-c\" \"read -r line <$file; echo \\\"$line\\\" >$out\" ];\n}}\n"
    )
}

/// A sandbox with points of these names on this machine's architecture, each with a step.nix.
pub(crate) fn with_steps(nix: &Path, steps: &[(&str, String)]) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.use_nix(nix);
    for (name, step) in steps {
        let point = at(name);
        sandbox.lattice(&["new", &point, "--template", "step", "--no-push", "--no-switch"]).exits(0);
        sandbox.commit_to(&point, &[("step.nix", step)]);
    }
    sandbox
}

/// The text of the output that a point's newest record names.
pub(crate) fn built(sandbox: &Sandbox, name: &str) -> String {
    sandbox.lattice(&["build", &at(name)]).exits(0);
    let records = sandbox.records();
    let record = records.iter().rfind(|record| record["point"] == at(name)).unwrap();
    let path = record["outputs"]["out"]["path"].as_str().unwrap();
    fs::read_to_string(sandbox.path(&format!("nix/store{path}"))).unwrap()
}

/// Runs a program of the sandbox's Nix and returns its output.
pub(crate) fn nix(sandbox: &Sandbox, program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    sandbox.environment(&mut command);
    let output = command.args(args).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Serves this content to every request, until the tests end.
pub(crate) fn serve(content: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", content.len())
                .unwrap();
            stream.write_all(content).unwrap();
        }
    });
    format!("http://{address}")
}

/// The SRI hash of this file or tree.
pub(crate) fn hash(sandbox: &Sandbox, kind: &str, path: &Path) -> String {
    nix(sandbox, "nix", &["hash", kind, "--sri", "--type", "sha256", path.to_str().unwrap()])
}

#[test]
fn step_uses_any_point_below_by_name() {
    let first = "{ system, ... }: derivation { name = \"first\"; inherit system; builder = \"/bin/sh\"; args = [ \"-c\" \"echo first >$out\" ]; }\n";
    let named = |name: &str| [copying(&format!("output \"{name}\"")), copying(&format!("output \"{}\"", at(name)))];
    let [short, full] = named("phase0/step1");
    let listed = copying(&format!("below.\"{}\".packages.${{system}}.default", at("phase0/step1")));
    for nix in every_nix() {
        // The step in between is not used, so it is not evaluated.
        let unused = ("phase0/step2", "_: throw \"unused\"\n".to_owned());
        let steps = [("phase0/step1", first.to_owned()), unused, ("phase1/step1", short.clone())];
        let sandbox = with_steps(&nix, &steps);
        assert_eq!(built(&sandbox, "phase1/step1"), "first\n");
        for step in [&full, &listed] {
            sandbox.commit_to(&at("phase1/step1"), &[("step.nix", &format!("{step}# again\n"))]);
            assert_eq!(built(&sandbox, "phase1/step1"), "first\n", "{step}");
        }
        sandbox.commit_to(&at("phase1/step1"), &[("step.nix", &copying("output \"phase0/step3\""))]);
        let run = sandbox.lattice(&["build", &at("phase1/step1")]).exits(1);
        run.says_out("`phase0/step3` is not below").says_out(&at("phase0/step2"));
    }
}

#[test]
fn source_is_fetched_from_its_url() {
    let url = serve(b"from the server\n");
    for program in every_nix() {
        let sandbox = with_steps(&program, &[("phase0/step1", copying("sources.text"))]);
        sandbox.write("../text", "from the server\n");
        let hash = hash(&sandbox, "file", &sandbox.path("text"));
        let config = format!("[sources.text]\nurl = \"{url}/text\"\nhash = \"{hash}\"\n");
        sandbox.commit_to(&at("phase0/step1"), &[("config.toml", &config)]);
        assert_eq!(built(&sandbox, "phase0/step1"), "from the server\n");
        // Nix says what the hash should be.
        sandbox.commit_to(&at("phase0/step1"), &[("config.toml", &config.replace(&hash, ""))]);
        sandbox.lattice(&["build", &at("phase0/step1")]).exits(2).says_err("hash mismatch").says_err(&hash);
    }
}

#[test]
fn source_in_the_store_is_not_fetched() {
    for program in every_nix() {
        let sandbox = with_steps(&program, &[("phase0/step1", copying("sources.text"))]);
        sandbox.write("../text", "put there\n");
        let hash = hash(&sandbox, "file", &sandbox.path("text"));
        nix(&sandbox, "nix-store", &["--add-fixed", "sha256", sandbox.path("text").to_str().unwrap()]);
        for url in ["", "url = \"http://127.0.0.1:1/text\"\n"] {
            let config = format!("[sources.text]\n{url}hash = \"{hash}\"\n");
            sandbox.commit_to(&at("phase0/step1"), &[("config.toml", &config)]);
            assert_eq!(built(&sandbox, "phase0/step1"), "put there\n");
        }
    }
}

#[test]
fn archive_is_unpacked_without_a_shell() {
    for program in every_nix() {
        let sandbox = with_steps(&program, &[("phase0/step1", copying("\"${sources.hello}/README\""))]);
        sandbox.write("../hello-1.0/README", "read me\n");
        let tar =
            Command::new("tar").current_dir(sandbox.path("")).args(["-czf", "hello", "hello-1.0"]).status().unwrap();
        assert!(tar.success());
        let hash = hash(&sandbox, "file", &sandbox.path("hello"));
        nix(&sandbox, "nix-store", &["--add-fixed", "sha256", sandbox.path("hello").to_str().unwrap()]);
        let config = format!("[sources.hello]\nunpack = true\nhash = \"{hash}\"\n");
        sandbox.commit_to(&at("phase0/step1"), &[("config.toml", &config)]);
        assert_eq!(built(&sandbox, "phase0/step1"), "read me\n");
    }
}

#[test]
fn seed_is_a_tree_in_the_store() {
    for program in every_nix() {
        let sandbox = with_steps(&program, &[("phase0/step1", copying("\"${seeds.tools}/bin/hello\""))]);
        sandbox.write("../tools/bin/hello", "seed\n");
        let hash = hash(&sandbox, "path", &sandbox.path("tools"));
        nix(&sandbox, "nix-store", &["--add-fixed", "--recursive", "sha256", sandbox.path("tools").to_str().unwrap()]);
        let config = format!("[seeds.tools]\nhash = \"{hash}\"\norigin = \"made here\"\n");
        sandbox.commit_to(&at("phase0/step1"), &[("config.toml", &config)]);
        assert_eq!(built(&sandbox, "phase0/step1"), "seed\n");
    }
}
