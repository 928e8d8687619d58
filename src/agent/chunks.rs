//! Puts frames together that the agent had to split (`rpc_chunk`, protocol version 2).
//!
//! The agent is not trusted with our memory: everything it declares is checked, what is open at once is
//! bounded in number and in bytes, and a broken set is dropped with a reason rather than guessed at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::frames::MAX_FRAME_BYTES;

/// How many split frames may be under way at once; the oldest gives way.
const MAX_OPEN: usize = 4;
/// The agent sends 256 KiB a piece; a set of more pieces than bytes is nonsense.
const MIN_PIECE_BYTES: u64 = 1024;

/// One piece of a split frame.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(rename = "chunkId")]
    id: String,
    index: u64,
    count: u64,
    #[serde(rename = "byteLength")]
    byte_length: u64,
    data: &'a str,
}

/// What came of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Assembled {
    /// More pieces are needed.
    Partial,
    /// The frame is whole.
    Whole(Vec<u8>),
    /// The frame is larger than we take.
    TooLarge(u64),
    /// The piece does not fit: why.
    Broken(&'static str),
}

#[derive(Debug)]
struct Set {
    id: String,
    count: u64,
    byte_length: u64,
    next: u64,
    bytes: Vec<u8>,
}

/// The split frames that are under way.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// Oldest first.
    open: Vec<Set>,
}

impl Assembler {
    /// Takes the line of one `rpc_chunk` frame.
    pub(super) fn push(&mut self, line: &[u8]) -> Assembled {
        match serde_json::from_slice::<Chunk<'_>>(line) {
            Ok(chunk) => self.take(&chunk),
            Err(_) => Assembled::Broken("a piece could not be read"),
        }
    }

    fn take(&mut self, chunk: &Chunk<'_>) -> Assembled {
        if chunk.id.is_empty() || chunk.id.len() > 128 || chunk.index >= chunk.count {
            return Assembled::Broken("a piece has no place");
        }
        if chunk.byte_length > MAX_FRAME_BYTES as u64 {
            // Said once, with the first piece; the rest has nowhere to go.
            return if chunk.index == 0 {
                Assembled::TooLarge(chunk.byte_length)
            } else {
                Assembled::Partial
            };
        }
        if chunk.count > chunk.byte_length / MIN_PIECE_BYTES + 1 {
            return Assembled::Broken("there are more pieces than bytes allow");
        }
        let known = self.open.iter().position(|set| set.id == chunk.id);
        match (known, chunk.index) {
            (None, 0) => self.begin(chunk),
            (None, _) => Assembled::Broken("a piece came without its beginning"),
            (Some(at), _) => self.append(at, chunk),
        }
    }

    fn begin(&mut self, chunk: &Chunk<'_>) -> Assembled {
        let displaced = self.open.len() >= MAX_OPEN;
        if displaced {
            self.open.remove(0);
        }
        self.open.push(Set {
            id: chunk.id.clone(),
            count: chunk.count,
            byte_length: chunk.byte_length,
            next: 0,
            bytes: Vec::new(),
        });
        match self.append(self.open.len() - 1, chunk) {
            Assembled::Partial if displaced => Assembled::Broken("too many frames were under way"),
            other => other,
        }
    }

    fn append(&mut self, at: usize, chunk: &Chunk<'_>) -> Assembled {
        let others: usize = self.open.iter().map(|set| set.bytes.len()).sum();
        match self
            .open
            .get_mut(at)
            .map_or(Err("a piece is lost"), |set| set.append(chunk, others))
        {
            Ok(false) => Assembled::Partial,
            Ok(true) => Assembled::Whole(self.open.remove(at).bytes),
            Err(why) => {
                self.open.remove(at);
                Assembled::Broken(why)
            }
        }
    }
}

impl Set {
    /// Whether the set is whole with this piece. `held` is what all sets hold so far.
    fn append(&mut self, chunk: &Chunk<'_>, held: usize) -> Result<bool, &'static str> {
        if chunk.count != self.count || chunk.byte_length != self.byte_length {
            return Err("the pieces disagree about the whole");
        }
        if chunk.index != self.next {
            return Err("a piece is missing");
        }
        let piece = STANDARD.decode(chunk.data).map_err(|_| "a piece is not base64")?;
        if held + piece.len() > MAX_FRAME_BYTES {
            return Err("the frames under way are too large together");
        }
        self.bytes.extend_from_slice(&piece);
        self.next += 1;
        let length = self.bytes.len() as u64;
        if length > self.byte_length || (self.next == self.count && length != self.byte_length) {
            return Err("the pieces do not have the declared length");
        }
        Ok(self.next == self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(id: &str, index: u64, count: u64, byte_length: u64, data: &[u8]) -> Vec<u8> {
        serde_json::json!({
            "type": "rpc_chunk", "chunkId": id, "index": index, "count": count,
            "byteLength": byte_length, "data": STANDARD.encode(data),
        })
        .to_string()
        .into_bytes()
    }

    #[test]
    fn interleaved_sets_are_put_together() {
        let mut chunks = Assembler::default();
        let (a, b) = (vec![b'a'; 4000], vec![b'b'; 3000]);
        assert_eq!(
            chunks.push(&piece("a", 0, 2, 4000, &a[..1000])),
            Assembled::Partial
        );
        assert_eq!(chunks.push(&piece("b", 0, 2, 3000, &b[..1])), Assembled::Partial);
        assert_eq!(chunks.push(&piece("b", 1, 2, 3000, &b[1..])), Assembled::Whole(b));
        assert_eq!(
            chunks.push(&piece("a", 1, 2, 4000, &a[1000..])),
            Assembled::Whole(a)
        );
        assert!(chunks.open.is_empty());
    }

    #[test]
    fn what_is_declared_is_checked() {
        let data = vec![b'x'; 2000];
        let broken = |first: Option<Vec<u8>>, second: Vec<u8>| {
            let mut chunks = Assembler::default();
            if let Some(first) = first {
                assert_eq!(chunks.push(&first), Assembled::Partial);
            }
            let Assembled::Broken(why) = chunks.push(&second) else {
                panic!("accepted")
            };
            assert!(chunks.open.is_empty(), "nothing of a broken set is kept");
            why
        };
        let first = || Some(piece("a", 0, 3, 6000, &data));
        assert_eq!(
            broken(None, piece("a", 1, 3, 6000, &data)),
            "a piece came without its beginning"
        );
        assert_eq!(
            broken(None, piece("a", 3, 3, 6000, &data)),
            "a piece has no place"
        );
        assert_eq!(broken(None, piece("", 0, 3, 6000, &data)), "a piece has no place");
        assert_eq!(
            broken(None, piece("a", 0, 99, 6000, &data)),
            "there are more pieces than bytes allow"
        );
        assert_eq!(
            broken(first(), piece("a", 2, 3, 6000, &data)),
            "a piece is missing"
        );
        assert_eq!(
            broken(first(), piece("a", 0, 3, 6000, &data)),
            "a piece is missing"
        );
        assert_eq!(
            broken(first(), piece("a", 1, 2, 6000, &data)),
            "the pieces disagree about the whole"
        );
        assert_eq!(
            broken(first(), piece("a", 1, 3, 6001, &data)),
            "the pieces disagree about the whole"
        );
        assert_eq!(
            broken(first(), piece("a", 1, 3, 6000, &[0; 5000])),
            "the pieces do not have the declared length"
        );
        assert_eq!(
            broken(None, piece("a", 0, 1, 6000, &data)),
            "the pieces do not have the declared length"
        );
        let not_base64 = br#"{"chunkId":"a","index":0,"count":1,"byteLength":1,"data":"@"}"#.to_vec();
        assert_eq!(broken(None, not_base64), "a piece is not base64");
        assert_eq!(
            broken(None, b"{\"chunkId\":5}".to_vec()),
            "a piece could not be read"
        );
    }

    #[test]
    fn a_frame_over_the_cap_is_refused_once_and_nothing_is_held() {
        let mut chunks = Assembler::default();
        let huge = MAX_FRAME_BYTES as u64 + 1;
        assert_eq!(
            chunks.push(&piece("a", 0, 300, huge, b"x")),
            Assembled::TooLarge(huge)
        );
        assert_eq!(chunks.push(&piece("a", 1, 300, huge, b"x")), Assembled::Partial);
        assert!(chunks.open.is_empty());
    }

    #[test]
    fn the_oldest_of_too_many_gives_way() {
        let mut chunks = Assembler::default();
        for id in ["a", "b", "c", "d"] {
            assert_eq!(chunks.push(&piece(id, 0, 2, 2000, b"x")), Assembled::Partial);
        }
        assert_eq!(
            chunks.push(&piece("e", 0, 2, 2000, b"x")),
            Assembled::Broken("too many frames were under way")
        );
        assert_eq!(chunks.open.len(), MAX_OPEN);
        assert_eq!(
            chunks.push(&piece("a", 1, 2, 2000, b"x")),
            Assembled::Broken("a piece came without its beginning")
        );
        assert_eq!(
            chunks.push(&piece("e", 1, 2, 2000, &[b'x'; 1999])),
            Assembled::Whole(vec![b'x'; 2000])
        );
    }

    #[test]
    fn all_open_sets_share_one_budget() {
        let mut chunks = Assembler::default();
        let half = vec![b'x'; MAX_FRAME_BYTES / 2 + 1];
        let all = MAX_FRAME_BYTES as u64;
        assert_eq!(chunks.push(&piece("a", 0, 2, all, &half)), Assembled::Partial);
        assert_eq!(
            chunks.push(&piece("b", 0, 2, all, &half)),
            Assembled::Broken("the frames under way are too large together")
        );
        assert_eq!(chunks.open.len(), 1);
    }
}
