//! What must hold whatever is said: by an agent on its pipe, by a model in its answer, by a program in a request.
//!
//! The same functions are run by `cargo fuzz` and, for a bounded number of inputs, by the tests (`tests/it/fuzz.rs`).

use std::pin::Pin;
use std::task::{Context, Poll};

use ompcord::agent::frames::FrameReader;
use ompcord::agent::protocol::decode;
use ompcord::http::holds_events;
use ompcord::render::redact::Redactor;
use ompcord::render::split::{join, split as split_text};
use tokio::io::{AsyncRead, ReadBuf};

/// A pipe that gives so many bytes at once.
struct Pieces<'a> {
    rest: &'a [u8],
    size: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let size = self.size.min(self.rest.len()).min(buffer.remaining());
        let (piece, rest) = self.rest.split_at(size);
        buffer.put_slice(piece);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}

/// The items of a stream, as words. Frames are decoded on the way.
fn items(bytes: &[u8], size: usize) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let Ok(runtime) = runtime else { return Vec::new() };
    runtime.block_on(async {
        let mut reader = FrameReader::new(Pieces { rest: bytes, size });
        let mut items = Vec::new();
        while let Ok(Some(item)) = reader.next().await {
            if let ompcord::agent::frames::Item::Frame(frame) = &item {
                items.push(format!("{:?}", decode(frame)));
            }
            items.push(format!("{item:?}"));
        }
        items
    })
}

/// Where a stream is cut into reads changes nothing.
pub fn frames(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    let whole = items(bytes, usize::MAX);
    let pieces = items(bytes, usize::from(*first) % 37 + 1);
    assert_eq!(
        whole, pieces,
        "the pieces of a stream are read in another way than all of it"
    );
}

/// No piece is too long, and a plain text comes back whole.
pub fn split(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(bytes);
    let limit = 200 + usize::from(*first) * 7;
    let pieces = split_text(&text, limit);
    for piece in &pieces {
        assert!(
            piece.chars().count() <= limit,
            "{} over {limit}",
            piece.chars().count()
        );
        assert!(!piece.trim().is_empty(), "an empty message cannot be sent");
    }
    let words = |text: &str| text.split_whitespace().collect::<String>();
    if !text.contains(['`', '~', '>']) {
        assert_eq!(words(&join(&pieces)), words(&text));
    }
}

/// What was shown while a text grew stays true when it is whole; a known secret never gets out.
pub fn redact(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(bytes);
    let redactor = Redactor::new([("token", "hunter2-hunter2".to_owned())]);
    let whole = redactor.redact(&text);
    assert!(!whole.contains("hunter2-hunter2"));
    let step = usize::from(*first) % 7 + 1;
    for (end, _) in text.char_indices().step_by(step) {
        let Some(grown) = text.get(..end) else { continue };
        let Some(shown) = grown.get(..redactor.stable_len(grown)) else {
            panic!("a text is cut within a character");
        };
        let shown = redactor.redact(shown);
        assert!(whole.starts_with(&*shown), "{shown:?} was shown of {whole:?}");
    }
}

/// A body is taken or refused, and nothing else.
pub fn webhook(data: &[u8]) {
    let _taken = holds_events(data);
}
