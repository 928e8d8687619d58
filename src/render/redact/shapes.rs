//! The shapes of tokens: how each kind begins, and what tells it from a name in ordinary code.
//!
//! Without this room only secrets that the daemon itself was given would be found, not those of the agent's work.

use std::sync::LazyLock;

use memchr::memmem;
use regex::Regex;

use super::{Span, run};

/// How much of a candidate is looked at to tell a random string from a name.
const JUDGED: usize = 128;

/// The longest start of a web token (its header names keys and certificates) that is waited for.
const HEADER_MAX: usize = 1024;

const WEB_TOKEN: &str = "jwt";

/// How a kind of token begins and what follows.
struct Shape {
    prefix: &'static str,
    kind: &'static str,
    /// The characters of the rest, of which there are at least `min`.
    body: fn(u8) -> bool,
    min: usize,
    /// Tells a token from a name that happens to begin the same way.
    check: fn(&[u8]) -> bool,
    /// The prefix is so short that it ends ordinary words (`task-…`): it must begin one.
    begins_word: bool,
}

const fn shape(prefix: &'static str, kind: &'static str, body: fn(u8) -> bool, min: usize) -> Shape {
    Shape {
        prefix,
        kind,
        body,
        min,
        check: is_random,
        begins_word: false,
    }
}

const fn word(prefix: &'static str, kind: &'static str, body: fn(u8) -> bool, min: usize) -> Shape {
    Shape {
        prefix,
        kind,
        body,
        min,
        check: is_random,
        begins_word: true,
    }
}

static SHAPES: [Shape; 78] = [
    word("ompo_", "ompcord-token", is_dashed, 43),
    word("omps_", "ompcord-token", is_dashed, 43),
    word("sk-ant-", "anthropic-key", is_dashed, 16),
    word("sk-proj-", "openai-key", is_dashed, 16),
    word("sk-svcacct-", "openai-key", is_dashed, 16),
    word("sk-admin-", "openai-key", is_dashed, 16),
    word("sk-or-v1-", "api-key", is_dashed, 16),
    word("sk-lf-", "api-key", is_dashed, 16),
    Shape {
        check: is_key,
        ..word("sk-", "api-key", is_dashed, 20)
    },
    word("gsk_", "api-key", is_alphanumeric, 30),
    word("xai-", "api-key", is_alphanumeric, 30),
    word("hf_", "huggingface-token", is_alphanumeric, 30),
    shape("ghp_", "github-token", is_dotted, 20),
    shape("gho_", "github-token", is_dotted, 20),
    shape("ghu_", "github-token", is_dotted, 20),
    shape("ghs_", "github-token", is_dotted, 20),
    shape("ghr_", "github-token", is_dotted, 20),
    shape("github_pat_", "github-token", is_dotted, 20),
    shape("glpat-", "gitlab-token", is_dotted, 20),
    shape("npm_", "npm-token", is_alphanumeric, 30),
    shape("pypi-AgE", "pypi-token", is_dashed, 30),
    shape("xoxa-", "slack-token", is_dashed, 10),
    shape("xoxb-", "slack-token", is_dashed, 10),
    shape("xoxe-", "slack-token", is_dashed, 10),
    shape("xoxp-", "slack-token", is_dashed, 10),
    shape("xoxr-", "slack-token", is_dashed, 10),
    shape("xoxs-", "slack-token", is_dashed, 10),
    shape("hooks.slack.com/services/", "slack-webhook", is_path, 20),
    Shape {
        check: is_aws_id,
        ..word("AKIA", "aws-key", is_upper, 16)
    },
    Shape {
        check: is_aws_id,
        ..word("ASIA", "aws-key", is_upper, 16)
    },
    shape("AIza", "google-key", is_dashed, 35),
    shape("sk_live_", "stripe-key", is_alphanumeric, 16),
    shape("sk_test_", "stripe-key", is_alphanumeric, 16),
    shape("rk_live_", "stripe-key", is_alphanumeric, 16),
    shape("whsec_", "stripe-key", is_alphanumeric, 24),
    word("xapp-", "slack-token", is_dashed, 20),
    word("gldt-", "gitlab-token", is_dashed, 20),
    word("glrt-", "gitlab-token", is_dotted, 20),
    word("glptt-", "gitlab-token", is_dashed, 20),
    word("glcbt-", "gitlab-token", is_dashed, 20),
    shape("GOCSPX-", "google-key", is_dashed, 28),
    word("ya29.", "google-key", is_dashed, 40),
    word("pplx-", "api-key", is_alphanumeric, 40),
    word("nvapi-", "api-key", is_dashed, 40),
    word("csk-", "api-key", is_alphanumeric, 40),
    word("tvly-", "api-key", is_dashed, 24),
    word("r8_", "api-key", is_alphanumeric, 37),
    word("lsv2_pt_", "api-key", is_dashed, 32),
    word("lsv2_sk_", "api-key", is_dashed, 32),
    word("ntn_", "api-key", is_alphanumeric, 40),
    word("lin_api_", "api-key", is_alphanumeric, 32),
    word("dapi", "api-key", is_hex, 32),
    word("dop_v1_", "api-key", is_hex, 64),
    word("doo_v1_", "api-key", is_hex, 64),
    word("shpat_", "api-key", is_hex, 32),
    word("shpss_", "api-key", is_hex, 32),
    word("shpca_", "api-key", is_hex, 32),
    word("sq0atp-", "api-key", is_dashed, 22),
    word("sq0csp-", "api-key", is_dashed, 43),
    word("ATATT3xFfGF0", "api-key", is_setting, 40),
    word("glsa_", "api-key", is_dashed, 32),
    word("glc_", "api-key", is_setting, 40),
    word("NRAK-", "api-key", is_upper, 27),
    word("sntrys_", "api-key", is_setting, 40),
    word("sntryu_", "api-key", is_hex, 64),
    word("pscale_tkn_", "api-key", is_dotted, 32),
    word("pscale_pw_", "api-key", is_dotted, 32),
    word("sbp_", "api-key", is_hex, 40),
    word("sb_secret_", "api-key", is_dashed, 24),
    word("PMAK-", "api-key", is_dashed, 50),
    word("dckr_pat_", "api-key", is_dashed, 27),
    word("hvs.", "api-key", is_dashed, 24),
    word("SG.", "api-key", is_dotted, 60),
    word("key-", "api-key", is_hex, 32),
    word("rubygems_", "api-key", is_hex, 48),
    word("HRKU-AA", "api-key", is_dashed, 50),
    word("AGE-SECRET-KEY-1", "age-key", is_upper, 50),
    Shape {
        check: is_web_token,
        ..shape("eyJ", WEB_TOKEN, is_dotted, 20)
    },
];

static PREFIXES: LazyLock<Regex> = LazyLock::new(|| {
    let prefixes: Vec<_> = SHAPES.iter().map(|shape| regex::escape(shape.prefix)).collect();
    pattern(&prefixes.join("|"))
});

/// Headers and settings whose value is a secret whatever it looks like. Without a scheme the value must look random.
static HEADERS: LazyLock<Regex> = LazyLock::new(|| {
    let name =
        r"(?:(?<auth>authorization)|(?<aws>aws_secret_access_key)|x-api-key|x-auth-token|private-token)";
    let equals = r#"(?:\\*["'])?\]?[ \t]*(?:=>|[:=])[ \t]*(?:[bfru]{0,2}\\*["'`])?"#;
    let value = r"(?<scheme>(?:bearer|basic|bot|token|apikey)[ \t]+)?(?<value>[A-Za-z0-9._~+/=-]{4,})";
    pattern(&format!("(?i-u){name}{equals}{value}"))
});

#[expect(
    clippy::expect_used,
    reason = "the patterns are constants, and the tests compile each of them"
)]
pub(super) fn pattern(rule: &str) -> Regex {
    Regex::new(rule).expect("a constant pattern compiles")
}

/// `narrow`: what would run is no secret, such as a path, or a word behind what a shell takes for a variable.
pub(super) fn find_headers(text: &str, narrow: bool, spans: &mut Vec<Span>) {
    for found in HEADERS.captures_iter(text) {
        let Some(value) = found.name("value") else {
            continue;
        };
        if narrow && may_run(text, &found, value.as_str()) {
            continue;
        }
        let judged = value.as_str().bytes().take(JUDGED);
        let plain_secret = value.len() >= 16 && judged.into_iter().any(|byte| byte.is_ascii_digit());
        if plain_secret || found.name("scheme").is_some() {
            let kind = match (found.name("auth"), found.name("aws")) {
                (Some(_), _) => "authorization",
                (_, Some(_)) => "aws-key",
                _ => "api-key",
            };
            spans.push(Span {
                start: value.start(),
                end: value.end(),
                kind,
            });
        }
    }
}

/// Whether a shell could run the value of a header.
fn may_run(text: &str, found: &regex::Captures<'_>, value: &str) -> bool {
    let is_word_of_its_own = found.name("scheme").is_some_and(|scheme| {
        let header = found.get(0).map_or(0, |all| all.start());
        text.get(header..scheme.start())
            .is_some_and(|name| name.contains('='))
    });
    is_word_of_its_own || value.starts_with(['/', '.', '~'])
}

pub(super) fn find_shapes(text: &str, spans: &mut Vec<Span>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(hit) = PREFIXES.find_at(text, from) {
        let found = SHAPES.iter().find_map(|shape| shape.at(bytes, hit.start()));
        // A rejected candidate may hold a real one, and every prefix begins with an ASCII character.
        from = found.map_or(hit.start() + 1, |span| span.end);
        spans.extend(found);
    }
}

impl Shape {
    fn at(&self, bytes: &[u8], start: usize) -> Option<Span> {
        let rest = bytes.get(start..)?.strip_prefix(self.prefix.as_bytes())?;
        if self.begins_word && !begins_word(bytes, start) {
            return None;
        }
        let near = &rest[..run(rest.iter().take(self.reach(rest)), self.body)];
        if near.len() < self.min || !(self.check)(near) {
            return None;
        }
        let body = &rest[..run(rest.iter(), self.body)];
        // A full stop behind a token ends the sentence.
        let len = body.len() - run(body.iter().rev(), |byte| byte == b'.');
        Some(Span {
            start,
            end: start + self.prefix.len() + len,
            kind: self.kind,
        })
    }

    /// How far the close look goes. A web token is judged by what follows its header, however long that is.
    fn reach(&self, rest: &[u8]) -> usize {
        if self.kind != WEB_TOKEN {
            return JUDGED;
        }
        let near = &rest[..rest.len().min(HEADER_MAX)];
        memchr::memchr(b'.', near).map_or(0, |dot| dot + JUDGED)
    }
}

/// A Discord bot token around its first dot: the bot's id in Base64 (digits begin with M, N or O), a time, a hash.
pub(super) fn discord_token(bytes: &[u8], dot: usize) -> Option<Span> {
    let second = (dot + 6..=dot + 8).find(|&at| bytes.get(at) == Some(&b'.'))?;
    let head = run(bytes[..dot].iter().rev().take(40), is_dashed);
    let start =
        (dot - head..dot).find(|&at| (23..=28).contains(&(dot - at)) && matches!(bytes[at], b'M'..=b'O'))?;
    let tail = run(bytes[second + 1..].iter(), is_dashed);
    let end = second + 1 + tail;
    let judged = end.min(second + JUDGED);
    let is_token = tail >= 27
        && bytes[dot + 1..second].iter().all(|&byte| is_dashed(byte))
        && bytes[start..judged].iter().any(u8::is_ascii_digit);
    is_token.then_some(Span {
        start,
        end,
        kind: "discord-token",
    })
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
}

/// Base64 with its padding, of either alphabet.
fn is_setting(byte: u8) -> bool {
    is_dashed(byte) || matches!(byte, b'=' | b'+' | b'/')
}

fn is_dashed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_dotted(byte: u8) -> bool {
    is_dashed(byte) || byte == b'.'
}

pub(super) fn is_path(byte: u8) -> bool {
    is_dashed(byte) || byte == b'/'
}

fn is_upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

/// Whether a word begins here; the `n` of an escaped `\n` before it is no letter.
pub(super) fn begins_word(bytes: &[u8], start: usize) -> bool {
    match bytes[..start] {
        [] | [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., before] => !(before.is_ascii_alphanumeric() || before == b'_'),
    }
}

/// Names are lower case words; tokens mix digits and cases, or never pause.
fn is_random(body: &[u8]) -> bool {
    let judged = &body[..body.len().min(JUDGED)];
    let has = |is: fn(&u8) -> bool| judged.iter().any(is);
    has(u8::is_ascii_digit)
        || (has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase))
        || run(judged.iter(), is_alphanumeric) >= 30
}

/// `sk-` alone also begins class names (`sk-circle-fade-dot-2`): a key has a long part, or mixes everything.
fn is_key(body: &[u8]) -> bool {
    let judged = &body[..body.len().min(JUDGED)];
    let long = judged
        .split(|byte| !byte.is_ascii_alphanumeric())
        .any(|part| part.len() >= 30 || (part.len() >= 16 && part.iter().any(u8::is_ascii_digit)));
    let count = |is: fn(&u8) -> bool| judged.iter().filter(|byte| is(byte)).count();
    let mixed = count(u8::is_ascii_uppercase) >= 2 && count(u8::is_ascii_lowercase) >= 2;
    long || (mixed && count(u8::is_ascii_digit) >= 3)
}

fn is_aws_id(body: &[u8]) -> bool {
    body.len() == 16
}

/// A header and a payload; the signature is optional, since one without it still names its bearer.
fn is_web_token(body: &[u8]) -> bool {
    let mut parts = body.split(|&byte| byte == b'.').map(<[u8]>::len);
    parts.next().is_some_and(|header| header >= 8) && parts.next().is_some_and(|payload| payload >= 8)
}

/// Where a web token begins whose payload has not come yet: its header can be longer than the held word.
pub(super) fn open_web_token(bytes: &[u8]) -> Option<usize> {
    let start = bytes.len() - run(bytes.iter().rev().take(HEADER_MAX), is_dotted);
    memmem::find(&bytes[start..], b"eyJ").map(|at| start + at)
}
