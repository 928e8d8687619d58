//! Takes secrets out of whatever leaves: those that the daemon knows, and those that look like one.
//!
//! Agents print environments, configuration files and request headers. Without this room a key would sit in a chat
//! for ever, edit history included.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use regex::Regex;

/// So much of an unfinished word is held back while text streams.
const HOLD: usize = 200;
/// A known secret shorter than this would also be found in ordinary words.
const LITERAL: usize = 8;

/// The shape of a secret. `secret` is the group that is taken out.
struct Shape {
    kind: &'static str,
    pattern: &'static str,
    /// A key has digits; a class name or a sentence that begins like one has none.
    needs_digit: bool,
}

const fn shape(kind: &'static str, pattern: &'static str) -> Shape {
    Shape {
        kind,
        pattern,
        needs_digit: false,
    }
}

/// Each begins with what may stand before it, since a key in the middle of a word is no key.
const SHAPES: [Shape; 13] = [
    shape(
        "pem",
        r"(?P<s>-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z))",
    ),
    shape(
        "webhook",
        r"(?P<s>https://(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[A-Za-z0-9_-]+)",
    ),
    shape(
        "jwt",
        r"(?:^|[^\w-])(?P<s>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})",
    ),
    shape(
        "authorization",
        r#"(?i)\bauthorization\\?["']?\s*[:=]\s*\\?["']?(?:bearer|basic|token|bot)\s+(?P<s>[^\s"'\\,]{6,})"#,
    ),
    Shape {
        kind: "key",
        pattern: r"(?:^|[^\w-])(?P<s>sk-[A-Za-z0-9_-]{20,})",
        needs_digit: true,
    },
    shape(
        "github",
        r"(?:^|[^\w-])(?P<s>gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    shape("slack", r"(?:^|[^\w-])(?P<s>xox[abeprs]-[A-Za-z0-9-]{10,})"),
    shape("aws", r"(?:^|[^\w-])(?P<s>(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})\b"),
    shape(
        "aws",
        r#"(?i)aws_secret_access_key["']?\s*[:=]\s*["']?(?P<s>[A-Za-z0-9/+=]{40})"#,
    ),
    shape(
        "discord",
        r"(?:^|[^\w-])(?P<s>[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,})",
    ),
    shape("google", r"(?:^|[^\w-])(?P<s>AIza[0-9A-Za-z_-]{35})"),
    Shape {
        kind: "token",
        pattern: r"(?:^|[^\w-])(?P<s>(?:glpat-[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{30,}))",
        needs_digit: true,
    },
    Shape {
        kind: "stripe",
        pattern: r"(?:^|[^\w-])(?P<s>[sr]k_(?:live|test)_[A-Za-z0-9]{16,})",
        needs_digit: true,
    },
];

static COMPILED: LazyLock<Vec<(&'static Shape, Regex)>> = LazyLock::new(|| {
    SHAPES
        .iter()
        .filter_map(|shape| Some((shape, Regex::new(shape.pattern).ok()?)))
        .collect()
});

/// The beginning of a private key and its end, for streams that come line by line.
const PEM_BEGIN: &str = "-----BEGIN ";
const PEM_END: &str = "-----END ";

/// Finds secrets. A cheap clone.
#[derive(Clone)]
pub struct Redactor {
    literals: Arc<Vec<(&'static str, String)>>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("literals", &self.literals.len())
            .finish()
    }
}

impl Redactor {
    /// A redactor that knows these secrets, each with its kind, besides everything that looks like one.
    pub fn new(literals: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut literals: Vec<_> = literals
            .into_iter()
            .filter(|(_, secret)| secret.len() >= LITERAL)
            .collect();
        // One may be part of another: the longer one goes first.
        literals.sort_by_key(|(_, secret)| std::cmp::Reverse(secret.len()));
        Self {
            literals: Arc::new(literals),
        }
    }

    /// The text with `[redacted:kind]` for each secret.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found: Vec<(Range<usize>, &str)> = Vec::new();
        for (kind, secret) in self.literals.iter() {
            found.extend(
                text.match_indices(secret.as_str())
                    .map(|(at, s)| (at..at + s.len(), *kind)),
            );
        }
        for (shape, regex) in COMPILED.iter() {
            for captures in regex.captures_iter(text) {
                let Some(secret) = captures.name("s") else {
                    continue;
                };
                if !shape.needs_digit || secret.as_str().bytes().any(|b| b.is_ascii_digit()) {
                    found.push((secret.range(), shape.kind));
                }
            }
        }
        if found.is_empty() {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(replace(text, found))
        }
    }

    /// How many bytes of a text that still streams can be shown: not the word that is being written, which may become
    /// a secret, and nothing of a private key that has no end yet.
    #[must_use]
    pub fn stable_len(&self, text: &str) -> usize {
        let open_key = text
            .rfind(PEM_BEGIN)
            .filter(|at| !text.get(*at..).unwrap_or_default().contains(PEM_END));
        let end = open_key.unwrap_or(text.len());
        let shown = text.get(..end).unwrap_or(text);
        let word = shown.rfind(char::is_whitespace).map_or(0, |at| {
            at + shown
                .get(at..)
                .and_then(|rest| rest.chars().next())
                .map_or(0, char::len_utf8)
        });
        if end - word > HOLD {
            // No word is that long: it is a line of data, which streams like everything else.
            let mut cut = end - HOLD;
            while !shown.is_char_boundary(cut) {
                cut -= 1;
            }
            return cut;
        }
        word
    }

    /// A redactor for lines that come one by one.
    #[must_use]
    pub fn lines(&self) -> LineRedactor {
        LineRedactor {
            redactor: self.clone(),
            in_key: false,
        }
    }
}

/// Replaces the ranges; where two overlap, the one that begins first stands for both.
fn replace(text: &str, mut found: Vec<(Range<usize>, &str)>) -> String {
    found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (range, kind) in found {
        if range.start >= at {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            out.push_str("[redacted:");
            out.push_str(kind);
            out.push(']');
        }
        at = at.max(range.end);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Redacts a stream of lines, in which a private key spans many. Every line stays a line.
#[derive(Debug)]
pub struct LineRedactor {
    redactor: Redactor,
    in_key: bool,
}

impl LineRedactor {
    /// The line without its secrets.
    pub fn redact_line<'a>(&mut self, line: &'a str) -> Cow<'a, str> {
        if self.in_key {
            self.in_key = !line.contains(PEM_END);
            return Cow::Borrowed("[redacted:pem]");
        }
        if line.contains(PEM_BEGIN) && line.contains("PRIVATE KEY-----") && !line.contains(PEM_END) {
            self.in_key = true;
        }
        self.redactor.redact(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redactor() -> Redactor {
        Redactor::new([
            ("bot-token", "the-bot-token-itself".to_owned()),
            ("short", "abc".to_owned()),
        ])
    }

    /// Made up at run time, so that no scanner takes this file for a leak.
    fn fake(prefix: &str, length: usize) -> String {
        format!(
            "{prefix}{}",
            "a1B2c3D4e5".repeat(length / 10 + 1).get(..length).unwrap()
        )
    }

    #[test]
    fn every_shape_of_a_secret_is_taken_out() {
        let cases = [
            ("key", fake("sk-", 48)),
            ("key", fake("sk-ant-api03-", 80)),
            ("key", fake("sk-proj-", 60)),
            ("github", fake("ghp_", 36)),
            ("github", fake("github_pat_", 60)),
            ("slack", fake("xoxb-", 40)),
            ("aws", format!("AKIA{}", "A1B2C3D4E5F6G7H8")),
            ("google", fake("AIza", 35)),
            ("token", fake("glpat-", 20)),
            ("token", fake("npm_", 36)),
            ("stripe", fake("sk_live_", 24)),
            (
                "jwt",
                format!("{}.{}.{}", fake("eyJ", 20), fake("eyJ", 40), fake("", 43)),
            ),
            (
                "discord",
                format!("{}.{}.{}", fake("M", 25), fake("", 6), fake("", 38)),
            ),
            (
                "webhook",
                format!("https://discord.com/api/webhooks/123456/{}", fake("", 68)),
            ),
            ("bot-token", "the-bot-token-itself".to_owned()),
        ];
        for (kind, secret) in cases {
            for (before, after) in [("", ""), ("KEY=", "\n"), ("\"", "\","), ("see ", " there")] {
                let redacted = redactor()
                    .redact(&format!("{before}{secret}{after}"))
                    .into_owned();
                assert_eq!(redacted, format!("{before}[redacted:{kind}]{after}"));
            }
        }
    }

    #[test]
    fn a_header_keeps_its_name() {
        let redacted = redactor()
            .redact("curl -H 'Authorization: Bearer abcdef123456' x")
            .into_owned();
        assert_eq!(
            redacted,
            "curl -H 'Authorization: Bearer [redacted:authorization]' x"
        );
        let json = redactor()
            .redact(r#"{"authorization":"Basic dXNlcjpwYXNz"}"#)
            .into_owned();
        assert_eq!(json, r#"{"authorization":"Basic [redacted:authorization]"}"#);
    }

    #[test]
    fn ordinary_code_is_left_alone() {
        for text in [
            "task-list-item-class-name risk-assessment-of-the-whole-thing sk-learn",
            "<div class=\"sk-cube-grid-with-a-long-class-name\">",
            "550e8400-e29b-41d4-a716-446655440000 da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "authorization: required for bearer tokens; see Authorization",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            "let akia = AKIALOOKSLIKE; ghp_short; eyJ.eyJ.x; npm_config_registry",
            "abc short literals are words",
        ] {
            assert!(
                matches!(redactor().redact(text), Cow::Borrowed(_)),
                "{}",
                redactor().redact(text)
            );
        }
    }

    #[test]
    fn a_private_key_goes_whole_and_line_by_line() {
        let key = ["-----BEGIN RSA PRIVATE ", "KEY-----"].concat();
        let end = ["-----END RSA PRIVATE ", "KEY-----"].concat();
        let text = format!("before\n{key}\nMIIE\nabcd\n{end}\nafter");
        assert_eq!(redactor().redact(&text), "before\n[redacted:pem]\nafter");
        let mut lines = redactor().lines();
        let out: Vec<_> = text
            .lines()
            .map(|line| lines.redact_line(line).into_owned())
            .collect();
        assert_eq!(
            out,
            [
                "before",
                "[redacted:pem]",
                "[redacted:pem]",
                "[redacted:pem]",
                "[redacted:pem]",
                "after"
            ]
        );
    }

    #[test]
    fn what_may_become_a_secret_is_held_back() {
        let r = redactor();
        assert_eq!(r.stable_len("hello wor"), 6);
        assert_eq!(r.stable_len("hello "), 6);
        assert_eq!(r.stable_len("the key is sk-ant-abc"), 11);
        let key = ["ok -----BEGIN PRIVATE ", "KEY-----\nMIIE abc "].concat();
        assert_eq!(r.stable_len(&key), 3);
        assert_eq!(r.stable_len(&"ö".repeat(500)), 800);
    }

    proptest! {
        #[test]
        fn what_is_shown_early_is_never_a_secret(before in "[a-z ]{0,30}", cut in 0_usize..60) {
            let secret = fake("sk-", 48);
            let text = format!("{before} {secret}");
            let part = text.get(..text.len().min(before.len() + 1 + cut)).unwrap();
            let shown = part.get(..redactor().stable_len(part)).unwrap();
            prop_assert!(!shown.contains("sk-"));
        }

        #[test]
        fn redacting_twice_changes_nothing_more(text in "\\PC{0,200}") {
            let once = redactor().redact(&text).into_owned();
            let twice = redactor().redact(&once).into_owned();
            prop_assert_eq!(once, twice);
        }
    }
}
