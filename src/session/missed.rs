//! Since when everything that happens to messages is heard of, and who wants to know what was missed.
//!
//! A session must not run what may have been edited or taken back unseen. It asks here; whoever talks with Discord looks,
//! and tells it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use tokio::sync::Notify;

use super::Sessions;
use super::actor::Actor;
use super::control::Control;
use super::state::Input;
use crate::ids::{SessionId, ThreadId};
use crate::store::now_ms;

/// What has to be looked at on Discord.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Recheck {
    /// The messages of what waits in a session.
    Waiting(SessionId),
    /// A thread that was found again: people may have written in it already.
    Thread(ThreadId),
}

/// What is known of the connection that events come by.
#[derive(Debug, Default)]
pub(super) struct Ears {
    /// In unix milliseconds; `None` before the first time.
    hearing_since: Mutex<Option<i64>>,
    wanted: Mutex<BTreeSet<Recheck>>,
    news: Notify,
}

impl Ears {
    fn since(&self) -> Option<i64> {
        *self.hearing_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, since: Option<i64>) {
        *self.hearing_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}

impl Sessions {
    /// Events come, perhaps after a gap: what waits is looked at again, also by sessions that slept.
    pub(crate) fn hearing(&self, waiting: &[SessionId]) {
        self.ears().set(Some(now_ms()));
        self.tell_all(&Input::Hearing);
        for session in waiting {
            // One that starts now looks by itself.
            self.wake(session);
        }
    }

    /// A session wants the messages of what waits in it to be looked at.
    pub(super) fn recheck(&self, id: &SessionId) {
        self.want(Recheck::Waiting(id.clone()));
    }

    /// A thread wants to be read from its beginning.
    pub(super) fn read_thread(&self, thread: ThreadId) {
        self.want(Recheck::Thread(thread));
    }

    fn want(&self, wish: Recheck) {
        let mut wanted = self.ears().wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.insert(wish);
        self.ears().news.notify_one();
    }

    /// What has to be looked at next.
    pub(crate) async fn next_recheck(&self) -> Recheck {
        loop {
            let next = {
                let mut wanted = self.ears().wanted.lock().unwrap_or_else(PoisonError::into_inner);
                wanted.pop_first()
            };
            if let Some(next) = next {
                return next;
            }
            self.ears().news.notified().await;
        }
    }

    /// What waits in a session is as its messages say.
    pub(crate) fn rechecked(&self, id: &SessionId) {
        self.deliver_if_running(id, Control::Input(Input::Rechecked));
    }
}

impl Actor {
    /// Whether what waits may have changed since it was stored.
    pub(super) async fn may_have_missed(&self) -> Result<bool> {
        let id = self.handle.id();
        let waits_since = self.deps.store.waits_since(id).await?;
        let hearing_since = self.deps.sessions.ears().since();
        Ok(waits_since.is_some_and(|stored| hearing_since.is_none_or(|since| stored < since)))
    }
}
