//! Names of threads, made from what a person or the agent wrote.
//!
//! A thread name knows no markup and has 100 characters: without this room it would show raw mentions and stars,
//! break on an emoji cut in half, or be refused because nothing but spaces was left of it.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use unicode_segmentation::UnicodeSegmentation;

use super::text::{clip, head, is_bidi_control, plain};

/// What Discord takes as the name of a thread, in characters.
pub const NAME_LIMIT: usize = 100;

/// How much of the launching message its thread's name repeats, in characters.
const LAUNCH_CHARACTERS: usize = 20;

/// No name needs more of its source; a message may have 4,000 characters, a title from the agent any number.
const SOURCE_LIMIT: usize = 1000;

/// The largest real emoji have about ten code points; a longer grapheme is a letter buried in accents.
const GRAPHEME_LIMIT: usize = 16;

/// The name of a thread that a launch message starts: `Run: ` and the first 20 characters of the message.
#[must_use]
pub fn launch_name(text: &str) -> String {
    let words = cleaned(text);
    match head(&words, LAUNCH_CHARACTERS).trim_end() {
        "" => "Run: (attachment)".to_owned(),
        start => format!("Run: {start}"),
    }
}

/// The name of a thread that `/omp new` starts: `Session: ` and its topic.
#[must_use]
pub fn session_name(topic: &str) -> String {
    let topic = title_name(topic).unwrap_or_else(|| "(no topic)".to_owned());
    clip(&format!("Session: {topic}"), NAME_LIMIT)
}

/// A thread name from the title that the agent gave its session; nothing when no visible character is left.
#[must_use]
pub fn title_name(title: &str) -> Option<String> {
    let words = cleaned(title);
    (!words.is_empty()).then(|| clip(&words, NAME_LIMIT))
}

/// Whether a title only repeats what the thread is called already: then it is not worth the one renaming that there is.
#[must_use]
pub fn repeats(name: &str, title: &str) -> bool {
    let words = ["Run: ", "Session: "]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix));
    let words = words.unwrap_or(name).trim_end_matches('…');
    let title = title.trim_end_matches('…');
    !words.is_empty() && (title.starts_with(words) || words.starts_with(title))
}

/// One line of visible words: no mentions, no markup, no characters that cannot be seen.
fn cleaned(text: &str) -> String {
    let source = visible(&plain(head(text, SOURCE_LIMIT)));
    let mut words = source;
    for (pattern, by) in &*MARKUP {
        words = pattern.replace_all(&words, *by).into_owned();
    }
    words = MENTION.replace_all(&words, mention).into_owned();
    // What markup stood between may be joined now, so the graphemes are judged last.
    let sane = words
        .graphemes(true)
        .filter(|grapheme| grapheme.chars().count() <= GRAPHEME_LIMIT);
    let sane = sane.collect::<String>();
    let words = sane.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().any(|c| !is_joiner(c)) {
        words
    } else {
        String::new()
    }
}

/// Drops characters that take no place on the screen. A joiner stays where it does its work: between the parts of
/// an emoji, or between letters of a script that needs it.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().filter(|&c| !is_unseen(c)).peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let joins = |c: char| !c.is_ascii() && !c.is_whitespace() && !matches!(c, '\u{200c}' | '\u{200d}');
        let idle = match c {
            '\u{200c}' | '\u{200d}' => !(joins(before) && chars.peek().copied().is_some_and(joins)),
            _ => is_joiner(c) && before.is_whitespace(),
        };
        if !idle {
            out.push(c);
            before = c;
        }
    }
    out
}

/// Characters without a shape of their own, apart from those that join or style their neighbours.
fn is_unseen(c: char) -> bool {
    is_bidi_control(c)
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0e}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Joiners and the emoji style mark: seen only through their neighbours.
fn is_joiner(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0f}')
}

/// Discord's tags in angle brackets, and the mentions of everybody.
static MENTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"<(?:@[!&]?|#)\d+>|<t:-?\d+(?::\w)?>|<id:\w+>|<a?(:\w+:)\d+>|<(/[^<>:\n]+):\d+>|<(https?://[^<>\s]+)>|@(?:everyone|here)\b",
    )
});

/// A custom emoji keeps its name, a command and a link their text; a mention leaves a gap, so that what stood around
/// it cannot become a new one.
fn mention(found: &Captures<'_>) -> String {
    let kept = found.iter().skip(1).flatten().next();
    kept.map_or_else(|| " ".to_owned(), |text| text.as_str().to_owned())
}

/// Markup in the order in which it is taken away, with what stays of it.
static MARKUP: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let rules = [
        (r"```(?:[\w+#.-]*\n)?", " "),
        (r"(?m)^\s*(?:(?:>>>|>|#{1,3}|-#|[-*+])\s+)+", ""),
        (r"!?\[([^\[\]\n]+)\]\(<?[^()\s]+?>?\)", "$1"),
        (r"`+", ""),
        (r"\*\*\*?(\S(?:[^\n]*?\S)?)\*?\*\*", "$1"),
        (r"~~(\S(?:[^\n]*?\S)?)~~", "$1"),
        (r"\|\|(\S(?:[^\n]*?\S)?)\|\|", "$1"),
        (r"(^|\W)__(\S(?:[^\n]*?\S)?)__(\W|$)", "$1$2$3"),
        (
            r"(^|[^\w*\\])\*([^\s*](?:[^*\n]*[^\s*\\])?)\*([^\w*]|$)",
            "$1$2$3",
        ),
        (r"(^|\W)_([^\s_](?:[^_\n]*[^\s_])?)_(\W|$)", "$1$2$3"),
        (r"\\([!-/:-@\[-`{-~])", "$1"),
    ];
    rules.into_iter().map(|(rule, by)| (pattern(rule), by)).collect()
});

#[expect(
    clippy::expect_used,
    reason = "the patterns are constants, and a test compiles each of them"
)]
fn pattern(rule: &str) -> Regex {
    Regex::new(rule).expect("a constant pattern compiles")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_launch_is_named_after_its_first_twenty_characters() {
        assert_eq!(
            launch_name("Fix the login page, it is broken"),
            "Run: Fix the login page,"
        );
        assert_eq!(
            launch_name("Über größe Äpfel prüfen und so"),
            "Run: Über größe Äpfel prü"
        );
        assert_eq!(launch_name(&"🚀".repeat(30)), format!("Run: {}", "🚀".repeat(20)));
        assert_eq!(launch_name("short"), "Run: short");
    }

    #[test]
    fn no_grapheme_is_cut_in_half() {
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(
            launch_name(&family.repeat(5)),
            format!("Run: {}", family.repeat(2))
        );
        assert_eq!(
            launch_name(&format!("nineteen characters{family}")),
            "Run: nineteen characters"
        );
        assert_eq!(launch_name("🇩🇪🇫🇷 x❤️"), "Run: 🇩🇪🇫🇷 x❤️");
    }

    #[test]
    fn mentions_and_markup_are_taken_away() {
        let names = [
            ("<@123456789012345678> <@!1> <@&2> <#3> hi", "Run: hi"),
            ("<:party:1> go <a:wow:22>", "Run: :party: go :wow:"),
            ("@everyone look @here", "Run: look"),
            ("</omp new:77> please", "Run: /omp new please"),
            ("# Head\n> quote\n- item", "Run: Head quote item"),
            ("**bold** *it* __un__ ~~s~~", "Run: bold it un s"),
            ("||secret|| `code` _x_", "Run: secret code x"),
            ("```rust\nfn main()\n```", "Run: fn main()"),
            ("[docs](https://a.b/c) !", "Run: docs !"),
            ("<https://a.b>", "Run: https://a.b"),
            (r"\*not bold\*", "Run: *not bold*"),
        ];
        for (text, name) in names {
            assert_eq!(launch_name(text), name, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_markup_stays() {
        for text in [
            "fix my_snake_case",
            "2 * 3 * 4",
            "a || b || c",
            "ls *.rs",
            "C:\\dir\\file",
            "a < b > c",
            "x@y.z",
        ] {
            assert_eq!(launch_name(text), format!("Run: {text}"));
        }
    }

    #[test]
    fn a_name_is_never_empty() {
        for text in [
            "",
            "  \n\t",
            "\u{200b}\u{200d}\u{fe0f}",
            "<@1>",
            "\u{3164}\u{2800}",
            "\u{1b}[0m\u{202e}",
        ] {
            assert_eq!(launch_name(text), "Run: (attachment)", "{text:?}");
            assert_eq!(session_name(text), "Session: (no topic)", "{text:?}");
            assert_eq!(title_name(text), None, "{text:?}");
        }
        assert_eq!(
            launch_name(&format!("a{}", "\u{301}".repeat(500))),
            "Run: (attachment)"
        );
    }

    #[test]
    fn a_title_of_the_first_words_says_nothing_new() {
        for (name, title, repeated) in [
            (
                "Run: fix the login page,",
                "fix the login page, it is broken",
                true,
            ),
            ("Run: fix it", "fix it", true),
            ("Session: a long topic…", "a long", true),
            ("Run: fix the login page,", "Repair the login form", false),
            ("Run: (attachment)", "Read the notes", false),
        ] {
            assert_eq!(repeats(name, title), repeated, "{name} / {title}");
        }
    }

    #[test]
    fn a_session_is_named_after_its_topic() {
        assert_eq!(session_name("Fix\nthe **login**"), "Session: Fix the login");
        let long = session_name(&"word ".repeat(100));
        assert!(
            long.starts_with("Session: word word") && long.ends_with('…'),
            "{long}"
        );
        assert!(long.chars().count() <= NAME_LIMIT);
    }

    proptest! {
        #[test]
        fn every_name_is_one_clean_line(
            text in "(\\PC|[*_`|~<>@#!&: \\\\\n\u{200b}\u{200d}\u{202e}]|<@1>|<#2>|@here|👩\u{200d}💻|a\u{301}){0,60}",
        ) {
            for name in [launch_name(&text), session_name(&text)] {
                prop_assert!(name.chars().count() <= NAME_LIMIT);
                prop_assert!(!name.chars().any(|c| c.is_control() || is_unseen(c)), "{:?}", name);
                prop_assert!(!name.contains("  ") && name.trim() == name, "{:?}", name);
                prop_assert!(!name.contains("<@1>") && !name.contains("<#2>"), "{:?}", name);
            }
            let launch = launch_name(&text);
            let shown = launch.strip_prefix("Run: ").unwrap();
            prop_assert!(shown == "(attachment)" || shown.chars().count() <= LAUNCH_CHARACTERS);
            // What is shown ends between two graphemes of the whole text.
            let whole = cleaned(&text);
            let start = head(&whole, LAUNCH_CHARACTERS);
            prop_assert!(shown == "(attachment)" || shown == start.trim_end());
            let rest = whole.strip_prefix(start).unwrap();
            let both = start.graphemes(true).count() + rest.graphemes(true).count();
            prop_assert_eq!(both, whole.graphemes(true).count());
        }
    }
}
