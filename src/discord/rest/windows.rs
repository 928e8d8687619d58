//! What a server other than Discord says about its limits, where the library's own limiter is off.
//!
//! A limit that was announced needs no refusal to be noticed: twenty busy threads would otherwise collect a 429 each
//! in every window, and a proxy passes those on to Discord, which takes the token for ten thousand of them.

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

/// The windows in which nothing more may be sent.
#[derive(Debug, Default)]
pub(super) struct Windows(Mutex<HashMap<Key, Instant>>);

impl Windows {
    /// How long such a request has to wait.
    pub(super) fn wait(&self, key: &Key) -> Option<Duration> {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = windows.get(key)?.saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(wait)
    }

    /// Reads what an answer says about the next request.
    pub(super) fn note(&self, key: Key, headers: &HeaderMap) {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let spent = header("x-ratelimit-remaining") == Some("0");
        let left = header("x-ratelimit-reset-after").and_then(|seconds| seconds.parse().ok());
        let left = left.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match left.filter(|_| spent) {
            Some(left) => windows.insert(key, now + left),
            None => windows.remove(&key),
        };
        if windows.len() > MANY {
            windows.retain(|_, until| *until > now);
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

    fn said(remaining: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-remaining", HeaderValue::from_static(remaining));
        headers.insert("x-ratelimit-reset-after", HeaderValue::from_static("2.5"));
        headers
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_that_is_spent_is_waited_for_and_only_that_one() {
        let windows = Windows::default();
        windows.note(key(1), &said("1"));
        assert_eq!(windows.wait(&key(1)), None);
        windows.note(key(1), &said("0"));
        assert_eq!(windows.wait(&key(1)), Some(Duration::from_millis(2_500)));
        assert_eq!(windows.wait(&key(2)), None);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(windows.wait(&key(1)), None);
    }
}
