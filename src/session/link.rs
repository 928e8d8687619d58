//! A terminal that shares its session, as its actor holds it; and who notices that one is gone without a word.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Deps;
use super::mirror::Mirrored;
use crate::event::TurnReport;
use crate::ids::OutboxId;
use crate::store::terminals::Gone;

/// A terminal that shares its session.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) inbox: mpsc::Receiver<Mirrored>,
    /// The agent's own id of the conversation.
    pub(super) conversation: String,
    /// The newest event that was told, and the newest that was shown.
    pub(super) told: i64,
    pub(super) shown: i64,
    /// What it said up to this event was in messages when this began.
    pub(super) said: i64,
    /// When it was attached, in unix milliseconds.
    pub(super) since: i64,
    /// It goes: how, as soon as all that it had posted was told.
    pub(super) leaving: Option<Gone>,
    pub(super) last: watch::Sender<Option<i64>>,
    pub(super) report: Option<TurnReport>,
    /// What it asks whoever sits at it, with the message that says so.
    pub(super) asks: Vec<(String, OutboxId)>,
    /// Ends the mirror with it.
    pub(super) _stop: DropGuard,
}

impl Link {
    /// What it posted next. May be cancelled without losing anything.
    pub(super) async fn next(&mut self) -> Option<Mirrored> {
        self.inbox.recv().await
    }

    /// Whether it asks somebody.
    pub(super) fn is_asking(&self) -> bool {
        !self.asks.is_empty()
    }
}

/// Waits for the next thing that a terminal posts.
pub(super) async fn posted(link: Option<&mut Link>) -> Option<Mirrored> {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

/// How often terminals are looked for that are gone without a word, for each time that they may be silent.
const LOOKS: u32 = 8;

/// Finds the terminals that are not heard of any more, for ever.
pub(crate) async fn watch_terminals(deps: Arc<Deps>, stop: CancellationToken) {
    let patience = deps.config.patience.terminal;
    let began = Instant::now();
    let mut ticks = tokio::time::interval((patience / LOOKS).max(Duration::from_millis(20)));
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let attached = match deps.store.attached_sessions().await {
            Ok(attached) => attached,
            Err(error) => {
                tracing::warn!("cannot look after the terminals: {error:#}");
                continue;
            }
        };
        for session in attached {
            if deps.commands.silent_since(&session, began).elapsed() >= patience {
                deps.sessions.terminal_leaves(&session, Gone::Lost);
            }
        }
    }
}
