//! Just enough JSON to find a few values without reading the rest.
//!
//! Each `message_update` repeats the whole message so far, twice, so reading all of it costs the square of
//! the answer's length: a 50 kB answer is hundreds of megabytes. This walks keys and jumps over values.
//! Well-formedness is assumed where nothing is read; a frame that breaks the walk is no frame.

use std::borrow::Cow;

use memchr::{memchr2, memchr3};

/// A place in JSON text.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Moves past the opening brace of an object.
    fn open(&mut self) -> Option<()> {
        self.token(b'{')
    }

    /// The next key of the object, without its quotes, with the cursor at its value. `None` at the end.
    fn key(&mut self) -> Option<&'a [u8]> {
        self.blank();
        if self.rest.first() == Some(&b',') {
            self.advance(1)?;
            self.blank();
        }
        let raw = self.string()?;
        self.token(b':')?;
        self.blank();
        raw.get(1..raw.len() - 1)
    }

    /// A string with its quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        if self.rest.first() != Some(&b'"') {
            return None;
        }
        let whole = self.rest;
        let mut at = 1;
        loop {
            let found = at + memchr2(b'"', b'\\', whole.get(at..)?)?;
            if whole.get(found) == Some(&b'"') {
                self.advance(found + 1)?;
                return whole.get(..=found);
            }
            at = found + 2;
        }
    }

    /// Jumps over one value and returns it.
    fn value(&mut self) -> Option<&'a [u8]> {
        let whole = self.rest;
        match whole.first()? {
            b'"' => return self.string(),
            b'{' => self.nested(b'{', b'}')?,
            b'[' => self.nested(b'[', b']')?,
            _ => {
                let end = whole
                    .iter()
                    .position(|b| matches!(b, b',' | b'}' | b']') || b.is_ascii_whitespace())?;
                self.advance(end)?;
            }
        }
        whole.get(..whole.len() - self.rest.len())
    }

    /// Brackets of one kind are balanced on their own, so the other kind need not be looked at.
    fn nested(&mut self, open: u8, close: u8) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            self.advance(memchr3(b'"', open, close, self.rest)?)?;
            match *self.rest.first()? {
                b'"' => {
                    self.string()?;
                }
                b if b == open => {
                    depth += 1;
                    self.advance(1)?;
                }
                _ => {
                    depth -= 1;
                    self.advance(1)?;
                    if depth == 0 {
                        return Some(());
                    }
                }
            }
        }
    }

    fn token(&mut self, byte: u8) -> Option<()> {
        self.blank();
        (self.rest.first() == Some(&byte)).then_some(())?;
        self.advance(1)
    }

    fn blank(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn advance(&mut self, by: usize) -> Option<()> {
        self.rest = self.rest.get(by..)?;
        Some(())
    }
}

/// The `type` of a frame, wherever among its keys it stands. `None`: this is no frame.
pub(super) fn frame_type(bytes: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor { rest: bytes };
    cursor.open()?;
    while let Some(key) = cursor.key() {
        let value = cursor.value()?;
        if key == b"type" {
            return value.strip_prefix(b"\"")?.strip_suffix(b"\"");
        }
    }
    None
}

/// The text of a `message_update`'s `text_delta`, with the index of its block. `None`: it is another update.
pub(super) fn text_delta(bytes: &[u8]) -> Option<(u32, String)> {
    let mut cursor = Cursor { rest: bytes };
    cursor.open()?;
    while let Some(key) = cursor.key() {
        if key == b"assistantMessageEvent" {
            return event_delta(&mut cursor);
        }
        cursor.value()?;
    }
    None
}

fn event_delta(cursor: &mut Cursor<'_>) -> Option<(u32, String)> {
    let (mut is_text, mut block, mut delta) = (false, None, None);
    cursor.open()?;
    while let Some(key) = cursor.key() {
        let value = cursor.value()?;
        match key {
            b"type" if value != b"\"text_delta\"" => return None,
            b"type" => is_text = true,
            b"contentIndex" => block = std::str::from_utf8(value).ok()?.parse().ok(),
            b"delta" => delta = Some(value),
            _ => {}
        }
        if let (true, Some(block), Some(delta)) = (is_text, block, delta) {
            return Some((block, unquote(delta)?));
        }
    }
    None
}

fn unquote(raw: &[u8]) -> Option<String> {
    serde_json::from_slice(raw)
        .or_else(|_| serde_json::from_slice(&repaired(raw)))
        .ok()
}

/// The text with what serde refuses replaced by U+FFFD: bytes that are no UTF-8, and halves of surrogate
/// pairs. The agent makes the latter when it cuts a string in the middle of an emoji.
pub(super) fn repaired(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, escape) = rest.split_at(at);
        out.extend_from_slice(before);
        let length = match surrogate(escape) {
            Some(0xD800..=0xDBFF) if matches!(escape.get(6..).and_then(surrogate), Some(0xDC00..=0xDFFF)) => {
                12
            }
            Some(0xD800..=0xDFFF) => {
                out.extend_from_slice(b"\\ufffd");
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            _ => 2.min(escape.len()),
        };
        let (kept, after) = escape.split_at(length);
        out.extend_from_slice(kept);
        rest = after;
    }
    out.extend_from_slice(rest);
    out
}

/// The code unit of a `\uXXXX` escape.
fn surrogate(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Bytes as text for a person: lossily, and at most `cap` bytes of it with a note of how much is missing.
pub(super) fn capped_text(bytes: &[u8], cap: usize, more: u64) -> String {
    let kept = bytes.get(..bytes.len().min(cap)).unwrap_or_default();
    let excess = more + (bytes.len() - kept.len()) as u64;
    let text: Cow<'_, str> = String::from_utf8_lossy(kept);
    if excess == 0 {
        return text.into_owned();
    }
    format!("{text}… (+{excess} bytes)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn update(event: &Value) -> Vec<u8> {
        json!({"type": "message_update", "assistantMessageEvent": event, "message": {"a": [1, {"b": "}"}]}})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn the_type_is_found_wherever_it_stands() {
        assert_eq!(frame_type(br#"{"type":"ready"}"#), Some(&b"ready"[..]));
        assert_eq!(
            frame_type(br#" { "a" : {"type":"no","b":["]}\"",{}]} , "n":-1.5e3, "type" : "yes" }"#),
            Some(&b"yes"[..])
        );
        for bad in [
            "",
            "{",
            "{}",
            "[]",
            "type",
            r#"{"type":1}"#,
            r#"{"a":"b"}"#,
            r#"{"a":{"type":"x"}}"#,
            r#"{"a"#,
        ] {
            assert_eq!(frame_type(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn only_text_deltas_are_read() {
        for kind in ["thinking_delta", "toolcall_delta", "text_end", "text_start"] {
            let event = json!({"type": kind, "contentIndex": 0, "delta": "x"});
            assert_eq!(text_delta(&update(&event)), None, "{kind}");
        }
    }

    #[test]
    fn key_order_escapes_and_nesting_do_not_matter() {
        let tricky = r#"{"message":{"assistantMessageEvent":{"type":"text_delta","delta":"wrong"}},
            "assistantMessageEvent":{"partial":{"delta":"no \" } ","x":["{",{"type":"no"}]},"delta":"a\"\\}é\n",
            "contentIndex": 7 ,"type":"text_delta"},"type":"message_update"}"#;
        assert_eq!(frame_type(tricky.as_bytes()), Some(&b"message_update"[..]));
        assert_eq!(text_delta(tricky.as_bytes()), Some((7, "a\"\\}é\n".into())));
    }

    #[test]
    fn half_a_surrogate_pair_does_not_lose_the_delta() {
        let frame = br#"{"assistantMessageEvent":{"type":"text_delta","contentIndex":0,"delta":"a\ud83d"}}"#;
        assert_eq!(text_delta(frame), Some((0, "a\u{fffd}".into())));
        let pair = br#""\ud83d\ude80 \\ud83d \udc00 \n""#;
        assert_eq!(unquote(pair).unwrap(), "🚀 \\ud83d \u{fffd} \n");
        assert_eq!(unquote(b"\"\xff\"").unwrap(), "\u{fffd}");
    }

    #[test]
    fn long_lines_say_how_much_is_missing() {
        assert_eq!(capped_text(b"abc", 3, 0), "abc");
        assert_eq!(capped_text(b"abcdef", 4, 10), "abcd… (+12 bytes)");
    }

    proptest! {
        #[test]
        fn any_text_survives_in_any_order(
            delta in ".*", other in ".*", block in 0_u32..9, order in Just([0, 1, 2, 3]).prop_shuffle()
        ) {
            let fields = [
                r#""type":"text_delta""#.to_owned(),
                format!(r#""contentIndex":{block}"#),
                format!(r#""delta":{}"#, json!(delta)),
                format!(r#""partial":{}"#, json!({"delta": other, "c": [[other.as_str()], {"type": other}]})),
            ];
            let body = order.map(|i: usize| fields[i].clone()).join(",");
            let frame = format!(r#"{{"x":{},"assistantMessageEvent":{{{body}}}}}"#, json!([other]));
            prop_assert_eq!(text_delta(frame.as_bytes()), Some((block, delta)));
        }

        #[test]
        fn no_bytes_break_the_walk(bytes in proptest::collection::vec(
            prop_oneof![Just(b'"'), Just(b'\\'), Just(b'{'), Just(b'}'), Just(b':'), any::<u8>()], 0..60)
        ) {
            let _ = frame_type(&bytes);
            let _ = text_delta(&bytes);
            let _ = repaired(&bytes);
        }
    }
}
