//! Names of threads: what a person wrote, without what Discord would show as noise.

use regex::Regex;
use std::sync::LazyLock;
use unicode_segmentation::UnicodeSegmentation as _;

use super::text::is_invisible;

/// Discord's limit for a thread's name.
const NAME: usize = 100;
/// How much of the prompt is in the name of a launched thread.
const EXCERPT: usize = 20;

static MENTION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"<(?:@[!&]?|#|/[^:>]*:|t:)\d+(?::[a-zA-Z])?>").ok());
static EMOJI: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"<a?:(\w+):\d+>").ok());

/// `Run: ` and the first twenty characters of a prompt.
#[must_use]
pub fn launch_name(prompt: &str) -> String {
    let plain = plain(prompt);
    let excerpt = first(&plain, EXCERPT);
    if excerpt.is_empty() {
        "Run: (attachment)".to_owned()
    } else {
        format!("Run: {excerpt}")
    }
}

/// `Session: ` and the topic.
#[must_use]
pub fn session_name(topic: &str) -> String {
    let prefix = "Session: ";
    let plain = plain(topic);
    let topic = first(&plain, NAME - prefix.len());
    if topic.is_empty() {
        format!("{prefix}new")
    } else {
        format!("{prefix}{topic}")
    }
}

/// The text on one line, without mentions, markup and what cannot be seen.
fn plain(text: &str) -> String {
    let text = MENTION
        .as_ref()
        .map_or_else(|| text.to_owned(), |r| r.replace_all(text, " ").into_owned());
    let text = EMOJI
        .as_ref()
        .map_or_else(|| text.clone(), |r| r.replace_all(&text, ":$1:").into_owned());
    let shown: String = text
        .chars()
        .filter(|c| !is_invisible(*c) && !matches!(c, '*' | '`' | '~' | '|'))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let words: Vec<&str> = shown
        .split_whitespace()
        // Headings and quotes are marks of their own at the beginning of a line.
        .filter(|word| !word.chars().all(|c| matches!(c, '#' | '>' | '_')))
        .collect();
    words.join(" ")
}

/// The first characters, never half of what a person sees as one.
fn first(text: &str, limit: usize) -> &str {
    let mut left = limit;
    let mut end = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        let size = grapheme.chars().count();
        if size > left {
            break;
        }
        left -= size;
        end = at + grapheme.len();
    }
    text.get(..end).unwrap_or_default().trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_launch_is_named_by_the_first_twenty_characters() {
        for (prompt, name) in [
            ("fix the login bug in the app", "Run: fix the login bug in"),
            ("<@123> **fix** `it`\nnow", "Run: fix it now"),
            ("# Heading\n> quote", "Run: Heading quote"),
            ("<:party:123> yes", "Run: :party: yes"),
            (
                "grüße an 日本語の友達たちへ一二三四五六",
                "Run: grüße an 日本語の友達たちへ一二",
            ),
            ("", "Run: (attachment)"),
            ("<@1> \u{200b}\u{202e}", "Run: (attachment)"),
            ("👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", "Run: 👨‍👩‍👧‍👦👨‍👩‍👧‍👦"),
        ] {
            assert_eq!(launch_name(prompt), name);
        }
    }

    #[test]
    fn a_session_is_named_by_its_topic() {
        assert_eq!(session_name("the login"), "Session: the login");
        assert_eq!(session_name(" \n"), "Session: new");
    }

    proptest! {
        #[test]
        fn a_name_is_never_empty_nor_too_long(text in "\\PC{0,300}") {
            for name in [launch_name(&text), session_name(&text)] {
                prop_assert!((1..=NAME).contains(&name.chars().count()));
                prop_assert!(!name.contains('\n'));
            }
        }
    }
}
