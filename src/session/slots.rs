//! How many agent processes may run at once, and who has to give way.
//!
//! An idle agent holds about 270 MB, so a daemon with forty threads must not keep forty processes. Without this
//! room the machine would swap, and the kernel would choose what dies.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::actor::SessionHandle;
use super::state::Input;
use crate::ids::SessionId;

/// The process slots of the daemon. A cheap clone.
#[derive(Clone, Debug)]
pub struct Slots(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    holders: HashMap<SessionId, Holder>,
    queue: VecDeque<SessionHandle>,
}

#[derive(Debug)]
struct Holder {
    handle: SessionHandle,
    idle_since: Option<Instant>,
    evicting: bool,
}

impl Slots {
    /// Slots for this many processes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            limit,
            holders: HashMap::new(),
            queue: VecDeque::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a slot. The handle gets `SlotGranted` when there is one, and `SlotDelayed` first if nobody gives way.
    pub fn acquire(&self, handle: &SessionHandle) {
        let mut inner = self.lock();
        inner.queue.push_back(handle.clone());
        inner.grant();
        if inner.queue.iter().any(|h| h.id() == handle.id()) && !inner.evict() {
            handle.send(Input::SlotDelayed);
        }
    }

    /// Gives a slot back, or a place in the queue for one.
    /// What a successor of the same session holds stays.
    pub fn release(&self, handle: &SessionHandle) {
        let mut inner = self.lock();
        inner.queue.retain(|h| !h.is_same(handle));
        if inner
            .holders
            .get(handle.id())
            .is_some_and(|holder| holder.handle.is_same(handle))
        {
            inner.holders.remove(handle.id());
        }
        inner.grant();
    }

    /// Says whether the holder's process is idle and may be evicted.
    pub fn set_evictable(&self, id: &SessionId, evictable: bool) {
        let mut inner = self.lock();
        if let Some(holder) = inner.holders.get_mut(id) {
            holder.idle_since = evictable.then(Instant::now);
            // A prompt may have overtaken the eviction: the session is then idle again later, and may be asked again.
            holder.evicting &= evictable;
        }
        // An eviction that a prompt has overtaken is replaced by another one.
        if !inner.queue.is_empty() && !inner.evict() {
            for waiting in inner.queue.iter().filter(|_| !evictable) {
                waiting.send(Input::SlotDelayed);
            }
        }
    }

    /// How many processes there are, and how many there may be.
    #[must_use]
    pub fn in_use(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.holders.len(), inner.limit)
    }

    /// Whether this session holds a slot.
    #[must_use]
    pub fn holds(&self, id: &SessionId) -> bool {
        self.lock().holders.contains_key(id)
    }
}

impl Inner {
    fn grant(&mut self) {
        while self.holders.len() < self.limit {
            let Some(handle) = self.queue.pop_front() else {
                return;
            };
            handle.send(Input::SlotGranted);
            self.holders.insert(
                handle.id().clone(),
                Holder {
                    handle,
                    idle_since: None,
                    evicting: false,
                },
            );
        }
    }

    /// Asks the process that has been idle for the longest to go. `false` when none is idle.
    fn evict(&mut self) -> bool {
        let going = self.holders.values().filter(|h| h.evicting).count();
        if going >= self.queue.len() {
            return true;
        }
        let longest = self
            .holders
            .values_mut()
            .filter(|h| !h.evicting)
            .filter_map(|h| h.idle_since.map(|since| (since, h)))
            .min_by_key(|(since, _)| *since);
        let Some((_, holder)) = longest else { return false };
        holder.evicting = true;
        holder.handle.send(Input::Evict);
        true
    }
}
