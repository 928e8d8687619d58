//! Cuts what the agent writes into frames and plain lines, in bounded memory.
//!
//! The agent's stdout is newline-delimited JSON, except when a tool, a runtime or a crash writes into it:
//! nothing that arrives here may end the session, be lost without a word, or make the daemon grow.

use std::io;
use std::ops::Range;

use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::chunks::{Assembled, Assembler};
use super::scan;

/// The largest frame that is taken, split or not. The agent's own limit is the same.
pub const MAX_FRAME_BYTES: usize = 64 << 20;
/// The longest plain line that is kept; the rest of it is counted.
pub const MAX_LINE_BYTES: usize = 64 << 10;
/// What is read at once: the capacity of a pipe.
const READ_BYTES: usize = 64 << 10;
/// A buffer that grew past this is given back once it is no longer needed. Long answers have frames of
/// some 100 KiB, which should not cost an allocation each.
const KEEP_BYTES: usize = 2 << 20;

/// What the agent wrote.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An object with a `type`, whole.
    Frame(&'a [u8]),
    /// Anything else, lossily, without its newline.
    Line(String),
    /// A frame over [`MAX_FRAME_BYTES`] was dropped.
    TooLarge {
        /// How many bytes it had.
        bytes: u64,
    },
    /// A split frame could not be put together.
    Broken(&'static str),
}

/// An item that does not borrow yet: a place in the buffer, or something of its own.
enum Found {
    InBuffer(Range<usize>),
    Assembled,
    Other(Item<'static>),
}

/// Reads items from a pipe. `next` may be cancelled at any time without losing anything.
#[derive(Debug)]
pub struct FrameReader<R> {
    source: R,
    framed: bool,
    buffer: Vec<u8>,
    /// What was given out already.
    start: usize,
    /// Up to where no newline was found.
    scanned: usize,
    /// Bytes of the current line that were not kept.
    dropped: u64,
    chunks: Assembler,
    assembled: Vec<u8>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Reads frames and lines.
    pub fn new(source: R) -> Self {
        Self::with(source, true)
    }

    /// Reads lines only: nothing on stderr is a frame, whatever it looks like.
    pub fn lines(source: R) -> Self {
        Self::with(source, false)
    }

    fn with(source: R, framed: bool) -> Self {
        Self {
            source,
            framed,
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            dropped: 0,
            chunks: Assembler::default(),
            assembled: Vec::new(),
        }
    }

    /// The next item; `None` at the end. What stands there without a newline is a line.
    pub async fn next(&mut self) -> io::Result<Option<Item<'_>>> {
        self.assembled = Vec::new();
        let found = loop {
            if let Some(found) = self.take_line() {
                break found;
            }
            if self.fill().await? == 0 {
                return Ok(self.rest().map(Item::Line));
            }
        };
        Ok(Some(match found {
            Found::InBuffer(range) => Item::Frame(self.buffer.get(range).unwrap_or_default()),
            Found::Assembled => Item::Frame(&self.assembled),
            Found::Other(item) => item,
        }))
    }

    /// What was read of a line that has no end.
    pub fn rest(&mut self) -> Option<String> {
        let dropped = std::mem::take(&mut self.dropped);
        let bytes = self.buffer.get(self.start..).unwrap_or_default();
        let text = scan::capped_text(bytes, MAX_LINE_BYTES, dropped);
        let any = dropped > 0 || !bytes.is_empty();
        self.buffer = Vec::new();
        (self.start, self.scanned) = (0, 0);
        any.then_some(text)
    }

    async fn fill(&mut self) -> io::Result<usize> {
        if self.start > 0 {
            self.buffer.copy_within(self.start.., 0);
            self.buffer.truncate(self.buffer.len() - self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.buffer.capacity() > KEEP_BYTES && self.buffer.len() < READ_BYTES {
            self.buffer.shrink_to(2 * READ_BYTES);
        }
        self.buffer.reserve(READ_BYTES);
        self.source.read_buf(&mut self.buffer).await
    }

    /// The next whole line of the buffer, if there is one. Keeps the buffer within the caps where there is none.
    fn take_line(&mut self) -> Option<Found> {
        loop {
            let Some(at) = memchr(b'\n', self.buffer.get(self.scanned..)?) else {
                self.scanned = self.buffer.len();
                self.bound();
                return None;
            };
            let end = self.scanned + at;
            let line = self.start..end;
            (self.start, self.scanned) = (end + 1, end + 1);
            if let Some(found) = self.judge(line) {
                return Some(found);
            }
        }
    }

    /// What a whole line is. `None`: a piece of a frame, more must come.
    fn judge(&mut self, line: Range<usize>) -> Option<Found> {
        let dropped = std::mem::take(&mut self.dropped);
        let bytes = self.buffer.get(line.clone()).unwrap_or_default();
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if self.looks_framed(bytes) && (dropped > 0 || bytes.len() > MAX_FRAME_BYTES) {
            let bytes = dropped + bytes.len() as u64;
            return Some(Found::Other(Item::TooLarge { bytes }));
        }
        let kind = if self.framed && dropped == 0 && bytes.trim_ascii_end().ends_with(b"}") {
            scan::frame_type(bytes)
        } else {
            None
        };
        let item = match kind {
            None => Item::Line(scan::capped_text(bytes, MAX_LINE_BYTES, dropped)),
            Some(b"rpc_chunk") => match self.chunks.push(bytes) {
                Assembled::Partial => return None,
                Assembled::Whole(whole) => {
                    self.assembled = whole;
                    return Some(Found::Assembled);
                }
                Assembled::TooLarge(bytes) => Item::TooLarge { bytes },
                Assembled::Broken(why) => Item::Broken(why),
            },
            Some(_) => return Some(Found::InBuffer(line.start..line.start + bytes.len())),
        };
        Some(Found::Other(item))
    }

    /// Drops the part of an unfinished line that is over its cap, and counts it.
    fn bound(&mut self) {
        let line = self.buffer.get(self.start..).unwrap_or_default();
        let framed = self.looks_framed(line);
        let cap = match (framed, self.dropped) {
            (true, 0) => MAX_FRAME_BYTES,
            // Of a frame that is too large nothing but its first byte is of use: it tells what it was.
            (true, _) => 1,
            (false, _) => MAX_LINE_BYTES,
        };
        if line.len() <= cap {
            return;
        }
        let kept = if framed { 1 } else { cap };
        self.dropped += (line.len() - kept) as u64;
        self.buffer.truncate(self.start + kept);
        self.scanned = self.buffer.len();
    }

    fn looks_framed(&self, line: &[u8]) -> bool {
        self.framed && line.first() == Some(&b'{')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;

    async fn items(bytes: &[u8]) -> Vec<String> {
        let mut reader = FrameReader::new(bytes);
        let mut seen = Vec::new();
        while let Some(item) = reader.next().await.unwrap() {
            seen.push(match item {
                Item::Frame(frame) => format!("frame {}", String::from_utf8_lossy(frame)),
                Item::Line(line) => format!("line {line}"),
                other => format!("{other:?}"),
            });
        }
        seen
    }

    #[tokio::test]
    async fn frames_and_lines_come_in_their_order() {
        let text = b"{\"type\":\"a\"}\nplain\n{\"no\":1}\r\n\n {\"type\":\"b\"} \n\xff\x07\n{\"type\":\"c";
        assert_eq!(
            items(text).await,
            [
                "frame {\"type\":\"a\"}",
                "line plain",
                "line {\"no\":1}",
                "line ",
                "frame  {\"type\":\"b\"} ",
                "line \u{fffd}\u{7}",
                "line {\"type\":\"c",
            ]
        );
    }

    #[tokio::test]
    async fn lines_of_stderr_are_never_frames() {
        let mut reader = FrameReader::lines(&b"{\"type\":\"a\"}\n"[..]);
        assert_eq!(
            reader.next().await.unwrap(),
            Some(Item::Line("{\"type\":\"a\"}".into()))
        );
        assert_eq!(reader.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_split_frame_is_put_together() {
        let frame = format!("{{\"type\":\"big\",\"pad\":\"{}\"}}", "x".repeat(3000));
        let (head, tail) = frame.as_bytes().split_at(1500);
        let mut text = Vec::new();
        for (index, data) in [head, tail].into_iter().enumerate() {
            let data = base64::engine::general_purpose::STANDARD.encode(data);
            text.extend_from_slice(
                format!(
                    "{{\"type\":\"rpc_chunk\",\"chunkId\":\"rpc-1\",\"index\":{index},\"count\":2,\
                     \"byteLength\":{},\"data\":\"{data}\"}}\nbetween\n",
                    frame.len()
                )
                .as_bytes(),
            );
        }
        assert_eq!(
            items(&text).await,
            ["line between", &format!("frame {frame}"), "line between"]
        );
    }

    /// A source that writes one endless line and never holds more than a block of it.
    struct Endless {
        first: u8,
        left: usize,
    }

    impl AsyncRead for Endless {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buf: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            let n = buf.remaining().min(self.left);
            let mut block = vec![b'x'; n];
            if let Some(byte) = block.first_mut() {
                *byte = std::mem::replace(&mut self.first, b'x');
            }
            self.left -= n;
            if self.left == 0
                && let Some(byte) = block.last_mut()
            {
                *byte = b'\n';
            }
            buf.put_slice(&block);
            std::task::Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn an_endless_line_is_counted_and_not_kept() {
        let size = 100 << 20;
        let mut reader = FrameReader::new(Endless {
            first: b'y',
            left: size,
        });
        let Some(Item::Line(line)) = reader.next().await.unwrap() else {
            panic!("a line")
        };
        let cut = size - 1 - MAX_LINE_BYTES;
        assert!(line.starts_with("yxx") && line.ends_with(&format!("… (+{cut} bytes)")));
        assert!(
            reader.buffer.capacity() <= KEEP_BYTES,
            "{}",
            reader.buffer.capacity()
        );
    }

    #[tokio::test]
    async fn a_frame_over_the_cap_is_dropped_and_the_buffer_is_given_back() {
        let size = MAX_FRAME_BYTES + (30 << 20);
        let source = Endless {
            first: b'{',
            left: size,
        }
        .chain(&b"after\n"[..]);
        let mut reader = FrameReader::new(source);
        let bytes = size as u64 - 1;
        assert_eq!(reader.next().await.unwrap(), Some(Item::TooLarge { bytes }));
        assert!(reader.buffer.capacity() <= 2 * MAX_FRAME_BYTES + READ_BYTES);
        assert_eq!(reader.next().await.unwrap(), Some(Item::Line("after".into())));
        assert!(
            reader.buffer.capacity() <= KEEP_BYTES,
            "{}",
            reader.buffer.capacity()
        );
    }

    #[tokio::test]
    async fn a_cancelled_read_loses_nothing() {
        let (mut writer, pipe) = tokio::io::duplex(64);
        let mut reader = FrameReader::new(pipe);
        tokio::io::AsyncWriteExt::write_all(&mut writer, b"{\"type\":")
            .await
            .unwrap();
        for _ in 0..3 {
            tokio::select! {
                biased;
                item = reader.next() => panic!("{item:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        tokio::io::AsyncWriteExt::write_all(&mut writer, b"\"a\"}\n")
            .await
            .unwrap();
        assert_eq!(
            reader.next().await.unwrap(),
            Some(Item::Frame(b"{\"type\":\"a\"}"))
        );
    }
}
