//! Small turns of phrase that every text for a person needs: quiet lines, inline code, clipping, escaping.

use unicode_segmentation::UnicodeSegmentation as _;

/// Small grey text: each line of it.
#[must_use]
pub fn quiet(text: &str) -> String {
    text.lines()
        .map(|line| format!("-# {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Inline code that what is in it cannot end: one line, and backticks become their look-alikes.
#[must_use]
pub fn code(text: &str) -> String {
    let inner: String = text
        .chars()
        .map(|c| match c {
            '`' => 'ˋ',
            c if c.is_control() => ' ',
            c => c,
        })
        .filter(|c| !is_invisible(*c))
        .collect();
    if inner.trim().is_empty() {
        "` `".to_owned()
    } else {
        format!("`{inner}`")
    }
}

/// At most this many characters; what is cut ends in `…`. Never half of what a person sees as one character.
#[must_use]
pub fn clip(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut left = limit.saturating_sub(1);
    for grapheme in text.graphemes(true) {
        let size = grapheme.chars().count();
        if size > left {
            break;
        }
        left -= size;
        kept.push_str(grapheme);
    }
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

/// Text in which nothing is markup: for names and other words of strangers.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at_line_start = true;
    for c in text.chars().filter(|c| !is_invisible(*c)) {
        let marks = matches!(c, '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '[' | ']');
        let marks_line = at_line_start && matches!(c, '#' | '>' | '-');
        if marks || marks_line {
            out.push('\\');
        }
        out.push(c);
        // A mention needs the sign directly before the word.
        if c == '@' {
            out.push('\u{200b}');
        }
        at_line_start = c == '\n' || (at_line_start && c == ' ');
    }
    out
}

/// Characters that show nothing or turn the reading order around, and so can make a text look like another one.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `1 tool`, `2 tools`.
#[must_use]
pub fn plural(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_quiet_text_is_small() {
        assert_eq!(quiet("a\nb"), "-# a\n-# b");
    }

    #[test]
    fn code_cannot_be_left() {
        assert_eq!(code("rm `x`\n@everyone"), "`rm ˋxˋ @everyone`");
        assert_eq!(code("a\u{202e}b"), "`ab`");
        assert_eq!(code(""), "` `");
    }

    #[test]
    fn clipping_counts_characters_and_keeps_them_whole() {
        assert_eq!(clip("hello", 5), "hello");
        assert_eq!(clip("hello world", 7), "hello…");
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(clip(&format!("ab{family}"), 6), "ab…");
        assert_eq!(clip("äöüäöü", 4), "äöü…");
    }

    #[test]
    fn nothing_of_an_escaped_text_is_markup() {
        assert_eq!(
            escape("**a** _b_ `c` [d](e)"),
            "\\*\\*a\\*\\* \\_b\\_ \\`c\\` \\[d\\](e)"
        );
        assert_eq!(escape("# h\n> q\n- l"), "\\# h\n\\> q\n\\- l");
        assert_eq!(escape("@everyone <@1>"), "@\u{200b}everyone \\<@\u{200b}1>");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(
            (plural(1, "tool"), plural(0, "tool")),
            ("1 tool".to_owned(), "0 tools".to_owned())
        );
    }
}
