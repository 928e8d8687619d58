//! Commands on their way to agents in people's terminals: kept in the store, and whoever waits for one is woken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ids::SessionId;
use crate::store::Store;
use crate::store::terminals::{NewCommand, TerminalCommand};

/// How many commands one answer brings.
const MOST: u32 = 100;

/// The queue of commands. A cheap clone.
#[derive(Debug, Clone)]
pub struct Commands(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    /// Counts what happened, so that whoever waits looks again.
    changes: watch::Sender<u64>,
    /// Which poll of a session is the newest.
    polls: Mutex<HashMap<SessionId, u64>>,
}

impl Commands {
    /// The queue in this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Inner {
            store,
            changes: watch::Sender::new(0),
            polls: Mutex::default(),
        }))
    }

    /// Keeps a command and wakes the terminal. `None`: its message is a command already.
    pub async fn enqueue(&self, session: &SessionId, new: &NewCommand) -> Result<Option<i64>> {
        let id = self.0.store.enqueue_command(session, new).await?;
        self.changed();
        Ok(id)
    }

    /// What waits for the terminal, after `after` was acknowledged. Waits until there is something, for so long.
    ///
    /// A terminal has one poll. One that comes while another waits is from an extension that has lost the earlier
    /// answer, so the earlier one ends with nothing: it would give a command to nobody.
    pub async fn poll(
        &self,
        session: &SessionId,
        after: Option<i64>,
        wait: Duration,
        stop: &CancellationToken,
    ) -> Result<Vec<TerminalCommand>> {
        let until = Instant::now() + wait;
        let mut changes = self.0.changes.subscribe();
        let mine = self.newest(session);
        self.changed();
        if let Some(after) = after {
            self.0.store.acknowledge_commands(session, after).await?;
        }
        loop {
            changes.mark_unchanged();
            let waiting = self.0.store.waiting_commands(session, MOST).await?;
            if self.polls().get(session) != Some(&mine) {
                return Ok(Vec::new());
            }
            if !waiting.is_empty() {
                return Ok(waiting);
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(Vec::new()),
                () = tokio::time::sleep_until(until) => return Ok(Vec::new()),
                _ = changes.changed() => {}
            }
        }
    }

    fn changed(&self) {
        self.0.changes.send_modify(|count| *count += 1);
    }

    fn polls(&self) -> MutexGuard<'_, HashMap<SessionId, u64>> {
        self.0.polls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn newest(&self, session: &SessionId) -> u64 {
        let mut polls = self.polls();
        let poll = polls.entry(session.clone()).or_default();
        *poll += 1;
        *poll
    }
}
