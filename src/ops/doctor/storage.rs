//! Whether this user can write the repository.

use super::Line;
use crate::access::Unwritable;
use crate::git::Repo;

/// The folders in the common directory that commands write.
const WRITTEN: [&str; 4] = ["objects", "refs", "lattice", "lattice/journal"];

pub(super) fn examine(repo: &Repo) -> Line {
    let common = repo.common_dir();
    let folders = WRITTEN.iter().map(|name| common.join(name)).filter(|path| path.exists());
    match std::iter::once(common.to_owned()).chain(folders).find_map(|path| Unwritable::of(&path)) {
        Some(unwritable) => Line::error("repository", "cannot be written").remedy(unwritable.hint()),
        None => Line::ok("repository", "can be written"),
    }
}
