//! Private key blocks: the one secret of many lines.
//!
//! Without this room a key would be published line by line, each of them nothing but letters. A block is told from
//! code that only names the markers by its lines, and from an unclosed one by what can still come.

use memchr::memmem;

use super::Span;

/// How long a full line of a key is.
const FULL_LINE: std::ops::RangeInclusive<usize> = 60..=76;

/// The largest private key block; what is longer was never closed.
const PEM_MAX: usize = 32 * 1024;

pub(super) const PEM_BEGIN: &str = "-----BEGIN ";
pub(super) const PEM_END: &str = "-----END ";

/// Where a private key block begins that has not ended yet.
pub(super) fn open_pem(text: &str) -> Option<usize> {
    let start = memmem::rfind(text.as_bytes(), PEM_BEGIN.as_bytes())?;
    let label = text.get(start + PEM_BEGIN.len()..)?;
    let begun = label.len() < 64
        && label
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || matches!(byte, b' ' | b'-'));
    let open = match Pem::at(text, start) {
        Some(pem) => matches!(pem.end, PemEnd::Open | PemEnd::BrokenLast),
        None => begun && !label.contains("-----"),
    };
    open.then_some(start)
}

/// A private key block, or what begins like one.
pub(super) struct Pem<'a> {
    pub(super) start: usize,
    /// What belongs to it, from its first marker on.
    text: &'a str,
    body: &'a str,
    end: PemEnd,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PemEnd {
    /// By its marker.
    Closed,
    /// By a line that cannot be part of a key.
    Broken,
    /// By such a line, which may still grow into another.
    BrokenLast,
    /// By nothing: the text is over first.
    Open,
}

impl<'a> Pem<'a> {
    /// The block whose first marker begins at `start`.
    pub(super) fn at(text: &'a str, start: usize) -> Option<Self> {
        let whole = text.get(start..)?;
        let near = whole.get(PEM_BEGIN.len()..whole.floor_char_boundary(128))?;
        let (label, _) = near.split_once("-----")?;
        let of_key = label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK");
        if !of_key
            || !label
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b' ')
        {
            return None;
        }
        let begin = PEM_BEGIN.len() + label.len() + 5;
        let rest = whole.get(begin..)?;
        let near = rest.get(..rest.floor_char_boundary(PEM_MAX))?;
        let near = near.split(PEM_BEGIN).next()?;
        let whole_rest = near.len() == rest.len();
        let (body, len, end) = scan_pem(near, whole_rest);
        let text = whole.get(..begin + len)?;
        Some(Self {
            start,
            text: text.trim_end(),
            body: near.get(..body)?,
            end,
        })
    }

    /// Whether the text is over before the block is.
    pub(super) fn is_open(&self) -> bool {
        self.end == PemEnd::Open
    }

    /// The block as a secret, when there is a key in it and not just its markers.
    pub(super) fn secret(&self) -> Option<Span> {
        let longest = self
            .body
            .as_bytes()
            .split(|&byte| !is_base64(byte))
            .map(<[u8]>::len)
            .max();
        let needed = if self.end == PemEnd::Closed { 1 } else { 24 };
        let span = Span {
            start: self.start,
            end: self.start + self.text.len(),
            kind: "pem",
        };
        (longest? >= needed).then_some(span)
    }
}

/// The full lines of the key behind the marker at `start`, each by itself: nothing but Base64 between two line ends,
/// which may be escaped. Everything else could be a command.
pub(super) fn find_key_lines(text: &str, start: usize, spans: &mut Vec<Span>) {
    let Some(near) = text.get(start..text.floor_char_boundary(start + PEM_MAX)) else {
        return;
    };
    let Some((label, _)) = near
        .strip_prefix(PEM_BEGIN)
        .and_then(|rest| rest.split_once("-----"))
    else {
        return;
    };
    if !(label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK")) {
        return;
    }
    let from = PEM_BEGIN.len() + label.len() + 5;
    let near = near.split(PEM_END).next().unwrap_or(near);
    let bytes = near.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        let mut len = bytes[at..].iter().take_while(|byte| is_base64(**byte)).count();
        let before = &bytes[..at];
        let is_escaped = before.ends_with(b"\\") && bytes[at..].starts_with(b"n");
        if is_escaped {
            (at, len) = (at + 1, len - 1);
        }
        let begins_line = is_escaped || before.ends_with(b"\n");
        let ends_line = matches!(bytes.get(at + len), None | Some(b'\n' | b'\r' | b'\\'));
        // A path begins with a slash; a line of a key hardly ever does.
        let is_path = bytes.get(at) == Some(&b'/');
        if begins_line && ends_line && !is_path && FULL_LINE.contains(&len) {
            spans.push(Span {
                start: start + at,
                end: start + at + len,
                kind: "pem",
            });
        }
        at += len + 1;
    }
}

/// How long the key's body is behind the first marker, how long the block is, and what ended it.
fn scan_pem(rest: &str, is_all: bool) -> (usize, usize, PemEnd) {
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        let last = is_all && !line.ends_with('\n');
        let (body, end) = line
            .split_once(PEM_END)
            .map_or((line, None), |(body, end)| (body, Some(end)));
        if !is_pem_line(body) {
            return (at, at, if last { PemEnd::BrokenLast } else { PemEnd::Broken });
        }
        if let Some(end) = end {
            let marker = end.find("-----").map(|len| len + 5);
            if marker.is_some() || !last {
                let len = body.len() + PEM_END.len() + marker.unwrap_or(end.len());
                return (at + body.len(), at + len, PemEnd::Closed);
            }
        }
        at += line.len();
    }
    (at, at, if is_all { PemEnd::Open } else { PemEnd::Broken })
}

/// Whether a line can stand in a key: Base64, a blank, a PEM header; perhaps quoted, escaped, indented or numbered.
pub(super) fn is_pem_line(line: &str) -> bool {
    let line = line.trim();
    let (gutter, core) = match line.rsplit_once([':', '|', '│', '→']) {
        Some((gutter, core)) if gutter.len() <= 16 => (gutter, core),
        _ => ("", line),
    };
    let core = core.trim_start_matches(|c: char| c.is_ascii_digit() || c.is_whitespace());
    let core = core.trim_matches([' ', '\t', '"', '\'', ',', '\\', '+', '-', '>', '*', '#', ';']);
    let is_part = |byte: u8| is_base64(byte) || matches!(byte, b'\\' | b',' | b'-');
    // Behind any prefix that a logger puts there, the last word of a full line is still its Base64.
    let full = |word: &str| word.len() >= 40 && word.bytes().all(is_base64);
    core.bytes().all(is_part)
        || matches!(gutter, "Comment" | "Version")
        || line.rsplit(char::is_whitespace).next().is_some_and(full)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
