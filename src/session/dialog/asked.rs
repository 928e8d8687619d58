//! Which questions are open, in memory.
//!
//! A form has to be opened within three seconds and cannot be promised for later, so what it is made of must be there
//! without asking a disk or an actor that may be busy.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::ids::{ChannelId, SessionId};
use crate::render::dialog::Question;

/// An open question.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The thread in which it was asked.
    pub(crate) channel: ChannelId,
    /// What is asked.
    pub(crate) question: Question,
}

type Key = (SessionId, String);
type Open = HashMap<Key, (Arc<Asked>, Instant)>;

/// The open questions of all sessions. A cheap clone.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct AllAsked(Arc<Mutex<Open>>);

impl AllAsked {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The open question with this key.
    pub(in crate::session) fn get(&self, session: &SessionId, key: &str) -> Option<Arc<Asked>> {
        let all = self.lock();
        all.get(&(session.clone(), key.to_owned()))
            .map(|(asked, _)| asked.clone())
    }

    /// For how long the oldest has been open.
    pub(in crate::session) fn oldest(&self) -> Option<Duration> {
        self.lock().values().map(|(_, since)| since.elapsed()).max()
    }

    /// The sessions that ask something, each with its thread.
    pub(in crate::session) fn asking(&self) -> Vec<(SessionId, ChannelId)> {
        let all = self.lock();
        let mut asking: Vec<_> = all
            .iter()
            .map(|((id, _), (asked, _))| (id.clone(), asked.channel))
            .collect();
        asking.sort_unstable_by(|a, b| (a.1, a.0.as_str()).cmp(&(b.1, b.0.as_str())));
        asking.dedup();
        asking
    }

    /// A question is open for as long as what this gives is kept.
    pub(in crate::session) fn show(&self, session: &SessionId, key: &str, asked: Asked) -> Shown {
        let key = (session.clone(), key.to_owned());
        let since = Instant::now();
        self.lock().insert(key.clone(), (Arc::new(asked), since));
        Shown {
            all: self.clone(),
            key,
            since,
        }
    }
}

/// An open question; it is not open any more when this is dropped, also when its session fails.
#[derive(Debug)]
pub(in crate::session) struct Shown {
    all: AllAsked,
    key: Key,
    since: Instant,
}

impl Shown {
    /// For how long it has been open.
    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.all.lock().remove(&self.key);
    }
}
