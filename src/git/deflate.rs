//! Compressing many small objects with one compressor: making one takes longer than compressing a small object.

use std::io;

use gix::zlib::stream::deflate::{Compress, FlushCompress};
use gix::zlib::{Compression, Status};

/// A compressor and its output.
pub(super) struct Deflater {
    compress: Compress,
    output: Vec<u8>,
    length: usize,
}

impl Deflater {
    pub(super) fn new(level: Compression) -> Self {
        Self { compress: Compress::new(level), output: Vec::new(), length: 0 }
    }

    /// Compresses these bytes, one after the other, to one zlib stream.
    ///
    /// # Errors
    /// Those of zlib, which are unexpected.
    pub(super) fn deflate(&mut self, pieces: &[&[u8]]) -> io::Result<&[u8]> {
        self.compress.reset();
        self.length = 0;
        for piece in pieces {
            self.push(piece, FlushCompress::None)?;
        }
        self.push(&[], FlushCompress::Finish)?;
        Ok(&self.output[..self.length])
    }

    fn push(&mut self, mut input: &[u8], flush: FlushCompress) -> io::Result<()> {
        loop {
            if self.output.len() < self.length + input.len() + 64 {
                self.output.resize((self.length + input.len() + 64) * 2, 0);
            }
            let (read, written) = (self.compress.total_in(), self.compress.total_out());
            let status = self.compress.compress(input, &mut self.output[self.length..], flush);
            let status = status.map_err(|error| io::Error::other(error.to_string()))?;
            input = &input[count(self.compress.total_in() - read)..];
            self.length += count(self.compress.total_out() - written);
            if status == Status::StreamEnd || (flush == FlushCompress::None && input.is_empty()) {
                return Ok(());
            }
        }
    }
}

/// A number of bytes in memory.
fn count(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use gix::zlib::{Compression, Inflate};

    use super::Deflater;

    #[test]
    fn streams_are_independent_and_complete() {
        let noise: Vec<u8> = (0..25_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        let even = vec![b'x'; 70_000];
        for level in [0, 1, 6, 9] {
            let mut deflater = Deflater::new(Compression::new(level).unwrap());
            for text in [&b""[..], b"a", &noise, &even, &noise[..10]] {
                let packed = deflater.deflate(&[b"head ", text]).unwrap().to_vec();
                let mut back = vec![0; text.len() + 5];
                let (_, read, written) = Inflate::default().once(&packed, &mut back).unwrap();
                assert_eq!((read, written), (packed.len(), back.len()), "level {level}");
                assert_eq!((&back[..5], &back[5..]), (&b"head "[..], text));
            }
        }
    }
}
