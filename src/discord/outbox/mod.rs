//! The one egress: everything that Discord is told goes through here.
//!
//! A row is written before the first attempt, so a crash loses nothing; each channel has one request in flight,
//! so order holds; and what changes meanwhile is only the row's newest text, so a slow Discord gets fewer
//! requests and not a longer queue. A second place that posted by itself would break all three.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serenity::http::{LightMethod, Route};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::draft::Draft;
use super::rest::{Call, Haste, Rest, RestError};
use crate::ids::{ChannelId, MessageId, OutboxId, SessionId};
use crate::store::dashboards::Place;
use crate::store::outbox::{Fate, OutboxRow, RowKind};
use crate::store::{Store, now_ms};

mod act;
mod deliver;
mod delivery;
mod event;
mod failure;
mod lane;
mod letter;
mod pace;
mod reconcile;
mod shared;
mod turns;

pub use act::Act;
pub use delivery::Delivery;
pub use event::{Deed, OutboxEvent};
use letter::Letter;
pub use pace::Pace;
use shared::Inner;

/// Messages that are as wanted but were never sealed are forgotten after this long, at the next start.
const FORGOTTEN_AFTER_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// What waits in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lane {
    /// Messages whose newest text Discord has not confirmed.
    pub waiting: usize,
    /// Those of them that do not exist yet.
    pub unmade: usize,
    /// Whether the last attempt failed or was limited and the next is being waited for.
    pub stalled: bool,
}

/// What waits in all channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// How many rows.
    pub rows: usize,
    /// For how long the oldest of what they want has been wanted.
    pub oldest: Duration,
}

/// The one egress. A cheap clone.
#[derive(Clone)]
pub struct Outbox {
    inner: Arc<Inner>,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

impl Outbox {
    /// Starts to send what the last run left, and whatever comes. `stop` ends it at once: cancel it after
    /// `flush`, not together with the daemon's first sign of shutdown.
    pub async fn start(
        store: Store,
        rest: Rest,
        tracker: &TaskTracker,
        stop: CancellationToken,
        events: mpsc::UnboundedSender<OutboxEvent>,
    ) -> Result<Self> {
        Self::start_at(Pace::default(), store, rest, (tracker, stop), events).await
    }

    /// The same with another patience.
    pub async fn start_at(
        pace: Pace,
        store: Store,
        rest: Rest,
        (tracker, stop): (&TaskTracker, CancellationToken),
        events: mpsc::UnboundedSender<OutboxEvent>,
    ) -> Result<Self> {
        store.outbox_sweep(now_ms() - FORGOTTEN_AFTER_MS).await?;
        let channels = store.outbox_channels().await?;
        let inner = Arc::new(Inner {
            store,
            rest,
            tracker: tracker.clone(),
            stop,
            events,
            pace,
            state: Mutex::default(),
            progress: watch::Sender::new(0),
        });
        for channel in channels {
            inner.wake(channel).await?;
        }
        Ok(Self { inner })
    }

    /// Wants a message. It is on disk when this returns; nothing waits for Discord.
    pub async fn post(&self, channel: ChannelId, draft: Draft) -> Result<OutboxId> {
        ensure!(!draft.is_empty(), "cannot send an empty message");
        let payload = Letter::new(draft).text()?;
        let row = self
            .inner
            .store
            .outbox_insert(channel, RowKind::Message, &nonce(), &payload, None)
            .await?;
        self.inner.wake(channel).await?;
        Ok(row)
    }

    /// Wants a message that is edited in place for ever: the card of a session, the board. Which row it is, is written
    /// down in the same step, so that no crash makes a second one.
    pub async fn post_at(
        &self,
        place: &Place,
        channel: ChannelId,
        draft: Draft,
        painted: &str,
    ) -> Result<OutboxId> {
        ensure!(!draft.is_empty(), "cannot send an empty message");
        let payload = Letter::new(draft).text()?;
        let store = &self.inner.store;
        let row = store
            .dashboard_post(place, channel, (&nonce(), &payload), painted)
            .await?;
        self.inner.wake(channel).await?;
        Ok(row)
    }

    /// Wants the opening line of a session, once: that it was wanted is stored in the same step.
    pub async fn post_opening(
        &self,
        session: &SessionId,
        channel: ChannelId,
        draft: Draft,
    ) -> Result<OutboxId> {
        let payload = Letter::new(draft).text()?;
        let store = &self.inner.store;
        let row = store
            .session_greeted(session, channel, (&nonce(), &payload))
            .await?;
        self.inner.wake(channel).await?;
        Ok(row)
    }

    /// Wants a message to be different: the newest wins, and the same again is no request. `false` where the
    /// row is gone; its event was sent.
    pub async fn replace(&self, row: OutboxId, draft: Draft) -> Result<bool> {
        ensure!(!draft.is_empty(), "cannot make a message empty");
        let changed = self
            .inner
            .store
            .outbox_change(row, |row| {
                if row.kind != RowKind::Message {
                    return Ok((Fate::Keep, Err(false)));
                }
                let mut letter = Letter::read(row)?;
                if letter.draft == draft {
                    return Ok((Fate::Keep, Err(true)));
                }
                letter.draft = draft;
                if row.sent >= row.wanted {
                    letter.since = Some(now_ms());
                }
                letter.write(row)?;
                row.wanted += 1;
                Ok((Fate::Write, Ok(row.channel_id)))
            })
            .await?;
        match changed {
            None => Ok(false),
            Some(Err(there)) => Ok(there),
            Some(Ok(channel)) => {
                self.inner.wake(channel).await?;
                Ok(true)
            }
        }
    }

    /// Wants a message that exists, perhaps from an earlier run, to be different.
    pub async fn edit(&self, channel: ChannelId, message: MessageId, draft: Draft) -> Result<OutboxId> {
        if let Some(row) = self.inner.store.outbox_row_of(channel, message).await?
            && self.replace(row, draft.clone()).await?
        {
            return Ok(row);
        }
        ensure!(!draft.is_empty(), "cannot make a message empty");
        let payload = Letter::new(draft).text()?;
        let store = &self.inner.store;
        let row = store
            .outbox_insert(channel, RowKind::Message, &nonce(), &payload, Some(message))
            .await?;
        self.inner.wake(channel).await?;
        Ok(row)
    }

    /// What a message is to say; nothing where the row is gone.
    pub async fn draft(&self, row: OutboxId) -> Result<Option<Draft>> {
        let read = |row: &mut OutboxRow| Ok((Fate::Keep, Letter::read(row)?.draft));
        self.inner.store.outbox_change(row, read).await
    }

    /// Nobody will edit the message any more: its row goes when it is sent.
    pub async fn seal(&self, row: OutboxId) -> Result<()> {
        self.inner
            .store
            .outbox_change(row, |row| {
                row.sealed = true;
                let done = row.kind == RowKind::Message && row.message_id.is_some() && row.sent >= row.wanted;
                Ok((if done { Fate::Remove } else { Fate::Write }, ()))
            })
            .await?;
        Ok(())
    }

    /// Wants a message away. One that was never attempted is never sent.
    pub async fn delete(&self, row: OutboxId) -> Result<()> {
        let channel = self
            .inner
            .store
            .outbox_change(row, |row| {
                if row.kind != RowKind::Message {
                    return Ok((Fate::Keep, None));
                }
                if row.message_id.is_none() && row.attempted_at.is_none() {
                    return Ok((Fate::Remove, Some(row.channel_id)));
                }
                row.kind = RowKind::Deletion;
                // One that cannot be read can still be deleted.
                if let Ok(mut letter) = Letter::read(row) {
                    letter.since = Some(now_ms());
                    letter.write(row)?;
                }
                Ok((Fate::Write, Some(row.channel_id)))
            })
            .await?;
        match channel.flatten() {
            Some(channel) => self.inner.wake(channel).await,
            None => Ok(()),
        }
    }

    /// Wants a message away that no row stands for, such as one of an earlier run.
    pub async fn delete_message(&self, channel: ChannelId, message: MessageId) -> Result<()> {
        if let Some(row) = self.inner.store.outbox_row_of(channel, message).await? {
            return self.delete(row).await;
        }
        let payload = Letter::default().text()?;
        let store = &self.inner.store;
        store
            .outbox_insert(channel, RowKind::Deletion, &nonce(), &payload, Some(message))
            .await?;
        self.inner.wake(channel).await
    }

    /// Wants something done. It is on disk when this returns.
    pub async fn act(&self, channel: ChannelId, act: Act) -> Result<()> {
        let store = &self.inner.store;
        if act.may_replace() {
            for row in store.outbox_pending(channel).await? {
                let earlier = row
                    .action
                    .as_deref()
                    .and_then(|text| serde_json::from_str::<Act>(text).ok());
                if earlier.is_some_and(|earlier| act.replaces(&earlier)) {
                    store.outbox_remove(row.outbox_id).await?;
                }
            }
        }
        let payload = serde_json::to_string(&act).context("cannot write an act down")?;
        store
            .outbox_insert(channel, RowKind::Action, &nonce(), &payload, None)
            .await?;
        self.inner.wake(channel).await
    }

    /// Shows that the bot is typing, if that is possible right now.
    pub fn typing(&self, channel: ChannelId) {
        let inner = Arc::clone(&self.inner);
        let blocked = {
            let state = inner.state();
            let now = Instant::now();
            state.halted
                || state
                    .paused_until
                    .max(state.typing_after)
                    .is_some_and(|until| until > now)
        };
        if blocked || inner.stop.is_cancelled() {
            return;
        }
        let tracker = self.inner.tracker.clone();
        tracker.spawn(async move {
            let route = Route::ChannelTyping {
                channel_id: channel.get().into(),
            };
            let send = async {
                // In a crowd it would only come late, after the message that it announces.
                tokio::time::timeout(Duration::from_secs(2), inner.rest.turn(Haste::Decoration))
                    .await
                    .ok()?;
                inner.rest.send(Call::new(LightMethod::Post, route)).await.err()
            };
            let error = tokio::select! {
                error = send => error,
                () = inner.stop.cancelled() => return,
            };
            if let Some(RestError::Limited { retry_after, global }) = error {
                inner.state().typing_after = Some(Instant::now() + retry_after);
                if global {
                    inner.pause(retry_after);
                }
            }
        });
    }

    /// What waits in a channel, as it changes.
    #[must_use]
    pub fn lane(&self, channel: ChannelId) -> watch::Receiver<Lane> {
        self.inner
            .state()
            .lanes
            .entry(channel)
            .or_default()
            .lane
            .subscribe()
    }

    /// The message that a row became; nothing before that, and after the row is gone.
    pub async fn message_id(&self, row: OutboxId) -> Result<Option<MessageId>> {
        self.inner.store.outbox_message(row).await
    }

    /// What waits, in all channels.
    pub async fn backlog(&self) -> Result<Backlog> {
        let (rows, since) = self.inner.store.outbox_backlog().await?;
        let waited = since.map_or(0, |since| now_ms().saturating_sub(since));
        let oldest = Duration::from_millis(u64::try_from(waited).unwrap_or_default());
        Ok(Backlog { rows, oldest })
    }

    /// Waits until nothing waits any more, or for so long; gives how many rows are left for the next start. Nothing is
    /// kept back from now on.
    pub async fn flush(&self, deadline: Duration) -> usize {
        self.inner.hurry();
        let mut progress = self.inner.progress.subscribe();
        let sleep = tokio::time::sleep(deadline);
        tokio::pin!(sleep);
        loop {
            progress.mark_unchanged();
            let left = match self.inner.store.outbox_left().await {
                Ok(left) => left,
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "cannot flush the outbox");
                    return 0;
                }
            };
            if left == 0 || self.inner.state().halted {
                return left;
            }
            tokio::select! {
                () = &mut sleep => return left,
                () = self.inner.stop.cancelled() => return left,
                _ = progress.changed() => {}
            }
        }
    }
}

/// Discord takes 25 characters.
fn nonce() -> String {
    uuid::Uuid::new_v4()
        .simple()
        .to_string()
        .chars()
        .take(25)
        .collect()
}
