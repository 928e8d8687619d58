//! The secrets in somebody's environment, known by their names.
//!
//! A shell that sends the end of a build log knows tokens that no daemon ever heard of, and their shapes say nothing.

use std::sync::LazyLock;

use regex::Regex;

/// Nobody's environment has more, and each is searched for in every text.
const MOST: usize = 100;
/// A shorter value stands in ordinary text, too.
const SHORTEST: usize = 8;

static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        "(?i)(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|ACCESS_KEY|SECRET_KEY|PRIVATE_KEY|CREDENTIALS?|WEBHOOK(?:_URL)?)(?:_|$)",
    )
    .ok()
});

/// What variables hold that only say where a secret is: a word, a number, a path.
static REFERENCE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^(?:[a-z]+|[\d.]+|~?\.{0,2}/.*)$").ok());

/// The values of variables whose names say that they are secret, each with its kind.
#[must_use]
pub fn secrets_in(vars: impl IntoIterator<Item = (String, String)>) -> Vec<(&'static str, String)> {
    let matches = |pattern: &Option<Regex>, text: &str| pattern.as_ref().is_some_and(|p| p.is_match(text));
    vars.into_iter()
        .map(|(name, value)| (name, value.trim().to_owned()))
        .filter(|(name, value)| {
            value.len() >= SHORTEST && matches(&NAMED, name) && !matches(&REFERENCE, value)
        })
        .map(|(name, value)| {
            let webhook = name.to_ascii_uppercase().contains("WEBHOOK");
            (if webhook { "webhook" } else { "env" }, value)
        })
        .take(MOST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_the_names_of_their_variables() {
        let found = |name: &str, value: &str| secrets_in([(name.to_owned(), value.to_owned())]);
        for name in ["NPM_TOKEN", "X_API_KEY", "db_password", "APIKEY", "MY_SECRET_1"] {
            assert_eq!(
                found(name, "s3cret-value"),
                [("env", "s3cret-value".to_owned())],
                "{name}"
            );
        }
        assert_eq!(found("SLACK_WEBHOOK_URL", "https://x.test/1")[0].0, "webhook");
        for (name, value) in [
            ("TOKENIZER", "s3cret-value"),
            ("NPM_TOKEN", "short"),
            ("NPM_TOKEN", "unspecified"),
            ("PASSWORD_FILE", "/run/secrets/db"),
            ("TOKEN_TTL", "3600000000"),
        ] {
            assert!(found(name, value).is_empty(), "{name}={value}");
        }
    }
}
