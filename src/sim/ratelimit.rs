//! Discord's rate limits, with the headers that clients plan by.
//!
//! Each bucket is a fixed window that begins with its first request, per route and major parameter, and all
//! requests of the bot share a global limit.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use super::config::RateLimits;
use super::world::Clock;

const GLOBAL: (u32, f64) = (50, 1.0);

/// A limit: so many requests in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rule {
    name: &'static str,
    limit: u32,
    seconds: f64,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    used: u32,
}

/// What a request is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    limit: u32,
    remaining: u32,
    reset_after: f64,
    bucket: &'static str,
    /// `Retry-After` as the header says it.
    header: String,
    /// `None` when it may go on; otherwise which limit was hit.
    pub(crate) exceeded: Option<&'static str>,
}

impl Verdict {
    /// Seconds until another try makes sense.
    pub(crate) fn retry_after(&self) -> f64 {
        self.reset_after
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let mut set = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        if self.exceeded == Some("global") {
            set("x-ratelimit-global", "true".to_owned());
        } else {
            let now = Duration::from_millis(Clock::now_ms().unsigned_abs()).as_secs_f64();
            set("x-ratelimit-limit", self.limit.to_string());
            set("x-ratelimit-remaining", self.remaining.to_string());
            set("x-ratelimit-reset", format!("{:.3}", now + self.reset_after));
            set("x-ratelimit-reset-after", format!("{:.3}", self.reset_after));
            set("x-ratelimit-bucket", self.bucket.to_owned());
        }
        if let Some(scope) = self.exceeded {
            set("x-ratelimit-scope", scope.to_owned());
            set("retry-after", self.header.clone());
        }
    }
}

/// All windows.
#[derive(Debug)]
pub(crate) struct Limiter {
    factor: Option<f64>,
    windows: HashMap<(&'static str, String), Window>,
    global: Option<Window>,
}

/// The rule of a route, by method and pattern.
fn rule(method: &str, route: &str) -> Rule {
    let (name, limit, seconds) = match (method, route) {
        ("POST", "/channels/{channel}/messages") => ("message-create", 5, 5.0),
        ("PATCH", "/channels/{channel}/messages/{message}") => ("message-edit", 5, 5.0),
        ("DELETE", "/channels/{channel}/messages/{message}") => ("message-delete", 5, 1.0),
        ("GET", "/channels/{channel}/messages") => ("message-list", 5, 5.0),
        (_, route) if route.starts_with("/channels/{channel}/messages/{message}/reactions") => {
            ("reaction", 1, 0.25)
        }
        ("POST", "/channels/{channel}/typing") => ("typing", 5, 5.0),
        (_, route) if route.contains("/pins") => ("pin", 5, 5.0),
        (_, route) if route.starts_with("/webhooks/") => ("webhook", 5, 2.0),
        ("POST", "/channels/{channel}/threads" | "/channels/{channel}/messages/{message}/threads") => {
            ("thread-create", 50, 300.0)
        }
        _ => ("other", 50, 10.0),
    };
    Rule { name, limit, seconds }
}

/// Which requests count together: the bucket and the major parameter of the path.
fn major(path: &str) -> String {
    let mut steps = path.trim_matches('/').split('/');
    match (steps.next(), steps.next(), steps.next()) {
        (Some("webhooks"), Some(id), Some(token)) => format!("{id}/{token}"),
        (Some("channels" | "guilds"), Some(id), _) => id.to_owned(),
        (Some(first), ..) => first.to_owned(),
        _ => String::new(),
    }
}

impl Window {
    fn fresh(now: Instant) -> Self {
        Self { began: now, used: 0 }
    }

    /// Counts a request; the seconds left in the window where it was one too many.
    fn take(&mut self, limit: u32, seconds: f64, now: Instant) -> Result<f64, f64> {
        if (now - self.began).as_secs_f64() >= seconds {
            *self = Self::fresh(now);
        }
        let left = (seconds - (now - self.began).as_secs_f64()).max(0.001);
        if self.used >= limit {
            return Err(left);
        }
        self.used += 1;
        Ok(left)
    }
}

impl Limiter {
    pub(crate) fn new(mode: RateLimits) -> Self {
        Self {
            factor: mode.factor(),
            windows: HashMap::new(),
            global: None,
        }
    }

    /// Discord's header has whole seconds, rounded up; only the body is exact. With scaled windows a whole
    /// second would be out of proportion.
    fn header(&self, seconds: f64) -> String {
        if self.factor == Some(1.0) {
            format!("{:.0}", seconds.ceil())
        } else {
            format!("{seconds:.3}")
        }
    }

    /// Judges a request; `None` when limits are off or do not hold for it.
    pub(crate) fn judge(&mut self, method: &str, route: &str, path: &str) -> Option<Verdict> {
        let factor = self.factor?;
        // Answers to interactions are not held back by the bot's limits.
        if route.starts_with("/interactions/") {
            return None;
        }
        let now = Instant::now();
        if !route.starts_with("/webhooks/") {
            let window = self.global.get_or_insert_with(|| Window::fresh(now));
            if let Err(left) = window.take(GLOBAL.0, GLOBAL.1 * factor, now) {
                return Some(Verdict {
                    limit: GLOBAL.0,
                    remaining: 0,
                    reset_after: left,
                    header: self.header(left),
                    bucket: "global",
                    exceeded: Some("global"),
                });
            }
        }
        let rule = rule(method, route);
        let key = (rule.name, major(path));
        let window = self.windows.entry(key).or_insert_with(|| Window::fresh(now));
        let taken = window.take(rule.limit, rule.seconds * factor, now);
        let remaining = rule.limit - window.used;
        let reset_after = taken.unwrap_or_else(|left| left);
        Some(Verdict {
            limit: rule.limit,
            remaining,
            reset_after,
            header: self.header(reset_after),
            bucket: rule.name,
            exceeded: taken.is_err().then_some("user"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: &str = "/channels/{channel}/messages";

    #[tokio::test(start_paused = true)]
    async fn five_messages_in_five_seconds_per_channel() {
        let mut limiter = Limiter::new(RateLimits::On);
        let mut post = |channel: &str| {
            let path = format!("/channels/{channel}/messages");
            limiter.judge("POST", CREATE, &path).unwrap()
        };
        for left in (0..5).rev() {
            assert_eq!(post("1").remaining, left);
        }
        let sixth = post("1");
        assert_eq!(sixth.exceeded, Some("user"));
        assert!(sixth.retry_after() > 4.9, "{sixth:?}");
        assert_eq!(post("2").exceeded, None);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(post("1").exceeded, None);
    }

    #[tokio::test(start_paused = true)]
    async fn fifty_requests_a_second_in_all() {
        let mut limiter = Limiter::new(RateLimits::On);
        let mut verdicts = (0..51).map(|n| {
            let path = format!("/channels/{n}/messages");
            limiter.judge("POST", CREATE, &path).unwrap().exceeded
        });
        assert!(verdicts.by_ref().take(50).all(|exceeded| exceeded.is_none()));
        assert_eq!(verdicts.next(), Some(Some("global")));
    }
}
