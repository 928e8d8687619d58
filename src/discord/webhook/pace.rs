//! How often a webhook may be asked, as arithmetic on a clock that is given.

use serde::{Deserialize, Serialize};

const REQUESTS: usize = 5;
const WINDOW_MS: i64 = 5_000;
/// A clock that was put back must not make anybody wait for ever.
const LONGEST_MS: i64 = 600_000;

/// The last requests, and what Discord said about the next one.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Pace {
    sent_at: Vec<i64>,
    not_before: i64,
    /// How many messages were left out since the last one that arrived.
    pub(super) lost: usize,
}

impl Pace {
    /// For how many milliseconds no request may be made.
    pub(super) fn wait(&self, now: i64) -> i64 {
        let recent: Vec<i64> = self.recent(now).collect();
        let window = match recent.len().checked_sub(REQUESTS).and_then(|at| recent.get(at)) {
            Some(oldest) => oldest + WINDOW_MS - now,
            None => 0,
        };
        window.max(self.not_before - now).clamp(0, LONGEST_MS)
    }

    /// A request is made now.
    pub(super) fn requested(&mut self, now: i64) {
        self.sent_at = self.recent(now).collect();
        self.sent_at.push(now);
    }

    /// The next one has to wait.
    pub(super) fn hold(&mut self, now: i64, for_ms: i64) {
        self.not_before = now + for_ms;
    }

    fn recent(&self, now: i64) -> impl Iterator<Item = i64> {
        let all = self.sent_at.iter().copied();
        all.filter(move |at| (now - WINDOW_MS..=now).contains(at) && *at > now - WINDOW_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_requests_in_five_seconds() {
        let mut pace = Pace::default();
        let mut now = 1_700_000_000_000;
        let mut sent = Vec::new();
        for _ in 0..50 {
            now += pace.wait(now);
            pace.requested(now);
            sent.push(now);
            now += 130;
        }
        assert!(
            sent.windows(6).all(|six| six[5] - six[0] >= WINDOW_MS),
            "{sent:?}"
        );
        assert!(sent[49] - sent[0] <= 10 * WINDOW_MS, "and no fewer");
    }

    #[test]
    fn what_discord_says_counts_and_no_clock_stops_it() {
        let mut pace = Pace::default();
        pace.requested(1_000_000);
        pace.hold(1_000_000, 700);
        assert_eq!((pace.wait(1_000_000), pace.wait(1_000_700)), (700, 0));
        // The clock was put back by a year.
        assert_eq!(pace.wait(-31_536_000_000), LONGEST_MS);
        for _ in 0..5 {
            pace.requested(1_001_000);
        }
        assert_eq!(
            pace.wait(1_000_999),
            0,
            "what lies in the future was not just now"
        );
    }
}
