//! Lines and columns of a text.

/// Where the lines of a text begin.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn of(text: &'a str) -> Self {
        let after = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after).collect() }
    }

    /// Line and column, both from 1 and the column in characters, of a byte offset.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|&start| start <= offset);
        (line, self.column(line, offset - self.starts[line - 1] + 1))
    }

    /// The column in characters for a column in bytes, both from 1; unchanged where there is no such place.
    pub fn column(&self, line: usize, byte_column: usize) -> usize {
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index));
        let end = start.zip(byte_column.checked_sub(1)).map(|(&start, before)| (start, start + before));
        let before = end.and_then(|(start, end)| self.text.get(start..end));
        before.map_or(byte_column, |before| before.chars().count() + 1)
    }
}
