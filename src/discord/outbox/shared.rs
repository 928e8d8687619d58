//! What the handle and the lanes share: the lanes that exist, and the little that is remembered besides the rows.
//!
//! One lock guards it, held for assignments only. Whether a lane ends or a new piece of work keeps it alive is
//! decided under that lock; with two, a row could be written just as nobody looks any more.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Lane, OutboxEvent, Pace, lane};
use crate::discord::rest::Rest;
use crate::ids::{ChannelId, MessageId};
use crate::store::Store;

/// What the handle and the lanes share.
pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) rest: Rest,
    pub(super) tracker: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) events: mpsc::UnboundedSender<OutboxEvent>,
    pub(super) pace: Pace,
    pub(super) state: Mutex<State>,
    /// Counts what was done, for `flush` to notice.
    pub(super) progress: watch::Sender<u64>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) lanes: HashMap<ChannelId, Entry>,
    /// Until when every lane waits.
    pub(super) paused_until: Option<Instant>,
    /// Until when no typing is shown.
    pub(super) typing_after: Option<Instant>,
    /// Names that were tried.
    pub(super) renamed: HashSet<(ChannelId, String)>,
    /// The token was refused.
    pub(super) halted: bool,
    /// The daemon goes down: nothing is kept back any more.
    pub(super) hurry: bool,
    /// Those who wait for what comes of something.
    listeners: Vec<mpsc::UnboundedSender<OutboxEvent>>,
}

/// So many channels are remembered, and those that are busy.
pub(super) const REMEMBERED: usize = 256;

pub(super) struct Entry {
    /// Grows with every new piece of work, so that a lane cannot end between a look and a wish.
    pub(super) wishes: u64,
    /// Wakes a lane that waits for a limit: the new work may be of a kind that is not limited.
    pub(super) wish: Arc<Notify>,
    pub(super) running: bool,
    pub(super) lane: watch::Sender<Lane>,
    pub(super) newest: Option<MessageId>,
    /// Until when those are kept back that give way to everything.
    pub(super) background_after: Option<Instant>,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            wishes: 0,
            wish: Arc::default(),
            running: false,
            lane: watch::Sender::new(Lane::default()),
            newest: None,
            background_after: None,
        }
    }
}

impl State {
    /// Forgets a channel whose lane has ended, where many are remembered and nobody looks: everything about it can be
    /// read from the rows again.
    pub(super) fn forget(&mut self, channel: ChannelId) {
        let many = self.lanes.len() > REMEMBERED;
        let idle = |entry: &Entry| {
            let kept_back = entry.background_after.is_some_and(|until| until > Instant::now());
            !entry.running && !kept_back && entry.lane.receiver_count() == 0
        };
        if many && self.lanes.get(&channel).is_some_and(idle) {
            self.lanes.remove(&channel);
            self.renamed.retain(|(of, _)| *of != channel);
        }
    }
}

impl Inner {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Every change under this lock is a plain assignment: a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes what waits in a channel and sees that somebody sends it.
    pub(super) async fn wake(self: &Arc<Self>, channel: ChannelId) -> Result<()> {
        let (waiting, unmade) = self.store.outbox_waiting(channel).await?;
        {
            let mut state = self.state();
            let halted = state.halted || self.stop.is_cancelled();
            let entry = state.lanes.entry(channel).or_default();
            entry.lane.send_if_modified(|lane| {
                let before = std::mem::replace(&mut lane.waiting, waiting);
                std::mem::replace(&mut lane.unmade, unmade) != unmade || before != waiting
            });
            entry.wishes += 1;
            entry.wish.notify_one();
            if halted || std::mem::replace(&mut entry.running, true) {
                return Ok(());
            }
        }
        self.tracker.spawn(lane::run(Arc::clone(self), channel));
        Ok(())
    }

    /// Until when those of a channel are kept back that give way to everything.
    pub(super) fn background_after(&self, channel: ChannelId) -> Option<Instant> {
        let state = self.state();
        let entry = state.lanes.get(&channel).filter(|_| !state.hurry);
        entry.and_then(|entry| entry.background_after)
    }

    /// Keeps those back for a while.
    pub(super) fn keep_back(&self, channel: ChannelId, wait: Duration) {
        let until = Some(Instant::now() + wait);
        if let Some(entry) = self.state().lanes.get_mut(&channel) {
            entry.background_after = entry.background_after.max(until);
        }
    }

    /// Nothing is kept back any more.
    pub(super) fn hurry(&self) {
        let mut state = self.state();
        state.hurry = true;
        for entry in state.lanes.values() {
            entry.wish.notify_one();
        }
    }

    pub(super) fn pause(&self, wait: Duration) {
        let until = Some(Instant::now() + wait);
        let mut state = self.state();
        state.paused_until = state.paused_until.max(until);
    }

    pub(super) fn halt(&self) {
        if !std::mem::replace(&mut self.state().halted, true) {
            self.tell(OutboxEvent::Unauthorized);
        }
    }

    /// Everything that is told from now on.
    pub(super) fn listen(&self) -> mpsc::UnboundedReceiver<OutboxEvent> {
        let (listener, events) = mpsc::unbounded_channel();
        self.state().listeners.push(listener);
        events
    }

    pub(super) fn tell(&self, event: OutboxEvent) {
        // Those who have gone are forgotten.
        let told = |listener: &mpsc::UnboundedSender<OutboxEvent>| listener.send(event.clone()).is_ok();
        self.state().listeners.retain(told);
        if self.events.send(event).is_err() {
            tracing::debug!("nobody listens to the outbox any more");
        }
    }

    pub(super) fn advance(&self) {
        self.progress.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_idle_channel_is_forgotten_once_there_are_many() {
        let mut state = State::default();
        let (idle, watched, busy, held) = (
            ChannelId::from(1),
            ChannelId::from(2),
            ChannelId::from(3),
            ChannelId::from(4),
        );
        state.lanes.entry(idle).or_default().newest = Some(MessageId::from(7));
        let receiver = state.lanes.entry(watched).or_default().lane.subscribe();
        state.lanes.entry(busy).or_default().running = true;
        let later = Instant::now() + Duration::from_hours(1);
        state.lanes.entry(held).or_default().background_after = Some(later);
        state.renamed.insert((idle, "a name".to_owned()));
        state.renamed.insert((busy, "a name".to_owned()));
        state.forget(idle);
        assert_eq!(state.lanes.len(), 4, "there are few");

        for other in 100..100 + REMEMBERED as u64 {
            state.lanes.entry(other.into()).or_default();
        }
        for channel in [idle, watched, busy, held] {
            state.forget(channel);
        }
        let kept = [idle, watched, busy, held].map(|channel| state.lanes.contains_key(&channel));
        assert_eq!(kept, [false, true, true, true]);
        assert_eq!(state.renamed.len(), 1);
        drop(receiver);
        state.forget(watched);
        assert!(!state.lanes.contains_key(&watched));
    }
}
