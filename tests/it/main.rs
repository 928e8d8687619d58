//! One integration binary: a file per feature.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod outbox;
mod scripted_discord;
