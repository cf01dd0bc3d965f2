//! Lines and columns of a text.

/// An index of the line starts of a text.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn of(text: &'a str) -> Self {
        let after = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after).collect() }
    }

    /// Line and column of a byte offset; both are 1-based, and the column is in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|&start| start <= offset);
        (line, self.column(line, offset - self.starts[line - 1] + 1))
    }

    /// Converts a 1-based column in bytes to one in characters; returns it unchanged if the line has no such column.
    pub fn column(&self, line: usize, byte_column: usize) -> usize {
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index));
        let end = start.zip(byte_column.checked_sub(1)).map(|(&start, before)| (start, start + before));
        let before = end.and_then(|(start, end)| self.text.get(start..end));
        before.map_or(byte_column, |before| before.chars().count() + 1)
    }
}
