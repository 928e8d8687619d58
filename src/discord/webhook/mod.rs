//! Messages through a webhook, where no daemon runs: `ompcord notify` from a shell, a build, a cron job.
//!
//! It does what the extension's webhook does, in the same words: at most five requests in five seconds, what waits is
//! merged into one message, Discord's own waits are waited for, nobody is mentioned. But each message is a program of its
//! own here, so what they have to agree on is on the disk (`spool`): without it a loop in a shell would run into
//! Discord's limit at its sixth round and then take the webhook away from everybody.

mod pace;
mod spool;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use spool::{Fate, Spool, Turn, Waiting};

/// Discord's limit, in its own units: it counts as JavaScript does.
pub const MESSAGE_MAX: usize = 2_000;

const REQUEST: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 5;
const RETRY: Duration = Duration::from_secs(1);
/// Nobody waits longer for a shell command.
const LONGEST: Duration = Duration::from_mins(10);
/// The message flag that keeps Discord from showing previews of links.
const SUPPRESS_EMBEDS: u32 = 4;

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// It was tried again until that made no sense any more.
    #[error("Discord limits this webhook")]
    Limited,
    /// Discord is broken.
    #[error("Discord answered {0}")]
    Status(u16),
    /// It did not say in time what became of it.
    #[error("Discord did not answer in time")]
    Timeout,
    /// There is no way to Discord.
    #[error("Discord cannot be reached")]
    Unreachable,
    /// Nobody will ever be reached through it again.
    #[error("the webhook of DISCORD_WEBHOOK_URL does not exist any more")]
    Gone,
    /// It is this message that Discord does not take.
    #[error("Discord refused the message ({0})")]
    Refused(u16),
    /// Newer ones are more interesting.
    #[error("too many notices were waiting")]
    Crowded,
    /// The state directory.
    #[error("cannot write to the state directory: {0}")]
    Disk(#[from] std::io::Error),
}

/// A webhook, shared with every other program of this user that uses it.
#[derive(Debug)]
pub struct Webhook {
    url: Url,
    client: reqwest::Client,
    spool: Spool,
}

impl Webhook {
    /// The webhook with this address, and the directory in which its users find each other.
    pub fn new(url: &SecretString, state_dir: &Path) -> Result<Self> {
        let url: Url = url
            .expose_secret()
            .parse()
            .context("DISCORD_WEBHOOK_URL is no address")?;
        let client = reqwest::Client::builder()
            .timeout(REQUEST)
            .redirect(redirect::Policy::none())
            .user_agent(super::USER_AGENT);
        // A proxy has no business with this machine.
        let client = match url.scheme() {
            "http" => client.no_proxy(),
            _ => client,
        };
        // The name of the folder must not give the address away.
        let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(url.as_str()));
        Ok(Self {
            url,
            client: client.build().context("cannot make an HTTP client")?,
            spool: Spool::new(state_dir.join("webhook").join(hash)),
        })
    }

    /// Sends a text that has been redacted, merged with what others say at the same time. It returns when the message
    /// has arrived, whoever's request that was.
    pub async fn send(&self, text: &str) -> Result<(), WebhookError> {
        let note = self.spool.put(&clip(text))?;
        let mut turn = self.spool.turn().await?;
        let mut skipped = BTreeSet::new();
        loop {
            match note.fate() {
                Fate::Sent => return Ok(()),
                Fate::LeftOut => return Err(WebhookError::Crowded),
                Fate::Waiting => {}
            }
            tokio::time::sleep(turn.wait()).await;
            // After the wait, so that what came meanwhile goes along.
            let (content, batch) = merge(turn.lost(), turn.waiting()?, &skipped);
            match self.deliver(&mut turn, &content).await {
                Ok(()) => turn.sent(&batch)?,
                // One message that Discord does not take must not hold up the others. Whose it is comes out when each
                // tries its own.
                Err(WebhookError::Refused(_)) if batch.iter().any(|one| !note.is(one)) => {
                    skipped.extend(batch.into_iter().filter(|one| !note.is(one)));
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn deliver(&self, turn: &mut Turn, content: &str) -> Result<(), WebhookError> {
        let mut attempt = 1;
        loop {
            turn.requested()?;
            let error = match self.attempt(content).await {
                Attempt::Done { pause } => return Ok(turn.hold(pause)?),
                Attempt::Never(error) => return Err(error),
                Attempt::Again { error, wait } => {
                    turn.hold(wait.unwrap_or_else(|| backoff(attempt)))?;
                    error
                }
            };
            if attempt == ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
            tokio::time::sleep(turn.wait()).await;
        }
    }

    async fn attempt(&self, content: &str) -> Attempt {
        let body = json!({"content": content, "allowed_mentions": {"parse": []}, "flags": SUPPRESS_EMBEDS});
        let request = self.client.post(self.url.clone());
        let request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let error = if error.is_timeout() {
                    WebhookError::Timeout
                } else {
                    WebhookError::Unreachable
                };
                return Attempt::Again { error, wait: None };
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let number = status.as_u16();
        match status {
            StatusCode::TOO_MANY_REQUESTS => Attempt::Again {
                error: WebhookError::Limited,
                wait: retry_after(&response.bytes().await.unwrap_or_default(), &headers),
            },
            status if status.is_success() => Attempt::Done {
                pause: exhausted(&headers).unwrap_or_default(),
            },
            status if status.is_server_error() => Attempt::Again {
                error: WebhookError::Status(number),
                wait: None,
            },
            StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED => Attempt::Never(WebhookError::Gone),
            _ => Attempt::Never(WebhookError::Refused(number)),
        }
    }
}

/// What came of one request.
enum Attempt {
    Done {
        pause: Duration,
    },
    Again {
        error: WebhookError,
        wait: Option<Duration>,
    },
    Never(WebhookError),
}

/// As many of the waiting messages as fit into one, oldest first.
fn merge(lost: usize, waiting: Vec<Waiting>, skipped: &BTreeSet<Waiting>) -> (String, Vec<Waiting>) {
    let mut content = match lost {
        0 => String::new(),
        lost => format!("-# {lost} earlier notices were left out"),
    };
    let mut batch = Vec::new();
    for one in waiting {
        if skipped.contains(&one) {
            continue;
        }
        let next = if content.is_empty() {
            one.text().to_owned()
        } else {
            format!("{content}\n{}", one.text())
        };
        if units(&next) > MESSAGE_MAX && !batch.is_empty() {
            break;
        }
        content = clip(&next);
        batch.push(one);
    }
    (content, batch)
}

/// How long a text is for Discord.
#[must_use]
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn clip(text: &str) -> String {
    if units(text) <= MESSAGE_MAX {
        return text.to_owned();
    }
    let mut left = MESSAGE_MAX - 1;
    let fits = |c: &char| {
        let fits = c.len_utf16() <= left;
        left = left.saturating_sub(c.len_utf16());
        fits
    };
    let mut kept: String = text.chars().take_while(fits).collect();
    kept.push('…');
    kept
}

fn backoff(attempt: u32) -> Duration {
    // The next one of several programs must not come at the same moment.
    let jitter = 0.8 + f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX) * 0.4;
    RETRY.mul_f64(f64::from(2_u32.pow(attempt - 1)) * jitter)
}

/// Discord says it in seconds, in the body and in the header.
fn retry_after(body: &[u8], headers: &HeaderMap) -> Option<Duration> {
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let said = body.and_then(|body| body.get("retry_after")?.as_f64());
    said.and_then(seconds).or_else(|| header(headers, "retry-after"))
}

/// How long the next one has to wait, when this was the last one that Discord takes for now.
fn exhausted(headers: &HeaderMap) -> Option<Duration> {
    let left = headers.get("x-ratelimit-remaining")?;
    (left == "0").then(|| header(headers, "x-ratelimit-reset-after"))?
}

fn header(headers: &HeaderMap, name: &str) -> Option<Duration> {
    seconds(headers.get(name)?.to_str().ok()?.parse().ok()?)
}

fn seconds(value: f64) -> Option<Duration> {
    let wait = Duration::try_from_secs_f64(value).ok()?;
    (!wait.is_zero()).then(|| wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<HeaderMap>()
    }

    #[test]
    fn discord_says_how_long_in_the_body_or_in_the_header() {
        let none = headers(&[]);
        let limited = headers(&[("retry-after", "2")]);
        assert_eq!(
            retry_after(br#"{"retry_after":0.3}"#, &limited),
            Some(Duration::from_millis(300))
        );
        assert_eq!(retry_after(b"<html>", &limited), Some(Duration::from_secs(2)));
        for odd in [&br#"{"retry_after":-1}"#[..], br#"{"retry_after":"x"}"#, b""] {
            assert_eq!(retry_after(odd, &none), None);
        }
        assert_eq!(retry_after(br#"{"retry_after":1e300}"#, &none), None);
        assert_eq!(retry_after(br#"{"retry_after":9e9}"#, &none), Some(LONGEST));
        let last = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset-after", "1.5")];
        assert_eq!(exhausted(&headers(&last)), Some(Duration::from_millis(1500)));
        assert_eq!(exhausted(&headers(&[("x-ratelimit-remaining", "3")])), None);
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        assert_eq!(clip("short"), "short");
        let cut = clip(&"😀".repeat(1_500));
        assert!(
            units(&cut) <= MESSAGE_MAX && cut.ends_with("😀…"),
            "{}",
            units(&cut)
        );
    }
}
