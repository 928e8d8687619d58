//! Tells where code blocks open and close.
//!
//! Without it a cut could fall into a code block unnoticed, and everything after it would change between code and text.

/// A longer row of backticks is an ornament and not the start of a code block.
const LONGEST_RUN: usize = 32;
/// A longer language is none.
const LONGEST_LANGUAGE: usize = 20;
/// Lines longer than this (in bytes) are not looked at for the start or end of a code block.
const LONGEST_MARKER: usize = 256;

/// A code block that is open, as its first line told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence<'a> {
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

    pub(super) fn close(&self) -> String {
        format!("\n{}", self.marks())
    }

    pub(super) fn close_chars(&self) -> usize {
        1 + self.run + if self.quoted { 2 } else { 0 }
    }

    pub(super) fn reopen(&self) -> String {
        format!("{}{}\n", self.marks(), self.language)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
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

pub(super) fn kind_at<'a>(text: &'a str, at: usize, open: Option<Fence<'_>>) -> Kind<'a> {
    marker_line(text, at).map_or(Kind::Plain, |line| kind(line, open))
}

#[derive(Debug, Default)]
pub(super) struct After<'a> {
    /// The code block that is open at the end.
    pub(super) open: Option<Fence<'a>>,
    /// The code block that the very last line closed.
    pub(super) closed_last: Option<Fence<'a>>,
}

/// Follows the code blocks through `body`, which starts with `open` open.
pub(super) fn follow<'a>(open: Option<Fence<'a>>, body: &'a str, fences: bool) -> After<'a> {
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
