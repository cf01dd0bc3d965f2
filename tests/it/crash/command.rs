//! The commands that are killed, each in a repository where it has work to do.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::nix_setup::{every_nix, var};
use crate::sandbox::{Prepared, Run, Sandbox};
use crate::story::{at, branch, dir, elsewhere, far, write_record};
use crate::strace::Tracer;

/// The name of the linked worktree.
pub(super) const LINKED: &str = "linked";
/// The writer name of the clone.
pub(super) const WRITER: &str = "0123456789abcdef";

/// How the clone stores its refs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefStorage {
    /// One file per ref.
    Loose,
    /// All existing refs in packed-refs.
    Packed,
    Reftable,
}

impl RefStorage {
    /// Converts the refs; `false` if this git cannot.
    fn migrate(self, sandbox: &Sandbox) -> bool {
        let args: &[&str] = match self {
            Self::Loose => return true,
            Self::Packed => &["pack-refs", "--all"],
            Self::Reftable => {
                // git migrates reflogs only since 2.48.
                fs::remove_dir_all(sandbox.work().join(".git/logs")).unwrap();
                &["refs", "migrate", "--ref-format=reftable"]
            }
        };
        sandbox.try_git("work", args).status.success()
    }
}

/// A command line.
struct CommandLine {
    args: Vec<String>,
    dir: &'static str,
    needs_nix: bool,
}

/// A command and the directory that it runs in.
pub(super) struct CommandCase {
    pub(super) name: String,
    line: CommandLine,
    prepared: Prepared,
    has_storage: bool,
}

impl CommandCase {
    fn new(name: &str, storage: RefStorage, prepare: impl FnOnce(&Sandbox) -> CommandLine) -> Self {
        let (mut line, mut has_storage) = (run_in("work", &[]), true);
        let prepared = Prepared::new(|sandbox| {
            line = prepare(sandbox);
            has_storage = storage.migrate(sandbox);
            for dir in worktrees(sandbox) {
                fs::write(sandbox.path(dir).join("staged"), STAGED).unwrap();
                sandbox.git_in(dir, &["add", "staged"]);
                fs::write(sandbox.path(dir).join("untracked"), UNTRACKED).unwrap();
            }
        });
        let name = if storage == RefStorage::Loose { name.to_owned() } else { format!("{name}, {storage:?}") };
        Self { name, line, prepared, has_storage }
    }

    /// The cases of these names, or all; limited to `GIT_LATTICE_TEST_COMMAND` if it is set.
    pub(super) fn select(names: &[&str], storage: RefStorage) -> Vec<Self> {
        let asked = var("GIT_LATTICE_TEST_COMMAND").map(|name| name.into_string().unwrap());
        let is_asked = |name: &str| asked.as_ref().is_none_or(|asked| asked == name);
        let wanted = |name: &str| (names.is_empty() || names.contains(&name)) && is_asked(name);
        let all = PREPARED.into_iter().filter(|(name, _)| wanted(name));
        let all = all.map(|(name, prepare)| Self::new(name, storage, prepare));
        all.filter(|subject| subject.has_storage && (!subject.line.needs_nix || !every_nix().is_empty())).collect()
    }

    pub(super) fn args(&self) -> Vec<&str> {
        self.line.args.iter().map(String::as_str).collect()
    }

    pub(super) fn sandbox(&self) -> Sandbox {
        let mut sandbox = self.prepared.copy();
        sandbox.use_own_temporary_folder();
        if sandbox.path(LINKED).exists() {
            let (admin, root) = (sandbox.work().join(".git/worktrees").join(LINKED), sandbox.path(LINKED));
            fs::write(root.join(".git"), format!("gitdir: {}\n", admin.display())).unwrap();
            fs::write(admin.join("gitdir"), format!("{}\n", root.join(".git").display())).unwrap();
        }
        // Nix 2.8 starts its own gits; another test kills those.
        if let Some(nix) = every_nix().last().filter(|_| self.line.needs_nix) {
            sandbox.use_nix(nix);
        }
        sandbox
    }

    /// A sandbox where the command can be killed.
    pub(super) fn tracer(&self, strace: &Path) -> Tracer {
        Tracer::new(self.sandbox(), strace, None).in_dir(self.line.dir)
    }

    /// Runs the command.
    pub(super) fn run(&self, sandbox: &Sandbox) -> Run {
        sandbox.lattice_in(self.line.dir, &self.args(), |command| command)
    }
}

/// A staged and an untracked file of the user, in each worktree.
pub(super) const STAGED: &str = "staged by the user\n";
pub(super) const UNTRACKED: &str = "the user's\n";

/// The clone, and its linked worktree if there is one.
pub(super) fn worktrees(sandbox: &Sandbox) -> impl Iterator<Item = &'static str> {
    ["work", LINKED].into_iter().filter(|dir| sandbox.path(dir).exists())
}

/// Prepares the repository and returns the command.
type Prepare = fn(&Sandbox) -> CommandLine;

const PREPARED: [(&str, Prepare); 29] = [
    ("init --hooks", |_| run(&["init", "--component", "toolchain", "--arch", "aarch64", "--hooks"])),
    ("hooks install", |sandbox| {
        declare_lattice(sandbox);
        run(&["hooks", "install", "--shim"])
    }),
    ("new", |sandbox| {
        declare_lattice(sandbox);
        run(&["new", &at("phase0/step1")])
    }),
    ("new, two at once", |sandbox| {
        declare_lattice(sandbox);
        run(&["new", "--all-archs", "--no-switch"])
    }),
    ("new, linked worktree", |sandbox| {
        declare_lattice(sandbox);
        add_linked_worktree(sandbox);
        run_in(LINKED, &["new", &at("phase0/step1")])
    }),
    ("new, pushed first elsewhere", |sandbox| {
        declare_lattice(sandbox);
        let colleague = colleague(sandbox);
        sandbox.lattice_in(colleague, &["new", &at("phase0/step1")], |command| command).exits(0);
        run(&["new", &at("phase0/step1")])
    }),
    ("next-step", |sandbox| {
        with_point(sandbox);
        run(&["next-step", &at("phase0/step1")])
    }),
    ("promote", |sandbox| {
        with_record(sandbox);
        run(&["promote", &at("phase0/step1")])
    }),
    ("promote, linked worktree", |sandbox| {
        with_record(sandbox);
        add_linked_worktree(sandbox);
        run_in(LINKED, &["promote", &at("phase0/step1")])
    }),
    ("promote --to base", |sandbox| {
        with_record(sandbox);
        run(&["promote", &at("phase0/step1"), "--to", "base"])
    }),
    ("restack", |sandbox| {
        with_fix(sandbox);
        run(&["restack"])
    }),
    ("restack, as a pack", |sandbox| {
        with_fix(sandbox);
        sandbox.git(&["config", "transfer.unpackLimit", "1"]);
        run(&["restack"])
    }),
    ("regenerate", |sandbox| {
        with_fix(sandbox);
        sandbox.lattice(&["restack"]).exits(0);
        run(&["regenerate", &at("phase0/step1"), "--set", "stage=2"])
    }),
    ("port", |sandbox| {
        with_point(sandbox);
        sandbox.points(&[&far("phase0/step2")]);
        sandbox.commit_to(&at("phase0/step1"), &[("notes", "new\n")]);
        run(&["port", &at("phase0/step1"), "--to-arch", elsewhere()])
    }),
    ("prune --remote", |sandbox| {
        with_point(sandbox);
        sandbox.lattice(&["next-step"]).exits(0);
        sandbox.git(&["switch", "-q", "main"]);
        run(&["prune", &at("phase0/step1"), &at("phase0/step2"), "--remote"])
    }),
    ("move --delete-remote", |sandbox| {
        with_point(sandbox);
        sandbox.lattice(&["next-step"]).exits(0);
        sandbox.lattice(&["new", &at("phase1/step1"), "--no-switch"]).exits(0);
        sandbox.git(&["switch", "-q", "main"]);
        run(&["move", &at("phase0/step2"), &at("phase0/step3"), "--delete-remote"])
    }),
    ("axis rename", |sandbox| {
        with_point(sandbox);
        sandbox.lattice(&["next-step"]).exits(0);
        sandbox.git(&["switch", "-q", "main"]);
        run(&["axis", "rename", "component", "toolchain", "tools", "--delete-remote"])
    }),
    ("sync", |sandbox| {
        with_point(sandbox);
        let colleague = sandbox.colleague();
        sandbox.lattice_in(colleague, &["new", &far("phase0/step1")], |command| command).exits(0);
        sandbox.points(&[&at("phase0/step2")]);
        sandbox.built_elsewhere(&[&at("phase0/step2")]);
        sandbox.lattice(&["note", &at("phase0/step2"), "-m", "waits"]).exits(0);
        run(&["sync"])
    }),
    ("note", |sandbox| {
        with_point(sandbox);
        run(&["note", &at("phase0/step1"), "-m", "waits for upstream"])
    }),
    ("sync, same point", |sandbox| {
        with_point(sandbox);
        let (colleague, [one, two]) = (colleague(sandbox), [at("phase0/step1"), at("phase0/step2")]);
        sandbox.git_in(colleague, &["switch", "-q", &branch(&one)]);
        fs::write(sandbox.path(colleague).join(dir(&one)).join("notes"), "theirs\n").unwrap();
        sandbox.git_in(colleague, &["add", "."]);
        sandbox.git_in(colleague, &["commit", "-q", "-m", "notes"]);
        sandbox.git_in(colleague, &["push", "-q"]);
        sandbox.lattice_in(colleague, &["next-step"], |command| command).exits(0);
        sandbox.points(&[&two]);
        run(&["sync"])
    }),
    ("build", |sandbox| {
        with_point(sandbox);
        CommandLine { needs_nix: true, ..run(&["build", &at("phase0/step1")]) }
    }),
    ("undo", |sandbox| {
        with_point(sandbox);
        sandbox.git(&["switch", "-q", "main"]);
        run(&["undo", &newest_operation(sandbox)])
    }),
    ("undo --remote", |sandbox| {
        with_point(sandbox);
        sandbox.git(&["switch", "-q", "main"]);
        run(&["undo", &newest_operation(sandbox), "--remote"])
    }),
    ("axis add", |sandbox| {
        declare_lattice(sandbox);
        run(&["axis", "add", "arch", "riscv64"])
    }),
    ("status", |sandbox| {
        with_point(sandbox);
        run(&["status"])
    }),
    ("trust", |sandbox| {
        with_point(sandbox);
        run(&["trust", "--author", &"0123456789abcdef".repeat(4)[..40], "--yes"])
    }),
    ("doctor --repair", |sandbox| {
        declare_lattice(sandbox);
        sandbox.lattice(&["hooks", "install", "--shim"]).exits(0);
        for hook in ["pre-commit", "post-checkout"] {
            let path = sandbox.work().join(".git/hooks").join(hook);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replacen("git-lattice-shim 2 ", "git-lattice-shim 1 ", 1)).unwrap();
        }
        run(&["doctor", "--repair", "--offline"])
    }),
    ("lint --fix", |sandbox| {
        sandbox.write("a.nix", "{a=1;}\n");
        sandbox.write("b.nix", "{b=1;}\n");
        sandbox.git(&["add", "a.nix", "b.nix"]);
        sandbox.git(&["commit", "-q", "-m", "not formatted"]);
        run(&["lint", "--fix", "a.nix", "b.nix"])
    }),
    ("hooks uninstall", |sandbox| {
        declare_lattice(sandbox);
        sandbox.lattice(&["hooks", "install", "--shim"]).exits(0);
        run(&["hooks", "uninstall"])
    }),
];

fn run(args: &[&str]) -> CommandLine {
    run_in("work", args)
}

fn run_in(dir: &'static str, args: &[&str]) -> CommandLine {
    CommandLine { args: args.iter().map(|arg| (*arg).to_owned()).collect(), dir, needs_nix: false }
}

fn newest_operation(sandbox: &Sandbox) -> String {
    let ops = sandbox.lattice(&["ops", "--json"]).exits(0).json();
    ops["operations"][0]["id"].as_str().unwrap().to_owned()
}

fn declare_lattice(sandbox: &Sandbox) {
    sandbox.lattice(&["init", "--component", "toolchain", "--arch", "aarch64,x86_64", "--no-hooks"]).exits(0);
    sandbox.commit_lattice();
}

fn with_point(sandbox: &Sandbox) {
    declare_lattice(sandbox);
    sandbox.lattice(&["new", &at("phase0/step1")]).exits(0);
}

/// Two steps, and a commit on the first that the second lacks.
fn with_fix(sandbox: &Sandbox) {
    with_point(sandbox);
    sandbox.lattice(&["next-step", "--no-switch"]).exits(0);
    sandbox.git(&["switch", "-q", "main"]);
    sandbox.commit_to(&at("phase0/step1"), &[("notes", "new\n")]);
}

/// With a record of this clone that the remote does not have.
fn with_record(sandbox: &Sandbox) {
    with_point(sandbox);
    sandbox.git(&["config", "lattice.writer", WRITER]);
    write_record(sandbox, "work", WRITER, &at("phase0/step1"), &json!({}));
}

/// A colleague's clone, whose commits have another author.
fn colleague(sandbox: &Sandbox) -> &'static str {
    let colleague = sandbox.colleague();
    sandbox.git_in(colleague, &["config", "user.name", "C Olleague"]);
    colleague
}

fn add_linked_worktree(sandbox: &Sandbox) {
    sandbox.git(&["worktree", "add", "-q", "-b", "side", &format!("../{LINKED}"), "main"]);
}
