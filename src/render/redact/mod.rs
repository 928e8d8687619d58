//! Takes secrets out of everything that leaves for Discord, each replaced by `[redacted:kind]`.
//!
//! An agent prints environments, key files and curl commands. Without this room the first `env` would publish the
//! bot's own token to everyone in the channel, in a place where a deleted message has already been read.
//!
//! Secrets are found by fast searches for how they begin; only what stands at such a place is looked at closely.
//! Each close look is bounded, so that no text, however hostile, takes more than linear time.

mod addresses;
mod pem;
mod shapes;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use memchr::memmem::{self, Finder};

use addresses::{find_addresses, find_webhooks};
use pem::{PEM_BEGIN, PEM_END, Pem, find_key_lines, is_pem_line, open_pem};
use shapes::{discord_token, find_headers, find_shapes, open_web_token};

/// A shorter literal would be found all over ordinary text, and be no secret anyway.
const LITERAL_MIN: usize = 6;

/// How much of an unfinished word is held back while text streams. Every judgement below needs fewer bytes.
const HELD_WORD: usize = 200;

/// The same bound for a stream of lines.
const PEM_LINES_MAX: usize = 1000;

const PEM_MARK: &str = "[redacted:pem]";

/// Knows what must not leave. Cheap to clone; prints no secret.
#[derive(Clone, Default)]
pub struct Redactor {
    literals: Arc<[Literal]>,
    /// Whether what is read would run: nothing is taken for a secret because of what stands around it.
    narrow: bool,
}

struct Literal {
    kind: &'static str,
    finder: Finder<'static>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.literals.iter().map(|literal| literal.kind).collect();
        f.debug_struct("Redactor")
            .field("literals", &kinds)
            .field("narrow", &self.narrow)
            .finish()
    }
}

impl Redactor {
    /// Takes the secrets that are known word for word, each with the kind that is shown in its place. Those of fewer
    /// than six bytes are ignored.
    pub fn new(literals: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let finder = |secret: String| Finder::new(secret.trim()).into_owned();
        let literals = literals
            .into_iter()
            .filter(|(_, secret)| secret.trim().len() >= LITERAL_MIN)
            .map(|(kind, secret)| Literal {
                kind,
                finder: finder(secret),
            });
        Self {
            literals: literals.collect(),
            narrow: false,
        }
    }

    /// The same for what a person is to approve. There a text that only looks like a part of a secret may be a command,
    /// and whoever wrote it could choose what surrounds it: a line between two markers, a word behind a header's name.
    #[must_use]
    pub fn narrow(&self) -> Self {
        Self {
            narrow: true,
            ..self.clone()
        }
    }

    /// How many characters of the text are hidden by `redact`.
    #[must_use]
    pub fn hidden(&self, text: &str) -> usize {
        let spans = self.spans(text).into_iter();
        let hidden = spans.filter_map(|span| text.get(span.start..span.end));
        hidden.map(|secret| secret.chars().count()).sum()
    }

    /// The text with each secret replaced; borrowed when there is none.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let spans = self.spans(text);
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for Span { start, end, kind } in spans {
            out.push_str(text.get(done..start).unwrap_or_default());
            out.extend(["[redacted:", kind, "]"]);
            done = end;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// While a text still grows at its end: how many bytes from its start can be redacted and shown now, without
    /// showing the start of a secret whose rest has not come yet.
    #[must_use]
    pub fn stable_len(&self, text: &str) -> usize {
        let bytes = text.as_bytes();
        let word = text.len() - run(bytes.iter().rev(), |byte| byte.is_ascii_graphic());
        let mut cut = word.max(text.len().saturating_sub(HELD_WORD));
        let held = [open_web_token(bytes), open_pem(text), self.open_literal(bytes)];
        for start in held.into_iter().flatten() {
            cut = cut.min(start);
        }
        let spans = self.spans(text);
        loop {
            // A secret is shown whole or not yet, and one that touches the end may still grow.
            let before = spans.get(..spans.partition_point(|span| span.start < cut));
            let split = before
                .and_then(<[Span]>::last)
                .filter(|span| cut < span.end || span.end == text.len());
            // What is shown must not itself end in an open block: alone it would be redacted in another way.
            let open = || text.get(..cut).and_then(open_pem);
            let start = split.map(|span| span.start).or_else(open);
            match start.or_else(|| self.torn(text, cut, &spans)) {
                Some(start) => cut = start,
                None => return cut,
            }
        }
    }

    /// Where the text up to `cut` would be redacted in another way alone than as a part of `text`, whose secrets are `spans`:
    /// two that stand side by side are not judged as one word.
    fn torn(&self, text: &str, cut: usize, spans: &[Span]) -> Option<usize> {
        let (alone, rest) = text.split_at_checked(cut)?;
        let in_a_word = [alone.bytes().next_back(), rest.bytes().next()];
        if !in_a_word
            .iter()
            .all(|byte| byte.is_some_and(|byte| byte.is_ascii_graphic()))
        {
            return None;
        }
        let alone = self.spans(alone);
        let within = &spans[..spans.partition_point(|span| span.start < cut)];
        let same = alone.iter().zip(within).take_while(|(one, other)| one == other);
        let same = same.count();
        let next = [alone.get(same), within.get(same)];
        next.into_iter().flatten().map(|span| span.start).min()
    }

    /// A redactor for a stream that comes line by line.
    #[must_use]
    pub fn lines(&self) -> LineRedactor {
        LineRedactor {
            redactor: self.clone(),
            pem_lines_left: 0,
        }
    }

    /// All secrets in the text, in order, none overlapping another.
    fn spans(&self, text: &str) -> Vec<Span> {
        let bytes = text.as_bytes();
        let mut spans = Vec::new();
        for Literal { kind, finder } in self.literals.iter() {
            let len = finder.needle().len();
            spans.extend(finder.find_iter(bytes).map(|start| Span {
                start,
                end: start + len,
                kind,
            }));
        }
        find_headers(text, self.narrow, &mut spans);
        find_shapes(text, &mut spans);
        find_webhooks(text, &mut spans);
        find_addresses(text, self.narrow, &mut spans);
        spans.extend(memchr::memchr_iter(b'.', bytes).filter_map(|dot| discord_token(bytes, dot)));
        let begins = memmem::find_iter(bytes, PEM_BEGIN);
        if self.narrow {
            begins.for_each(|start| find_key_lines(text, start, &mut spans));
        } else {
            spans.extend(begins.filter_map(|start| Pem::at(text, start)?.secret()));
        }

        spans.sort_by_key(|span| (span.start, Reverse(span.end)));
        spans.dedup_by(|next, kept| {
            let overlaps = next.start < kept.end;
            if overlaps {
                kept.end = kept.end.max(next.end);
            }
            overlaps
        });
        spans
    }

    /// Where a literal begins that the end of the text may have cut off.
    fn open_literal(&self, bytes: &[u8]) -> Option<usize> {
        let begun = |needle: &[u8]| {
            let longest = bytes.len().min(needle.len() - 1);
            (1..=longest).rev().find(|&len| bytes.ends_with(&needle[..len]))
        };
        let longest = self
            .literals
            .iter()
            .filter_map(|literal| begun(literal.finder.needle()))
            .max();
        longest.map(|len| bytes.len() - len)
    }
}

/// Redacts a stream line by line; knows when it is inside a private key.
#[derive(Clone, Debug)]
pub struct LineRedactor {
    redactor: Redactor,
    pem_lines_left: usize,
}

impl LineRedactor {
    /// The next line (without its line ending). Each line of a private key block becomes one `[redacted:pem]`, so
    /// that the lines can still be counted.
    pub fn redact_line<'a>(&mut self, line: &'a str) -> Cow<'a, str> {
        if self.pem_lines_left > 0 {
            if let Some((_, end)) = line.split_once(PEM_END) {
                self.pem_lines_left = 0;
                let rest = end.split_once("-----").map_or("", |(_, rest)| rest);
                return Cow::Owned(format!("{PEM_MARK}{}", self.redactor.redact(rest)));
            }
            if is_pem_line(line) && !line.contains(PEM_BEGIN) {
                self.pem_lines_left -= 1;
                return Cow::Borrowed(PEM_MARK);
            }
            self.pem_lines_left = 0;
        }
        let last = memmem::rfind(line.as_bytes(), PEM_BEGIN.as_bytes());
        let open = last.and_then(|start| Pem::at(line, start)).filter(Pem::is_open);
        if let Some((before, _)) = open.and_then(|pem| line.split_at_checked(pem.start)) {
            self.pem_lines_left = PEM_LINES_MAX;
            return Cow::Owned(format!("{}{PEM_MARK}", self.redactor.redact(before)));
        }
        self.redactor.redact(line)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
    kind: &'static str,
}
/// How many items at the start of the iterator are of a kind.
fn run<'a>(bytes: impl Iterator<Item = &'a u8>, is: impl Fn(u8) -> bool) -> usize {
    bytes.take_while(|byte| is(**byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Put together at run time, so that no scanner takes this file for a leak.
    fn secrets() -> Vec<(&'static str, String)> {
        let random = "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb3dEf6h";
        let first = |len| random.get(..len).unwrap();
        let hex = "0123456789abcdef0123456789abcdef";
        vec![
            ("api-key", format!("sk-{random}")),
            ("api-key", format!("sk-{hex}")),
            ("anthropic-key", format!("sk-ant-api03-{random}-{random}_AA")),
            ("openai-key", format!("sk-proj-{random}_{random}")),
            ("github-token", format!("ghp_{}", first(36))),
            ("github-token", format!("ghs_{}", first(36))),
            ("github-token", format!("ghr_{}", "a".repeat(36))),
            ("github-token", format!("github_pat_{}_{random}", first(22))),
            ("slack-token", format!("xoxb-123456789012-{}", first(24))),
            ("aws-key", format!("AKIA{}", "IOSFODNN7EXAMPLE")),
            ("aws-key", format!("ASIA{}", "IOSFODNNQEXAMPLE")),
            (
                "discord-token",
                format!("MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.{}", first(38)),
            ),
            (
                "discord-token",
                format!("NzkyNzE1NDU0MTk2MDg4ODQy.X-hvzA.{}", first(27)),
            ),
            (
                "webhook",
                format!("https://discord.com/api/webhooks/123456789012345678/{random}-{random}"),
            ),
            (
                "webhook",
                format!("https://ptb.discordapp.com/api/v10/webhooks/123456789012345678/{random}"),
            ),
            (
                "webhook",
                format!("http://127.0.0.1:4000/api/v10/webhooks/123456789012345678/{random}"),
            ),
            ("jwt", format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{random}")),
            (
                "jwt",
                format!("eyJ{}.eyJzdWIiOiIxIn0.{random}", random.repeat(15)),
            ),
            ("google-key", format!("AIza{}", first(35))),
            ("gitlab-token", format!("glpat-{}", first(20))),
            ("npm-token", format!("npm_{}", first(36))),
            ("stripe-key", format!("sk_live_{}", first(24))),
            ("huggingface-token", format!("hf_{}", first(34))),
        ]
    }

    fn more_secrets() -> Vec<(&'static str, String)> {
        let random = "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb3dEf6h";
        let first = |len| random.get(..len).unwrap();
        let hex = "0123456789abcdef0123456789abcdef";
        vec![
            ("telegram-token", format!("123456789:AA{}", first(33))),
            ("slack-token", format!("xapp-1-A0123456789-{}", first(24))),
            ("gitlab-token", format!("glrt-{}", first(20))),
            ("google-key", format!("GOCSPX-{}", first(28))),
            ("google-key", format!("ya29.{random}-{random}")),
            (
                "age-key",
                format!("AGE-SECRET-KEY-1{}", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".repeat(2)),
            ),
            ("api-key", format!("pplx-{random}")),
            ("api-key", format!("nvapi-{random}-{random}")),
            ("api-key", format!("tvly-dev-{}", first(28))),
            ("api-key", format!("r8_{}", first(37))),
            ("api-key", format!("lsv2_pt_{hex}_{}", hex.get(..10).unwrap())),
            ("api-key", format!("lin_api_{random}")),
            ("api-key", format!("dapi{hex}")),
            ("api-key", format!("dop_v1_{hex}{hex}")),
            ("api-key", format!("shpat_{hex}")),
            ("api-key", format!("ATATT3xFfGF0{random}_{random}=0A1B2C3D")),
            ("api-key", format!("glsa_{}_0a1b2c3d", first(32))),
            ("api-key", format!("sntrys_{random}_{random}")),
            ("api-key", format!("dckr_pat_{}", first(27))),
            ("api-key", format!("hvs.{random}{random}")),
            ("api-key", format!("SG.{}.{random}{}", first(22), first(3))),
            ("api-key", format!("rubygems_{hex}{}", hex.get(..16).unwrap())),
        ]
    }

    fn key(label: &str) -> String {
        let line = "MIIEowIBAAKCAQEAq7v3Zb0uYlq1z5yXh2m4".repeat(2);
        format!("-----BEGIN {label}-----\n{line}\n{line}\nab+/cd==\n-----END {label}-----")
    }

    fn redactor() -> Redactor {
        Redactor::new([
            ("bot-token", "hunter2-hunter2".to_owned()),
            ("api-token", " two words \n".to_owned()),
        ])
    }

    #[test]
    fn each_kind_is_found_wherever_it_stands() {
        let redactor = Redactor::new([]);
        for (kind, secret) in secrets().into_iter().chain(more_secrets()) {
            for (before, after) in [
                ("", ""),
                ("KEY=", "\n"),
                ("say \"", "\"."),
                (r#"{"log":"a\n"#, r#"\nb"}"#),
                ("größe: ", " 👩‍💻"),
                ("`", "`"),
                ("at ", ", and"),
            ] {
                let text = format!("{before}{secret}{after}");
                let wanted = format!("{before}[redacted:{kind}]{after}");
                assert_eq!(redactor.redact(&text), wanted, "{text}");
            }
        }
    }

    #[test]
    fn a_full_stop_behind_a_token_stays() {
        let text = format!("It is ghp_{}. Next", "a1".repeat(18));
        assert_eq!(
            Redactor::default().redact(&text),
            "It is [redacted:github-token]. Next"
        );
    }

    #[test]
    fn headers_keep_their_names() {
        let redactor = Redactor::default();
        let long = "abcdefgh12345678";
        for (text, shown) in [
            (
                "Authorization: Bearer abcd",
                "Authorization: Bearer [redacted:authorization]".to_owned(),
            ),
            (
                "authorization: basic dXNlcjpwYXNz",
                "authorization: basic [redacted:authorization]".to_owned(),
            ),
            (
                r#"curl -H "Authorization: Bearer abcd" x"#,
                r#"curl -H "Authorization: Bearer [redacted:authorization]" x"#.to_owned(),
            ),
            (
                r#"{"Authorization": "Bot abcd.ef"}"#,
                r#"{"Authorization": "Bot [redacted:authorization]"}"#.to_owned(),
            ),
            (
                r#"{\"authorization\":\"Bearer abcd\"}"#,
                r#"{\"authorization\":\"Bearer [redacted:authorization]\"}"#.to_owned(),
            ),
            (
                &format!("Authorization: {long}"),
                "Authorization: [redacted:authorization]".to_owned(),
            ),
            (
                &format!("X-Api-Key: {long}"),
                "X-Api-Key: [redacted:api-key]".to_owned(),
            ),
            (
                &format!("AWS_SECRET_ACCESS_KEY={long}/{long}"),
                "AWS_SECRET_ACCESS_KEY=[redacted:aws-key]".to_owned(),
            ),
        ] {
            assert_eq!(redactor.redact(text), shown);
            assert_eq!(redactor.redact(&shown), shown, "a second time changes nothing");
        }
    }

    #[test]
    fn passwords_in_addresses_and_connection_strings_are_taken_out() {
        let redactor = Redactor::default();
        let key = "Zm9v0123456789abcdefABCDEF".repeat(3);
        for (text, shown) in [
            (
                "postgres://app:s3cret-horse-42@db.example/app".to_owned(),
                "postgres://app:[redacted:password]@db.example/app",
            ),
            (
                format!("AccountName=a;AccountKey={key}==;EndpointSuffix=x"),
                "AccountName=a;AccountKey=[redacted:azure-key];EndpointSuffix=x",
            ),
        ] {
            assert_eq!(redactor.redact(&text), shown);
        }
        for text in [
            "postgres://postgres:postgres@localhost/app redis://:password@cache",
            "https://${user}:${password}@example.com mongodb://<user>:<password>@host",
            "git clone ssh://git@example.com:2222/x.git http://localhost:3000/a@b",
        ] {
            assert_eq!(redactor.redact(text), text);
        }
    }

    #[test]
    fn ordinary_code_is_left_alone() {
        let redactor = redactor();
        for text in [
            "task-list-item-class-name risk-assessment-report-2024-final disk-usage-monitoring-tool",
            "task-proj-2024-backend-refactoring-plan ask-ant-colony-optimization-42",
            ".sk-circle-fade-dot-animation .sk-folding-cube .sk-circle12 .sk-cube-grid-delay-2",
            "550e8400-e29b-41d4-a716-446655440000 380d88c2f0e1d2c3b4a5968778695a4b3c2d1e0f",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "npm_config_registry npm_lifecycle_event ghp_ gho_some_snake_case_name_here_too xoxb-",
            "MyVeryLongJavaClassNameHere.method.anotherVeryLongMethodNameInJava",
            "let h = format!(\"Authorization: Bearer {token}\"); // Authorization: required",
            "curl -H \"Authorization: Bearer $TOKEN\" -H 'Authorization: Bearer <token>'",
            "AKIA is a prefix, AKIAIOSFODNN7EXAMPLEX is too long, eyJ is how JSON begins",
            "https://discord.com/developers/docs/resources/webhook webhooks/123/abc",
            "key.replace(\"-----BEGIN PRIVATE KEY-----\", \"\").replace(\"-----END PRIVATE KEY-----\", \"\")",
            "-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEAq7v3Zb0uYlq1z5yXh2m4\n-----END CERTIFICATE-----",
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        ] {
            assert!(
                matches!(redactor.redact(text), Cow::Borrowed(_)),
                "{}",
                redactor.redact(text)
            );
        }
    }

    #[test]
    fn what_a_person_approves_hides_nothing_that_only_stands_where_secrets_do() {
        let narrow = redactor().narrow();
        let key = "# -----BEGIN PRIVATE KEY-----\n/tmp/evil\nevil\n# -----END PRIVATE KEY-----";
        let word = format!("# -----BEGIN PRIVATE KEY-----\ncurl x|sh # {}\n", "A".repeat(64));
        let path = format!(
            "-----BEGIN PRIVATE KEY-----\n/{}\n-----END PRIVATE KEY-----",
            "a".repeat(63)
        );
        for text in [
            key,
            &word,
            &path,
            "Authorization=basic /tmp/evil.sh",
            "Authorization=basic evil",
            "Authorization: bearer ~/evil",
            "x-api-key: ./evil1234567890123",
        ] {
            assert_eq!(narrow.redact(text), text);
            assert_eq!(narrow.hidden(text), 0);
        }
        let line = "MIIEowIBAAKCAQEAq7v3Zb0uYlq1z5yXh2m4MIIEowIBAAKCAQEAq7v3Zb0uYlq1";
        let escaped = format!(r"-----BEGIN PRIVATE KEY-----\n{line}\n-----END PRIVATE KEY-----");
        for (text, hidden) in [
            ("run hunter2-hunter2 now".to_owned(), 15),
            (
                format!("-----BEGIN PRIVATE KEY-----\n{line}\nabc=\n-----END PRIVATE KEY-----"),
                line.len(),
            ),
            (escaped, line.len()),
            ("curl -H 'Authorization: Bearer abcdef'".to_owned(), 6),
        ] {
            assert_eq!(narrow.hidden(&text), hidden, "{}", narrow.redact(&text));
        }
        for (kind, secret) in secrets() {
            assert_eq!(
                narrow.redact(&format!("x={secret} y")),
                format!("x=[redacted:{kind}] y")
            );
        }
    }

    #[test]
    fn literals_are_found_in_any_place() {
        assert_eq!(
            redactor().redact("xhunter2-hunter2y two words"),
            "x[redacted:bot-token]y [redacted:api-token]"
        );
        assert_eq!(
            Redactor::new([("short", "abc".to_owned()), ("none", String::new())]).redact("abc"),
            "abc"
        );
        let shown = format!("{:?} {:?}", redactor(), redactor().lines());
        assert!(
            shown.contains("bot-token") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn private_keys_are_taken_whole() {
        let redactor = Redactor::default();
        for label in [
            "PRIVATE KEY",
            "RSA PRIVATE KEY",
            "OPENSSH PRIVATE KEY",
            "PGP PRIVATE KEY BLOCK",
        ] {
            let key = key(label);
            let escaped = key.replace('\n', "\\n");
            let numbered: Vec<_> = key
                .lines()
                .enumerate()
                .map(|(n, line)| format!("{:>5}| {line}", n + 1))
                .collect();
            let indented = key.replace('\n', "\r\n    ");
            assert_eq!(
                redactor.redact(&format!("a\n{key}\nb c")),
                "a\n[redacted:pem]\nb c"
            );
            assert_eq!(
                redactor.redact(&format!("{{\"k\":\"{escaped}\\n\"}}")),
                "{\"k\":\"[redacted:pem]\\n\"}"
            );
            assert_eq!(redactor.redact(&numbered.join("\n")), "    1| [redacted:pem]");
            assert_eq!(redactor.redact(&indented), "[redacted:pem]");
        }
        let logged = key("PRIVATE KEY").replace('\n', "\n2024-01-01T10:00:00.123Z stdout F ");
        let shown = redactor.redact(&logged).into_owned();
        assert!(
            shown.starts_with("[redacted:pem]\n2024") && !shown.contains("MIIE"),
            "{shown}"
        );
        let cut = key("PRIVATE KEY").replace("-----END PRIVATE KEY-----", "and then, prose");
        assert_eq!(redactor.redact(&cut), "[redacted:pem]\nand then, prose");
        let headers = key("EC PRIVATE KEY").replacen(
            '\n',
            "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\n",
            1,
        );
        assert_eq!(redactor.redact(&headers), "[redacted:pem]");
    }

    #[test]
    fn lines_of_a_key_are_counted() {
        let mut lines = redactor().lines();
        let text = format!(
            "hunter2-hunter2\nkey {}; x\n\nMIIEowIBAAKCAQEAq7v3Zb0uYlq1z5yXh2m4",
            key("PRIVATE KEY")
        );
        let shown: Vec<_> = text
            .lines()
            .map(|line| lines.redact_line(line).into_owned())
            .collect();
        let mark = "[redacted:pem]";
        let wanted = [
            "[redacted:bot-token]",
            "key [redacted:pem]",
            mark,
            mark,
            mark,
            "[redacted:pem]; x",
            "",
            "MIIEowIBAAKCAQEAq7v3Zb0uYlq1z5yXh2m4",
        ];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn code_that_names_a_marker_does_not_hide_the_lines_behind_it() {
        let mut lines = redactor().lines();
        for line in [
            "if s.contains(\"-----BEGIN PRIVATE KEY-----\") {",
            "    load(s)",
            "}",
        ] {
            assert_eq!(lines.redact_line(line), line);
        }
        assert_eq!(
            lines.redact_line("const B: &str = \"-----BEGIN PRIVATE KEY-----\";"),
            "const B: &str = \"[redacted:pem]"
        );
        assert_eq!(lines.redact_line("let x = load(B);"), "let x = load(B);");
    }

    #[test]
    fn a_growing_text_shows_whole_words() {
        let redactor = redactor();
        let shown = |text: &str| text.get(..redactor.stable_len(text)).unwrap().to_owned();
        assert_eq!(shown("Hello wor"), "Hello ");
        assert_eq!(shown("Hello world "), "Hello world ");
        assert_eq!(shown("日本語"), "日本語");
        assert_eq!(shown("say two wor"), "say ");
        assert_eq!(shown("a -----BEGIN RSA PRI"), "a ");
        assert_eq!(shown("a -----BEGIN PRIVATE KEY-----\nMIIE\nab "), "a ");
        assert_eq!(shown(&"x".repeat(1000)).len(), 800);
        let token = format!("see eyJ{}", "aB3".repeat(200));
        assert_eq!(shown(&token), "see ");
    }

    #[test]
    fn hostile_text_takes_linear_time() {
        // Each of these makes a search that starts over at every candidate take minutes.
        let redactor = redactor();
        for piece in [
            "sk-",
            "eyJ",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nab\n",
            "authorization: ",
            ".M12345",
            "webhooks/",
            "http",
        ] {
            let text = piece.repeat(200_000 / piece.len());
            assert!(redactor.redact(&text).len() <= text.len());
            assert!(redactor.stable_len(&text) <= text.len());
        }
    }

    fn fragment() -> impl Strategy<Value = String> {
        let secret = proptest::sample::select(secrets()).prop_map(|(_, secret)| secret);
        prop_oneof![
            3 => "[a-z]{1,8}[ \n]",
            1 => "[ -~\n]{0,12}",
            1 => Just("日本 👩‍💻 ".to_owned()),
            2 => secret,
            1 => Just(key("RSA PRIVATE KEY")),
            1 => Just("-----BEGIN PRIVATE KEY-----".to_owned()),
            1 => Just("hunter2-hunter2".to_owned()),
            1 => Just("two words".to_owned()),
            1 => Just("Authorization: Bearer abcdef".to_owned()),
            1 => Just("x".repeat(250)),
        ]
    }

    #[test]
    fn a_key_that_another_one_touches_is_shown_as_it_will_stay() {
        let redactor = redactor();
        let text = format!(
            "{}{}{}-----BEGIN ",
            "AKIAIOSFODNN7", "EXAMPLEAIza", "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4zAb3"
        );
        let whole = redactor.redact(&text).into_owned();
        let cut = redactor.stable_len(&text);
        let shown = redactor.redact(text.get(..cut).unwrap());
        assert!(whole.starts_with(&*shown), "{shown} is not the start of {whole}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_shown_while_streaming_stays_true(parts in proptest::collection::vec(fragment(), 0..8)) {
            let text = parts.concat();
            let redactor = redactor();
            let whole = redactor.redact(&text);
            for (end, _) in text.char_indices() {
                let grown = text.get(..end).expect("a boundary");
                let cut = redactor.stable_len(grown);
                let shown = redactor.redact(grown.get(..cut).expect("a boundary"));
                prop_assert!(whole.starts_with(&*shown), "at {} of {:?}\nshown {:?}\nwhole {:?}", end, text, shown, whole);
            }
        }

        #[test]
        fn redacting_twice_changes_nothing(parts in proptest::collection::vec(fragment(), 0..8)) {
            let redactor = redactor();
            prop_assert!(!redactor.redact(&parts.concat()).contains("hunter2-hunter2"));
            // Behind a lone marker more may look like a key once other secrets are gone.
            let parts: Vec<_> = parts.into_iter().filter(|part| part != "-----BEGIN PRIVATE KEY-----").collect();
            let once = redactor.redact(&parts.join(" ")).into_owned();
            prop_assert_eq!(&*redactor.redact(&once), &once);
        }
    }
}
