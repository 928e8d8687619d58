//! The task that sends what waits in one channel, and ends when nothing does.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::act::{Act, Place};
use super::{Inner, Lane};
use crate::ids::{ChannelId, OutboxId};
use crate::store::outbox::{PendingRow, RowKind};

/// How an attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The row had its turn.
    Done,
    /// The same row once more, right away.
    Again,
    /// Not before this.
    Wait(Duration),
    /// Nothing can be said: later, and later each time.
    Backoff,
    /// Nothing more is sent.
    Stop,
}

/// A lane at work.
pub(super) struct Worker {
    pub(super) inner: Arc<Inner>,
    pub(super) channel: ChannelId,
    /// The thread was opened again for this row: not twice.
    pub(super) opened_for: Option<OutboxId>,
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
            let seen = self
                .inner
                .state()
                .lanes
                .get(&self.channel)
                .map_or(0, |entry| entry.wishes);
            self.admitted().await;
            let verdict = match self.step().await {
                Ok(Some(verdict)) => verdict,
                Ok(None) if self.retire(seen) => return,
                Ok(None) => continue,
                Err(error) => {
                    self.log("store", &format!("{error:#}"));
                    Verdict::Backoff
                }
            };
            self.inner.advance();
            match verdict {
                Verdict::Done | Verdict::Again => self.failures = 0,
                Verdict::Wait(wait) => self.stall(wait).await,
                Verdict::Backoff => {
                    let wait = self.backoff();
                    self.failures = self.failures.saturating_add(1);
                    self.stall(wait).await;
                }
                Verdict::Stop => return,
            }
        }
    }

    /// Picks a row and lets it have its turn; nothing where no row has work.
    async fn step(&mut self) -> Result<Option<Verdict>> {
        let rows = self.inner.store.outbox_pending(self.channel).await?;
        let waiting = rows.iter().filter(|row| row.kind == RowKind::Message).count();
        self.publish(|lane| lane.waiting = waiting);
        let Some((row, act)) = next(&rows, self.turns) else {
            return Ok(None);
        };
        let verdict = match (row.kind, act) {
            (RowKind::Action, Some(act)) => self.act(row.outbox_id, act).await?,
            (RowKind::Action, None) => {
                tracing::error!(
                    row = row.outbox_id.0,
                    "an act in the outbox cannot be read and is dropped"
                );
                self.inner.store.outbox_remove(row.outbox_id).await?;
                Verdict::Done
            }
            (RowKind::Message, _) => match row.message_id {
                Some(message) => self.edit(row.outbox_id, message).await?,
                None => self.create(row.outbox_id).await?,
            },
            (RowKind::Deletion, _) => match row.message_id {
                Some(message) => self.remove(row.outbox_id, message).await?,
                None => self.resolve(row.outbox_id).await?,
            },
        };
        if verdict == Verdict::Done {
            self.turns.touching = row.kind != RowKind::Action && !is_create(row);
            if self.turns.touching {
                self.turns.touched = Some(row.outbox_id);
            }
            self.opened_for = None;
            self.publish(|lane| lane.stalled = false);
        }
        Ok(Some(verdict))
    }

    /// Waits for a pause of all lanes to end and for a place in the global pace. The row is picked
    /// afterwards, so that it is the newest text that goes.
    async fn admitted(&self) {
        loop {
            let until = self.inner.state().paused_until;
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => {}
            }
            self.inner.rest.turn().await;
            let until = self.inner.state().paused_until;
            if until.is_none_or(|until| until <= Instant::now()) {
                return;
            }
        }
    }

    async fn stall(&self, wait: Duration) {
        self.publish(|lane| lane.stalled = true);
        tokio::time::sleep(wait).await;
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

/// What had the last turns.
#[derive(Debug, Clone, Copy, Default)]
struct Turns {
    /// The last row that was edited or deleted.
    touched: Option<OutboxId>,
    /// Whether that was the last turn of all.
    touching: bool,
}

/// A row that has its turn, with its act where it is one.
type Pick<'a> = (&'a PendingRow, Option<Act>);

/// Which row has its turn. Acts that may overtake go first. Creates and the acts among them stand in line; edits
/// and deletions take turns with that line and with each other. So an edit waits for one create and not for all
/// of them, and a message that is edited all the time keeps nothing waiting.
fn next(rows: &[PendingRow], turns: Turns) -> Option<Pick<'_>> {
    let (mut line, mut touch, mut again, mut closing) = (None, None, None, None);
    for row in rows {
        if row.kind == RowKind::Action {
            let act = row
                .action
                .as_deref()
                .and_then(|text| serde_json::from_str::<Act>(text).ok());
            match act.as_ref().map_or(Place::Overtakes, Act::place) {
                Place::Overtakes => return Some((row, act)),
                Place::InOrder => line = line.or(Some((row, act))),
                Place::Last => closing = closing.or(Some((row, act))),
            }
        } else if is_create(row) {
            line = line.or(Some((row, None)));
        } else if Some(row.outbox_id) > turns.touched {
            touch = touch.or(Some((row, None)));
        } else {
            again = again.or(Some((row, None)));
        }
    }
    let touch = touch.or(again);
    let waiting = if turns.touching {
        line.or(touch)
    } else {
        touch.or(line)
    };
    waiting.or(closing)
}

fn is_create(row: &PendingRow) -> bool {
    row.kind == RowKind::Message && row.message_id.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{MessageId, UserId};

    fn message(id: i64, sent: bool) -> PendingRow {
        PendingRow {
            outbox_id: OutboxId(id),
            kind: RowKind::Message,
            message_id: sent.then(|| MessageId::from(1000)),
            action: None,
        }
    }

    fn action(id: i64, act: &Act) -> PendingRow {
        PendingRow {
            outbox_id: OutboxId(id),
            kind: RowKind::Action,
            message_id: None,
            action: Some(serde_json::to_string(act).unwrap()),
        }
    }

    /// The order in which rows have their turns when each is done after one.
    fn order(mut rows: Vec<PendingRow>) -> Vec<i64> {
        let mut turns = Turns::default();
        let mut order = Vec::new();
        while let Some((row, _)) = next(&rows, turns) {
            let id = row.outbox_id;
            order.push(id.0);
            turns.touching = row.kind != RowKind::Action && !is_create(row);
            turns.touched = if turns.touching { Some(id) } else { turns.touched };
            rows.retain(|row| row.outbox_id != id);
        }
        order
    }

    #[test]
    fn creates_stay_in_order_and_edits_take_turns_with_them() {
        let rows = vec![
            message(1, true),
            message(2, false),
            message(3, false),
            message(4, true),
            message(5, false),
        ];
        assert_eq!(order(rows), [1, 2, 4, 3, 5]);
    }

    #[test]
    fn a_message_that_is_edited_all_the_time_keeps_nothing_waiting() {
        let rows = [message(1, true), message(2, true), message(3, false)];
        let mut turns = Turns::default();
        let mut picked = Vec::new();
        for _ in 0..6 {
            let (row, _) = next(&rows, turns).unwrap();
            picked.push(row.outbox_id.0);
            turns.touching = !is_create(row);
            turns.touched = if turns.touching {
                Some(row.outbox_id)
            } else {
                turns.touched
            };
        }
        assert_eq!(picked, [1, 3, 2, 3, 1, 3]);
    }

    #[test]
    fn reactions_overtake_pins_wait_and_an_archive_is_last() {
        let pin = Act::Pin {
            message: MessageId::from(1),
        };
        let add = Act::AddMember {
            user: UserId::from(1),
        };
        let react = Act::React {
            message: MessageId::from(1),
            emoji: "x".to_owned(),
        };
        let rows = vec![
            action(1, &Act::Archive { locked: false }),
            action(2, &add),
            message(3, false),
            action(4, &pin),
            message(5, false),
            action(6, &react),
        ];
        assert_eq!(order(rows), [6, 2, 3, 4, 5, 1]);
    }

    #[test]
    fn an_act_that_cannot_be_read_is_picked_to_be_dropped() {
        let mut row = action(2, &Act::Unarchive);
        row.action = Some("{}".to_owned());
        assert_eq!(order(vec![message(1, false), row]), [2, 1]);
    }
}
