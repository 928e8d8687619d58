//! Which windows of which routes are spent, as the answers say.
//!
//! A limit that was announced needs no refusal to be noticed: twenty busy threads would otherwise collect a 429 each
//! in every window, and a server that takes `DISCORD_API_URL`'s place passes those on to Discord, which takes the token
//! for ten thousand of them. The library's own limiter is off there; and where it is on it counts what is sent to a
//! path whatever the method is, though Discord has another window for edits than for deletions.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serenity::http::RatelimitingBucket;
use tokio::time::Instant;

/// Which requests are limited together.
pub(super) type Key = (RatelimitingBucket, Method);

/// More windows than this are looked through for those that are over.
const MANY: usize = 1_000;

/// A window with fewer requests than this has none to spare.
const ENOUGH: u32 = 4;

/// The windows that are known.
#[derive(Debug, Default)]
pub(super) struct Windows(Mutex<HashMap<Key, Window>>);

#[derive(Debug, Clone, Copy)]
struct Window {
    /// How many more requests it takes, and of how many.
    left: u32,
    of: u32,
    until: Instant,
}

impl Windows {
    /// How long such a request has to wait, where so many are kept for those that matter more.
    pub(super) fn wait(&self, key: &Key, kept: u32) -> Option<Duration> {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.get(key)?;
        let kept = if window.of < ENOUGH { 0 } else { kept };
        let wait = window.until.saturating_duration_since(Instant::now());
        (window.left <= kept && !wait.is_zero()).then_some(wait)
    }

    /// Reads what an answer says about the next request.
    pub(super) fn note(&self, key: Key, headers: &HeaderMap) {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let number = |name| header(name).and_then(|value| value.parse().ok());
        let resets = header("x-ratelimit-reset-after").and_then(|seconds| seconds.parse().ok());
        let resets = resets.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match (number("x-ratelimit-remaining"), resets) {
            (Some(left), Some(resets)) => {
                let of = number("x-ratelimit-limit").unwrap_or_default();
                let until = now + resets;
                windows.insert(key, Window { left, of, until });
            }
            _ => {
                windows.remove(&key);
            }
        }
        if windows.len() > MANY {
            windows.retain(|_, window| window.until > now);
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use serenity::http::Route;

    use super::*;

    fn key(channel: u64) -> Key {
        let channel_id = channel.into();
        (
            Route::ChannelMessages { channel_id }.ratelimiting_bucket(),
            Method::POST,
        )
    }

    fn said(remaining: &'static str, limit: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-remaining", HeaderValue::from_static(remaining));
        headers.insert("x-ratelimit-limit", HeaderValue::from_static(limit));
        headers.insert("x-ratelimit-reset-after", HeaderValue::from_static("2.5"));
        headers
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_that_is_spent_is_waited_for_and_only_that_one() {
        let windows = Windows::default();
        windows.note(key(1), &said("1", "5"));
        assert_eq!(windows.wait(&key(1), 0), None);
        windows.note(key(1), &said("0", "5"));
        assert_eq!(windows.wait(&key(1), 0), Some(Duration::from_millis(2_500)));
        assert_eq!(windows.wait(&key(2), 0), None);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(windows.wait(&key(1), 0), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_of_a_window_is_kept_where_there_are_several() {
        let windows = Windows::default();
        windows.note(key(1), &said("1", "5"));
        assert_eq!(windows.wait(&key(1), 1), Some(Duration::from_millis(2_500)));
        windows.note(key(1), &said("1", "2"));
        assert_eq!(windows.wait(&key(1), 1), None);
    }
}
