//! What time Discord has.
//!
//! A machine whose clock is wrong takes fresh messages for old ones and finds certificates expired, and nothing that
//! goes wrong then speaks of a clock.

use std::time::{Duration, Instant, SystemTime};

use reqwest::header::DATE;
use serenity::http::Route;

use super::{Rest, RestError, unanswered, unsendable};

/// How far this machine's clock is from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// How far, beyond what the question itself leaves open.
    pub by: Duration,
    /// Whether this machine is ahead.
    pub ahead: bool,
}

impl Rest {
    /// How far this machine's clock is off; `None` where the answer has no time in it. Needs no token.
    pub async fn clock(&self) -> Result<Option<Offset>, RestError> {
        let mut url = Route::Gateway.path().into_owned();
        if let Some(base) = &self.base {
            url = url.replacen("https://discord.com", base, 1);
        }
        let url = reqwest::Url::parse(&url).map_err(|error| unsendable(&error))?;
        let (asked, began) = (SystemTime::now(), Instant::now());
        let answer = self.client.get(url).send().await;
        let answer = answer.map_err(|error| unanswered(&error))?;
        let took = began.elapsed();
        let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
        let theirs = date.and_then(|date| httpdate::parse_http_date(date).ok());
        Ok(theirs.map(|theirs| offset(asked, took, theirs)))
    }
}

/// Their time is cut to the second, and was read somewhere between the question and its answer.
fn offset(asked: SystemTime, took: Duration, theirs: SystemTime) -> Offset {
    let unsure = took + Duration::from_secs(1);
    match asked.duration_since(theirs) {
        Ok(ahead) => Offset {
            by: ahead.saturating_sub(unsure),
            ahead: true,
        },
        Err(behind) => Offset {
            by: behind.duration().saturating_sub(unsure),
            ahead: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_question_leaves_open_is_no_offset() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let of = |theirs: u64, took: u64| {
            let theirs = SystemTime::UNIX_EPOCH + Duration::from_secs(theirs);
            let seen = offset(now, Duration::from_secs(took), theirs);
            (seen.by.as_secs(), seen.ahead)
        };
        assert_eq!(of(1_000_000, 0), (0, true));
        assert_eq!(of(1_000_005, 4), (0, false));
        assert_eq!(of(999_000, 0), (999, true));
        assert_eq!(of(1_000_100, 2), (97, false));
    }
}
