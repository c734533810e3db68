//! Where does one line end and the next begin? Newline framing with a cap, for messages and for logs.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Splits a byte stream at `\n`; a `\r` before it is dropped, and so are empty lines.
pub(super) struct Lines<R> {
    reader: R,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no newline.
    scanned: usize,
    /// The longest line handed out, in bytes.
    cap: usize,
    /// Whether the rest of an overlong line is still to be thrown away.
    skipping: bool,
}

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// All of it.
    Whole(Bytes),
    /// The first `cap` bytes of a longer one. The rest is thrown away.
    Cut(Bytes),
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R, cap: usize) -> Self {
        Self { reader, buffer: BytesMut::new(), scanned: 0, cap, skipping: false }
    }

    /// The next line; `None` at the end. The last line needs no newline. Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.buffered() {
                return Ok(Some(line));
            }
            self.buffer.reserve(READ_BYTES);
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Ok(self.last());
            }
        }
    }

    fn buffered(&mut self) -> Option<Line> {
        loop {
            let fresh = self.buffer.get(self.scanned..).unwrap_or_default();
            let Some(offset) = fresh.iter().position(|byte| *byte == b'\n') else {
                self.scanned = self.buffer.len();
                return self.overlong();
            };
            let line = self.buffer.split_to(self.scanned + offset);
            self.buffer.advance(1);
            self.scanned = 0;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if let Some(line) = self.finished(line.freeze()) {
                return Some(line);
            }
        }
    }

    fn overlong(&mut self) -> Option<Line> {
        if self.buffer.len() <= self.cap && !self.skipping {
            return None;
        }
        let start = self.buffer.split_to(self.buffer.len().min(self.cap)).freeze();
        self.buffer.clear();
        self.scanned = 0;
        let announced = std::mem::replace(&mut self.skipping, true);
        (!announced).then_some(Line::Cut(start))
    }

    fn finished(&self, mut line: Bytes) -> Option<Line> {
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        if line.len() > self.cap {
            line.truncate(self.cap);
            return Some(Line::Cut(line));
        }
        (!line.is_empty()).then_some(Line::Whole(line))
    }

    fn last(&mut self) -> Option<Line> {
        self.scanned = 0;
        let rest = self.buffer.split().freeze();
        if self.skipping { None } else { self.finished(rest) }
    }
}

/// How much room is made for one read, in bytes.
const READ_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines_of(text: &[u8], cap: usize) -> Vec<Line> {
        let mut lines = Lines::new(text, cap);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push(line);
        }
        found
    }

    fn whole(text: &'static str) -> Line {
        Line::Whole(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn lines_end_at_newlines_and_empty_ones_are_dropped() {
        assert_eq!(lines_of(b"one\r\n\n\r\ntwo\nthree", 10).await, [whole("one"), whole("two"), whole("three")]);
    }

    #[tokio::test]
    async fn overlong_line_is_cut_and_the_next_one_is_whole() {
        let cut = Line::Cut(Bytes::from_static(b"0123"));
        assert_eq!(lines_of(b"0123456789\nnext\n", 4).await, [cut, whole("next")]);
    }

    #[tokio::test]
    async fn overlong_line_costs_no_more_memory_than_the_cap() {
        let long = vec![b'x'; 1024 * 1024];
        let mut lines = Lines::new(&long[..], 100);
        assert_eq!(lines.next().await.unwrap(), Some(Line::Cut(Bytes::from(vec![b'x'; 100]))));
        assert!(lines.buffer.capacity() < 64 * 1024);
        assert_eq!(lines.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn bytes_that_come_one_by_one_make_the_same_lines() {
        let (mut near, far) = tokio::io::duplex(1);
        let writing = tokio::spawn(async move { tokio::io::AsyncWriteExt::write_all(&mut near, b"ab\ncd\n").await });
        let mut lines = Lines::new(far, 10);
        assert_eq!(lines.next().await.unwrap(), Some(whole("ab")));
        assert_eq!(lines.next().await.unwrap(), Some(whole("cd")));
        assert_eq!(lines.next().await.unwrap(), None);
        writing.await.unwrap().unwrap();
    }
}
