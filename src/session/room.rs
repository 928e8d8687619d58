//! Waiting for room on the disk.
//!
//! What a session has to say and cannot store would be lost with the error, and nothing of it can go on without a disk
//! anyway. So it waits where it is, its agent's pipe fills, and the agent waits too.

use std::pin::Pin;
use std::time::Duration;

use anyhow::Result;

use super::registry::Sessions;

/// How long to wait before it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Something that needs room. What fails has to leave nothing behind.
type Attempt<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// One who waits. Gives up when the daemon goes down.
#[derive(Debug, Clone, Default)]
pub(super) struct Room {
    sessions: Sessions,
    told: bool,
}

impl Room {
    pub(super) fn new(sessions: &Sessions) -> Self {
        Self {
            sessions: sessions.clone(),
            told: false,
        }
    }

    /// Does something until there is room for it.
    pub(super) async fn make<'a, T>(&mut self, mut attempt: impl FnMut() -> Attempt<'a, T>) -> Result<T> {
        loop {
            let done = attempt().await;
            if !self.again(&done).await {
                return done;
            }
        }
    }

    /// Whether what was done failed for want of room and is to be done again now.
    pub(super) async fn again<T>(&mut self, done: &Result<T>) -> bool {
        let Err(error) = done else { return false };
        if !crate::store::is_full(error) || self.sessions.is_closing() {
            return false;
        }
        if !std::mem::replace(&mut self.told, true) {
            tracing::error!("the disk is full; the session waits for room: {error:#}");
        }
        tokio::time::sleep(AGAIN).await;
        true
    }
}
