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

use unicode_segmentation::UnicodeSegmentation as _;

/// Below this limit the marks that close and open a code block could take most of a message.
const FENCE_LIMIT: usize = 200;
/// A longer row of backticks is an ornament and not the start of a code block.
const LONGEST_RUN: usize = 32;
/// A longer language is none.
const LONGEST_LANGUAGE: usize = 20;
/// Lines longer than this (in bytes) are not looked at for the start or end of a code block.
const LONGEST_MARKER: usize = 256;

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
            if let Some(closed) = after.closed_last
                && self
                    .text
                    .get(self.at..)
                    .unwrap_or_default()
                    .starts_with(&closed.reopen())
            {
                // Two alike code blocks in a row would look like one that was cut; Discord drops this line break.
                "\n".clone_into(&mut self.before);
            }
            return Some(format!("{before}{body}{close}"));
        }
    }
}

/// A code block that is open, as its first line told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fence<'a> {
    mark: char,
    run: usize,
    quoted: bool,
    language: &'a str,
}

impl Fence<'_> {
    fn marks(&self) -> String {
        let quote = if self.quoted { "> " } else { "" };
        format!("{quote}{}", self.mark.to_string().repeat(self.run))
    }

    fn close(&self) -> String {
        format!("\n{}", self.marks())
    }

    fn close_chars(&self) -> usize {
        1 + self.run + if self.quoted { 2 } else { 0 }
    }

    fn reopen(&self) -> String {
        format!("{}{}\n", self.marks(), self.language)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind<'a> {
    Plain,
    Opens(Fence<'a>),
    Closes,
}

/// What a line does to code blocks. Any indentation is allowed, because blocks within lists are indented.
fn kind<'a>(line: &'a str, open: Option<Fence<'_>>) -> Kind<'a> {
    let mut rest = line.trim_start();
    let mut quoted = false;
    while let Some(inner) = rest.strip_prefix('>') {
        quoted = true;
        rest = inner.trim_start();
    }
    if open.is_none() {
        rest = without_bullets(rest);
    }
    let Some(mark) = rest.chars().next().filter(|c| matches!(c, '`' | '~')) else {
        return Kind::Plain;
    };
    let info = rest.trim_start_matches(mark);
    let run = rest.len() - info.len();
    if !(3..=LONGEST_RUN).contains(&run) {
        return Kind::Plain;
    }
    let info = info.trim();
    match open {
        Some(open) => {
            let closes = open.mark == mark && run >= open.run && info.is_empty() && open.quoted == quoted;
            if closes { Kind::Closes } else { Kind::Plain }
        }
        None if mark == '`' && info.contains('`') => Kind::Plain,
        None => Kind::Opens(Fence {
            mark,
            run,
            quoted,
            language: language(info),
        }),
    }
}

/// `- 1. x` → `x`: a code block may start on the line of a list's item.
fn without_bullets(mut rest: &str) -> &str {
    loop {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let after = if digits.len() < rest.len() {
            digits.strip_prefix(['.', ')'])
        } else {
            rest.strip_prefix(['-', '*', '+'])
        };
        match after {
            Some(after) if after.starts_with([' ', '\t']) => rest = after.trim_start(),
            _ => return rest,
        }
    }
}

fn language(info: &str) -> &str {
    let word = info.split_whitespace().next().unwrap_or_default();
    let fits = word.len() <= LONGEST_LANGUAGE;
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-' | '.' | '#');
    if fits && word.chars().all(known) { word } else { "" }
}

/// The line that starts at `at`, without its line break, unless it is too long to be a mark.
fn marker_line(text: &str, at: usize) -> Option<&str> {
    let window = text.as_bytes().get(at..)?;
    let near = window.get(..LONGEST_MARKER).unwrap_or(window);
    match memchr::memchr(b'\n', near) {
        Some(end) => text.get(at..at + end),
        None if near.len() == window.len() => text.get(at..),
        None => None,
    }
}

fn kind_at<'a>(text: &'a str, at: usize, open: Option<Fence<'_>>) -> Kind<'a> {
    marker_line(text, at).map_or(Kind::Plain, |line| kind(line, open))
}

#[derive(Debug, Default)]
struct After<'a> {
    /// The code block that is open at the end.
    open: Option<Fence<'a>>,
    /// The code block that the very last line closed.
    closed_last: Option<Fence<'a>>,
}

/// Follows the code blocks through `body`, which starts with `open` open.
fn follow<'a>(open: Option<Fence<'a>>, body: &'a str, fences: bool) -> After<'a> {
    let mut after = After {
        open,
        closed_last: None,
    };
    if !fences {
        return After::default();
    }
    let mut at = 0;
    for line in body.split('\n') {
        after.closed_last = None;
        match kind_at(body, at, after.open) {
            Kind::Opens(fence) => after.open = Some(fence),
            Kind::Closes => after.closed_last = after.open.take(),
            Kind::Plain => {}
        }
        at += line.len() + 1;
    }
    after
}

/// Whether `last`, the line after `before`, opens a code block.
pub(crate) fn leaves_open(before: &str, last: &str) -> bool {
    matches!(kind(last, None), Kind::Opens(_)) && follow(None, before, true).open.is_none()
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

/// Looks for the best cut of one piece.
struct Window<'a> {
    text: &'a str,
    at: usize,
    fences: bool,
    /// How many characters of the text the piece can take, its closing mark included.
    budget: usize,
    open: Option<Fence<'a>>,
    /// Room that the closing mark may need if nothing but a hard cut is left.
    reserve: usize,
    /// The last place of each rank, best rank first.
    places: [Option<usize>; 5],
}

/// A place between two words or lines.
struct Place {
    at: usize,
    used: usize,
    newlines: usize,
    inside: bool,
}

impl<'a> Window<'a> {
    fn new(text: &'a str, at: usize, open: Option<Fence<'a>>, budget: usize, limit: usize) -> Self {
        let reserve = open.map_or(0, |fence| fence.close_chars());
        Self {
            text,
            at,
            fences: limit >= FENCE_LIMIT,
            budget,
            open,
            reserve,
            places: [None; 5],
        }
    }

    /// Where the piece ends.
    fn cut(mut self) -> usize {
        let mut line = self.at;
        let mut used = 0;
        loop {
            let kind = if self.fences {
                kind_at(self.text, line, self.open)
            } else {
                Kind::Plain
            };
            let Some(walked) = self.walk(line, used, kind == Kind::Plain) else {
                return self.best();
            };
            match kind {
                Kind::Opens(fence) => self.open = Some(fence),
                Kind::Closes => self.open = None,
                Kind::Plain => {}
            }
            let close = self.open.map_or(0, |fence| fence.close_chars());
            self.reserve = self.reserve.max(close);
            if walked.at >= self.text.len() {
                return if walked.used + close <= self.budget {
                    self.text.len()
                } else {
                    self.best()
                };
            }
            let next = self.next_line(&walked);
            let next_closes = self.open.is_some() && kind_at(self.text, next.at, self.open) == Kind::Closes;
            // An empty code block would be left on one side of the cut.
            if !(matches!(kind, Kind::Opens(_)) || next_closes) {
                let heading = self.open.is_none() && self.heading(line);
                let newlines = if heading { 0 } else { next.newlines };
                self.note(&Place {
                    newlines,
                    inside: self.open.is_some(),
                    ..walked
                });
            }
            if next.used > self.budget {
                return self.best();
            }
            (line, used) = (next.at, next.used);
        }
    }

    /// Walks through one line and notes the places between its words; `None` when the line does not fit.
    fn walk(&mut self, line: usize, mut used: usize, plain: bool) -> Option<Place> {
        let rest = self.text.get(line..)?;
        let mut end = (line, used);
        let mut seen_word = false;
        let mut gap = false;
        for (offset, c) in rest.char_indices() {
            if c == '\n' {
                break;
            }
            let at = line + offset;
            if c.is_whitespace() {
                gap |= seen_word && !matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}');
            } else {
                if gap
                    && plain
                    && !rest
                        .get(offset..)
                        .is_some_and(|r| r.starts_with("```") || r.starts_with("~~~"))
                {
                    self.note(&Place {
                        at: end.0,
                        used: end.1,
                        newlines: 0,
                        inside: false,
                    });
                }
                if used >= self.budget {
                    return None;
                }
                (seen_word, gap) = (true, false);
                end = (at + c.len_utf8(), used + 1);
            }
            used += 1;
        }
        Some(Place {
            at: end.0,
            used: end.1,
            newlines: 0,
            inside: false,
        })
    }

    /// The start of the next line that is not blank, and the number of line breaks before it.
    fn next_line(&self, end: &Place) -> Place {
        let rest = self.text.get(end.at..).unwrap_or_default();
        let (mut next, mut newlines) = (
            Place {
                at: end.at,
                used: end.used,
                ..*end
            },
            0,
        );
        for (index, (offset, c)) in rest.char_indices().enumerate() {
            if !c.is_whitespace() {
                break;
            }
            if c == '\n' {
                newlines += 1;
                next.at = end.at + offset + 1;
                next.used = end.used + index + 1;
            }
        }
        Place { newlines, ..next }
    }

    /// A heading belongs to what follows it.
    fn heading(&self, line: usize) -> bool {
        self.text.get(line..).is_some_and(|rest| rest.starts_with('#'))
    }

    fn note(&mut self, place: &Place) {
        let close = self.open.map_or(0, |fence| fence.close_chars());
        if place.used + close > self.budget || place.used == 0 {
            return;
        }
        let half = place.used * 2 >= self.budget;
        let quarter = place.used * 4 >= self.budget;
        let paragraph = place.newlines > 1;
        let line = place.newlines > 0;
        // Few half-empty messages are worth a better place, and so a rank counts only from a certain fill on.
        let ranks = [
            paragraph && !place.inside && half,
            line && !place.inside && half,
            paragraph && half,
            line && quarter,
            true,
        ];
        for (slot, counts) in self.places.iter_mut().zip(ranks) {
            if counts {
                *slot = Some(place.at);
            }
        }
    }

    fn best(&self) -> usize {
        self.places
            .iter()
            .flatten()
            .next()
            .copied()
            .unwrap_or_else(|| self.hard())
    }

    /// One word fills the whole piece: cut between two graphemes, or between two characters if even one is too long.
    fn hard(&self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let room = self.budget.saturating_sub(self.reserve).max(1);
        let mut ends = rest.char_indices().skip(room).map(|(offset, _)| offset);
        let Some(end) = ends.next() else {
            return self.text.len();
        };
        // One character more than fits says whether a grapheme ends where the room ends.
        let known = rest.get(..ends.next().unwrap_or(rest.len())).unwrap_or(rest);
        let fitting = known
            .grapheme_indices(true)
            .map(|(start, _)| start)
            .take_while(|start| *start <= end)
            .last();
        match fitting {
            Some(start) if start > 0 => self.at + start,
            _ => self.at + end,
        }
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
