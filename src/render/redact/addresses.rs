//! Secrets in addresses: webhooks, passwords before a host, keys in connection strings, bots of Telegram.

use std::sync::LazyLock;

use memchr::memmem;
use regex::Regex;

use super::shapes::{begins_word, is_path, pattern};
use super::{Span, run};

/// Webhooks on any host: a proxy or a test server leaks the same token. Interaction tokens have the same shape.
static WEBHOOK: LazyLock<Regex> = LazyLock::new(|| pattern(r"webhooks/[0-9]{15,20}/[A-Za-z0-9_-]{20,}"));

/// A bot of Telegram: its id and 35 characters of which the first two are the same for all.
static TELEGRAM: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"));

/// The password in an address. The pattern begins behind the scheme: one that may begin at any letter makes its automaton
/// remember where else it may have begun, and that took megabytes.
static PASSWORDS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?-u)://[A-Za-z0-9._~%-]{0,64}:(?<secret>[A-Za-z0-9._~%!$&*+=-]{12,128})@"));

/// The keys in connection strings.
static CONNECTIONS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?-u)(?:AccountKey|SharedAccessKey)=(?<secret>[A-Za-z0-9+/]{40,86}={0,2})"));

pub(super) fn find_webhooks(text: &str, spans: &mut Vec<Span>) {
    for found in WEBHOOK.find_iter(text) {
        let before = text.as_bytes().get(..found.start()).unwrap_or_default();
        let url = run(before.iter().rev().take(80), |byte| {
            is_path(byte) || matches!(byte, b':' | b'.')
        });
        let before = &before[before.len() - url..];
        let host = memmem::rfind(before, b"http").map_or(0, |at| url - at);
        spans.push(Span {
            start: found.start() - host,
            end: found.end(),
            kind: "webhook",
        });
    }
}

/// `narrow`: a password is whatever stands in its place, so what a person approves shows it.
pub(super) fn find_addresses(text: &str, narrow: bool, spans: &mut Vec<Span>) {
    let words = TELEGRAM
        .find_iter(text)
        .filter(|found| begins_word(text.as_bytes(), found.start()));
    spans.extend(words.map(|found| Span {
        start: found.start(),
        end: found.end(),
        kind: "telegram-token",
    }));
    let passwords = PASSWORDS.captures_iter(text).filter_map(|found| {
        let before = &text.as_bytes()[..found.get(0)?.start()];
        let password = found.name("secret")?;
        let bytes = password.as_str().as_bytes();
        let is_one = bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic);
        (is_one && ends_in_scheme(before)).then_some((password, "password"))
    });
    let passwords = passwords.filter(|_| !narrow);
    let keys = CONNECTIONS.captures_iter(text);
    let keys = keys.filter_map(|found| Some((found.name("secret")?, "azure-key")));
    spans.extend(passwords.chain(keys).map(|(secret, kind)| Span {
        start: secret.start(),
        end: secret.end(),
        kind,
    }));
}

/// `[a-z][a-z0-9+.-]{1,20}`, somewhere behind which the text ends.
fn ends_in_scheme(before: &[u8]) -> bool {
    let is =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'.' | b'-');
    let scheme = &before[before.len() - run(before.iter().rev().take(21), is)..];
    scheme
        .split_last()
        .is_some_and(|(_, head)| head.iter().any(u8::is_ascii_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_password_is_found_where_one_pattern_for_the_whole_address_finds_it(
            text in "([a-z]{1,3}|[A-Z0-9+.-]|[a-z0-9+.-]{20,23}|://|:|@|us\\.er|pass1word2w0rd|(pw1=){8,40}| |é){0,12}",
        ) {
            let whole = pattern(
                r"(?-u)[a-z][a-z0-9+.-]{1,20}://[A-Za-z0-9._~%-]{0,64}:(?<secret>[A-Za-z0-9._~%!$&*+=-]{12,128})@",
            );
            let wanted: Vec<_> = whole
                .captures_iter(&text)
                .filter_map(|found| found.name("secret"))
                .filter(|found| found.as_str().bytes().any(|byte| byte.is_ascii_digit()))
                .map(|found| found.range())
                .collect();
            let mut spans = Vec::new();
            find_addresses(&text, false, &mut spans);
            let found: Vec<_> = spans.iter().map(|span| span.start..span.end).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
