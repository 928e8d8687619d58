//! Small pure helpers for text that a person reads on Discord.
//!
//! Without them every sentence would escape, clip and count in its own way, and one of them would let a hostile
//! file name break out of its code span or paint the terminal's control codes into a thread.

use unicode_segmentation::UnicodeSegmentation;

/// The mark left where something was cut away.
const ELLIPSIS: char = '…';

/// Breaks a sequence that Discord would act on, without being seen.
pub(crate) const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// Small grey text: `-# ` before each line. Blank lines stay blank, since a lone `-#` would be shown as it is.
#[must_use]
pub fn quiet(text: &str) -> String {
    let lines = text.lines().map(|line| match line.trim() {
        "" => String::new(),
        _ => format!("-# {line}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Inline code that its content cannot end: one line, no control characters, and a look-alike for each backtick.
#[must_use]
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('`');
    out.extend(plain(text).chars().map(|c| match c {
        '`' => 'ˋ',
        '\n' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        c => c,
    }));
    // Two backticks with nothing between them would open a span instead of showing an empty one.
    if out.len() == 1 {
        out.push(' ');
    }
    out.push('`');
    out
}

/// At most `limit` characters (code points), an ellipsis included when something was cut; no grapheme is cut in half.
#[must_use]
pub fn clip(text: &str, limit: usize) -> String {
    if text.chars().nth(limit).is_none() {
        return text.to_owned();
    }
    let Some(room) = limit.checked_sub(1) else {
        return String::new();
    };
    let mut kept = head(text, room).to_owned();
    if kept.is_empty() {
        // A single grapheme larger than the whole room (letters buried in accents): cut it after all.
        kept.extend(text.chars().take(room));
    }
    kept.truncate(kept.trim_end().len());
    kept.push(ELLIPSIS);
    kept
}

/// The longest start of `text` that has at most `limit` characters (code points) and ends between two graphemes.
pub(crate) fn head(text: &str, limit: usize) -> &str {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += grapheme.chars().count();
        if used > limit {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

/// Markdown-escapes a hostile string: it is shown as it was written, links and mentions in it do nothing.
#[must_use]
pub fn escape(text: &str) -> String {
    let text = plain(text);
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            out.push('\n');
        }
        escape_line(line, &mut out);
    }
    out
}

/// Escapes one line; what is special only at a line's start (lists, headings, small text) is escaped only there.
fn escape_line(line: &str, out: &mut String) {
    let body = line.trim_start();
    let number = body.len() - body.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let indent = line.len() - body.len();
    let mut before = None;
    for (at, c) in line.char_indices() {
        let rest = line.get(at + c.len_utf8()..).unwrap_or_default();
        let special = match c {
            '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '>' | '[' | ']' => true,
            '#' | '-' | '+' => at == indent,
            '.' => number > 0 && at == indent + number,
            ':' => rest.starts_with("//"),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
        // Discord's server finds these mentions even behind a backslash.
        if c == '@' && (before == Some('<') || rest.starts_with("everyone") || rest.starts_with("here")) {
            out.push(ZERO_WIDTH_SPACE);
        }
        before = Some(c);
    }
}

/// A count with its noun: `1 tool`, `2 tools`, `1,024 matches`, `3 replies`.
#[must_use]
pub fn plural(count: usize, noun: &str) -> String {
    let number = grouped(u64::try_from(count).unwrap_or(u64::MAX));
    if count == 1 {
        return format!("{number} {noun}");
    }
    if let Some(stem) = noun.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'i', 'o', 'u'])
    {
        return format!("{number} {stem}ies");
    }
    let hisses = ["s", "x", "z", "ch", "sh"].iter().any(|end| noun.ends_with(end));
    format!("{number} {noun}{}", if hisses { "es" } else { "s" })
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The text without terminal escape sequences, control characters (tabs and newlines stay) and characters that
/// nobody sees.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((shown, tail)) = rest.find(is_unprintable).and_then(|at| rest.split_at_checked(at)) {
        out.push_str(shown);
        let mut chars = tail.chars();
        rest = match chars.next() {
            Some('\u{1b}') => after_escape(chars.as_str()),
            Some('\u{9b}') => after_csi(chars.as_str()),
            Some('\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}') => {
                after_control_string(chars.as_str())
            }
            _ => chars.as_str(),
        };
    }
    out.push_str(rest);
    out
}

fn is_unprintable(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n')) || is_hidden(c)
}

/// Characters that nobody sees and that no word needs: with them two names look the same, or one reads backwards.
pub(crate) fn is_hidden(c: char) -> bool {
    is_bidi_control(c)
        || matches!(
            c,
            '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// Marks that turn the direction of text: with them a file name can show an ending that it does not have.
pub(crate) fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What follows an escape sequence, `rest` being what stands behind its ESC.
fn after_escape(rest: &str) -> &str {
    if let Some(rest) = rest.strip_prefix('[') {
        return after_csi(rest);
    }
    if let Some(rest) = rest.strip_prefix([']', 'P', 'X', '^', '_']) {
        return after_control_string(rest);
    }
    let last = rest.trim_start_matches(|c| matches!(c, ' '..='/'));
    last.strip_prefix(|c| matches!(c, '0'..='~')).unwrap_or(last)
}

/// Colours and cursor movements: parameters and one final character.
fn after_csi(rest: &str) -> &str {
    let last = rest.trim_start_matches(|c| matches!(c, ' '..='?'));
    last.strip_prefix(|c| matches!(c, '@'..='~')).unwrap_or(last)
}

/// Titles and hyperlinks run to a terminator. One without it hides nothing: its content is then shown as text.
fn after_control_string(body: &str) -> &str {
    let end = body.find(['\u{7}', '\u{9c}', '\u{1b}', '\n']);
    let tail = end.and_then(|at| body.get(at..)).unwrap_or_default();
    tail.strip_prefix("\u{1b}\\")
        .or_else(|| tail.strip_prefix(['\u{7}', '\u{9c}']))
        .unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quiet_marks_each_line_that_says_something() {
        assert_eq!(quiet("one\n\n  \ntwo"), "-# one\n\n\n-# two");
    }

    #[test]
    fn code_cannot_be_broken_out_of() {
        assert_eq!(code("cargo test"), "`cargo test`");
        assert_eq!(code("a`b``` @everyone\n\u{1b}[31mred"), "`aˋbˋˋˋ @everyone red`");
        assert_eq!(code(""), "` `");
        assert_eq!(code("\u{1b}"), "` `");
    }

    #[test]
    fn clip_counts_characters_and_keeps_graphemes_whole() {
        assert_eq!(clip("short", 5), "short");
        assert_eq!(clip("longer", 5), "long…");
        assert_eq!(clip("äöüäöü", 4), "äöü…");
        assert_eq!(clip("ab 👩‍💻👩‍💻", 5), "ab…");
        assert_eq!(clip("ab", 1), "…");
        assert_eq!(clip("ab", 0), "");
        assert_eq!(clip("", 0), "");
        assert_eq!(clip(&format!("e{}", "\u{301}".repeat(50)), 4).chars().count(), 4);
    }

    #[test]
    fn escape_takes_the_magic_out() {
        assert_eq!(
            escape("**a** _b_ `c` ~~d~~ ||e||"),
            r"\*\*a\*\* \_b\_ \`c\` \~\~d\~\~ \|\|e\|\|"
        );
        assert_eq!(
            escape("# h\n- x\n  -# y\n> q\n12. z\na-b 1.5 #7"),
            "\\# h\n\\- x\n  \\-# y\n\\> q\n12\\. z\na-b 1.5 #7"
        );
        assert_eq!(escape("[a](https://b.c)"), r"\[a\](https\://b.c)");
        assert_eq!(
            escape("@everyone @here <@1> a@b.c"),
            "@\u{200b}everyone @\u{200b}here \\<@\u{200b}1\\> a@b.c"
        );
    }

    #[test]
    fn plural_speaks_english() {
        let said: Vec<_> = [
            (0, "tool"),
            (1, "tool"),
            (1024, "match"),
            (3, "reply"),
            (2, "key"),
            (1_234_567, "line"),
        ]
        .map(|(count, noun)| plural(count, noun))
        .into();
        assert_eq!(
            said,
            [
                "0 tools",
                "1 tool",
                "1,024 matches",
                "3 replies",
                "2 keys",
                "1,234,567 lines"
            ]
        );
    }

    #[test]
    fn plain_drops_what_a_terminal_would_swallow() {
        assert_eq!(plain("\u{1b}[1;31mred\u{1b}[0m \u{9b}2Kx\ty"), "red x\ty");
        assert_eq!(
            plain("\u{1b}]8;;https://a.b\u{1b}\\link\u{1b}]8;;\u{7}!"),
            "link!"
        );
        assert_eq!(plain("\u{1b}(B\u{1b}7a\u{8}b\u{202e}c"), "abc");
        assert_eq!(plain("\u{1b}]0;no end is in sight"), "0;no end is in sight");
    }

    proptest! {
        #[test]
        fn clip_keeps_its_promise(text in ".{0,40}", limit in 0_usize..30) {
            let clipped = clip(&text, limit);
            prop_assert!(clipped.chars().count() <= limit);
            prop_assert!(clipped == text || clipped.ends_with(ELLIPSIS) || limit == 0);
        }

        #[test]
        fn code_is_one_span(text in "[`a\\\\\n\u{1b}\\[ ]{0,30}") {
            let span = code(&text);
            prop_assert_eq!(span.matches('`').count(), 2);
            prop_assert!(span.len() > 2 && !span.contains('\n'));
        }
    }
}
