//! Merge results do not depend on the branch that is checked out.

use super::victim::Victim;
use crate::story::{at, far};

/// git takes attributes from the checked-out branch, and they can choose one of the user's merge drivers for a file.
#[test]
fn git_attributes_choose_no_merge_driver() {
    let victim = Victim::new(None);
    let sandbox = &victim.sandbox;
    sandbox.git(&["config", "core.hooksPath", "/dev/null"]);
    sandbox.git(&["config", "merge.evil.driver", &format!("'{}'", victim.trace_command())]);
    sandbox.git(&["config", "filter.evil.clean", &format!("'{}'", victim.trace_command())]);
    sandbox.git(&["config", "merge.renormalize", "true"]);
    for (point, text) in [(at("phase0/step1"), "one\n"), (far("phase0/step1"), "two\n")] {
        sandbox.lattice(&["new", &point, "--no-push"]).exits(0);
        sandbox.write("shared", format!("a\n{text}b\n"));
        sandbox.git(&["add", "shared"]);
        sandbox.git(&["commit", "-q", "-m", text]);
    }
    for attributes in ["merge=union", "merge=evil", "merge=evil filter=evil", "merge=union -diff"] {
        sandbox.git(&["switch", "-q", "--detach", "main"]);
        sandbox.write(".gitattributes", format!("shared {attributes}\n"));
        sandbox.git(&["add", ".gitattributes"]);
        sandbox.git(&["commit", "-q", "-m", attributes]);
        let run = sandbox.refused(&["new", "toolchain/aarch64+x86_64/phase0/step1", "--no-push", "--no-switch"]);
        run.exits(1).says_err("the points below cannot be merged: shared");
        assert!(!std::path::Path::new(&victim.trace_file()).exists(), "`{attributes}` should run no program");
    }
}
