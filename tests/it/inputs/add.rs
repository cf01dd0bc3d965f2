//! `git lattice source add` and `git lattice seed add`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use super::{built, copying, hash, serve, with_steps};
use crate::nix_setup::every_nix;
use crate::sandbox::Sandbox;
use crate::story::{at, branch, dir};

const ONE: &str = "phase0/step1";

/// A sandbox whose HEAD is on a step that copies this file.
fn on_step(nix: &Path, expression: &str) -> Sandbox {
    let sandbox = with_steps(nix, &[(ONE, copying(expression))]);
    sandbox.git(&["switch", "-q", &branch(&at(ONE))]);
    sandbox
}

/// The step's `config.toml` in the worktree.
fn config(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.work().join(dir(&at(ONE))).join("config.toml")).unwrap()
}

fn commit(sandbox: &Sandbox) {
    sandbox.git(&["commit", "-q", "-a", "-m", "add an input"]);
}

/// A file beside the clone.
fn file(sandbox: &Sandbox, name: &str, text: &str) -> String {
    sandbox.write(&format!("../{name}"), text);
    sandbox.path(name).to_str().unwrap().to_owned()
}

#[test]
fn source_of_a_url_is_added_and_builds() {
    let url = serve(b"from the server\n");
    for nix in every_nix() {
        let sandbox = on_step(&nix, "sources.hello");
        let before = "# my step\nversion = 1 # the version\n";
        sandbox.write(&format!("{}/config.toml", dir(&at(ONE))), before);
        let from = format!("{url}/hello-2.12.tar.gz?download=1");
        let run = sandbox.lattice(&["source", "add", &from]).exits(0);
        run.says_out("added   source hello").says_err("step.nix gets it as `sources.hello`");
        let after = config(&sandbox);
        assert!(
            after.starts_with(before) && after.contains(&format!("[sources.hello]\nurl = \"{from}\"\n")),
            "{after}"
        );
        commit(&sandbox);
        assert_eq!(built(&sandbox, ONE), "from the server\n");
        // The same again changes nothing.
        sandbox.lattice(&["source", "add", &from]).exits(0).says_out("unchanged  source hello");
        assert_eq!(config(&sandbox), after);
    }
}

#[test]
fn source_of_a_file_is_added_and_builds() {
    for nix in every_nix() {
        let sandbox = on_step(&nix, "sources.\"my.text\"");
        let from = file(&sandbox, "text-1.0.tar.xz", "a file\n");
        let run = sandbox.lattice(&["source", "add", &from, "--name", "my.text"]).exits(0);
        run.says_err("`sources.\"my.text\"`");
        let hash = hash(&sandbox, "file", Path::new(&from));
        assert!(
            config(&sandbox).ends_with(&format!("\n[sources.\"my.text\"]\nhash = \"{hash}\"\n")),
            "{}",
            config(&sandbox)
        );
        commit(&sandbox);
        assert_eq!(built(&sandbox, ONE), "a file\n");
    }
}

#[test]
fn archive_is_added_to_be_unpacked() {
    for nix in every_nix() {
        let sandbox = on_step(&nix, "\"${sources.hello}/README\"");
        sandbox.write("../hello-1.0/README", "read me\n");
        let tar = ["-czf", "hello-1.0.tar.gz", "hello-1.0"];
        assert!(Command::new("tar").current_dir(sandbox.path("")).args(tar).status().unwrap().success());
        sandbox.lattice(&["source", "add", "../hello-1.0.tar.gz", "--unpack"]).exits(0).says_out("source hello");
        commit(&sandbox);
        assert_eq!(built(&sandbox, ONE), "read me\n");
    }
}

#[test]
fn input_is_printed_instead_of_written() {
    for nix in every_nix() {
        let sandbox = on_step(&nix, "sources.text");
        let from = file(&sandbox, "text", "a file\n");
        let before = config(&sandbox);
        let hash = hash(&sandbox, "file", Path::new(&from));
        let run = sandbox.lattice(&["source", "add", &from, "--print"]).exits(0);
        assert_eq!(run.stdout, format!("[sources.text]\nhash = \"{hash}\"\n"));
        // No point is needed for that.
        sandbox.git(&["switch", "-q", "main"]);
        let json = sandbox.lattice(&["source", "add", &from, "--print", "--json"]).exits(0).json();
        assert_eq!((&json["hash"], &json["written"]), (&hash.clone().into(), &false.into()), "{json:#}");
        sandbox.lattice(&["source", "add", &from]).exits(2).says_err("HEAD is not on the branch of a point");
        sandbox.git(&["switch", "-q", &branch(&at(ONE))]);
        let json = sandbox.lattice(&["source", "add", &from, "--json"]).exits(0).json();
        assert_eq!((&json["point"], &json["written"]), (&at(ONE).into(), &true.into()), "{json:#}");
        assert_ne!(config(&sandbox), before);
    }
}

#[test]
fn seed_is_added_with_its_origin_and_builds() {
    for nix in every_nix() {
        let sandbox = on_step(&nix, "\"${seeds.tools}/bin/hello\"");
        file(&sandbox, "tools/bin/hello", "seed\n");
        let args = ["seed", "add", "tools", "../tools", "--origin", "Debian 12", "--description", "tools"];
        sandbox.lattice(&args).exits(0).says_out("added   seed tools");
        sandbox.lattice(&args[..4]).exits(0).says_out("unchanged  seed tools");
        let hash = hash(&sandbox, "path", &sandbox.path("tools"));
        let expected = format!("[seeds.tools]\nhash = \"{hash}\"\norigin = \"Debian 12\"\ndescription = \"tools\"\n");
        assert!(config(&sandbox).ends_with(&expected), "{}", config(&sandbox));
        commit(&sandbox);
        assert_eq!(built(&sandbox, ONE), "seed\n");
    }
}

#[test]
fn other_hash_is_replaced_only_on_demand() {
    for nix in every_nix() {
        let sandbox = on_step(&nix, "sources.text");
        let from = file(&sandbox, "text", "first\n");
        sandbox.lattice(&["source", "add", &from]).exits(0);
        let (first, before) = (hash(&sandbox, "file", Path::new(&from)), config(&sandbox));
        file(&sandbox, "text", "second\n");
        let second = hash(&sandbox, "file", Path::new(&from));
        let run = sandbox.lattice(&["source", "add", &from]).exits(2);
        run.says_err("`sources.text`").says_err(&first).says_err(&second).says_err(&from).says_err("`--replace`");
        assert_eq!(config(&sandbox), before);
        sandbox.lattice(&["source", "add", &from, "--replace"]).exits(0).says_out("replaced  source text");
        assert_eq!(config(&sandbox), before.replace(&first, &second));
        sandbox.lattice(&["source", "add", &from, "--replace"]).exits(0).says_out("unchanged  source text");
        // A text that is no hash is replaced too.
        sandbox.write(&format!("{}/config.toml", dir(&at(ONE))), before.replace(&first, "sha256-xyz"));
        let run = sandbox.lattice(&["source", "add", &from]).exits(2).says_err("`sources.text.hash` is `sha256-xyz`");
        run.says_err("with `--replace` writes its hash");
        let run = sandbox.lattice(&["source", "add", &from, "--name", "other", "--replace"]).exits(2);
        run.says_err("`sources.text.hash` is `sha256-xyz`");
        sandbox.lattice(&["source", "add", &from, "--replace"]).exits(0).says_out("replaced  source text");
        assert_eq!(config(&sandbox), before.replace(&first, &second));
        // A placeholder is no hash.
        let placeholder = format!("sha256-{}=", "A".repeat(43));
        sandbox.write(&format!("{}/config.toml", dir(&at(ONE))), before.replace(&first, &placeholder));
        sandbox.lattice(&["source", "add", &from]).exits(0);
        assert_eq!(config(&sandbox), before.replace(&first, &second));
    }
}

#[test]
fn bad_sources_are_refused() {
    let (url, empty) = (serve(b"from the server\n"), serve(b""));
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = on_step(&nix, "sources.text");
    let before = config(&sandbox);
    let good = file(&sandbox, "text", "a file\n");
    file(&sandbox, "none", "");
    file(&sandbox, "-1.0", "a file\n");
    for (args, message) in [
        (vec!["http://127.0.0.1:1/text"], "could not fetch `http://127.0.0.1:1/text`"),
        (vec!["gopher://127.0.0.1/text"], "expected one of http, https, ftp"),
        (vec!["../none"], "`../none` is empty"),
        (vec![&*format!("{empty}/text")], "is empty"),
        (vec!["../missing"], "could not read `../missing`"),
        (vec!["flakes"], "`flakes` is not a file"),
        (vec!["../-1.0"], "gives no name"),
        (vec!["/dev/null", "--name", "x"], "`/dev/null` is not a file"),
        (vec![&url], "gives no name"),
        (vec!["http://me:secret@127.0.0.1:1/text"], "`http://***@127.0.0.1:1/text` has a user or password"),
        (vec!["http://me:secret@127.0.0.1:1/text", "--print"], "`netrc-file` in nix.conf"),
        (vec![&good, "--name", "a/b"], "invalid name `a/b`"),
        (vec![&good, "--name", ".a"], "invalid name `.a`"),
        (vec![&good, "--name", "ä b"], "invalid name `ä b`"),
        (vec![&good, "--name", &"n".repeat(101)], "invalid name"),
    ] {
        let args = [&["source", "add"], &args[..]].concat();
        let run = sandbox.lattice(&args).exits(2).says_err(message);
        assert!(!run.stderr.contains("secret"), "{}", run.stderr);
        assert_eq!(config(&sandbox), before, "{args:?}");
    }
}

#[test]
fn server_error_is_shown_in_one_line() {
    for nix in every_nix() {
        let sandbox = on_step(&nix, "sources.text");
        let run = sandbox.lattice(&["source", "add", "http://127.0.0.1:1/text"]).exits(2);
        let lines: Vec<_> = run.stderr.lines().collect();
        assert!(lines[0].starts_with("error: could not fetch `http://127.0.0.1:1/text`: "), "{lines:?}");
        assert!(lines[1].starts_with("hint: check the network") && lines.len() == 2, "{lines:?}");
    }
}

#[test]
fn bad_seeds_are_refused() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = on_step(&nix, "\"${seeds.tools}/bin/hello\"");
    let before = config(&sandbox);
    let refused = |message: &str| {
        sandbox.lattice(&["seed", "add", "tools", "../tools"]).exits(2).says_err(message);
        assert_eq!(config(&sandbox), before, "{message}");
    };
    refused("could not read `../tools`");
    fs::create_dir(sandbox.path("tools")).unwrap();
    refused("tools` is empty");
    let program = file(&sandbox, "tools/bin/hello", "seed\n");
    symlink("hello", sandbox.path("tools/bin/relative")).unwrap();
    let link = sandbox.path("tools/bin/absolute");
    symlink("/etc/passwd", &link).unwrap();
    refused("is a symbolic link to `/etc/passwd`");
    for target in ["../../etc/passwd", "./hello/../../..", "../../tools/bin"] {
        fs::remove_file(&link).unwrap();
        symlink(target, &link).unwrap();
        refused(&format!("is a symbolic link to `{target}`"));
    }
    // One that stays in the tree is fine, also without a target.
    fs::remove_file(&link).unwrap();
    symlink("../bin/../missing", &link).unwrap();
    for bits in [0o4755, 0o2755] {
        fs::set_permissions(&program, fs::Permissions::from_mode(bits)).unwrap();
        refused("is set-user-id or set-group-id");
    }
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(sandbox.path("tools/s")).unwrap();
    refused("is a socket, pipe or device");
    drop(socket);
    fs::remove_file(sandbox.path("tools/s")).unwrap();
    sandbox.lattice(&["seed", "add", "tools", "../tools/bin/hello"]).exits(2).says_err("is not a directory");
    sandbox.lattice(&["seed", "add", "a b", "../tools"]).exits(2).says_err("invalid name `a b`");
    sandbox.lattice(&["seed", "add", "tools", "../tools"]).exits(0);
}

#[test]
fn damaged_config_toml_stays_as_it_is() {
    let Some(nix) = every_nix().into_iter().next() else { return };
    let sandbox = on_step(&nix, "sources.text");
    let from = file(&sandbox, "text", "a file\n");
    let path = format!("{}/config.toml", dir(&at(ONE)));
    for (text, message) in [
        ("a = \n", "line 1, column"),
        ("sources = 1\n", "`sources` must be a table"),
        ("[sources]\ntext = 1\n", "`sources.text` must be a table"),
        ("[sources.text]\nhash = \"sha1\"\n", "`sources.text.hash` is `sha1`"),
    ] {
        sandbox.write(&path, text);
        sandbox.lattice(&["source", "add", &from]).exits(2).says_err(message);
        assert_eq!(config(&sandbox), text);
    }
}
