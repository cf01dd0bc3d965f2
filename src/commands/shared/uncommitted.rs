//! Uncommitted changes of HEAD's point, which commands that read commits do not see.

use anyhow::Result;

use crate::commands::Session;
use crate::lattice::Point;
use crate::ui::terminal_safe;

/// Warns of uncommitted changes in the directory of HEAD's point, if it is one of these: they `are not` what the command does. With
/// `only`, of those of this file.
pub(in crate::commands) fn warn(session: &Session, points: &[Point], only: Option<&str>, are_not: &str) -> Result<()> {
    let (context, config) = (session.context()?, session.config()?);
    let head = context.head_point(config)?.filter(|head| points.contains(head));
    let Some(named) = head.filter(|_| context.repo.workdir().is_some()).map(|head| config.name(&head)) else {
        return Ok(());
    };
    let mut changed = context.repo.git().uncommitted(&named.dir)?;
    changed.retain(|path| only.is_none_or(|only| *path == named.path(only)));
    if let Some((first, others)) = changed.split_first() {
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        session.ui.warn(format!("uncommitted changes are not {are_not}: `{}`{more}", terminal_safe(first)));
    }
    Ok(())
}
