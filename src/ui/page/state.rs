//! The state of a point as the template shows it.

use crate::record;
use crate::template::page;
use crate::ui::picture;

pub(super) fn shown(state: record::State) -> page::State {
    page::State { mark: picture::mark(state, false).0, word: state.word() }
}
