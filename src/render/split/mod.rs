//! Cuts a long text into messages that Discord takes, at places where a reader would pause.
//!
//! Without it an answer of more than 2,000 characters would be refused whole, or cut in the middle of a word, of an
//! emoji or of a code block whose second half then shows as garbled markup.
//!
//! What holds for the pieces (`limit` from 200 on; below that, code blocks are not looked after):
//! - At a cut only white space is dropped: at the end of a line everything up to the indentation of the next line that
//!   is not blank, within a line everything up to the next word. Nothing is dropped where a word has to be cut. White
//!   space at the end of the text and blank lines at its start are dropped too.
//! - A code block that is cut is closed at the end of the piece and opened again, with its language, in the next one;
//!   one that the text leaves open is closed at its end.
//! - A piece depends on what follows it only as far as a piece reaches, so while a text grows at its end the pieces
//!   before the last one stay as they are.

mod fence;
mod window;

pub(crate) use fence::leaves_open;

use self::{
    fence::{Fence, follow},
    window::Window,
};

/// Below this limit the marks that close and open a code block could take most of a message.
const FENCE_LIMIT: usize = 200;
/// Cuts `text` into pieces of at most `limit` characters, none of them blank.
#[must_use]
pub fn split(text: &str, limit: usize) -> Vec<String> {
    pieces(text, limit).collect()
}

/// [`split`], one piece at a time, for whoever needs only the first few of a very long text.
pub(crate) fn pieces(text: &str, limit: usize) -> Pieces<'_> {
    let text = text.trim_end();
    let limit = limit.max(1);
    let at = skip_gap(text, 0, true, limit / 4);
    Pieces {
        text,
        limit,
        at,
        open: None,
        before: String::new(),
    }
}

/// Puts pieces together again: the marks that were added where a code block was cut are gone, and a line break stands
/// for the white space that was dropped (or for nothing where a word was cut).
#[must_use]
pub fn join<S: AsRef<str>>(pieces: &[S]) -> String {
    let mut text = String::new();
    let mut reopened = 0;
    for (index, piece) in pieces.iter().enumerate() {
        let piece = piece.as_ref();
        let closed = follow(None, piece, true)
            .closed_last
            .map(|fence| (fence.close(), fence.reopen()));
        let next = pieces.get(index + 1).map(AsRef::as_ref);
        let mut body = piece.get(reopened..).unwrap_or_default();
        reopened = 0;
        if let (Some((close, reopen)), Some(next)) = (closed, next)
            && next.starts_with(&reopen)
            && let Some(rest) = body.strip_suffix(&close)
        {
            body = rest;
            reopened = reopen.len();
        }
        if index > 0 {
            text.push('\n');
        }
        text.push_str(body);
    }
    text
}

/// The pieces of a text, in order.
pub(crate) struct Pieces<'a> {
    text: &'a str,
    limit: usize,
    /// Where the next piece starts.
    at: usize,
    /// The code block that is open there.
    open: Option<Fence<'a>>,
    /// What the next piece starts with that is not in the text.
    before: String,
}

impl Iterator for Pieces<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.at >= self.text.len() {
            return None;
        }
        let before = std::mem::take(&mut self.before);
        let before_chars = before.chars().count();
        let fences = self.limit >= FENCE_LIMIT;
        let mut budget = self.limit.saturating_sub(before_chars).max(1);
        let mut tries = 0;
        loop {
            let end = Window::new(self.text, self.at, self.open, budget, self.limit).cut();
            let body = self.text.get(self.at..end).unwrap_or_default().trim_end();
            // The cut may have made a mark out of half a line, so what the piece really holds decides.
            let after = follow(self.open, body, fences);
            let close = after.open.map(|fence| fence.close()).unwrap_or_default();
            let whole = before_chars + body.chars().count() + close.chars().count();
            tries += 1;
            if whole > self.limit && budget > 1 && tries < 16 {
                budget = budget.saturating_sub(whole - self.limit).max(1);
                continue;
            }
            self.at = skip_gap(self.text, end, false, self.limit / 4);
            self.open = after.open;
            self.before = after.open.map(|fence| fence.reopen()).unwrap_or_default();
            let line = self
                .text
                .get(self.at..)
                .and_then(|rest| rest.lines().next())
                .unwrap_or_default();
            if let Some(closed) = after.closed_last
                && line.trim_end() == closed.reopen().trim_end()
            {
                // Two alike code blocks in a row would look like one that was cut; Discord drops this line break.
                "\n".clone_into(&mut self.before);
            }
            return Some(format!("{before}{body}{close}"));
        }
    }
}

/// Where the next piece starts after a cut at `from`: past the white space, but with the indentation of a new line
/// unless that is absurdly deep.
fn skip_gap(text: &str, from: usize, starts_line: bool, deepest: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let word = rest.trim_start();
    let gap = rest.get(..rest.len() - word.len()).unwrap_or_default();
    let line = match gap.rfind('\n') {
        Some(at) => at + 1,
        None if starts_line => 0,
        None => gap.len(),
    };
    let indent = gap.get(line..).unwrap_or_default();
    if indent.chars().count() > deepest {
        from + gap.len()
    } else {
        from + line
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dense(text: &str) -> String {
        text.chars().filter(|c| !c.is_whitespace()).collect()
    }

    /// What every split has to hold, whatever the text is.
    fn check(text: &str, limit: usize) -> Vec<String> {
        let pieces = split(text, limit);
        for piece in &pieces {
            assert!(
                piece.chars().count() <= limit,
                "{} characters of {limit}: {piece:?}",
                piece.chars().count()
            );
            assert!(!piece.trim().is_empty(), "a blank piece");
            assert_eq!(piece.trim_end(), piece, "white space at the end");
            if limit >= FENCE_LIMIT {
                assert_eq!(
                    follow(None, piece, true).open,
                    None,
                    "an open code block in {piece:?}"
                );
            }
        }
        if limit >= FENCE_LIMIT {
            let closing = pieces
                .last()
                .and_then(|_| unclosed(text, limit))
                .unwrap_or_default();
            assert_eq!(
                dense(&join(&pieces)),
                dense(text) + &dense(&closing),
                "{pieces:#?}"
            );
        } else {
            assert_eq!(dense(&pieces.concat()), dense(text));
        }
        pieces
    }

    /// The mark that the last piece needs because the text leaves a code block open.
    fn unclosed(text: &str, limit: usize) -> Option<String> {
        let mut pieces = pieces(text, limit);
        while pieces.next().is_some() {}
        pieces.open.map(|fence| fence.close())
    }

    #[test]
    fn short_text_is_one_piece_and_blank_text_is_none() {
        assert_eq!(check("hello\n\nworld", 2000), ["hello\n\nworld"]);
        assert_eq!(check("\n\n  - indented\n \n", 2000), ["  - indented"]);
        assert!(check("", 2000).is_empty());
        assert!(check(" \r\n\t\u{3000}\n", 2000).is_empty());
        let full = "x".repeat(2000);
        assert_eq!(check(&full, 2000), [full]);
    }

    #[test]
    fn paragraphs_then_lines_then_words_then_graphemes() {
        let (a, b) = ("a".repeat(150), "b".repeat(150));
        assert_eq!(
            check(&format!("{a}\n\nshort\n{b}"), 200),
            [a.clone(), format!("short\n{b}")]
        );
        assert_eq!(
            check(&format!("{a}\nshort {b}"), 200),
            [a.clone(), format!("short {b}")]
        );
        assert_eq!(
            check(&format!("{a} short {b}"), 200),
            [format!("{a} short"), b.clone()]
        );
        let word = "w".repeat(450);
        let lengths: Vec<usize> = check(&word, 200).iter().map(String::len).collect();
        assert_eq!(lengths, [200, 200, 50]);
    }

    #[test]
    fn a_heading_stays_with_its_text() {
        let a = "a".repeat(150);
        let text = format!("{a}\n\n## Title\n\n{}", "b".repeat(150));
        assert_eq!(check(&text, 200), [a, format!("## Title\n\n{}", "b".repeat(150))]);
    }

    #[test]
    fn four_thousand_emoji_are_counted_as_characters_and_never_torn() {
        let pieces = check(&"😀".repeat(4000), 2000);
        assert_eq!(
            pieces
                .iter()
                .map(|piece| piece.chars().count())
                .collect::<Vec<_>>(),
            [2000, 2000]
        );
        let family = "👨‍👩‍👧‍👦";
        for piece in check(&family.repeat(1000), 2000) {
            assert_eq!(piece.replace(family, ""), "", "a family was torn apart");
        }
        let flags = check(&"🇩🇪".repeat(1501), 1999);
        assert!(flags.iter().all(|piece| piece.replace("🇩🇪", "").is_empty()));
        assert_eq!(
            check(&format!("e{}", "\u{301}".repeat(5000)), 2000).len(),
            3,
            "one endless grapheme"
        );
    }

    #[test]
    fn a_cut_code_block_is_closed_and_opened_again_in_its_language() {
        let lines: Vec<String> = (0..60).map(|n| format!("    let x{n} = {n};")).collect();
        let text = format!("Look:\n\n```rust\n{}\n```\n\nDone.", lines.join("\n"));
        let pieces = check(&text, 450);
        assert_eq!(pieces.len(), 3);
        assert!(
            pieces
                .iter()
                .skip(1)
                .all(|piece| piece.starts_with("```rust\n    let x")),
            "{pieces:#?}"
        );
        assert!(
            pieces.iter().take(2).all(|piece| piece.ends_with(";\n```")),
            "{pieces:#?}"
        );
        assert_eq!(
            join(&pieces),
            text,
            "the line breaks are the ones that were there"
        );
    }

    #[test]
    fn two_alike_blocks_in_a_row_do_not_become_one() {
        let block = format!("```rust\n{}\n```", "x\n".repeat(70).trim_end());
        let text = format!("{block}\n{block}");
        let pieces = check(&text, 200);
        assert_eq!(pieces.len(), 2);
        assert!(
            pieces.iter().skip(1).all(|piece| piece.starts_with("\n```rust")),
            "{pieces:?}"
        );
        assert_eq!(dense(&join(&pieces)), dense(&text));
    }

    #[test]
    fn an_open_block_at_the_very_end_is_not_taken_for_a_reopened_one() {
        let text = format!("~~~\n{}\n~~~\n\n~~~", "x\n".repeat(95).trim_end());
        let pieces = check(&text, 200);
        assert_eq!(pieces.get(1).map(String::as_str), Some("\n~~~\n~~~"));
    }

    #[test]
    fn an_open_block_is_closed_and_nested_marks_do_not_close() {
        assert_eq!(check("```sh\nls", 2000), ["```sh\nls\n```"]);
        assert_eq!(check("~~~~md\n```\n~~~\nx", 2000), ["~~~~md\n```\n~~~\nx\n~~~~"]);
        assert_eq!(check("````\n```\nx\n````\ny", 2000), ["````\n```\nx\n````\ny"]);
        assert_eq!(check("> ```\n> x", 2000), ["> ```\n> x\n> ```"]);
        assert_eq!(
            check("1. ```\n   x\n   ```\ny", 2000),
            ["1. ```\n   x\n   ```\ny"]
        );
        assert_eq!(check("a ```b``` c\n```b``` c", 2000), ["a ```b``` c\n```b``` c"]);
    }

    #[test]
    fn no_block_is_left_empty_beside_a_cut() {
        for filler in 150..200 {
            let text = format!("{}\n```rust\nlet x = 1;\n```\nend", "y".repeat(filler));
            for piece in check(&text, 200) {
                assert_ne!(piece, "```rust\n```");
                assert!(!piece.ends_with("```rust\n```"), "{piece:?}");
            }
        }
    }

    #[test]
    fn it_is_linear() {
        // Quadratic code would take hours for these; there is no clock here, the runner's own deadline is enough.
        for text in [
            "word ".repeat(400_000),
            "x".repeat(2_000_000),
            "\n".repeat(2_000_000) + "x",
            format!("a{}b", " ".repeat(2_000_000)),
            "```\n".repeat(400_000),
            "🇩🇪".repeat(200_000),
            format!("```rust\n{}", "line of code;\n".repeat(100_000)),
            "a\n\n\n\n\n\n\n\n".repeat(100_000),
        ] {
            assert!(!split(&text, 2000).is_empty());
        }
    }

    fn fragment() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z]{1,12}",
            "[a-z]{1,400}",
            Just(" ".to_owned()),
            Just("\n".to_owned()),
            Just("\n\n".to_owned()),
            Just("\r\n".to_owned()),
            "[ \n\t]{1,300}",
            Just("\n```\n".to_owned()),
            Just("\n```rust\n".to_owned()),
            Just("\n```rust\nx\n```\n".to_owned()),
            Just("```".to_owned()),
            Just("\n~~~\n".to_owned()),
            Just("\n````md title=x\n".to_owned()),
            Just("\n   ```\n".to_owned()),
            Just("\n> ```\n> x".to_owned()),
            Just("\n- ```c++\r\n".to_owned()),
            "[`~]{1,40}",
            Just("\n### Heading\n".to_owned()),
            Just("\n1. item\n   - sub".to_owned()),
            Just("👨‍👩‍👧‍👦🇩🇪é👍🏽".to_owned()),
            "😀{1,300}",
            "\\PC{0,60}",
        ]
    }

    fn markdown() -> impl Strategy<Value = String> {
        prop::collection::vec(fragment(), 0..60).prop_map(|fragments| fragments.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_holds(text in markdown(), limit in 200_usize..900) {
            check(&text, limit);
        }

        #[test]
        fn any_text_holds_for_small_limits(text in markdown(), limit in 1_usize..200) {
            check(&text, limit);
        }

        #[test]
        fn only_white_space_is_dropped_and_only_at_cuts(text in markdown(), limit in 200_usize..900) {
            // Without added marks each piece is a part of the text, and between two parts is nothing but white space.
            let plain = text.replace(['`', '~'], "");
            let mut rest = plain.as_str();
            for piece in split(&plain, limit) {
                let (gap, after) = rest.split_once(piece.as_str()).expect("each piece is in the text");
                prop_assert!(gap.trim().is_empty());
                rest = after;
            }
            prop_assert!(rest.trim().is_empty());
        }

        #[test]
        fn earlier_pieces_stay_while_the_text_grows(text in markdown(), limit in 200_usize..900) {
            // Marks that are only half there may still change their meaning; plain text may not.
            let plain = text.replace(['`', '~'], "");
            let whole = split(&plain, limit);
            for (at, _) in plain.char_indices().step_by(97) {
                let part = split(plain.split_at(at).0, limit);
                let settled = part.len().saturating_sub(1);
                prop_assert_eq!(part.get(..settled), whole.get(..settled));
            }
        }
    }
}
