//! How long the outbox waits for what: in one place, so that a test can be in a hurry.

use std::time::Duration;

/// How patient the outbox is. The default is right for Discord; tests are in a hurry.
#[derive(Debug, Clone)]
pub struct Pace {
    /// The wait after the first failure; it doubles from there.
    pub backoff_from: Duration,
    /// The longest wait between two attempts.
    pub backoff_to: Duration,
    /// How long a repeated nonce is safe. Later, the channel is read before a create is repeated.
    pub dedupe_for: Duration,
    /// How long a rename may take.
    pub rename_within: Duration,
    /// A card of a channel is sent at most this often.
    pub background_every: Duration,
    /// How long cards are kept back after a limit: what is left of the channel's allowance is for words.
    pub background_after_limit: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            backoff_from: Duration::from_millis(500),
            backoff_to: Duration::from_secs(30),
            dedupe_for: Duration::from_mins(2),
            rename_within: Duration::from_secs(5),
            background_every: Duration::from_millis(1500),
            background_after_limit: Duration::from_secs(5),
        }
    }
}
