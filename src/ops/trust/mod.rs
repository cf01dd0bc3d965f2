//! Trust: decides what may be built automatically.
//!
//! A build runs the content of the point's directory, of the directories of the points below it, and of the paths in
//! `[build] include`: its *parts*. `judge` permits a build if every part is trusted, in one of four ways:
//!
//! - it is *derivable*: a directory with exactly the two generated files, from the template that runs no foreign code.
//!   It cannot contain anything hostile. If all parts are derivable, nothing reads the paths in `[build] include`;
//! - it was *made here*: the reflog of its branch, which cannot be pushed, shows that a commit made in this clone added
//!   it; or a command of this clone moved a directory there that was made here;
//! - it is *signed*: the commit that wrote it (the newest in which it differs from all parents) has a valid signature
//!   by one of the user's allowed signers, or by a key added with `git lattice trust --author`. The signature of a merge
//!   or of a next step says nothing about content that it only inherits, because many such commits are made and signed by
//!   programs;
//! - it is *allowed*: `git lattice trust` added its build key to the user's [`Ledger`].
//!
//! The paths of parts and the branches of points come from the policy ([`crate::context::Context::policy`]), never from
//! the judged branch.

mod allow;
mod carried;
mod judge;
mod ledger;
mod origin;
mod part;
mod parts;
mod settings;
mod signers;

pub use allow::{Allowance, Hidden, Listed, ReviewItem, allow, plan};
pub(in crate::ops) use carried::{Placed, carry};
pub use judge::{Denial, Judgement, Permit, judge, judge_for_checkout};
pub use ledger::{Author, Content, Error, Ledger};
pub(in crate::ops) use origin::{is_made_here, is_own_config};
pub use part::UntrustedReason;
pub use settings::{Refused, Review, Settings, allow_settings, review, settings};
pub use signers::{NotAKey, key};
