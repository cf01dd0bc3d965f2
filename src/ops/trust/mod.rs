//! Whether something may be built that nobody asked for.
//!
//! A build runs what the point's directory holds, and those of the points below it, and what `[build] include` names: its *parts*.
//! `judge` lets a build pass when each part is vouched for, in one of four ways:
//!
//! - it is *derivable*: a directory of exactly the two files that are generated, with the template that runs nothing of anybody's. Nothing
//!   hostile can be in it. Where all parts are derivable nothing reads what `[build] include` names;
//! - it was *made here*: the log of its branch, which nobody can push, says that a commit made in this clone brought it;
//! - it is *signed*: the commit that wrote it, the newest in which it differs from what every parent has, carries a right
//!   signature of a key among the user's allowed signers, or of one that `git lattice trust --author` added. A merge, or a next step
//!   made on top, passes on what it found: its signature says nothing of that, for many are made and signed by a program;
//! - it is *allowed*: `git lattice trust` wrote its build key into the user's [`Ledger`].
//!
//! Where a part is and which branch is which point comes from the policy ([`crate::context::Context::policy`]), never from the branch
//! that is judged.

mod allow;
mod judge;
mod ledger;
mod parts;
mod settings;
mod signers;

pub use allow::{Allowance, Hidden, Listed, Look, allow, plan};
pub use judge::{Denial, Judgement, Permit, judge, judge_for_checkout};
pub use ledger::{Author, Content, Error, Ledger};
pub use parts::Why;
pub use settings::{Refused, Review, Settings, allow_settings, review, settings};
pub use signers::{NotAKey, key};
