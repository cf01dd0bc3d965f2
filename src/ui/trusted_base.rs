//! The trusted base in one sentence.

use crate::text;

/// One sentence: the number of inputs and their size.
pub fn summary(count: usize, sum: u64, unknown: usize) -> String {
    if count == 0 {
        return "nothing from outside".to_owned();
    }
    let (from, size) = (text::tally(count, "file or tree", "files and trees"), text::size(sum));
    match count - unknown {
        0 => format!("{from} from outside, of unknown size"),
        _ if unknown > 0 => format!("{from} from outside, {size} without {unknown} of unknown size"),
        _ => format!("{from} from outside, {size}"),
    }
}
