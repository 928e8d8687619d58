//! The task that sends what waits in one channel, and ends when nothing does.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serenity::http::{LightMethod, Route};
use tokio::time::Instant;

use super::turns::{Class, Pick, Turns, next};
use super::{Inner, Lane};
use crate::discord::rest::Haste;
use crate::ids::{ChannelId, OutboxId};
use crate::store::outbox::{PendingRow, RowKind};

/// Clocks differ a little, and a request that is early by a hair counts as invalid.
pub(super) const AFTER_LIMIT: Duration = Duration::from_millis(20);

/// How an attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The row had its turn.
    Done,
    /// The same row once more, right away.
    Again,
    /// Nothing of this class before that; the rest of the lane may go on.
    Wait(Duration),
    /// Nothing can be said: later, and later each time.
    Backoff,
    /// Nothing more is sent.
    Stop,
}

/// What a lane finds.
enum Look {
    /// A row can have its turn, and should have it this soon.
    Work(Haste),
    /// There are rows, but none may go before this.
    Parked(Instant),
    /// No row has work.
    Nothing,
}

/// A lane at work.
pub(super) struct Worker {
    pub(super) inner: Arc<Inner>,
    pub(super) channel: ChannelId,
    /// The thread was opened again for this row: not twice.
    pub(super) opened_for: Option<OutboxId>,
    /// The row gives way to everything else.
    pub(super) background: bool,
    turns: Turns,
    failures: u32,
    /// Kinds of failure that were logged.
    logged: HashSet<&'static str>,
    retired: bool,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Ended by a panic: without this the channel would be silent until the next start.
        if !self.retired
            && let Some(entry) = self.inner.state().lanes.get_mut(&self.channel)
        {
            entry.running = false;
        }
    }
}

/// Sends what waits in a channel until nothing does.
pub(super) async fn run(inner: Arc<Inner>, channel: ChannelId) {
    let mut worker = Worker {
        inner,
        channel,
        opened_for: None,
        background: false,
        turns: Turns::default(),
        failures: 0,
        logged: HashSet::new(),
        retired: false,
    };
    let stop = worker.inner.stop.clone();
    // A request that is cut off here is attempted: its row says so, and the next start finds out.
    tokio::select! {
        () = worker.work() => {}
        () = stop.cancelled() => {}
    }
}

impl Worker {
    async fn work(&mut self) {
        loop {
            let (seen, wish) = {
                let mut state = self.inner.state();
                let entry = state.lanes.entry(self.channel).or_default();
                (entry.wishes, Arc::clone(&entry.wish))
            };
            let step = match self.look().await {
                // Who is next is asked again after the wait, so that it is the newest text that goes.
                Ok(Look::Work(haste)) => {
                    self.admitted(haste).await;
                    self.step().await
                }
                Ok(Look::Parked(until)) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(until) => {}
                        () = wish.notified() => {}
                    }
                    continue;
                }
                Ok(Look::Nothing) if self.retire(seen) => return,
                Ok(Look::Nothing) => continue,
                Err(error) => Err(error),
            };
            let verdict = step.unwrap_or_else(|error| {
                self.log("store", &format!("{error:#}"));
                Verdict::Backoff
            });
            self.inner.advance();
            match verdict {
                Verdict::Done | Verdict::Again | Verdict::Wait(_) => self.failures = 0,
                Verdict::Backoff => {
                    let wait = self.backoff();
                    self.failures = self.failures.saturating_add(1);
                    self.publish(|lane| lane.stalled = true);
                    tokio::time::sleep(wait).await;
                }
                Verdict::Stop => return,
            }
        }
    }

    /// Whether a row can have its turn now.
    async fn look(&mut self) -> Result<Look> {
        self.turns
            .hold_background(self.inner.background_after(self.channel));
        let rows = self.inner.store.outbox_pending(self.channel).await?;
        let messages = rows
            .iter()
            .filter(|row| row.kind == RowKind::Message && !row.background);
        let waiting = messages.clone().count();
        let unmade = messages.filter(|row| row.message_id.is_none()).count();
        self.publish(|lane| (lane.waiting, lane.unmade) = (waiting, unmade));
        if rows.is_empty() {
            return Ok(Look::Nothing);
        }
        Ok(match self.choose(&rows) {
            Ok((_, haste)) => Look::Work(haste),
            Err(until) => Look::Parked(until),
        })
    }

    /// Which row has its turn, and how soon it should; or when to look again.
    fn choose<'a>(&mut self, rows: &'a [PendingRow]) -> std::result::Result<(Pick<'a>, Haste), Instant> {
        let now = Instant::now();
        // What a row leaves to others holds it up only until one of those comes, so this is found out each time.
        let mut turns = self.turns;
        while let Some(pick) = next(rows, &turns, now) {
            let haste = self.turns.haste(rows, &pick, now);
            if let Some(wait) = self.closed_for(&pick, Haste::Person) {
                self.limit(pick.class, wait + AFTER_LIMIT);
                turns.park(pick.class, now + wait + AFTER_LIMIT);
                self.publish(|lane| lane.stalled = true);
            } else if let Some(wait) = self.closed_for(&pick, haste) {
                turns.park(pick.class, now + wait + AFTER_LIMIT);
            } else {
                return Ok((pick, haste));
            }
        }
        Err(turns.look_again(now).unwrap_or(now))
    }

    /// How long a row has to wait for a limit that is known of before it is tried.
    fn closed_for(&self, pick: &Pick<'_>, haste: Haste) -> Option<Duration> {
        let channel_id = self.channel.get().into();
        let (method, route) = match (pick.row.kind, pick.row.message_id) {
            (RowKind::Action, _) | (RowKind::Deletion, None) => return None,
            (RowKind::Message, None) => (LightMethod::Post, Route::ChannelMessages { channel_id }),
            (kind, Some(message)) => {
                let message_id = message.get().into();
                let method = match kind {
                    RowKind::Deletion => LightMethod::Delete,
                    _ => LightMethod::Patch,
                };
                (
                    method,
                    Route::ChannelMessage {
                        channel_id,
                        message_id,
                    },
                )
            }
        };
        self.inner.rest.closed_for(method, route, haste)
    }

    /// Nothing of this class for so long, and cards a while longer.
    fn limit(&mut self, class: Class, wait: Duration) {
        self.turns.park(class, Instant::now() + wait);
        self.inner
            .keep_back(self.channel, wait + self.inner.pace.background_after_limit);
    }

    /// Picks a row and lets it have its turn.
    async fn step(&mut self) -> Result<Verdict> {
        let rows = self.inner.store.outbox_pending(self.channel).await?;
        let Ok((Pick { row, class, act }, _)) = self.choose(&rows) else {
            return Ok(Verdict::Done);
        };
        let id = row.outbox_id;
        self.background = row.background;
        let spaced = row.background && row.kind != RowKind::Deletion;
        let verdict = match (row.kind, act, row.message_id) {
            (RowKind::Action, Some(act), _) => self.act(id, act).await?,
            (RowKind::Action, None, _) => {
                tracing::error!(row = id.0, "an act in the outbox cannot be read and is dropped");
                self.inner.store.outbox_remove(id).await?;
                Verdict::Done
            }
            (RowKind::Message, _, Some(message)) => self.edit(id, message).await?,
            (RowKind::Message, _, None) => self.create(id).await?,
            (RowKind::Deletion, _, Some(message)) => self.remove(id, message).await?,
            (RowKind::Deletion, _, None) => self.resolve(id).await?,
        };
        match verdict {
            Verdict::Wait(wait) => self.limit(class, wait),
            Verdict::Done => {
                if spaced {
                    self.inner
                        .keep_back(self.channel, self.inner.pace.background_every);
                }
                self.turns.took(class, id);
                self.opened_for = None;
            }
            _ => return Ok(verdict),
        }
        let stalled = self.turns.open_again(Instant::now()).is_some();
        self.publish(|lane| lane.stalled = stalled);
        Ok(verdict)
    }

    /// Waits for a pause of all lanes to end and for a place in the global pace. The row is picked
    /// afterwards, so that it is the newest text that goes.
    async fn admitted(&self, haste: Haste) {
        loop {
            let until = self.inner.state().paused_until;
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => {}
            }
            self.inner.rest.turn(haste).await;
            let until = self.inner.state().paused_until;
            if until.is_none_or(|until| until <= Instant::now()) {
                return;
            }
        }
    }

    fn publish(&self, change: impl FnOnce(&mut Lane)) {
        if let Some(entry) = self.inner.state().lanes.get(&self.channel) {
            entry.lane.send_if_modified(|lane| {
                let before = *lane;
                change(lane);
                *lane != before
            });
        }
    }

    /// Ends the lane unless something was wished for since `seen`.
    fn retire(&mut self, seen: u64) -> bool {
        let mut state = self.inner.state();
        if let Some(entry) = state.lanes.get_mut(&self.channel) {
            if entry.wishes != seen {
                return false;
            }
            entry.running = false;
            entry
                .lane
                .send_if_modified(|lane| std::mem::take(&mut lane.stalled));
        }
        state.forget(self.channel);
        drop(state);
        self.retired = true;
        self.inner.advance();
        true
    }

    /// Half of it is chance, so that lanes that failed together do not come back together.
    fn backoff(&self) -> Duration {
        let pace = &self.inner.pace;
        let full = pace
            .backoff_from
            .saturating_mul(1_u32 << self.failures.min(10))
            .min(pace.backoff_to);
        let (chance, ..) = uuid::Uuid::new_v4().as_fields();
        full / 2 + (full / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }

    /// Says a failure once per kind for as long as the lane has work: an outage is one line, not thousands.
    pub(super) fn log(&mut self, kind: &'static str, error: &str) {
        if self.logged.insert(kind) {
            tracing::warn!(channel = %self.channel, kind, error, "cannot send to Discord yet");
        }
    }
}
